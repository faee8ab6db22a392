//! What a role does: one small enum, gathered in an outbox that the driver empties after each event.

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};

use tussock_noise::Key;

use crate::{
    base::ids::{DialId, LinkId, NodeId, Ticket},
    node::{
        command::Reply,
        fault::{CloseReason, Halt, PeerFault},
        members::Members,
        node_address::HostName,
        notice::Notice,
        peer_info::PeerInfo,
        report::{Counter, Report},
    },
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Kind, Message},
    },
};

/// One effect of a role on the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Do something with a link.
    Link(LinkAction),
    /// Tell another role.
    Tell(Notice),
    /// Look up a host name; completes as `ToPeers::Resolved`.
    Resolve(HostName),
    /// Answer a command.
    Reply(Ticket, Reply),
    /// News for the status, from which CLI, RPC, metrics and page read.
    Report(Report),
    /// Add to a counter.
    Count(Counter, u64),
    /// Stop the node.
    Halt(Halt),
}

/// What a role wants of the network. Actions on links that have ended are ignored, but `peers` hears of a fault
/// (`LateFault`).
#[derive(Clone, Debug, PartialEq)]
pub enum LinkAction {
    /// Connect; completes as `Opened` or `DialFailed`.
    Dial {
        /// Chosen by the `peers` role, never reused.
        dial: DialId,
        /// Where to.
        address: SocketAddr,
        /// Who must be there; `None`: anybody.
        node: Option<NodeId>,
    },
    /// A step of a link's key agreement is done.
    Agreed {
        /// The link.
        link: LinkId,
        /// What the other side has to hear.
        message: Option<Vec<u8>>,
        /// The result, once there is one.
        keys: Option<Box<LinkKeys>>,
    },
    /// Who may link from here on; `None`: everybody. Ends the links of all others.
    Members(Option<Arc<Members>>),
    /// Queue a frame of our own: a request, a keep-alive, a part of the handshake.
    Send {
        /// Where to.
        link: LinkId,
        /// Already encoded and hashed.
        frame: Frame,
    },
    /// Queue all frames that answer one request of the peer; none if there is nothing to send.
    Answer {
        /// Where to.
        link: LinkId,
        /// What the peer has sent.
        request: Kind,
        /// Already encoded and hashed.
        frames: Vec<Frame>,
    },
    /// Queue news. If the link has no room for it, it is left out, and `gossip` hears `NewsLost` later.
    Relay {
        /// Where to.
        link: LinkId,
        /// Already encoded and hashed.
        frame: Frame,
    },
    /// Tell `sealer` by `Drained` once nothing of our own waits on the link any more.
    AwaitDrained(LinkId),
    /// The handshake role is ready for the link's next frame.
    Resume(LinkId),
    /// The handshake is done: tell all roles, let all frames flow.
    Promote {
        /// The link.
        link: LinkId,
        /// The peer at the other end.
        peer: Arc<PeerInfo>,
    },
    /// End the link. A `Goodbye` is sent first unless the peer said it already.
    Close {
        /// The link.
        link: LinkId,
        /// Why; decides the goodbye's code. Boxed: it is large and rare, and thousands of actions may be queued.
        reason: Box<CloseReason>,
        /// Seconds, told in the goodbye.
        retry_after: u32,
    },
}

/// What two nodes agreed on.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkKeys {
    /// Who is at the other end.
    pub node: NodeId,
    /// Seals what we send.
    pub send: Key,
    /// Opens what we receive.
    pub receive: Key,
}

impl LinkAction {
    /// The frames that this action queues on a link.
    pub fn frames(&self, to: LinkId) -> &[Frame] {
        match self {
            Self::Send { link, frame } | Self::Relay { link, frame } if *link == to => std::slice::from_ref(frame),
            Self::Answer { link, frames, .. } if *link == to => frames,
            _ => &[],
        }
    }
}

/// The actions of one event, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    actions: Vec<Action>,
    hurries: bool,
}

