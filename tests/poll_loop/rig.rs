//! A poll loop on a thread of its own, with inboxes, orders and a clock in the test's hands. Every wait has an end.

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use portable_atomic::AtomicU64;
use tussock::{
    base::{
        hash::Hash,
        ids::{LinkId, NodeId},
        rng::Rng,
        time::Time,
    },
    link::{Config, EventSink, Order, Transport, hearers},
    net::{LineConditions, Listener, OrderSource, Poller, Traffic, Waker},
    node::{CloseReason, Direction, LinkAction, LinkEvent, PeerInfo, RoleId},
    wire::{
        frame::{Frame, FrameReader},
        message::Message,
    },
};

pub(super) const MAGIC: [u8; 4] = [9, 8, 7, 6];
/// Who the test's peers are.
pub(super) const THEM: NodeId = NodeId([2; 32]);
/// Bytes of an identity, with which each side begins.
pub(super) const ID_BYTES: usize = 32;
/// Far beyond what any step takes; only a broken loop waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Rig {
    pub(super) address: SocketAddr,
    pub(super) traffic: Arc<Traffic>,
    waker: Waker,
    events: BTreeMap<RoleId, Receiver<LinkEvent>>,
    orders: Sender<Order>,
    /// How many more events the handshake role's inbox takes.
    room: Arc<AtomicUsize>,
    time: Arc<AtomicU64>,
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

struct Sink(BTreeMap<RoleId, Sender<LinkEvent>>, Arc<AtomicUsize>);
struct Source(Receiver<Order>);

impl EventSink for Sink {
    fn try_deliver(&mut self, role: RoleId, event: LinkEvent) -> Result<(), LinkEvent> {
        if role == RoleId::Handshake && self.1.fetch_update(SeqCst, SeqCst, |room| room.checked_sub(1)).is_err() {
            return Err(event);
        }
        // The test may have ended.
        drop(self.0[&role].send(event));
        Ok(())
    }
}

impl OrderSource for Source {
    fn next_order(&mut self) -> Option<Order> {
        self.0.try_recv().ok()
    }
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::over(None, change)
    }

    /// A loop that sends over an emulated line.
    pub(super) fn over_line(line: &str) -> Self {
        Self::over(Some(line.parse().unwrap()), |_| {})
    }

    fn over(line: Option<LineConditions>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { transport: Transport::Clear(NodeId([1; ID_BYTES])), ..Config::new(MAGIC, 8) };
        change(&mut config);
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_address().unwrap();
        let mut poller = Poller::new(config).unwrap();
        if let Some(line) = line {
            poller = poller.over_line(line, Rng::from_number(1));
        }
        let (traffic, waker) = (poller.traffic(), poller.waker());
        let (mut senders, mut events) = (BTreeMap::new(), BTreeMap::new());
        for role in hearers(true) {
            let (sender, receiver) = channel();
            senders.insert(*role, sender);
            events.insert(*role, receiver);
        }
        let (room, time) = (Arc::new(AtomicUsize::new(usize::MAX)), Arc::new(AtomicU64::new(0)));
        let (orders, source) = channel();
        let (sink, source) = (Box::new(Sink(senders, Arc::clone(&room))), Box::new(Source(source)));
        let clock = Arc::clone(&time);
        let run = move || poller.run(vec![listener], sink, source, move || Time(clock.load(SeqCst)));
        Self { address, traffic, waker, events, orders, room, time, thread: Some(thread::spawn(run)) }
    }

    pub(super) fn order(&self, order: Order) {
        // A loop that has ended takes no orders.
        drop(self.orders.send(order));
        self.waker.wake();
    }

    pub(super) fn link(&self, action: LinkAction) {
        self.order(Order::Link(action));
    }

    pub(super) fn send(&self, link: LinkId, message: &Message) {
        self.link(LinkAction::Send { link, frame: Frame::new(message) });
    }

    /// Moves the loop's clock.
    pub(super) fn pass(&self, seconds: u64) {
        self.pass_ms(seconds * 1000);
    }

    /// The same in milliseconds.
    pub(super) fn pass_ms(&self, ms: u64) {
        self.time.fetch_add(ms * 1000, SeqCst);
        self.waker.wake();
    }

    /// How many more events the handshake role takes from here on.
    pub(super) fn set_room(&self, room: usize) {
        self.room.store(room, SeqCst);
        self.waker.wake();
    }

    /// A role's next event.
    pub(super) fn event(&self, role: RoleId) -> LinkEvent {
        self.events[&role].recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no event for {role:?}"))
    }

    /// A role's next event, if it has heard one.
    pub(super) fn try_event(&self, role: RoleId) -> Option<LinkEvent> {
        self.events[&role].try_recv().ok()
    }

    /// A role's next frame, opened.
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

    /// A peer that dialled us; both roles of new links have heard of it.
    pub(super) fn accept(&self) -> (LinkId, Peer) {
        let peer = Peer::connect(self.address);
        let opened = self.event(RoleId::Handshake);
        assert_eq!(self.event(RoleId::Peers), opened);
        let LinkEvent::Opened { link, direction: Direction::Inbound, remote } = opened else {
            panic!("heard {opened:?}")
        };
        assert_eq!(remote, peer.stream.local_addr().unwrap());
        assert_eq!(self.event(RoleId::Handshake), LinkEvent::Secured { link, node: THEM });
        (link, peer)
    }

    /// A peer after its handshake; all roles have heard of it.
    pub(super) fn accept_up(&self) -> (LinkId, Peer) {
        let (link, peer) = self.accept();
        self.up(link, peer.stream.local_addr().unwrap());
        (link, peer)
    }

    /// Ends the handshake of a link; all roles hear of it.
    pub(super) fn up(&self, link: LinkId, remote: SocketAddr) {
        self.link(LinkAction::Promote { link, peer: info(remote) });
        for role in hearers(true) {
            let event = std::iter::repeat_with(|| self.event(*role)).find(|event| !is_opening(event));
            assert!(matches!(event, Some(LinkEvent::Up { link: up, .. }) if up == link), "{event:?}");
        }
    }

    /// Returns when the loop has carried out all orders so far and given all links a turn.
    pub(super) fn settle(&self, link: LinkId, peer: &mut Peer) {
        for nonce in 0..3 {
            self.send(link, &Message::Pong(nonce));
            assert_eq!(peer.read(), Message::Pong(nonce));
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.order(Order::Stop);
            self.pass(u64::from(u32::MAX));
            if let Some(thread) = self.thread.take() {
                thread.join().expect("the poll loop does not panic").unwrap();
            }
        }
    }
}

