//! A snapshot with several pieces in one bucket, a chain of headers that vouches for it, and files in memory.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
};

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        address::Address,
        archive::{BlockStatus, HeaderArchive, HeaderRow, StoreError},
        coin::Coin,
        coin_key::CoinKey,
        digest,
        header::Header,
        snapshot::{Cutter, Manifest, SnapshotName, SnapshotStore, Staged, Writing},
        spec::ChainSpec,
        target::Work,
        transaction::OutPoint,
    },
};

/// The height of the snapshot, of two later ones with the same coins, and of the best header.
pub(super) const HEIGHT: u32 = 40;
pub(super) const LATER: u32 = 45;
pub(super) const LATEST: u32 = 47;
pub(super) const BEST: u32 = 60;

/// A snapshot: its manifest and its pieces.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) manifest: Manifest,
    pub(super) pieces: Vec<Bytes>,
}

/// Coins of which four in five lie in the first bucket: two pieces of them.
fn coins() -> Vec<(CoinKey, Coin)> {
    static COINS: OnceLock<Vec<(CoinKey, Coin)>> = OnceLock::new();
    COINS.get_or_init(find_coins).clone()
}

fn find_coins() -> Vec<(CoinKey, Coin)> {
    let mut coins = BTreeMap::new();
    let mut index = 0u32;
    while coins.len() < 6_200 {
        let key = CoinKey::of(&OutPoint { txid: Hash([7; 32]), index });
        index += 1;
        if digest::leaf_of(&key) == 0 || coins.len() % 5 == 4 {
            let coin = Coin { amount: 1_000, address: Address([9; 20]), height: 1 + index % HEIGHT, coinbase: false };
            coins.insert(key, coin);
        }
    }
    let rest = ChainSpec::local().supply(HEIGHT) - 1_000 * (coins.len() as u128 - 1);
    let last = coins.values_mut().last().expect("there are coins");
    last.amount = u64::try_from(rest).expect("the supply fits");
    coins.into_iter().collect()
}

/// The snapshot after changes to its coins, at another place of the chain of headers.
pub(super) fn made_of(height: u32, change: impl FnOnce(&mut Vec<(CoinKey, Coin)>)) -> Made {
    let mut coins = coins();
    change(&mut coins);
    let (mut cutter, mut pieces) = (Cutter::default(), Vec::new());
    let mut out = |piece: &[u8]| {
        pieces.push(Bytes::from(piece.to_vec()));
        Ok::<_, Infallible>(())
    };
    for (key, coin) in &coins {
        cutter.push(key, coin, &mut out).expect("infallible");
    }
    let manifest = cutter.finish(height, block(height), &mut out).expect("infallible").expect("few pieces");
    Made { manifest, pieces }
}

/// The one snapshot that the headers vouch for.
pub(super) fn made() -> Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| made_of(HEIGHT, |_| ())).clone()
}

fn header(height: u32, digest: Hash) -> Header {
    let previous = if height == 0 { Hash::ZERO } else { block(height - 1) };
    Header {
        height,
        previous,
        state_digest: digest,
        time: u64::from(height) * 3_600,
        ..ChainSpec::local().genesis.header
    }
}

/// The hash that the fake chain gives its block at a height.
pub(super) fn block(height: u32) -> Hash {
    let mut hash = [0x55; 32];
    hash[..4].copy_from_slice(&height.to_be_bytes());
    Hash(hash)
}

/// A chain of headers; one above the snapshot names its digest.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) best: u32,
    pub(super) digest: Hash,
    /// Blocks from this height on are off the applied chain.
    pub(super) left_from: u32,
}

impl Chain {
    fn row(&self, height: u32) -> Option<HeaderRow> {
        let digest =
            if [HEIGHT + 1, LATER + 1, LATEST + 1].contains(&height) { self.digest } else { Hash([height as u8; 32]) };
        (height <= self.best).then(|| HeaderRow {
            hash: block(height),
            header: header(height, digest),
            work: Work::ZERO,
            paused: 0,
            status: if height < self.left_from { BlockStatus::Applied } else { BlockStatus::Header },
        })
    }
}

/// A chain that a test changes.
#[derive(Clone)]
pub(super) struct SharedChain(pub(super) Arc<Mutex<Chain>>);

impl HeaderArchive for SharedChain {
    fn header(&self, hash: &Hash) -> Result<Option<HeaderRow>, StoreError> {
        let height = u32::from_be_bytes(*hash.0.first_chunk().expect("32 bytes"));
        Ok(self.0.lock().unwrap().row(height).filter(|row| row.hash == *hash))
    }

    fn applied_at(&self, height: u32) -> Result<Option<HeaderRow>, StoreError> {
        Ok(self.0.lock().unwrap().row(height).filter(|row| row.status == BlockStatus::Applied))
    }

    fn applied_from(&self, _: u32, _: usize) -> Result<Vec<Header>, StoreError> {
        Ok(Vec::new())
    }

    fn best_header(&self) -> Result<HeaderRow, StoreError> {
        let chain = self.0.lock().unwrap();
        Ok(chain.row(chain.best).expect("it is there"))
    }

    fn fork_headers(&self) -> Result<usize, StoreError> {
        Ok(0)
    }
}

