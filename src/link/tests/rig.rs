//! An endpoint with inboxes, connections and a clock in the test's hands. Everything happens at once.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use crate::{
    base::{
        hash::Hash,
        ids::{DialId, LinkId, NodeId},
        time::Time,
    },
    link::{Config, Endpoint, EventSink, Order, Transport, Usage, hearers},
    node::{
        CloseReason, Direction, LinkAction, LinkEvent, PeerInfo, RoleId,
        limit::{Limit, Meter},
        report::Counter,
    },
    wire::{
        frame::{Frame, FrameReader},
        message::{Kind, Message},
    },
};

pub(super) const MAGIC: [u8; 4] = [9, 8, 7, 6];
pub(super) const US: NodeId = NodeId([1; 32]);
pub(super) const THEM: NodeId = NodeId([2; 32]);

#[derive(Clone)]
pub(super) struct Rig(Rc<RefCell<State>>);

struct State {
    endpoint: Endpoint<Inboxes>,
    now: Time,
    pipes: BTreeMap<LinkId, Pipe>,
    /// Bytes that a connection takes before its peer reads.
    window: usize,
    next_port: u16,
}

#[derive(Default)]
pub(super) struct Inboxes {
    events: BTreeMap<RoleId, VecDeque<LinkEvent>>,
    /// How many more events a role's inbox takes; absent: any number.
    room: BTreeMap<RoleId, usize>,
    /// Transactions that were sent.
    transactions: u64,
}

/// A connection: bytes under way in both directions.
#[derive(Default)]
struct Pipe {
    to_node: VecDeque<u8>,
    to_peer: VecDeque<u8>,
    /// The peer has ended its direction.
    hung_up: bool,
    /// We have ended ours, or dropped the connection.
    ended: bool,
    dropped: bool,
}

impl Inboxes {
    pub(super) fn next(&mut self, role: RoleId) -> Option<LinkEvent> {
        self.events.get_mut(&role).and_then(VecDeque::pop_front)
    }
}

impl EventSink for Inboxes {
    fn try_deliver(&mut self, role: RoleId, event: LinkEvent) -> Result<(), LinkEvent> {
        match self.room.get_mut(&role) {
            Some(0) => return Err(event),
            Some(room) => *room -= 1,
            None => {}
        }
        self.events.entry(role).or_default().push_back(event);
        Ok(())
    }

    fn count(&mut self, counter: Counter, by: u64) {
        assert_eq!(counter, Counter::TransactionsRelayed);
        self.transactions += by;
    }
}

impl State {
    /// Lets the endpoint do all that it can do now.
    fn run(&mut self) {
        self.endpoint.flush(self.now);
        self.endpoint.handle_timeout(self.now);
        while let Some(id) = self.endpoint.next_turn() {
            self.turn(id);
        }
        while let Some(id) = self.endpoint.next_dropped() {
            if let Some(pipe) = self.pipes.get_mut(&id) {
                (pipe.ended, pipe.dropped) = (true, true);
            }
        }
    }