/// What roles hear of a link before its handshake has ended.
fn is_opening(event: &LinkEvent) -> bool {
    matches!(event, LinkEvent::Opened { .. } | LinkEvent::Closed { .. })
}

/// The other end of a link, in the test's hands.
pub(super) struct Peer {
    pub(super) stream: TcpStream,
    /// Bytes of the loop's identity that are still to come.
    pub(super) before: usize,
    reader: FrameReader,
    unread: Vec<u8>,
}

impl Peer {
    pub(super) fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    pub(super) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut peer = Self { stream, before: ID_BYTES, reader: FrameReader::new(MAGIC), unread: Vec::new() };
        peer.write_bytes(&THEM.0);
        peer
    }

    pub(super) fn write(&mut self, message: &Message) {
        self.write_bytes(&Frame::new(message).to_bytes(MAGIC));
    }

    pub(super) fn write_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Whether something has arrived that was not read yet.
    pub(super) fn has_unread(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        !self.unread.is_empty() || peeked.is_ok_and(|bytes| bytes > 0)
    }

    /// The next message; panics at the end of the connection.
    pub(super) fn read(&mut self) -> Message {
        self.try_read().expect("the connection has not ended")
    }

    /// The next message, or `None` at the end of the connection.
    pub(super) fn try_read(&mut self) -> Option<Message> {
        loop {
            let introduction = self.before.min(self.unread.len());
            self.before -= introduction;
            let mut input = &self.unread[introduction..];
            let frame = self.reader.read(&mut input).unwrap();
            self.unread = input.to_vec();
            if let Some(frame) = frame {
                return Some(frame.open().unwrap());
            }
            let mut bytes = vec![0; 64 * 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(got) => self.unread.extend_from_slice(&bytes[..got]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("nothing to read: {error}"),
            }
        }
    }
}

fn info(remote: SocketAddr) -> Arc<PeerInfo> {
    Arc::new(PeerInfo {
        node: THEM,
        direction: Direction::Inbound,
        remote,
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
