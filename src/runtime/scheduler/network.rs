//! The scheduler's stand-in for the poll loop: connections as pairs of sockets, and bytes carried from one to the other
//! in pieces of random size. What a link does is the real [`Endpoint`]'s business.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use crate::{
    base::{ids::LinkId, limits::MAX_INBOUND, rng::Rng, time::Time},
    link::{Endpoint, Order},
    net::OrderSource as _,
    runtime::{
        channels::{Orders, Sink, WakeNet},
        fakes,
    },
    wire::{
        frame::{Frame, FrameReader},
        message::Message,
    },
};

/// The most bytes that one move carries.
const PIECE_BYTES: u64 = 40_000;
/// Bytes that a socket holds for its owner.
const SOCKET_BYTES: usize = 100_000;

/// The far end of a scripted link, in the test's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Script(usize);

/// All connections.
pub(super) struct Network {
    magic: [u8; 4],
    rng: Rng,
    sockets: BTreeMap<usize, Socket>,
    next_socket: usize,
    next_port: u16,
    listeners: BTreeMap<SocketAddr, VecDeque<Script>>,
}

/// One end of a connection.
struct Socket {
    owner: Owner,
    /// The other end; it may be gone.
    peer: usize,
    unread: VecDeque<u8>,
    /// Nothing more arrives.
    ended: bool,
    /// Its owner has bytes to send that the other end had no room for.
    blocked: bool,
    /// The node that has it is to look at it.
    has_news: bool,
}

enum Owner {
    Node {
        node: usize,
        link: LinkId,
    },
    Script {
        /// Bytes of the node's identity that are still to come.
        before: usize,
        reader: FrameReader,
        received: VecDeque<Message>,
    },
}

/// A node's part of the network.
pub(super) struct NodeNet {
    listen: Option<SocketAddr>,
    endpoint: Endpoint<Sink>,
    orders: Orders,
    /// An inbox that was full has room.
    woken: Arc<AtomicBool>,
    sockets: BTreeMap<LinkId, usize>,
    ended: bool,
}

/// Something that can happen on the network.
#[derive(Clone, Copy, Debug)]
pub(super) enum NetMove {
    /// A node's poll loop does one thing.
    Node(usize),
    /// Bytes, or the end of the connection, arrive at a script.
    Script(usize),
}

/// The runtime's way to wake the poll loop, and how the scheduler notices.
pub(super) fn wake_flag() -> (WakeNet, Arc<AtomicBool>) {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    (Arc::new(move || set.store(true, SeqCst)), flag)
}

impl NodeNet {
    /// The node is gone.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// When the links have something to do although nothing happens.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.endpoint.deadline().filter(|_| !self.ended)
    }

    fn is_busy(&self, now: Time) -> bool {
        let is_due = self.deadline().is_some_and(|at| at <= now);
        !self.ended && (self.orders.has_next() || self.woken.load(SeqCst) || self.endpoint.turns() > 0 || is_due)
    }
}

impl Network {
    pub(super) fn new(magic: [u8; 4], rng: Rng) -> Self {
        let (sockets, listeners) = (BTreeMap::new(), BTreeMap::new());
        Self { magic, rng, sockets, next_socket: 0, next_port: 50_000, listeners }
    }

    /// The part of a node that can be dialled at `listen`.
    pub(super) fn node(
        &self,
        listen: Option<SocketAddr>,
        sink: Sink,
        orders: Orders,
        woken: Arc<AtomicBool>,
    ) -> NodeNet {
        let endpoint = Endpoint::new(fakes::config(self.magic, MAX_INBOUND), sink);
        NodeNet { listen, endpoint, orders, woken, sockets: BTreeMap::new(), ended: false }
    }

    /// Sends a message from the test's peer. Ignored if the link is gone.
    pub(super) fn send(&mut self, script: Script, message: &Message) {
        let bytes = Frame::new(message).to_bytes(self.magic);
        if let Some(node) = self.peer_of(script.0) {
            node.unread.extend(bytes);
            node.has_news = true;
        }
    }

    /// The next message that the node sent to the test's peer.
    pub(super) fn received(&mut self, script: Script) -> Option<Message> {
        match &mut self.sockets.get_mut(&script.0)?.owner {
            Owner::Script { received, .. } => received.pop_front(),
            Owner::Node { .. } => None,
        }
    }

    /// Whether the node's end of the link stands, or messages from it are left.
    pub(super) fn is_open(&self, script: Script) -> bool {
        self.sockets.get(&script.0).is_some_and(|socket| {
            let is_read = matches!(&socket.owner, Owner::Script { received, .. } if received.is_empty());
            !(socket.ended && socket.unread.is_empty() && is_read)
        })
    }

    /// The test's peer ends the connection without a word, after what is sent.
    pub(super) fn hang_up(&mut self, script: Script) {
        if let Some(node) = self.peer_of(script.0) {
            (node.ended, node.has_news) = (true, true);
        }
    }

    pub(super) fn listen(&mut self, address: SocketAddr) {
        self.listeners.entry(address).or_default();
    }

    pub(super) fn dialled(&mut self, address: SocketAddr) -> Option<Script> {
        self.listeners.get_mut(&address)?.pop_front()
    }

