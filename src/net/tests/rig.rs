//! A poll loop on a thread of its own, with inboxes, orders and a clock in the test's hands. Every wait has an end.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use crate::{
    base::{hash::Hash, ids::LinkId, time::Time},
    link::{Config, EventSink, Order, hearers},
    net::{Listener, OrderSource, Poller, Traffic, Waker},
    node::{CloseReason, Direction, LinkAction, LinkEvent, PeerInfo, RoleId},
    wire::{
        frame::{Frame, FrameReader},
        message::Message,
    },
};

pub(super) const MAGIC: [u8; 4] = [9, 8, 7, 6];
/// Far beyond what any step takes; only a broken loop waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Rig {
    pub(super) address: SocketAddr,
    pub(super) traffic: Arc<Traffic>,
    pub(super) waker: Waker,
    shared: Arc<Shared>,
    time: Arc<AtomicU64>,
    thread: Option<thread::JoinHandle<io::Result<()>>>,
}

struct Shared {
    inboxes: Mutex<Inboxes>,
    news: Condvar,
    orders: Mutex<VecDeque<Order>>,
}

#[derive(Default)]
struct Inboxes {
    events: BTreeMap<RoleId, VecDeque<LinkEvent>>,
    /// How many more events a role's inbox takes; absent: any number.
    room: BTreeMap<RoleId, usize>,
}

struct Sink(Arc<Shared>);
struct Source(Arc<Shared>);

impl EventSink for Sink {
    fn try_deliver(&mut self, role: RoleId, event: LinkEvent) -> Result<(), LinkEvent> {
        let mut inboxes = self.0.inboxes.lock().unwrap();
        match inboxes.room.get_mut(&role) {
            Some(0) => return Err(event),
            Some(room) => *room -= 1,
            None => {}
        }
        inboxes.events.entry(role).or_default().push_back(event);
        self.0.news.notify_all();
        Ok(())
    }
}

impl OrderSource for Source {
    fn next_order(&mut self) -> Option<Order> {
        self.0.orders.lock().unwrap().pop_front()
    }
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(MAGIC, 8);
        change(&mut config);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_address().unwrap();
        let poller = Poller::new(config).unwrap();
        let (traffic, waker) = (poller.traffic(), poller.waker());
        let shared = Arc::new(Shared { inboxes: Mutex::default(), news: Condvar::new(), orders: Mutex::default() });
        let time = Arc::new(AtomicU64::new(0));
        let (sink, source) = (Box::new(Sink(Arc::clone(&shared))), Box::new(Source(Arc::clone(&shared))));
        let clock = Arc::clone(&time);
        let run = move || poller.run(vec![listener], sink, source, move || Time(clock.load(SeqCst)));
        Self { address, traffic, waker, shared, time, thread: Some(thread::spawn(run)) }
    }

    pub(super) fn order(&self, order: Order) {
        self.shared.orders.lock().unwrap().push_back(order);
        self.waker.wake();
    }

    pub(super) fn send(&self, link: LinkId, message: &Message) {
        self.order(Order::Link(LinkAction::Send { link, frame: Frame::new(message) }));
    }

    pub(super) fn close(&self, link: LinkId, reason: CloseReason) {
        self.order(Order::Link(LinkAction::Close { link, reason: Box::new(reason), retry_after: 7 }));
    }

    /// Moves the loop's clock.
    pub(super) fn pass(&self, seconds: u64) {
        self.time.fetch_add(seconds * 1_000_000, SeqCst);
        self.waker.wake();
    }

    /// How many more events a role takes from here on.
    pub(super) fn set_room(&self, role: RoleId, room: Option<usize>) {
        let mut inboxes = self.inboxes();
        match room {
            Some(room) => drop(inboxes.room.insert(role, room)),
            None => drop(inboxes.room.remove(&role)),
        }
        drop(inboxes);
        self.waker.wake();
    }

    /// A role's next event.
    pub(super) fn event(&self, role: RoleId) -> LinkEvent {
        let empty = |inboxes: &mut Inboxes| inboxes.events.get(&role).is_none_or(VecDeque::is_empty);
        let (mut inboxes, timeout) = self.shared.news.wait_timeout_while(self.inboxes(), PATIENCE, empty).unwrap();
        assert!(!timeout.timed_out(), "no event for {role:?}");
        inboxes.events.get_mut(&role).and_then(VecDeque::pop_front).expect("just seen")
    }

    /// What a role has heard and nobody asked for yet.
    pub(super) fn heard(&self, role: RoleId) -> usize {
        self.inboxes().events.get(&role).map_or(0, VecDeque::len)
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
        (link, peer)
    }

    /// A peer after its handshake; all roles have heard of it.
    pub(super) fn accept_up(&self) -> (LinkId, Peer) {
        let (link, peer) = self.accept();
        self.order(Order::Link(LinkAction::Promote { link, peer: info(peer.stream.local_addr().unwrap()) }));
        for role in hearers(true) {
            assert!(matches!(self.event(*role), LinkEvent::Up { link: up, .. } if up == link));
        }
        (link, peer)
    }

    /// Returns when the loop has carried out all orders so far and given all links a turn.
    pub(super) fn settle(&self, link: LinkId, peer: &mut Peer) {
        for nonce in 0..3 {
            self.send(link, &Message::Pong(nonce));
            assert_eq!(peer.read(), Message::Pong(nonce));
        }
    }

    pub(super) fn stop(mut self) {
        self.order(Order::Stop);
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the poll loop does not panic").unwrap();
        }
    }

    fn inboxes(&self) -> MutexGuard<'_, Inboxes> {
        self.shared.inboxes.lock().unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.time.store(u64::MAX / 2, SeqCst);
            self.order(Order::Stop);
            self.pass(3600);
            self.join();
        }
    }
}

/// The other end of a link, in the test's hands.
pub(super) struct Peer {
    pub(super) stream: TcpStream,
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
        Self { stream, reader: FrameReader::new(MAGIC), unread: Vec::new() }
    }

    pub(super) fn write(&mut self, message: &Message) {
        self.write_bytes(&Frame::new(message).to_bytes(MAGIC));
    }

    pub(super) fn write_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next message; panics at the end of the connection.
    pub(super) fn read(&mut self) -> Message {
        self.try_read().expect("the connection has not ended")
    }

    /// The next message, or `None` at the end of the connection.
    pub(super) fn try_read(&mut self) -> Option<Message> {
        loop {
            let mut input = &self.unread[..];
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

pub(super) fn info(remote: SocketAddr) -> Arc<PeerInfo> {
    Arc::new(PeerInfo {
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