    fn turn(&mut self, id: LinkId) {
        let (now, endpoint) = (self.now, &mut self.endpoint);
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        loop {
            let room = self.window.saturating_sub(pipe.to_peer.len());
            let bytes: Vec<u8> = endpoint.transmit(id, 3).flatten().copied().take(room).collect();
            if bytes.is_empty() {
                break endpoint.blocked(now, id);
            }
            endpoint.sent(id, bytes.len());
            pipe.to_peer.extend(bytes);
        }
        pipe.ended |= endpoint.has_finished(id);
        loop {
            let wanted = endpoint.wants(now, id);
            let bytes: Vec<u8> = pipe.to_node.drain(..wanted.min(pipe.to_node.len())).collect();
            if !bytes.is_empty() {
                endpoint.received(now, id, &bytes);
            } else if wanted > 0 && pipe.hung_up {
                return endpoint.disconnected(now, id, "closed by the other side");
            } else {
                return;
            }
        }
    }
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { transport: Transport::Clear(US), ..Config::new(MAGIC, 8) };
        change(&mut config);
        let endpoint = Endpoint::new(config, Inboxes::default());
        let (now, pipes) = (Time::default(), BTreeMap::new());
        Self(Rc::new(RefCell::new(State { endpoint, now, pipes, window: usize::MAX, next_port: 1 })))
    }

    fn act<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.borrow_mut();
        let done = act(&mut state);
        state.run();
        done
    }

    pub(super) fn set_window(&self, bytes: usize) {
        self.act(|state| state.window = bytes);
    }

    pub(super) fn order(&self, order: Order) {
        self.orders([order]);
    }

    pub(super) fn link(&self, action: LinkAction) {
        self.order(Order::Link(action));
    }

    /// Orders without a turn of any link between them.
    pub(super) fn orders(&self, orders: impl IntoIterator<Item = Order>) {
        self.act(|state| orders.into_iter().for_each(|order| state.endpoint.order(state.now, order)));
    }

    pub(super) fn send(&self, link: LinkId, message: &Message) {
        self.link(LinkAction::Send { link, frame: Frame::new(message) });
    }

    pub(super) fn answer(&self, link: LinkId, message: &Message) {
        self.link(LinkAction::Answer { link, request: Kind::GetBlock, frames: vec![Frame::new(message)] });
    }

    pub(super) fn relay(&self, link: LinkId, message: &Message) {
        self.link(LinkAction::Relay { link, frame: Frame::new(message) });
    }

    pub(super) fn close(&self, link: LinkId, reason: CloseReason) {
        self.link(LinkAction::Close { link, reason: Box::new(reason), retry_after: 7 });
    }

    pub(super) fn promote(&self, link: LinkId) {
        self.link(LinkAction::Promote { link, peer: info() });
    }

    pub(super) fn pass(&self, seconds: u64) {
        self.pass_ms(seconds * 1000);
    }

    pub(super) fn pass_ms(&self, ms: u64) {
        self.act(|state| state.now = state.now + Duration::from_millis(ms));
    }

    /// How long from now until the endpoint wants to be woken.
    pub(super) fn sleeps(&self) -> Option<Duration> {
        self.act(|state| state.endpoint.deadline().map(|at| at.since(state.now)))
    }

    pub(super) fn set_room(&self, role: RoleId, room: Option<usize>) {
        self.act(|state| {
            let rooms = &mut state.endpoint.sink_mut().room;
            match room {
                Some(room) => drop(rooms.insert(role, room)),
                None => drop(rooms.remove(&role)),
            }
        });
    }

    pub(super) fn event(&self, role: RoleId) -> LinkEvent {
        let event = self.act(|state| state.endpoint.sink_mut().events.get_mut(&role).and_then(VecDeque::pop_front));
        event.unwrap_or_else(|| panic!("no event for {role:?}"))
    }

    pub(super) fn heard(&self, role: RoleId) -> usize {
        self.act(|state| state.endpoint.sink().events.get(&role).map_or(0, VecDeque::len))
    }

    pub(super) fn message(&self, role: RoleId) -> (LinkId, Message) {
        match self.event(role) {
            LinkEvent::Frame { link, frame } => (link, frame.open().unwrap()),
            other => panic!("{role:?} heard {other:?}"),
        }
    }

    pub(super) fn closed(&self, role: RoleId) -> (LinkId, CloseReason) {
        match self.event(role) {
            LinkEvent::Closed { link, reason } => (link, reason),
            other => panic!("{role:?} heard {other:?}"),
        }
    }

    pub(super) fn sent_transactions(&self) -> u64 {
        self.act(|state| state.endpoint.sink().transactions)
    }

    pub(super) fn is_up(&self, link: LinkId) -> bool {
        self.act(|state| state.endpoint.is_up(link))
    }

    pub(super) fn usage(&self) -> Usage {
        self.act(|state| state.endpoint.usage())
    }

    pub(super) fn meter(&self, which: Limit) -> Meter {
        let meters = self.act(|state| *state.endpoint.meters(state.now));
        meters.into_iter().find(|(limit, _)| *limit == which).unwrap().1
    }

    /// A peer dials us; `None`: it is refused.
    pub(super) fn try_accept(&self) -> Option<(LinkId, Peer)> {
        self.try_accept_from([1, 2, 3, 4])
    }

    /// The same, from this address.
    pub(super) fn try_accept_from(&self, ip: [u8; 4]) -> Option<(LinkId, Peer)> {
        let link = self.act(|state| {
            state.next_port += 1;
            let link = state.endpoint.accepted(state.now, SocketAddr::from((ip, state.next_port)))?;
            state.pipes.insert(link, Pipe::default());
            Some(link)
        })?;
        Some((link, Peer { rig: self.clone(), link, reader: FrameReader::new(MAGIC) }))
    }

    /// A peer that dialled us; both roles of new links have heard of it.
    pub(super) fn accept(&self) -> (LinkId, Peer) {
        let (link, mut peer) = self.try_accept().expect("there is a free place");
        let opened = self.event(RoleId::Handshake);
        assert_eq!(self.event(RoleId::Peers), opened);
        assert!(matches!(opened, LinkEvent::Opened { link: id, direction: Direction::Inbound, .. } if id == link));
        peer.introduce();
        assert_eq!(self.event(RoleId::Handshake), LinkEvent::Secured { link, node: THEM });
        (link, peer)
    }

    /// A peer after its handshake; all roles have heard of it.
    pub(super) fn accept_up(&self) -> (LinkId, Peer) {
        let (link, peer) = self.accept();
        self.promote(link);
        for role in hearers(true) {
            assert!(matches!(self.event(*role), LinkEvent::Up { link: up, .. } if up == link));
        }
        (link, peer)
    }

    pub(super) fn dial(&self, dial: u64, address: SocketAddr) -> Option<LinkId> {
        self.link(LinkAction::Dial { dial: DialId(dial), address, node: None });
        self.act(|state| state.endpoint.next_dial()).map(|(link, to)| {
            assert_eq!(to, address);
            link
        })
    }

    pub(super) fn connected(&self, link: LinkId) {
        self.act(|state| {
            state.pipes.insert(link, Pipe::default());
            state.endpoint.connected(state.now, link);
        });
    }

    /// Forgets what roles have heard.
    pub(super) fn forget_events(&self) {
        self.act(|state| state.endpoint.sink_mut().events.clear());
    }

    /// Bytes arrive on a link that we dialled.
    pub(super) fn hear(&self, link: LinkId) {
        self.act(|state| {
            state.pipes.get_mut(&link).expect("each link has a pipe").to_node.extend(THEM.0);
            state.endpoint.ready(link);
        });
    }

    pub(super) fn segment_limit(&self, address: &str) -> Option<u32> {
        self.act(|state| state.endpoint.segment_limit(address.parse().unwrap()))
    }

    pub(super) fn small_segment_links(&self) -> usize {
        self.act(|state| state.endpoint.small_segment_links())
    }

    pub(super) fn disconnected(&self, link: LinkId, why: &str) {
        self.act(|state| state.endpoint.disconnected(state.now, link, why));
    }
}

