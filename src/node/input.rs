//! What a role hears: each role names the link events, notices and commands that are for it, and no others exist.

use std::sync::Arc;

use crate::{
    base::ids::{LinkId, NodeId, Ticket},
    node::{
        command::Command,
        event::{AgreementStep, Event, LinkEvent},
        fault::CloseReason,
        notice::Notice,
        peer_info::{Direction, PeerInfo},
    },
    wire::frame::Frame,
};

/// What a role hears, with its link events `L`, its notices `N` and its commands `C`.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<L, N, C> {
    /// As [`Event::Start`].
    Start,
    /// As [`Event::Wake`].
    Wake,
    /// What happened to a link.
    Link(L),
    /// What another role tells.
    Notice(N),
    /// What an operator or program asks.
    Command(Ticket, C),
    /// As [`Event::Stop`].
    Stop,
}

/// The link events, the notices, or the commands of a role that has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {}

/// The link events of a role that talks with peers: those that each such role hears, and its own, `E`.
#[derive(Clone, Debug, PartialEq)]
pub enum PeerLink<E = Nothing> {
    /// The link became a peer.
    Up {
        /// The link.
        link: LinkId,
        /// The peer at the other end.
        peer: Arc<PeerInfo>,
    },
    /// A frame of one of this role's kinds.
    Frame {
        /// Where it came from.
        link: LinkId,
        /// Its body is not yet checked: [`Frame::open`].
        frame: Frame,
    },
    /// The link is gone.
    Closed {
        /// The link.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
    /// What this role alone hears, or few.
    Own(E),
}

/// News was left out: for `gossip`. As [`LinkEvent::NewsLost`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewsLost {
    /// The link.
    pub link: LinkId,
    /// Whether a block was left out.
    pub block: bool,
    /// Whether a transaction was left out.
    pub transactions: bool,
}

/// Nothing of our own waits on this link any more: for `sealer`. As [`LinkEvent::Drained`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained(pub LinkId);

/// A large frame goes on arriving on this link: for the roles whose deadlines slow lines may miss, `headers` and `fetch`. As
/// [`LinkEvent::Bringing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bringing(pub LinkId);

/// The link events of the `key agreement` role.
#[derive(Clone, Debug, PartialEq)]
pub enum AgreementLink {
    /// As [`LinkEvent::Agree`].
    Agree {
        /// The link.
        link: LinkId,
        /// What has to be done.
        step: AgreementStep,
    },
    /// The link ended before its keys were agreed on.
    Closed(LinkId),
}

/// The link events of the `handshake` role, which makes peers of links.
#[derive(Clone, Debug, PartialEq)]
pub enum HandshakeLink {
    /// A TCP connection stands.
    Opened {
        /// Its identity for ever.
        link: LinkId,
        /// Which side opened it.
        direction: Direction,
        /// The other end.
        remote: std::net::SocketAddr,
    },
    /// As [`LinkEvent::Secured`].
    Secured {
        /// The link.
        link: LinkId,
        /// Who is at the other end.
        node: NodeId,
    },
    /// The link became a peer, as this role wanted.
    Up(LinkId),
    /// A frame before the promotion, or a `Version` or `Verack` after it.
    Frame {
        /// Where it came from.
        link: LinkId,
        /// Its body is not yet checked: [`Frame::open`].
        frame: Frame,
    },
    /// The link is gone.
    Closed {
        /// The link.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
}

/// An event reached a role that it is not for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misaddressed;

impl<L, N, C> TryFrom<Event> for Input<L, N, C>
where
    L: TryFrom<LinkEvent>,
    N: TryFrom<Notice>,
    C: TryFrom<Command>,
{
    type Error = Misaddressed;

    fn try_from(event: Event) -> Result<Self, Misaddressed> {
        Ok(match event {
            Event::Start => Self::Start,
            Event::Wake => Self::Wake,
            Event::Link(event) => Self::Link(event.try_into().map_err(|_| Misaddressed)?),
            Event::Notice(notice) => Self::Notice(notice.try_into().map_err(|_| Misaddressed)?),
            Event::Command(ticket, command) => Self::Command(ticket, command.try_into().map_err(|_| Misaddressed)?),
            Event::Stop => Self::Stop,
        })
    }
}

impl<E: TryFrom<LinkEvent>> TryFrom<LinkEvent> for PeerLink<E> {
    type Error = Misaddressed;