    pub(super) fn dial_in(&mut self, now: Time, net: &mut NodeNet, node: usize, from: SocketAddr) -> Script {
        let (script, near) = self.pair();
        self.add(script, near, script_owner(self.magic));
        match net.endpoint.accepted(now, from) {
            Some(link) => {
                net.sockets.insert(link, near);
                self.add(near, script, Owner::Node { node, link });
                self.introduce(near);
            }
            None => self.socket(script).ended = true,
        }
        Script(script)
    }

    /// What can happen now.
    pub(super) fn moves(&self, now: Time, nets: &[&NodeNet]) -> Vec<NetMove> {
        let news = |node: usize| self.sockets.values().any(|socket| socket.has_news && socket.is_of(node));
        let busy = |(node, net): &(usize, &&NodeNet)| net.is_busy(now) || !net.ended && news(*node);
        let nodes = nets.iter().enumerate().filter(busy).map(|(node, _)| NetMove::Node(node));
        let unread =
            |(_, socket): &(&usize, &Socket)| matches!(socket.owner, Owner::Script { .. }) && !socket.unread.is_empty();
        let scripts = self.sockets.iter().filter(unread).map(|(at, _)| NetMove::Script(*at));
        nodes.chain(scripts).collect()
    }

    /// Lets it happen and says what it was.
    pub(super) fn perform(&mut self, at: NetMove, now: Time, nets: &mut [&mut NodeNet]) -> String {
        match at {
            NetMove::Node(node) => self.node_turn(node, now, nets),
            NetMove::Script(script) => self.script_reads(script),
        }
    }

    /// A stopping node accepts and dials no more.
    pub(super) fn retire(&mut self, now: Time, net: &mut NodeNet) {
        net.endpoint.order(now, Order::Retire);
        self.drop_given_up(net);
    }

    /// Carries out all orders that a stopping node has given, and ends its links.
    pub(super) fn say_goodbye(&mut self, now: Time, net: &mut NodeNet) {
        while let Some(order) = net.orders.next_order() {
            net.endpoint.order(now, order);
        }
        net.endpoint.order(now, Order::Stop);
        net.sockets.keys().for_each(|link| net.endpoint.ready(*link));
        while let Some(link) = net.endpoint.next_turn() {
            let Some(at) = net.sockets.get(&link) else { continue };
            let at = *at;
            loop {
                let bytes: Vec<u8> = net.endpoint.transmit(link, usize::MAX).flatten().copied().collect();
                if bytes.is_empty() {
                    break;
                }
                net.endpoint.sent(link, bytes.len());
                self.carry(at, bytes);
            }
        }
        for at in std::mem::take(&mut net.sockets).into_values() {
            self.remove(at);
        }
    }

    /// Cuts all links of a node that is gone; bytes under way are lost.
    pub(super) fn cut(&mut self, net: &mut NodeNet) {
        for at in std::mem::take(&mut net.sockets).into_values() {
            if let Some(peer) = self.peer_of(at) {
                peer.unread.clear();
            }
            self.remove(at);
        }
    }

    fn node_turn(&mut self, node: usize, now: Time, nets: &mut [&mut NodeNet]) -> String {
        let net = &mut *nets[node];
        if net.woken.swap(false, SeqCst) {
            net.endpoint.flush(now);
        }
        net.endpoint.handle_timeout(now);
        for socket in self.sockets.values_mut().filter(|socket| socket.is_of(node)) {
            if let (true, Owner::Node { link, .. }) = (std::mem::take(&mut socket.has_news), &socket.owner) {
                net.endpoint.ready(*link);
            }
        }
        let has_turn = net.endpoint.turns() > 0;
        let orders_first = net.orders.has_next() && (!has_turn || self.rng.chance(500_000));
        let order = if orders_first { net.orders.next_order() } else { None };
        let what = if let Some(order) = order {
            let what = format!("{order:?}");
            net.endpoint.order(now, order);
            what
        } else if let Some(link) = net.endpoint.next_turn() {
            self.link_turn(now, net, link)
        } else {
            "flushed".to_owned()
        };
        while let Some((link, address)) = nets[node].endpoint.next_dial() {
            self.connect(now, nets, node, (link, address));
        }
        self.drop_given_up(nets[node]);
        what
    }

    /// Carries one piece in each direction.
    fn link_turn(&mut self, now: Time, net: &mut NodeNet, link: LinkId) -> String {
        let Some(at) = net.sockets.get(&link).copied() else { return "gone".to_owned() };
        let room = self.peer_of(at).map_or(usize::MAX, |peer| SOCKET_BYTES.saturating_sub(peer.unread.len()));
        let most = room.min(self.piece());
        let bytes: Vec<u8> = net.endpoint.transmit(link, 3).flatten().copied().take(most).collect();
        let sent = bytes.len();
        net.endpoint.sent(link, sent);
        self.carry(at, bytes);
        if net.endpoint.transmit(link, 1).next().is_some() {
            if room == 0 {
                net.endpoint.blocked(now, link);
                self.socket(at).blocked = true;
            } else {
                net.endpoint.ready(link);
            }
        }
        if net.endpoint.has_finished(link) {
            self.end_direction_of(at);
        }
        let wanted = net.endpoint.wants(now, link);
        let most = wanted.min(self.piece());
        let socket = self.socket(at);
        let bytes: Vec<u8> = socket.unread.drain(..most.min(socket.unread.len())).collect();
        if !bytes.is_empty() {
            net.endpoint.received(now, link, &bytes);
        } else if wanted > 0 && socket.ended {
            net.endpoint.disconnected(now, link, "closed by the other side");
        }
        if wanted > 0 && (socket.ended || !socket.unread.is_empty()) {
            net.endpoint.ready(link);
        }
        let read = bytes.len();
        self.unblock_peer_of(at);
        format!("{sent} bytes out, {read} in")
    }

