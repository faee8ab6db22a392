//! The stage's stand-in for the poll loop: links as pairs of ends, bytes carried from one to the other in pieces of
//! random size through the real framer, gates and limits.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use crate::{
    base::{ids::LinkId, rng::Rng},
    link::{
        Order,
        delivery::Delivery,
        framer::{Framer as Link, Phase},
        hearers,
    },
    net::OrderSource as _,
    node::{CloseReason, Direction, LinkAction, LinkEvent, PeerFault, RoleId},
    runtime::channels::{Orders, Sink, WakeNet},
    wire::{
        frame::{Frame, FrameReader},
        message::{GoodbyeCode, Kind, Message},
    },
};

/// The most bytes that one move carries.
const PIECE_BYTES: u64 = 40_000;

/// The far end of a scripted link, in the test's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Script(usize);

/// All links on a stage.
pub struct Wires {
    magic: [u8; 4],
    rng: Rng,
    ends: BTreeMap<usize, End>,
    next_end: usize,
    next_port: u16,
    listeners: BTreeMap<SocketAddr, VecDeque<Script>>,
}

/// One end of a link.
struct End {
    owner: Owner,
    /// The other end; it may be gone.
    peer: usize,
    link: Link,
    up: bool,
    /// The roles have heard that it is closed; what is queued is still carried.
    closed: bool,
    pending: Option<(RoleId, Frame)>,
    farewell: Option<CloseReason>,
}

enum Owner {
    Node { node: usize, link: LinkId },
    Script { reader: FrameReader, received: VecDeque<Message> },
}

/// A node's part: its orders in, its events out.
pub(super) struct NodeNet {
    listen: Option<SocketAddr>,
    delivery: Delivery<Sink>,
    orders: Orders,
    /// An inbox that was full has room.
    woken: Arc<AtomicBool>,
    ends: BTreeMap<LinkId, usize>,
    next_link: u64,
    ended: bool,
}

/// Something that can happen on the wires.
#[derive(Clone, Copy, Debug)]
pub(super) enum NetMove {
    /// A node's next order is carried out, or its full inboxes are looked at.
    Node(usize),
    /// Bytes, or the end of the connection, arrive at this end.
    Arrival(usize),
}

/// The runtime's way to wake the poll loop, and how the stage notices.
pub(super) fn wake_flag() -> (WakeNet, Arc<AtomicBool>) {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    (Arc::new(move || set.store(true, SeqCst)), flag)
}

impl NodeNet {
    pub(super) fn new(
        listen: Option<SocketAddr>,
        delivery: Delivery<Sink>,
        orders: Orders,
        woken: Arc<AtomicBool>,
    ) -> Self {
        let ends = BTreeMap::new();
        Self { listen, delivery, orders, woken, ends, next_link: 1, ended: false }
    }

    /// The node is gone.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    fn tell(&mut self, roles: &[RoleId], event: &LinkEvent) {
        roles.iter().for_each(|role| self.delivery.tell(*role, event.clone()));
    }

    fn open(&mut self, end: usize, direction: Direction, remote: SocketAddr) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.ends.insert(link, end);
        self.tell(hearers(false), &LinkEvent::Opened { link, direction, remote });
        link
    }
}

impl Wires {
    pub(super) fn new(magic: [u8; 4], rng: Rng) -> Self {
        let (ends, listeners) = (BTreeMap::new(), BTreeMap::new());
        Self { magic, rng, ends, next_end: 0, next_port: 50_000, listeners }
    }

    /// Queues a message from the test's peer. Ignored if the link is gone.
    pub fn send(&mut self, script: Script, message: &Message) {
        if let Some(end) = self.ends.get_mut(&script.0) {
            // A script that overfills its own queue loses the frame, as its test will notice.
            let _ = end.link.send(&Frame::new(message));
        }
    }

    /// The next message that the node sent to the test's peer.
    pub fn received(&mut self, script: Script) -> Option<Message> {
        match &mut self.ends.get_mut(&script.0)?.owner {
            Owner::Script { received, .. } => received.pop_front(),
            Owner::Node { .. } => None,
        }
    }

