//! What the `snapshot` role may be told.

use std::sync::Arc;

use crate::{
    base::hash::Hash,
    chain::snapshot::SnapshotFault,
    node::{chain_move::ChainMove, sync_state::SyncState},
};

/// To `snapshot`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToSnapshot {
    /// From `ledger`: see [`ChainMove`]. While the ledger follows headers alone, its tip is the last of them.
    ChainMoved(Arc<ChainMove>),
    /// From `ledger`, before its first `ChainMoved`: it has no coins, and waits for those of a snapshot.
    Joining,
    /// From `headers`: all headers that peers have are here and committed.
    HeadersKnown {
        /// The height of the best one.
        height: u32,
        /// The best one.
        hash: Hash,
    },
    /// From `headers`: the node's state changed.
    State(SyncState),
    /// From `sealer`: this block, and all before it, are never left.
    Final {
        /// Its height.
        height: u32,
        /// The block.
        hash: Hash,
    },
    /// From `ledger`: so many pieces are taken.
    Adopting {
        /// Pieces taken.
        done: u32,
        /// All pieces.
        all: u32,
    },
    /// From `ledger`: it has taken the coins; or what is wrong, and with which bucket, if with one alone.
    Adopted(Result<(), (Option<usize>, SnapshotFault)>),
    /// From `ledger`: the lowest height whose block is kept whole, which has changed.
    KeptFrom(u32),
}
