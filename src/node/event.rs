//! What a role hears.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    base::{
        hash::Hash,
        ids::{DialId, LinkId, Ticket},
    },
    chain::target::Work,
    node::{command::Command, fault::CloseReason, notice::Notice},
    wire::frame::Frame,
};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The first event of each role, before any other.
    Start,
    /// The role's deadline has come; possibly early.
    Wake,
    /// From the poll loop. For one link, all roles hear `Opened`, `Up`, frames and `Closed` in this order.
    Link(LinkEvent),
    /// From another role.
    Notice(Notice),
    /// From an operator or program; the role answers exactly once with [`crate::node::Outbox::reply`].
    Command(Ticket, Command),
    /// The last event before the role's thread ends: keep what a clean restart shall find.
    Stop,
}

/// What happens to links.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// A TCP connection stands. To `handshake` and `peers`.
    Opened {
        /// Its identity for ever.
        link: LinkId,
        /// Who opened it.
        direction: Direction,
        /// The other end.
        remote: SocketAddr,
    },
    /// A dial came to nothing. To `peers`. Each dial ends in exactly one `Opened` or `DialFailed`.
    DialFailed {
        /// The dial.
        dial: DialId,
        /// Where it went.
        address: SocketAddr,
        /// Why, for the log.
        reason: String,
    },
    /// The handshake role promoted the link. To all roles.
    Up {
        /// The link.
        link: LinkId,
        /// Who is at the other end.
        peer: Arc<PeerInfo>,
    },
    /// A frame. To the role of its kind ([`crate::node::RoleId::for_kind`]), or to `handshake` before the promotion.
    Frame {
        /// Where it came from.
        link: LinkId,
        /// Its body is not yet checked: [`Frame::open`].
        frame: Frame,
    },
    /// The link is gone. To all roles, exactly once, whoever closed it; also for links that were never up.
    Closed {
        /// The link.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
}

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
    /// Its clock minus ours, seconds.
    pub clock_offset: i64,
    /// Its agent, printable characters only.
    pub agent: String,
}