impl Outbox {
    /// Queues a message to a peer that neither answers it nor is news.
    pub fn send(&mut self, link: LinkId, message: &Message) {
        self.actions.push(Action::Link(LinkAction::Send { link, frame: Frame::new(message) }));
    }

    /// The links on which frames are queued.
    pub fn receivers(&self) -> BTreeSet<LinkId> {
        let receiver = |action: &Action| match action {
            Action::Link(LinkAction::Send { link, .. } | LinkAction::Relay { link, .. }) => Some(*link),
            Action::Link(LinkAction::Answer { link, frames, .. }) if !frames.is_empty() => Some(*link),
            _ => None,
        };
        self.actions.iter().filter_map(receiver).collect()
    }

    /// Answers one request of a peer, such as `GetBlock`. Each gets exactly one answer.
    pub fn answer(&mut self, link: LinkId, request: Kind, messages: impl IntoIterator<Item = Message>) {
        let frames = messages.into_iter().map(|message| Frame::new(&message)).collect();
        self.actions.push(Action::Link(LinkAction::Answer { link, request, frames }));
    }

    /// Passes news on to a peer: one encoded frame for many peers.
    pub fn relay(&mut self, link: LinkId, frame: Frame) {
        self.actions.push(Action::Link(LinkAction::Relay { link, frame }));
    }

    /// Connects to an address.
    pub fn dial(&mut self, dial: DialId, address: SocketAddr, node: Option<NodeId>) {
        self.actions.push(Action::Link(LinkAction::Dial { dial, address, node }));
    }

    /// Asks to be told once nothing of our own waits on the link.
    pub fn await_drained(&mut self, link: LinkId) {
        self.actions.push(Action::Link(LinkAction::AwaitDrained(link)));
    }

    /// Lets the link's next handshake frame through.
    pub fn resume(&mut self, link: LinkId) {
        self.actions.push(Action::Link(LinkAction::Resume(link)));
    }

    /// Makes the link a peer.
    pub fn promote(&mut self, link: LinkId, peer: PeerInfo) {
        self.actions.push(Action::Link(LinkAction::Promote { link, peer: Arc::new(peer) }));
    }

    /// Ends the link because of what the peer did.
    pub fn fault(&mut self, link: LinkId, fault: PeerFault) {
        self.close(link, CloseReason::Fault(fault), 0);
    }

    /// Ends the link for a reason that is nobody's fault.
    pub fn goodbye(&mut self, link: LinkId, code: GoodbyeCode, retry_after: u32) {
        self.close(link, CloseReason::Local(code), retry_after);
    }

    /// Ends the link.
    pub fn close(&mut self, link: LinkId, reason: CloseReason, retry_after: u32) {
        self.actions.push(Action::Link(LinkAction::Close { link, reason: Box::new(reason), retry_after }));
    }

    /// Tells another role.
    pub fn tell(&mut self, notice: impl Into<Notice>) {
        self.actions.push(Action::Tell(notice.into()));
    }

    /// Asks what a host name stands for.
    pub fn resolve(&mut self, name: HostName) {
        self.actions.push(Action::Resolve(name));
    }

    /// Answers a command.
    pub fn reply(&mut self, ticket: Ticket, reply: Reply) {
        self.actions.push(Action::Reply(ticket, reply));
    }

    /// Updates the status.
    pub fn report(&mut self, report: Report) {
        self.actions.push(Action::Report(report));
    }

    /// Adds to a counter.
    pub fn count(&mut self, counter: Counter, by: u64) {
        self.actions.push(Action::Count(counter, by));
    }

    /// Stops the node.
    pub fn halt(&mut self, halt: impl Into<Halt>) {
        self.actions.push(Action::Halt(halt.into()));
    }

    /// Any other action, as the driver will see it.
    pub fn push(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// These actions must not wait for what the role does next.
    pub fn hurry(&mut self) {
        self.hurries = true;
    }

    /// Whether [`Outbox::hurry`] was called.
    pub fn hurries(&self) -> bool {
        self.hurries
    }

    /// Takes the actions, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Action> + '_ {
        self.hurries = false;
        self.actions.drain(..)
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }
}