    fn try_from(event: LinkEvent) -> Result<Self, Misaddressed> {
        match event {
            LinkEvent::Up { link, peer } => Ok(Self::Up { link, peer }),
            LinkEvent::Frame { link, frame } => Ok(Self::Frame { link, frame }),
            LinkEvent::Closed { link, reason } => Ok(Self::Closed { link, reason }),
            LinkEvent::Opened { .. }
            | LinkEvent::Agree { .. }
            | LinkEvent::Secured { .. }
            | LinkEvent::DialFailed { .. }
            | LinkEvent::NewsLost { .. }
            | LinkEvent::Drained { .. }
            | LinkEvent::Bringing { .. }
            | LinkEvent::LateFault { .. } => event.try_into().map(Self::Own).map_err(|_| Misaddressed),
        }
    }
}

impl TryFrom<LinkEvent> for NewsLost {
    type Error = Misaddressed;

    fn try_from(event: LinkEvent) -> Result<Self, Misaddressed> {
        let LinkEvent::NewsLost { link, block, transactions } = event else { return Err(Misaddressed) };
        Ok(Self { link, block, transactions })
    }
}

impl TryFrom<LinkEvent> for Drained {
    type Error = Misaddressed;

    fn try_from(event: LinkEvent) -> Result<Self, Misaddressed> {
        if let LinkEvent::Drained { link } = event { Ok(Self(link)) } else { Err(Misaddressed) }
    }
}

impl TryFrom<LinkEvent> for Bringing {
    type Error = Misaddressed;

    fn try_from(event: LinkEvent) -> Result<Self, Misaddressed> {
        if let LinkEvent::Bringing { link } = event { Ok(Self(link)) } else { Err(Misaddressed) }
    }
}

impl TryFrom<LinkEvent> for HandshakeLink {
    type Error = Misaddressed;

    fn try_from(event: LinkEvent) -> Result<Self, Misaddressed> {
        match event {
            LinkEvent::Opened { link, direction, remote } => Ok(Self::Opened { link, direction, remote }),
            LinkEvent::Frame { link, frame } => Ok(Self::Frame { link, frame }),
            LinkEvent::Closed { link, reason } => Ok(Self::Closed { link, reason }),
            LinkEvent::Secured { link, node } => Ok(Self::Secured { link, node }),
            LinkEvent::Up { link, .. } => Ok(Self::Up(link)),
            LinkEvent::Agree { .. }
            | LinkEvent::DialFailed { .. }
            | LinkEvent::NewsLost { .. }
            | LinkEvent::Drained { .. }
            | LinkEvent::Bringing { .. }
            | LinkEvent::LateFault { .. } => Err(Misaddressed),
        }
    }
}

impl TryFrom<LinkEvent> for AgreementLink {
    type Error = Misaddressed;

    fn try_from(event: LinkEvent) -> Result<Self, Misaddressed> {
        match event {
            LinkEvent::Agree { link, step } => Ok(Self::Agree { link, step }),
            LinkEvent::Closed { link, .. } => Ok(Self::Closed(link)),
            _ => Err(Misaddressed),
        }
    }
}

impl TryFrom<LinkEvent> for Nothing {
    type Error = Misaddressed;

    fn try_from(_: LinkEvent) -> Result<Self, Misaddressed> {
        Err(Misaddressed)
    }
}

impl TryFrom<Notice> for Nothing {
    type Error = Misaddressed;

    fn try_from(_: Notice) -> Result<Self, Misaddressed> {
        Err(Misaddressed)
    }
}

impl TryFrom<Command> for Nothing {
    type Error = Misaddressed;

    fn try_from(_: Command) -> Result<Self, Misaddressed> {
        Err(Misaddressed)
    }
}
