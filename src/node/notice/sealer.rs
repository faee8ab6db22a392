//! What the `sealer` role may be told.

use std::sync::Arc;

use crate::{
    base::hash::Hash,
    node::{chain_move::ChainMove, sync_state::SyncState, template::Template},
};

/// To `sealer`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToSealer {
    /// From `headers`: the node's state changed.
    State(SyncState),
    /// From `ledger`: see [`ChainMove`]. On a sealed chain a tip's work is the view of its block.
    ChainMoved(Arc<ChainMove>),
    /// From `ledger`: the mempool changed.
    PoolChanged {
        /// Transactions that came in.
        added: usize,
        /// Transactions that went.
        removed: usize,
    },
    /// From `ledger`: the answer to `WantProposal`; `None`: the tip is another block than the parent that was named.
    Template(Option<Arc<Template>>),
    /// From `ledger`: the answer to `WantPlace` if the block's header is here.
    PlaceFound {
        /// The block.
        block: Hash,
        /// Its height.
        height: u32,
        /// Its view.
        view: u64,
        /// Whether the ledger's chain has it.
        is_applied: bool,
    },
    /// From `ledger` and `fetch`: the verdict on a proposed block in its place, asked for by `Proposed`.
    ProposalChecked {
        /// The block.
        hash: Hash,
        /// Valid on its parent, or what is wrong with it.
        result: Result<(), ProposalFault>,
    },
}

/// Why a proposed block gets no vote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalFault {
    /// It breaks a rule. The text is for people.
    Invalid(String),
    /// It cannot be judged now: its parent is not here, or there is no room. It may be proposed to the ledger again.
    Unready,
}
