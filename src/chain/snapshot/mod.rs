//! Snapshots: all coins after one block, in the order of their keys, cut into pieces that can be proven one bucket at a time.
//!
//! The coins are cut into 64 buckets, the leaves of the state digest ([`crate::chain::digest`]), and each bucket into pieces of
//! at most [`PIECE_BYTES`]. A piece ends where the next coin would not fit, and with its bucket. So the bytes are a function of the
//! coins alone, and honest manifests of one block are equal. A coin is encoded as: txid (32 bytes), output position,
//! 2 × height + coinbase, amount, address (20 bytes), the numbers in the shortest LEB128. The order of a key is not sent: it is the
//! hash of the outpoint.
//!
//! What proves a snapshot: the leaves of its [`Manifest`] have the root that the header of the next block commits to; the coins of each bucket
//! add up to its leaf ([`BucketCheck`]); and keys ascend strictly, since a coin repeated 65,536 times adds up to nothing. That all
//! amounts are the chain's supply follows from the rules and is checked once more.

mod bucket;
mod cutter;
mod encoding;
mod join;
mod manifest;
mod store;
#[cfg(test)]
mod tests;

pub use self::{
    bucket::{BucketCheck, CheckedBucket, check_piece},
    cutter::Cutter,
    encoding::{put as put_coin, take as take_coin},
    join::{Adoption, JoinState, SnapshotName},
    manifest::Manifest,
    store::{SnapshotStore, Staged, Writing},
};
use crate::{base::hash::Hash, chain::digest::LEAVES};

/// Bytes of the longest piece.
pub const PIECE_BYTES: usize = 256 * 1024;
/// Pieces of the largest snapshot: 16 GiB.
pub const MOST_PIECES: usize = 65_536;
/// Buckets of a snapshot: the leaves of the state digest.
pub const BUCKETS: usize = LEAVES;
/// Bytes of the longest coin: txid, position (32 bits), height (33 bits), amount (63 bits), address.
pub const MOST_COIN_BYTES: usize = 32 + 5 + 5 + 9 + 20;

/// What is wrong with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// The manifest has too many pieces, or one of a length that no cut gives.
    #[error("the manifest names pieces that no snapshot has")]
    Pieces,
    /// Its block is not applied, or no header above it is.
    #[error("block {0} is not applied, or nothing above it")]
    Block(Hash),
    /// The leaves have another root than the header commits to.
    #[error("the leaves are not those of the state digest {0}")]
    Root(Hash),
    /// A piece has another length than the manifest says.
    #[error("a piece has {found} bytes, the manifest says {expected}")]
    Length {
        /// Bytes that came.
        found: usize,
        /// Bytes that the manifest says.
        expected: usize,
    },
    /// More or fewer pieces than the manifest says.
    #[error("the bucket has another number of pieces")]
    Count,
    /// Bytes that are no coin, or not in their only encoding.
    #[error("the piece has bytes that are no coin")]
    Coin,
    /// A coin that is not behind the one before it.
    #[error("the coins do not ascend")]
    Order,
    /// A coin of another bucket.
    #[error("a coin lies in another bucket")]
    Bucket,
    /// A coin that is younger than the snapshot.
    #[error("a coin of height {0} is younger than the snapshot")]
    Height(u32),
    /// A coin of an amount that no coin has.
    #[error("a coin has the amount {0}")]
    Amount(u64),
    /// A piece ends although its next coin would have fitted.
    #[error("a piece is cut where it need not be")]
    Cut,
    /// The coins do not add up to the leaf.
    #[error("the coins of bucket {0} do not add up to its leaf")]
    Leaf(usize),
    /// All amounts together are not what the chain has created.
    #[error("the coins add up to {found}, the chain's supply is {supply}")]
    Supply {
        /// The sum of all amounts.
        found: u128,
        /// What exists by the schedule.
        supply: u128,
    },
}
