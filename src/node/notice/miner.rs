//! What the `miner` role may be told.

use std::sync::Arc;

use crate::node::{chain_move::ChainMove, sync_state::SyncState, template::Template};

/// To `miner`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToMiner {
    /// From `headers`: the node's state changed. Mining takes place only in `synced`.
    State(SyncState),
    /// From `headers`: why no block made now would be of use; `None`: it would be.
    Hold(Option<String>),
    /// From `ledger`: see [`ChainMove`].
    ChainMoved(Arc<ChainMove>),
    /// From `ledger`: the mempool changed, so that a template may be out of date.
    PoolChanged {
        /// Transactions that came in.
        added: usize,
        /// Transactions that went.
        removed: usize,
    },
    /// From `ledger`: the answer to `WantTemplate`.
    Template(Arc<Template>),
}
