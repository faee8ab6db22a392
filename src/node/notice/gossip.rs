//! What the `gossip` role may be told.

use std::sync::Arc;

use crate::{
    base::{bytes::Bytes, hash::Hash, ids::LinkId},
    chain::{block::HashedTransaction, rules::TransactionFault},
    node::{chain_move::ChainMove, origin::Origin, refusal::Refusal, sync_state::SyncState},
    wire::frame::Frame,
};

/// To `gossip`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToGossip {
    /// From `peers`: a ping claimed this tip.
    PeerTip {
        /// The peer.
        link: LinkId,
        /// Its tip.
        tip: Hash,
    },
    /// From `fetch`: the peer sent news of this block.
    Shown {
        /// The peer.
        link: LinkId,
        /// The block.
        hash: Hash,
    },
    /// From `ledger`: the peer asked for a block that it had been told of.
    BlockAsked {
        /// The peer.
        link: LinkId,
    },
    /// From `headers`: the node's state changed. Gossip takes place only in `synced`.
    State(SyncState),
    /// From `ledger`: this block follows the tip of a synced node and all rules hold: relay it. Told before it is stored;
    /// `ChainMoved` follows.
    BlockValidated {
        /// Where it came from.
        origin: Origin,
        /// The block.
        hash: Hash,
        /// Its encoding.
        bytes: Bytes,
        /// The block as a `CompactBlock`, if that is much shorter.
        compact: Option<Frame>,
    },
    /// From `ledger`: see [`ChainMove`].
    ChainMoved(Arc<ChainMove>),
    /// From `verify`: the verdicts on a batch, in the batch's order. Senders of invalid transactions have been dealt with.
    TransactionsChecked(Vec<TransactionVerdict>),
    /// From `ledger`: the mempool was too full for some transaction, and has room again.
    PoolHasRoom,
    /// From `ledger`: the answer to each `Admit`, and (origin `Ledger`) transactions of a losing branch that are in the
    /// mempool again.
    Admitted {
        /// As in `Admit`.
        origin: Origin,
        /// The transaction.
        transaction: Arc<HashedTransaction>,
        /// In the mempool, or why not.
        result: Result<(), Refusal>,
    },
}

/// What the verifier found of one transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionVerdict {
    /// Where it came from.
    pub origin: Origin,
    /// The transaction, or the rule that it breaks whatever the ledger's state.
    pub result: Result<Arc<HashedTransaction>, TransactionFault>,
}
