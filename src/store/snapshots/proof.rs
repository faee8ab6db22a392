//! What the checked buckets of the snapshot that is being fetched add up to, so that the ledger need not add up all coins again.
//!
//! Nothing unproven is taken for it. A proof holds the sum, whose hash must be the leaf that the headers commit to, and the hash of
//! the pieces in which it was found. The ledger hashes what it loads: pieces that came later, or that the disk has changed, have
//! another hash, and the bucket is fetched again. A proof has a hash of its own, too: one that a kill, a power failure or the disk
//! has cut or changed is none, and the bucket is added up again.

use super::folder::Folder;
use crate::{
    base::hash::{Domain, Hash},
    chain::{
        archive::StoreError,
        digest::{LEAF_SUM_BYTES, LeafSum},
        snapshot::CheckedBucket,
    },
};

pub(super) const PROOFS: &str = "staging.proofs";

/// Bytes of a proof behind its hash: hash of the pieces, amount, number of coins, sum.
const PROOF_BYTES: usize = 32 + 16 + 8 + LEAF_SUM_BYTES;

/// A bucket that was found right, in pieces with this hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Proof {
    pub(in crate::store) found: CheckedBucket,
    pub(in crate::store) pieces: Hash,
}

/// The hash of a bucket's pieces, one after another.
#[derive(Debug, Default)]
pub(in crate::store) struct PiecesHash(Vec<u8>);

impl PiecesHash {
    pub(in crate::store) fn add(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(&Domain::FRAME.hash(piece).0);
    }

    pub(in crate::store) fn finish(self) -> Hash {
        Domain::FRAME.hash(&self.0)
    }
}

impl Proof {
    pub(super) fn write(&self, folder: &mut dyn Folder) -> Result<(), StoreError> {
        let CheckedBucket { bucket, sum, coins, amount } = &self.found;
        let parts = [&self.pieces.0[..], &amount.to_le_bytes(), &coins.to_le_bytes(), sum.as_bytes()].concat();
        folder.write(PROOFS, at(*bucket), &[&hash_of(*bucket, &parts).0[..], &parts].concat())
    }

    /// `None`: there is none, or it is damaged.
    pub(super) fn read(folder: &dyn Folder, bucket: usize) -> Result<Option<Self>, StoreError> {
        let Some(bytes) = folder.read(PROOFS, at(bucket), 32 + PROOF_BYTES)? else { return Ok(None) };
        Ok(Self::decode(bucket, &bytes))
    }

    fn decode(bucket: usize, bytes: &[u8]) -> Option<Self> {
        let (hash, parts) = bytes.split_first_chunk::<32>()?;
        if hash_of(bucket, parts) != Hash(*hash) {
            return None;
        }
        let (pieces, rest) = parts.split_first_chunk()?;
        let (amount, rest) = rest.split_first_chunk()?;
        let (coins, sum) = rest.split_first_chunk()?;
        let (amount, coins) = (u128::from_le_bytes(*amount), u64::from_le_bytes(*coins));
        let found = CheckedBucket { bucket, sum: LeafSum::from_bytes(sum)?, coins, amount };
        Some(Self { found, pieces: Hash(*pieces) })
    }
}

fn at(bucket: usize) -> u64 {
    (bucket * (32 + PROOF_BYTES)) as u64
}

/// One of another bucket is damaged, too.
fn hash_of(bucket: usize, parts: &[u8]) -> Hash {
    Domain::FRAME.hash(&[&(bucket as u64).to_le_bytes(), parts].concat())
}