/// The other end of a link.
pub(super) struct Peer {
    rig: Rig,
    link: LinkId,
    reader: FrameReader,
}

impl Peer {
    fn pipe<T>(&self, act: impl FnOnce(&mut Pipe) -> T) -> T {
        self.rig.act(|state| {
            state.endpoint.ready(self.link);
            act(state.pipes.get_mut(&self.link).expect("each link has a pipe"))
        })
    }

    pub(super) fn write(&mut self, message: &Message) {
        self.write_bytes(&Frame::new(message).to_bytes(MAGIC));
    }

    pub(super) fn write_bytes(&mut self, bytes: &[u8]) {
        self.pipe(|pipe| pipe.to_node.extend(bytes));
    }

    /// Bytes that the node has not read.
    pub(super) fn unread(&self) -> usize {
        self.pipe(|pipe| pipe.to_node.len())
    }

    /// All bytes that have arrived.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        self.pipe(|pipe| pipe.to_peer.drain(..).collect())
    }

    /// Both sides say who they are.
    pub(super) fn introduce(&mut self) {
        let window = self.rig.act(|state| std::mem::replace(&mut state.window, usize::MAX));
        self.write_bytes(&THEM.0);
        self.rig.set_window(window);
        let said: Vec<u8> = self.pipe(|pipe| pipe.to_peer.drain(..32).collect());
        assert_eq!(said, US.0);
    }

    /// Ends the peer's direction.
    pub(super) fn hang_up(&self) {
        self.pipe(|pipe| pipe.hung_up = true);
    }

    pub(super) fn read(&mut self) -> Message {
        self.try_read().expect("there is something to read")
    }

    /// The next message that has arrived.
    pub(super) fn try_read(&mut self) -> Option<Message> {
        loop {
            let most = self.reader.wanted().max(1);
            let bytes: Vec<u8> = self.pipe(|pipe| pipe.to_peer.drain(..pipe.to_peer.len().min(most)).collect());
            let frame = self.reader.read(&mut &bytes[..]).unwrap();
            match frame {
                Some(frame) => return Some(frame.open().unwrap()),
                None if bytes.is_empty() => return None,
                None => {}
            }
        }
    }

    /// The next message, if it is there after so many bytes more.
    pub(super) fn try_read_within(&mut self, bytes: usize) -> Option<Message> {
        let most = self.reader.wanted().clamp(1, bytes);
        let bytes: Vec<u8> = self.pipe(|pipe| pipe.to_peer.drain(..pipe.to_peer.len().min(most)).collect());
        let frame = self.reader.read(&mut &bytes[..]).unwrap();
        frame.map(|frame| frame.open().unwrap())
    }

    /// Whether our side has ended the connection.
    pub(super) fn sees_end(&self) -> bool {
        self.pipe(|pipe| pipe.ended && pipe.to_peer.is_empty())
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.pipe(|pipe| pipe.dropped)
    }
}

pub(super) fn info() -> Arc<PeerInfo> {
    Arc::new(PeerInfo {
        node: THEM,
        direction: Direction::Inbound,
        remote: SocketAddr::from(([1, 2, 3, 4], 1)),
        listens: None,
        protocol: 1,
        services: 1,
        height: 0,
        tip: Hash::ZERO,
        work: Default::default(),
        clock_offset: 0,
        agent: "test".to_owned(),
    })
}