    /// Whether the node's end of the link stands, or messages from it are left.
    pub fn is_open(&self, script: Script) -> bool {
        self.ends.get(&script.0).is_some_and(|end| {
            let unread = matches!(&end.owner, Owner::Script { received, .. } if !received.is_empty());
            unread || self.ends.contains_key(&end.peer)
        })
    }

    /// The test's peer ends the connection without a word, after what is queued.
    pub fn hang_up(&mut self, script: Script) {
        if let Some(end) = self.ends.get_mut(&script.0) {
            end.closed = true;
        }
    }

    pub(super) fn listen(&mut self, address: SocketAddr) {
        self.listeners.entry(address).or_default();
    }

    pub(super) fn dialled(&mut self, address: SocketAddr) -> Option<Script> {
        self.listeners.get_mut(&address)?.pop_front()
    }

    pub(super) fn dial_in(&mut self, net: &mut NodeNet, node: usize, from: SocketAddr) -> Script {
        let (script, end) = self.pair();
        let link = net.open(end, Direction::Inbound, from);
        self.add(script, end, script_owner(self.magic));
        self.add(end, script, Owner::Node { node, link });
        Script(script)
    }

    /// What can happen now.
    pub(super) fn moves(&self, nets: &[&NodeNet]) -> Vec<NetMove> {
        let busy = |net: &NodeNet| !net.ended && (net.orders.has_next() || net.woken.load(SeqCst));
        let nodes = nets.iter().enumerate().filter(|(_, net)| busy(net)).map(|(node, _)| NetMove::Node(node));
        let arrivals = self.ends.iter().filter(|(_, end)| self.can_arrive(end)).map(|(at, _)| NetMove::Arrival(*at));
        nodes.chain(arrivals).collect()
    }

    /// Lets it happen and says what it was.
    pub(super) fn perform(&mut self, at: NetMove, nets: &mut [&mut NodeNet]) -> String {
        match at {
            NetMove::Node(node) => self.node_turn(node, nets),
            NetMove::Arrival(end) => self.arrive(end, nets),
        }
    }

    /// Carries out all orders that a stopping node has given; it dials no more.
    pub(super) fn carry_out(&mut self, net: &mut NodeNet) {
        while let Some(order) = net.orders.next_order() {
            self.order_local(order, net);
        }
    }

    /// Ends all links of a node that stops.
    pub(super) fn say_goodbye(&mut self, net: &mut NodeNet) {
        for link in net.ends.keys().copied().collect::<Vec<_>>() {
            self.close(net, link, CloseReason::Local(GoodbyeCode::Stopping), 0);
        }
    }

    /// Cuts all links of a node that is gone; bytes under way are lost.
    pub(super) fn cut(&mut self, net: &mut NodeNet) {
        for end in std::mem::take(&mut net.ends).into_values() {
            self.ends.remove(&end);
        }
    }

    fn pair(&mut self) -> (usize, usize) {
        self.next_end += 2;
        (self.next_end - 2, self.next_end - 1)
    }

    fn add(&mut self, at: usize, peer: usize, owner: Owner) {
        let link = Link::new(self.magic);
        let end = End { owner, peer, link, up: false, closed: false, pending: None, farewell: None };
        self.ends.insert(at, end);
    }

    /// Something can arrive at an end if it takes bytes and the other end has some, or is gone; or what it had put back.
    fn can_arrive(&self, end: &End) -> bool {
        let peer = self.ends.get(&end.peer);
        let waiting = peer.is_some_and(|peer| peer.link.queued() > 0);
        let ended = peer.is_none_or(|peer| peer.closed && peer.link.queued() == 0);
        match end.owner {
            Owner::Script { .. } => waiting || ended && !end.closed,
            Owner::Node { .. } if end.closed => self.is_over(end),
            Owner::Node { .. } => {
                let takes = end.link.wants_input() && (waiting || ended);
                end.pending.is_none() && (takes || end.link.has_question())
            }
        }
    }

