//! What happens to a node, as its driver hands it to a role: see [`crate::node::Input`] for what a role makes of it.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    base::ids::{DialId, LinkId, NodeId, Ticket},
    node::{
        command::Command,
        fault::{CloseReason, DialFailure, PeerFault},
        members::Members,
        notice::Notice,
        peer_info::{Direction, PeerInfo},
        role_id::RoleId,
    },
    wire::frame::Frame,
};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The first event of each role, before any other.
    Start,
    /// The role's deadline has come; possibly early.
    Wake,
    /// From the network. For one link, each role hears `Opened`, `Up`, frames and `Closed` in this order.
    Link(LinkEvent),
    /// From another role, to the role that [`Notice::role`] names.
    Notice(Notice),
    /// From an operator or program, to the role that [`Command::role`] names. The role answers exactly once with
    /// [`crate::node::Outbox::reply`].
    Command(Ticket, Command),
    /// The last event before the role's thread ends: keep what a clean restart needs.
    Stop,
}

/// What happens to links.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// A TCP connection stands.
    Opened {
        /// Its identity for ever.
        link: LinkId,
        /// Who opened it.
        direction: Direction,
        /// The other end.
        remote: SocketAddr,
    },
    /// The next step of a link's key agreement. For `key agreement` alone; its answer is
    /// [`LinkAction::Agreed`](crate::node::LinkAction::Agreed), or the end of the link.
    Agree {
        /// The link.
        link: LinkId,
        /// What has to be done.
        step: AgreementStep,
    },
    /// The link's two nodes know each other's keys, and all bytes are sealed from here on. For `handshake` alone.
    Secured {
        /// The link.
        link: LinkId,
        /// Who is at the other end.
        node: NodeId,
    },
    /// A dial failed. Each dial ends in exactly one `Opened` or `DialFailed`.
    DialFailed {
        /// The dial.
        dial: DialId,
        /// Where it went.
        address: SocketAddr,
        /// Why.
        reason: DialFailure,
    },
    /// The handshake role promoted the link.
    Up {
        /// The link.
        link: LinkId,
        /// Who is at the other end.
        peer: Arc<PeerInfo>,
    },
    /// A frame.
    Frame {
        /// Where it came from.
        link: LinkId,
        /// Its body is not yet checked: [`Frame::open`].
        frame: Frame,
    },
    /// News found no room in the link's queue and was left out. Now there is room again. For `gossip` alone.
    NewsLost {
        /// The link.
        link: LinkId,
        /// Whether a block was left out.
        block: bool,
        /// Whether a transaction was left out.
        transactions: bool,
    },
    /// Nothing of our own waits on the link any more: once for each
    /// [`LinkAction::AwaitDrained`](crate::node::LinkAction::AwaitDrained), unless the link ends before. For `sealer` alone.
    Drained {
        /// The link.
        link: LinkId,
    },
    /// A large frame goes on arriving, which may take long on a slow line. For `headers` and `fetch` alone, at most once a
    /// second.
    Bringing {
        /// The link.
        link: LinkId,
    },
    /// A fault was found after the link had ended. For `peers` alone.
    LateFault {
        /// The link.
        link: LinkId,
        /// The fault.
        fault: PeerFault,
    },
    /// The link is gone, whichever side closed it. Each role that knows of the link hears this exactly once.
    Closed {
        /// The link.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
}

impl LinkEvent {
    /// The roles that hear of links: `Opened` only `Handshake` and `Peers`; `Up` these and all after them; `Closed` those
    /// that heard of the link before.
    /// `KeyAgreement` hears of links whose keys are not agreed on.
    pub const ROLES: [RoleId; 9] = [
        RoleId::KeyAgreement,
        RoleId::Handshake,
        RoleId::Peers,
        RoleId::Ledger,
        RoleId::Headers,
        RoleId::Fetch,
        RoleId::Gossip,
        RoleId::Sealer,
        RoleId::Snapshot,
    ];
}

/// A step of a key agreement.
#[derive(Clone, Debug, PartialEq)]
pub enum AgreementStep {
    /// We dialled: write the first message.
    Begin {
        /// Who the other side must be, if that is known.
        expected: Option<NodeId>,
        /// Whether the first message is for `expected` alone (`IK`), as on chains with members.
        closed: bool,
    },
    /// The other side's next message.
    Message {
        /// The message.
        message: Vec<u8>,
        /// Who may link at all, if not everybody.
        members: Option<Arc<Members>>,
    },
}
