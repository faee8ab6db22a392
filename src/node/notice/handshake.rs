//! What the `handshake` role may be told.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use crate::{base::ids::LinkId, node::chain_move::ChainMove};

/// To `handshake`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToHandshake {
    /// From `peers`: which nodes must not become peers. Replaces the last such notice.
    Barred {
        /// Banned, any port.
        ips: BTreeSet<IpAddr>,
        /// Denied by the operator (`net deny`): listening addresses.
        addresses: BTreeSet<SocketAddr>,
    },
    /// From `peers` and `gossip`: a peer was useful. This counts when a slot is needed.
    Useful {
        /// The peer.
        link: LinkId,
        /// What for.
        what: Useful,
    },
    /// From `ledger`: see [`ChainMove`].
    ChainMoved(Arc<ChainMove>),
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