    /// Whether nobody needs a closed end of a node any more: its last bytes were taken, or never will be.
    fn is_over(&self, end: &End) -> bool {
        self.ends.get(&end.peer).is_none_or(|peer| {
            let reads = matches!(peer.owner, Owner::Script { .. });
            peer.closed && (end.link.queued() == 0 || !reads)
        })
    }

    fn node_turn(&mut self, node: usize, nets: &mut [&mut NodeNet]) -> String {
        if nets[node].woken.swap(false, SeqCst) {
            self.flush(nets[node]);
        }
        let Some(order) = nets[node].orders.next_order() else { return "flushed".to_owned() };
        let what = format!("{order:?}");
        match order {
            Order::Link(LinkAction::Dial { dial, address }) => {
                let (near, far) = self.pair();
                let direction = Direction::Outbound(dial);
                let found = nets.iter().position(|net| !net.ended && net.listen == Some(address));
                if let Some(other) = found {
                    let port = self.next_port;
                    self.next_port = self.next_port.wrapping_add(1).max(50_000);
                    let from = SocketAddr::new(address.ip(), port);
                    let far_link = nets[other].open(far, Direction::Inbound, from);
                    self.add(far, near, Owner::Node { node: other, link: far_link });
                } else if let Some(scripts) = self.listeners.get_mut(&address) {
                    scripts.push_back(Script(far));
                    self.add(far, near, script_owner(self.magic));
                } else {
                    let reason = "connection refused".to_owned();
                    nets[node].delivery.tell(RoleId::Peers, LinkEvent::DialFailed { dial, address, reason });
                    return what;
                }
                let link = nets[node].open(near, direction, address);
                self.add(near, far, Owner::Node { node, link });
            }
            order => self.order_local(order, nets[node]),
        }
        what
    }

    fn order_local(&mut self, order: Order, net: &mut NodeNet) {
        match order {
            Order::Link(LinkAction::Send { link, frame }) => {
                let Some(end) = self.live(net, link) else { return };
                if end.link.send(&frame).is_err() {
                    self.close(net, link, CloseReason::Fault(PeerFault::SendStall), 0);
                }
            }
            Order::Link(LinkAction::Resume(link)) => {
                if let Some(end) = self.live(net, link) {
                    end.link.resume();
                }
            }
            Order::Link(LinkAction::Promote { link, peer }) => {
                let Some(end) = self.live(net, link).filter(|end| !end.up) else { return };
                end.up = true;
                end.link.promote();
                net.tell(hearers(true), &LinkEvent::Up { link, peer });
            }
            Order::Link(LinkAction::Close { link, reason, retry_after }) => self.close(net, link, *reason, retry_after),
            Order::Link(LinkAction::Dial { dial, address }) => {
                let reason = "the node is stopping".to_owned();
                net.delivery.tell(RoleId::Peers, LinkEvent::DialFailed { dial, address, reason });
            }
            Order::Retire | Order::Stop => {}
        }
    }

    fn live(&mut self, net: &NodeNet, link: LinkId) -> Option<&mut End> {
        self.ends.get_mut(net.ends.get(&link)?).filter(|end| !end.closed)
    }

    fn close(&mut self, net: &mut NodeNet, link: LinkId, reason: CloseReason, retry_after: u32) {
        let Some(end) = self.live(net, link) else { return };
        let code = match &reason {
            CloseReason::Fault(_) => Some(GoodbyeCode::Fault),
            CloseReason::Local(code) => Some(*code),
            CloseReason::Remote { .. } | CloseReason::Lost(_) => None,
        };
        if let Some(code) = code {
            // No room: then the other side hears only the end.
            let _ = end.link.send(&Frame::new(&Message::Goodbye { code: code as u8, retry_after }));
        }
        end.link.close();
        (end.closed, end.pending) = (true, None);
        let up = end.up;
        net.ends.remove(&link);
        net.delivery.forget(link);
        net.tell(hearers(up), &LinkEvent::Closed { link, reason });
    }

