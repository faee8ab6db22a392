//! What the `peers` role may be told.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    base::ids::LinkId,
    node::{chain_move::ChainMove, node_address::HostName},
};

/// To `peers`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToPeers {
    /// From the driver: what a host name stands for, or why that is not known.
    Resolved {
        /// The name.
        name: HostName,
        /// Its addresses, in the order in which the host would try them.
        result: Result<Vec<SocketAddr>, String>,
    },
    /// From `ledger`: see [`ChainMove`].
    ChainMoved(Arc<ChainMove>),
    /// From `gossip`: the tip of this synced node came with a sync and was not relayed. Peers that know less would not
    /// hear of it before our next ping.
    TipUntold,
    /// From `headers`: this host's clock was set. Pings tell peers what it shows now.
    ClockSet,
    /// From `fetch`: the lowest block that this node lacks and no peer keeps; `None`: there is none any more.
    Lacks(Option<u32>),
    /// From `snapshot`: whether this node joins and no peer gives it a snapshot.
    LacksSnapshot {
        /// Whether it does.
        lacks: bool,
        /// Peers that have given nothing of one for a while: any of them may make room for another.
        idle: Vec<LinkId>,
    },
    /// From `gossip`: a block was not relayed to this peer, because its link had no room.
    BlockMissed {
        /// The link.
        link: LinkId,
    },
    /// From `handshake`: the node that opened this link to us is proven to listen at an address that we dialled.
    LeadsTo {
        /// The link, in the handshake or up.
        link: LinkId,
        /// The dialled address.
        address: SocketAddr,
    },
}
