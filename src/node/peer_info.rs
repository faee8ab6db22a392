//! Who is at the other end of a link.

use std::net::SocketAddr;

use crate::{
    base::{
        hash::Hash,
        ids::{DialId, NodeId},
        time::UnixTime,
    },
    chain::target::Work,
};

/// Who opened a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The other side.
    Inbound,
    /// We did, with this dial.
    Outbound(DialId),
}

impl Direction {
    /// Whether the other side opened the link.
    pub fn is_inbound(self) -> bool {
        self == Self::Inbound
    }
}

/// A peer as its handshake presented it. Height, tip and work are claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// Who it is.
    pub node: NodeId,
    /// Who opened the link.
    pub direction: Direction,
    /// The other end of the TCP connection.
    pub remote: SocketAddr,
    /// Where the peer says it listens: the connection's IP address with the port of its `Version`, or for outbound
    /// links the dialled address. `None` if it does not listen.
    pub listens: Option<SocketAddr>,
    /// Its protocol version.
    pub protocol: u32,
    /// Its service bits.
    pub services: u64,
    /// Its claimed height.
    pub height: u32,
    /// Its claimed tip.
    pub tip: Hash,
    /// Its claimed cumulative work.
    pub work: Work,
    /// Its clock minus ours at the handshake, seconds.
    pub clock_offset: i64,
    /// Its agent, printable characters only.
    pub agent: String,
}

impl PeerInfo {
    /// Their clock minus ours, seconds; hostile extremes are kept at the limits of the type.
    pub fn offset(theirs: u64, ours: UnixTime) -> i64 {
        let offset = i128::from(theirs) - i128::from(ours.0);
        i64::try_from(offset).unwrap_or(if offset < 0 { i64::MIN } else { i64::MAX })
    }
}
