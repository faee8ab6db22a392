//! A ledger that takes its coins from a snapshot.

use super::SnapshotFault;
use crate::{base::hash::Hash, chain::tip::Tip};

/// Which snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotName {
    /// The height of the block after which the coins are.
    pub height: u32,
    /// That block.
    pub block: Hash,
}

/// Where a ledger's coins are from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinState {
    /// All blocks from genesis are, or were, applied here.
    History,
    /// Only headers are applied. The coins are those of genesis.
    Joining,
    /// The coins after a block were taken from a snapshot; blocks above it are applied here.
    Joined {
        /// The snapshot.
        snapshot: SnapshotName,
        /// Headers that were above it then.
        above: u32,
    },
}

/// How far a ledger has come with a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// So many pieces of all are loaded; call again.
    More {
        /// Pieces loaded.
        done: u32,
        /// All pieces.
        all: u32,
    },
    /// The ledger's tip is the snapshot's block.
    Done(Tip),
    /// Nothing has changed. `bucket`: the one to be fetched again; `None`: the snapshot as a whole is none of this ledger.
    Refused {
        /// The bucket that is wrong, or whose pieces are not all here.
        bucket: Option<usize>,
        /// What is wrong.
        fault: SnapshotFault,
    },
}