    fn connect(&mut self, now: Time, nets: &mut [&mut NodeNet], node: usize, (link, address): (LinkId, SocketAddr)) {
        let (near, far) = self.pair();
        let found = nets.iter().position(|net| !net.ended && net.listen == Some(address));
        if let Some(other) = found {
            let from = SocketAddr::new(address.ip(), self.next_port);
            self.next_port = self.next_port.wrapping_add(1).max(50_000);
            if let Some(accepted) = nets[other].endpoint.accepted(now, from) {
                nets[other].sockets.insert(accepted, far);
                self.add(far, near, Owner::Node { node: other, link: accepted });
            }
        } else if let Some(scripts) = self.listeners.get_mut(&address) {
            scripts.push_back(Script(far));
            self.add(far, near, script_owner(self.magic));
        } else {
            return nets[node].endpoint.disconnected(now, link, "connection refused");
        }
        nets[node].endpoint.connected(now, link);
        nets[node].sockets.insert(link, near);
        self.add(near, far, Owner::Node { node, link });
        if self.sockets.get(&far).is_some_and(|socket| matches!(socket.owner, Owner::Script { .. })) {
            self.introduce(near);
        }
        // A far end that was refused is gone.
        self.socket(near).ended = !self.sockets.contains_key(&far);
    }

    /// The script says who it is.
    fn introduce(&mut self, at: usize) {
        let socket = self.socket(at);
        socket.unread.extend([9; 32]);
        socket.has_news = true;
    }

    fn script_reads(&mut self, at: usize) -> String {
        let piece = self.piece();
        let socket = self.socket(at);
        let bytes: Vec<u8> = socket.unread.drain(..piece.min(socket.unread.len())).collect();
        if let Owner::Script { before, reader, received } = &mut socket.owner {
            let introduction = (*before).min(bytes.len());
            *before -= introduction;
            let mut input = &bytes[introduction..];
            while let Some(frame) = reader.read(&mut input).expect("a node sends frames of its network") {
                received.push_back(frame.open().expect("a node sends messages that it could read itself"));
            }
        }
        self.unblock_peer_of(at);
        format!("{} bytes", bytes.len())
    }

    fn piece(&mut self) -> usize {
        1 + self.rng.below(PIECE_BYTES) as usize
    }

    fn pair(&mut self) -> (usize, usize) {
        self.next_socket += 2;
        (self.next_socket - 2, self.next_socket - 1)
    }

    fn add(&mut self, at: usize, peer: usize, owner: Owner) {
        let socket = Socket { owner, peer, unread: VecDeque::new(), ended: false, blocked: false, has_news: true };
        self.sockets.insert(at, socket);
    }

    fn socket(&mut self, at: usize) -> &mut Socket {
        self.sockets.get_mut(&at).expect("a link has a socket until it is dropped")
    }

    fn peer_of(&mut self, at: usize) -> Option<&mut Socket> {
        let peer = self.sockets.get(&at)?.peer;
        self.sockets.get_mut(&peer)
    }

    /// Bytes arrive at the other end; if it is gone, they are lost.
    fn carry(&mut self, from: usize, bytes: Vec<u8>) {
        if let Some(peer) = self.peer_of(from) {
            peer.has_news |= !bytes.is_empty();
            peer.unread.extend(bytes);
        }
    }

    fn unblock_peer_of(&mut self, at: usize) {
        if let Some(peer) = self.peer_of(at) {
            peer.has_news |= std::mem::take(&mut peer.blocked);
        }
    }

    fn end_direction_of(&mut self, at: usize) {
        if let Some(peer) = self.peer_of(at) {
            (peer.ended, peer.has_news) = (true, true);
        }
    }

    fn remove(&mut self, at: usize) {
        self.end_direction_of(at);
        self.sockets.remove(&at);
    }

    fn drop_given_up(&mut self, net: &mut NodeNet) {
        while let Some(link) = net.endpoint.next_dropped() {
            if let Some(at) = net.sockets.remove(&link) {
                self.remove(at);
            }
        }
    }
}

impl Socket {
    fn is_of(&self, node: usize) -> bool {
        matches!(self.owner, Owner::Node { node: of, .. } if of == node)
    }
}

fn script_owner(magic: [u8; 4]) -> Owner {
    Owner::Script { before: 32, reader: FrameReader::new(magic), received: VecDeque::new() }
}
