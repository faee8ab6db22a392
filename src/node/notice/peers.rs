//! What the `peers` role may be told.

use std::sync::Arc;

use crate::node::chain_move::ChainMove;

/// To `peers`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToPeers {
    /// From `ledger`: see [`ChainMove`].
    ChainMoved(Arc<ChainMove>),
    /// From `gossip`: the tip of this synced node came with a sync and was not relayed. Peers that know less would not
    /// hear of it before our next ping.
    TipUntold,
}