    fn arrive(&mut self, at: usize, nets: &mut [&mut NodeNet]) -> String {
        let Some(mut end) = self.ends.remove(&at) else { return String::new() };
        if end.closed && matches!(end.owner, Owner::Node { .. }) {
            return "gone".to_owned();
        }
        let piece = 1 + self.rng.below(PIECE_BYTES) as usize;
        let bytes: Vec<u8> = match self.ends.get(&end.peer) {
            Some(peer) => peer.link.outputs(3).flatten().copied().take(piece).collect(),
            None => Vec::new(),
        };
        if bytes.is_empty() && !end.link.has_question() {
            return self.end_arrives(at, end, nets);
        }
        let mut input = &bytes[..];
        let phase = end.link.phase();
        let fault = match &mut end.owner {
            Owner::Script { reader, received } => {
                read_script(reader, received, &mut input);
                None
            }
            Owner::Node { .. } => match end.link.receive(&mut input) {
                Ok(frame) => {
                    end.pending = frame.map(|frame| (role_of(phase, &frame), frame));
                    None
                }
                Err(fault) => Some(fault),
            },
        };
        let taken = bytes.len() - input.len();
        if let Some(peer) = self.ends.get_mut(&end.peer) {
            peer.link.sent(taken);
        }
        let owner = if let Owner::Node { node, link } = end.owner { Some((node, link)) } else { None };
        self.ends.insert(at, end);
        if let Some((node, link)) = owner {
            match fault {
                Some(fault) => self.close(nets[node], link, CloseReason::Fault(PeerFault::Frame(fault)), 0),
                None => drop(self.hand(nets[node], link, None)),
            }
        }
        format!("{taken} bytes")
    }

    /// The end of the connection arrives.
    fn end_arrives(&mut self, at: usize, end: End, nets: &mut [&mut NodeNet]) -> String {
        let Owner::Node { node, link } = end.owner else {
            // A script's end stays for as long as its test has messages to take; the test's map is small.
            let closed = End { closed: true, ..end };
            self.ends.insert(at, closed);
            return "script ended".to_owned();
        };
        let lost = CloseReason::Lost("closed by the other side".to_owned());
        let reason = end.farewell.clone().unwrap_or(lost);
        self.ends.insert(at, end);
        self.close(nets[node], link, reason, 0);
        self.ends.remove(&at);
        "ended".to_owned()
    }

    /// Hands on the frame that an end holds. False: the inbox is full.
    fn hand(&mut self, net: &mut NodeNet, link: LinkId, turn_at: Option<RoleId>) -> bool {
        let Some(at) = net.ends.get(&link) else { return true };
        let Some(end) = self.ends.get_mut(at) else { return true };
        let Some((role, frame)) = end.pending.take() else { return true };
        if frame.kind == Kind::Goodbye
            && let Ok(Message::Goodbye { code, retry_after }) = Message::decode(frame.kind, &frame.body)
        {
            end.farewell = Some(CloseReason::Remote { code, retry_after });
        }
        if let Err(frame) = net.delivery.hand(role, link, frame, turn_at == Some(role)) {
            end.pending = Some((role, frame));
            return false;
        }
        true
    }

    fn flush(&mut self, net: &mut NodeNet) {
        for role in hearers(true) {
            let mut open = net.delivery.flush(*role);
            while open {
                let Some(link) = net.delivery.next_waiting(*role) else { break };
                open = self.hand(net, link, Some(*role));
            }
        }
    }
}

fn script_owner(magic: [u8; 4]) -> Owner {
    Owner::Script { reader: FrameReader::new(magic), received: VecDeque::new() }
}

fn role_of(phase: Phase, frame: &Frame) -> RoleId {
    if phase == Phase::Open { RoleId::for_kind(frame.kind) } else { RoleId::Handshake }
}

fn read_script(reader: &mut FrameReader, received: &mut VecDeque<Message>, input: &mut &[u8]) {
    while let Some(frame) = reader.read(input).expect("a node sends frames of its network") {
        received.push_back(frame.open().expect("a node sends messages that it could read itself"));
    }
}
