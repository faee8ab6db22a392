//! What the `handshake` role may be told.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use crate::{
    base::ids::{LinkId, NodeId},
    node::chain_move::ChainMove,
};

/// To `handshake`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToHandshake {
    /// From `peers`: which nodes must not become peers. Replaces the last such notice.
    Barred(KeptOut),
    /// From `peers` and `gossip`: a peer was useful. This counts when a slot is needed.
    Useful {
        /// The peer.
        link: LinkId,
        /// What for.
        what: Useful,
    },
    /// From `ledger`: blocks are kept whole from this height on only.
    KeptFrom(u32),
    /// From `ledger`: see [`ChainMove`].
    ChainMoved(Arc<ChainMove>),
}

/// Nodes that must not become peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptOut {
    /// Banned, any port.
    pub ips: BTreeSet<IpAddr>,
    /// Banned wherever they are.
    pub nodes: BTreeSet<NodeId>,
    /// May link although their IP address is banned.
    pub spared: BTreeSet<NodeId>,
    /// Denied by the operator (`net deny`): listening addresses.
    pub addresses: BTreeSet<SocketAddr>,
    /// Denied by the operator: nodes.
    pub denied_nodes: BTreeSet<NodeId>,
}

/// What a peer was useful for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Useful {
    /// It was the first with a block that we applied.
    Block,
    /// It was the first with a transaction that we took.
    Transaction,
    /// It answered a ping in this time.
    RoundTrip(Duration),
}
