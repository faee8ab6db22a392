//! The check of one bucket.

use super::{Manifest, PIECE_BYTES, SnapshotFault, encoding};
use crate::{
    base::limits::MAX_MONEY,
    chain::{
        coin::Coin,
        coin_key::CoinKey,
        digest::{self, LeafSum},
    },
};

/// Checks the pieces of one bucket as they come, in their order.
#[derive(Debug)]
pub struct BucketCheck {
    manifest: Manifest,
    bucket: usize,
    /// The piece that comes next.
    next: u32,
    order: Order,
    /// Bytes of the piece before.
    before: usize,
    found: CheckedBucket,
    /// What these coins add up to is known: they are not added again.
    is_proven: bool,
}

/// Checks what can be said of one piece by itself: it has the manifest's length, and coins of its bucket, in their order, that the
/// chain may have had. Whoever sent another piece has sent no part of any snapshot.
pub fn check_piece(manifest: &Manifest, number: u32, bytes: &[u8]) -> Result<(), SnapshotFault> {
    let bucket = manifest.bucket_of(number).ok_or(SnapshotFault::Count)?;
    let mut order = Order { height: manifest.height(), bucket, last: None };
    let expected = manifest.length_of(number).unwrap_or(0);
    if bytes.len() != expected {
        return Err(SnapshotFault::Length { found: bytes.len(), expected });
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let (outpoint, coin) = encoding::take(&mut rest).ok_or(SnapshotFault::Coin)?;
        order.coin(&CoinKey::of(&outpoint), &coin)?;
    }
    Ok(())
}

/// What each coin must be by itself and after the one before.
#[derive(Debug)]
struct Order {
    height: u32,
    bucket: usize,
    last: Option<CoinKey>,
}

impl Order {
    fn coin(&mut self, key: &CoinKey, coin: &Coin) -> Result<(), SnapshotFault> {
        if self.last.replace(*key).is_some_and(|last| *key <= last) {
            return Err(SnapshotFault::Order);
        }
        if digest::leaf_of(key) != self.bucket {
            return Err(SnapshotFault::Bucket);
        }
        if coin.height > self.height {
            return Err(SnapshotFault::Height(coin.height));
        }
        if !(1..=MAX_MONEY).contains(&coin.amount) {
            return Err(SnapshotFault::Amount(coin.amount));
        }
        Ok(())
    }
}

/// A bucket whose coins add up to its leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedBucket {
    /// The bucket.
    pub bucket: usize,
    /// The sum over its coins.
    pub sum: LeafSum,
    /// How many coins it has.
    pub coins: u64,
    /// Their amounts together.
    pub amount: u128,
}

impl BucketCheck {
    /// A check of one of a manifest's buckets.
    ///
    /// # Panics
    ///
    /// If there is no such bucket.
    pub fn new(manifest: &Manifest, bucket: usize) -> Self {
        let found = CheckedBucket { bucket, sum: LeafSum::default(), coins: 0, amount: 0 };
        let next = manifest.pieces_of(bucket).start;
        let order = Order { height: manifest.height(), bucket, last: None };
        Self { manifest: manifest.clone(), bucket, next, order, before: 0, found, is_proven: false }
    }

    /// A check of a bucket of which `proven` was found before, in the very same bytes: the caller makes sure of that. All but the sum is
    /// checked again. `None`: the sum is not the leaf's.
    pub fn of_proven(manifest: &Manifest, proven: CheckedBucket) -> Option<Self> {
        let is_right = manifest.leaves().get(proven.bucket).is_some_and(|leaf| proven.sum.leaf() == *leaf);
        let check = is_right.then(|| Self::new(manifest, proven.bucket))?;
        Some(Self { found: proven, is_proven: true, ..check })
    }

    /// The number of the piece that comes next; `None` if all have come.
    pub fn next(&self) -> Option<u32> {
        self.manifest.pieces_of(self.bucket).contains(&self.next).then_some(self.next)
    }

    /// Checks the next piece. After a fault the check must be dropped.
    pub fn piece(&mut self, bytes: &[u8]) -> Result<(), SnapshotFault> {
        self.piece_with(bytes, |_, _| ())
    }

    /// The same, and shows each coin, in the order of the keys. What it shows is not proven before the bucket is whole.
    pub fn piece_with(&mut self, bytes: &[u8], mut show: impl FnMut(&CoinKey, &Coin)) -> Result<(), SnapshotFault> {
        let expected = self.next().and_then(|next| self.manifest.length_of(next)).ok_or(SnapshotFault::Count)?;
        if bytes.len() != expected {
            return Err(SnapshotFault::Length { found: bytes.len(), expected });
        }
        let (mut rest, mut is_first) = (bytes, self.before > 0);
        while !rest.is_empty() {
            let length = rest.len();
            let (outpoint, coin) = encoding::take(&mut rest).ok_or(SnapshotFault::Coin)?;
            if std::mem::take(&mut is_first) && self.before + (length - rest.len()) <= PIECE_BYTES {
                return Err(SnapshotFault::Cut);
            }
            let key = CoinKey::of(&outpoint);
            self.coin(&key, &coin)?;
            show(&key, &coin);
        }
        (self.before, self.next) = (bytes.len(), self.next + 1);
        Ok(())
    }

    fn coin(&mut self, key: &CoinKey, coin: &Coin) -> Result<(), SnapshotFault> {
        self.order.coin(key, coin)?;
        if self.is_proven {
            return Ok(());
        }
        self.found.sum.add(key, coin);
        self.found.coins += 1;
        self.found.amount += u128::from(coin.amount);
        Ok(())
    }

    /// Compares the sum of all coins with the manifest's leaf.
    pub fn finish(self) -> Result<CheckedBucket, SnapshotFault> {
        if self.next().is_some() {
            return Err(SnapshotFault::Count);
        }
        if self.found.sum.leaf() != self.manifest.leaves()[self.bucket] {
            return Err(SnapshotFault::Leaf(self.bucket));
        }
        Ok(self.found)
    }
}