/// What the files hold.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) complete: Vec<Made>,
    pub(super) staged: Option<(Manifest, Vec<Option<Bytes>>)>,
    /// Steps until the snapshot that is being written is complete.
    pub(super) writing: Option<(SnapshotName, usize)>,
    /// The block whose snapshot is kept besides the last two.
    pub(super) held: Option<Hash>,
    /// Bytes of pieces that the disk still takes; `None`: all.
    pub(super) room: Option<usize>,
}

impl Inner {
    fn forget_old(&mut self) {
        let (held, mut old) = (self.held, self.complete.len().saturating_sub(2));
        self.complete.retain(|made| {
            let is_kept = old == 0 || Some(made.manifest.block()) == held;
            old = old.saturating_sub(1);
            is_kept
        });
    }
}

/// Files in memory, which outlive the role.
#[derive(Clone, Default)]
pub(super) struct FakeFiles(Arc<Mutex<Inner>>);

impl FakeFiles {
    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }
}

impl SnapshotStore for FakeFiles {
    fn snapshots(&self) -> Vec<SnapshotName> {
        let name = |made: &Made| SnapshotName { height: made.manifest.height(), block: made.manifest.block() };
        self.inner().complete.iter().map(name).collect()
    }

    fn hold(&mut self, block: Option<Hash>) -> Result<(), StoreError> {
        self.inner().held = block;
        self.inner().forget_old();
        Ok(())
    }

    fn manifest(&mut self, block: &Hash) -> Result<Option<Manifest>, StoreError> {
        Ok(self.inner().complete.iter().map(|made| made.manifest.clone()).find(|one| one.block() == *block))
    }

    fn piece(&mut self, block: &Hash, number: u32) -> Result<Option<Bytes>, StoreError> {
        let inner = self.inner();
        let made = inner.complete.iter().find(|made| made.manifest.block() == *block);
        Ok(made.and_then(|made| made.pieces.get(number as usize).cloned()))
    }

    fn begin(&mut self, name: SnapshotName) -> Result<(), StoreError> {
        self.inner().writing = Some((name, 3));
        Ok(())
    }

    fn step(&mut self) -> Result<Writing, StoreError> {
        let mut inner = self.inner();
        let Some((name, left)) = inner.writing.take() else { return Ok(Writing::Idle) };
        if left > 1 {
            inner.writing = Some((name, left - 1));
            return Ok(Writing::More(64 - left));
        }
        let Made { manifest, pieces } = made();
        let lengths = [const { Vec::new() }; 64];
        let manifest = Manifest::new(name.height, name.block, *manifest.leaves(), &lengths).expect("no pieces");
        inner.complete.push(Made { manifest, pieces });
        inner.complete.sort_by_key(|made| made.manifest.height());
        inner.forget_old();
        Ok(Writing::Done(name))
    }

    fn give_up(&mut self) -> Result<(), StoreError> {
        self.inner().writing = None;
        Ok(())
    }

    fn staged(&mut self) -> Result<Option<Staged>, StoreError> {
        let staged = |(manifest, pieces): &(Manifest, Vec<Option<Bytes>>)| Staged {
            manifest: manifest.clone(),
            here: pieces.iter().map(Option::is_some).collect(),
        };
        Ok(self.inner().staged.as_ref().map(staged))
    }

    fn stage(&mut self, manifest: &Manifest) -> Result<Staged, StoreError> {
        if self.inner().staged.as_ref().is_none_or(|(staged, _)| staged.id() != manifest.id()) {
            self.inner().staged = Some((manifest.clone(), vec![None; manifest.pieces() as usize]));
        }
        Ok(self.staged()?.expect("it was just put there"))
    }

    fn put_piece(&mut self, number: u32, bytes: &[u8]) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let here: usize = inner.staged.iter().flat_map(|(_, pieces)| pieces).flatten().map(|piece| piece.len()).sum();
        if inner.room.is_some_and(|room| here + bytes.len() > room) {
            return Err(StoreError::Io("no space left".to_owned()));
        }
        let (manifest, pieces) = inner.staged.as_mut().expect("a piece of something");
        assert_eq!(manifest.length_of(number), Some(bytes.len()));
        pieces[number as usize] = Some(bytes.to_vec().into());
        Ok(())
    }

    fn staged_piece(&mut self, number: u32) -> Result<Option<Bytes>, StoreError> {
        Ok(self.inner().staged.as_ref().and_then(|(_, pieces)| pieces.get(number as usize).cloned()?))
    }

    fn drop_bucket(&mut self, bucket: usize) -> Result<(), StoreError> {
        if let Some((manifest, pieces)) = self.inner().staged.as_mut() {
            manifest.pieces_of(bucket).for_each(|number| pieces[number as usize] = None);
        }
        Ok(())
    }

    fn keep_staged(&mut self) -> Result<(), StoreError> {
        let mut inner = self.inner();
        let (manifest, pieces) = inner.staged.take().expect("something is staged");
        let pieces = pieces.into_iter().map(|piece| piece.expect("all are here")).collect();
        inner.complete.push(Made { manifest, pieces });
        Ok(())
    }

    fn discard(&mut self) -> Result<(), StoreError> {
        self.inner().staged = None;
        Ok(())
    }
}
