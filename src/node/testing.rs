//! A small language for role tests: a driver with a hand-set clock, collected actions, and made-up nodes.

use std::{
    cell::RefCell,
    net::SocketAddr,
    sync::{Arc, Once, OnceLock},
    time::Duration,
};

use log::{LevelFilter, Log, Metadata, Record};

use crate::{
    base::{
        hash::Hash,
        ids::{DialId, LinkId, NodeId, Ticket},
        time::{Now, Time, UnixTime},
    },
    chain::{spec::ChainSpec, target::Work},
    node::{
        Action, AnyRole, CloseReason, DialFailure, Direction, Event, LinkAction, LinkEvent, Notice, Outbox, PeerFault,
        PeerInfo, Role, Setup,
        command::{Command, Reply},
        limit::Limit,
        report::{Counter, Report},
    },
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Message, PROTOCOL_VERSION, SERVICE_FULL},
    },
};

/// Unix time at which each test starts. `TEST_EPOCH` sets another: all tests hold in 2042 and in 2106, too.
pub fn epoch() -> u64 {
    static SET: OnceLock<u64> = OnceLock::new();
    let set = || std::env::var("TEST_EPOCH").map_or(1_800_000_000, |text| text.parse().expect("unix seconds"));
    *SET.get_or_init(set)
}

/// Shorthand for a socket address.
pub fn address(text: &str) -> SocketAddr {
    text.parse().expect("tests write valid addresses")
}

/// What a node on the `local` chain starts with.
pub fn setup() -> Setup {
    setup_on(ChainSpec::local())
}

/// What a node on a chain that is not for tests starts with.
pub fn public_setup() -> Setup {
    setup_on(ChainSpec { test: false, ..ChainSpec::local() })
}

fn setup_on(spec: ChainSpec) -> Setup {
    Setup { listen_port: 4130, mine_rate: 0, verifiers: 2, ..Setup::bare(Arc::new(spec)) }
}

/// A peer that listens at `listens`, over a link that it opened.
pub fn inbound_peer(listens: &str) -> PeerInfo {
    let listens = address(listens);
    let remote = SocketAddr::new(listens.ip(), 50_000);
    peer_info(Direction::Inbound, remote, listens)
}

/// A peer at `remote`, over a link that `dial` opened.
pub fn outbound_peer(dial: DialId, remote: SocketAddr) -> PeerInfo {
    peer_info(Direction::Outbound(dial), remote, remote)
}

/// A node that has nothing to do with any other: each link's is another one.
pub fn some_node(link: u64) -> NodeId {
    let mut id = [0xee; 32];
    id[..8].copy_from_slice(&link.to_be_bytes());
    NodeId(id)
}

fn peer_info(direction: Direction, remote: SocketAddr, listens: SocketAddr) -> PeerInfo {
    PeerInfo {
        node: some_node(u64::from(listens.port())),
        direction,
        remote,
        listens: Some(listens),
        protocol: PROTOCOL_VERSION,
        services: SERVICE_FULL,
        height: 0,
        tip: Hash::ZERO,
        work: Work::ZERO,
        clock_offset: 0,
        agent: "/peer/".to_owned(),
    }
}

thread_local! {
    /// `None`: nobody wants the lines of this thread.
    static LINES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Keeps log lines with the thread that writes them.
struct Recorder;

impl Log for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        LINES.with_borrow(Option::is_some)
    }

    fn log(&self, record: &Record<'_>) {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                lines.push(format!("{} {}", record.level(), record.args()));
            }
        });
    }

    fn flush(&self) {}
}

/// Runs something and returns what it logs on this thread: level and text of each line.
pub fn logged<T>(run: impl FnOnce() -> T) -> (T, Vec<String>) {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        log::set_logger(&Recorder).expect("no other unit test installs a logger");
        log::set_max_level(LevelFilter::Debug);
    });
    LINES.set(Some(Vec::new()));
    let result = run();
    (result, LINES.take().unwrap_or_default())
}

/// Drives one role by hand.
pub struct Driver<R> {
    /// The role.
    pub role: R,
    /// What its clock shows.
    pub now: Now,
}

impl<R: Role> Driver<R> {
    /// A driver at the start of time.
    pub fn new(role: R) -> Self {
        Self { role, now: Now { mono: Time(1_000_000), unix: UnixTime(epoch()) } }
    }

    /// Lets time pass without telling the role.
    pub fn pass(&mut self, time: Duration) {
        self.now.mono = self.now.mono + time;
        self.now.unix = UnixTime(self.now.unix.0 + time.as_secs());
    }

    /// Lets time pass, waking the role whenever its deadline comes; all that it did.
    pub fn run(&mut self, time: Duration) -> Actions {
        let end = self.now.mono + time;
        let mut all = Vec::new();
        while let Some(deadline) = self.role.deadline().filter(|deadline| *deadline <= end) {
            let wait = deadline.max(self.now.mono).since(self.now.mono);
            self.pass(wait);
            let did = self.event(Event::Wake).0;
            let stuck = self.role.deadline().is_some_and(|next| next <= self.now.mono);
            assert!(!(stuck && did.is_empty()), "a role that asks to be woken again at once must do something");
            all.extend(did);
        }
        let rest = end.since(self.now.mono);
        self.pass(rest);
        Actions(all)
    }

    /// Tells the role something; what it did.
    pub fn event(&mut self, event: Event) -> Actions {
        let mut out = Outbox::default();
        self.role.hear(self.now, event, &mut out);
        Actions(out.drain().collect())
    }

    /// The first event.
    pub fn start(&mut self) -> Actions {
        self.event(Event::Start)
    }

    /// The role's timer.
    pub fn wake(&mut self) -> Actions {
        self.event(Event::Wake)
    }

    /// A notice from another role.
    pub fn notice(&mut self, notice: impl Into<Notice>) -> Actions {
        self.event(Event::Notice(notice.into()))
    }

    /// A command.
    pub fn command(&mut self, ticket: u64, command: impl Into<Command>) -> Actions {
        self.event(Event::Command(Ticket(ticket), command.into()))
    }

    /// A TCP connection stands.
    pub fn connected(&mut self, link: u64, direction: Direction, remote: &str) -> Actions {
        self.event(Event::Link(LinkEvent::Opened { link: LinkId(link), direction, remote: address(remote) }))
    }

    /// A TCP connection stands, and its keys are agreed on with a node of its own.
    pub fn opened(&mut self, link: u64, direction: Direction, remote: &str) -> Actions {
        let mut actions = self.connected(link, direction, remote);
        actions.0.extend(self.secured(link, some_node(link)).0);
        actions
    }

    /// The keys of a link are agreed on with this node.
    pub fn secured(&mut self, link: u64, node: NodeId) -> Actions {
        self.event(Event::Link(LinkEvent::Secured { link: LinkId(link), node }))
    }

    /// A dial failed.
    pub fn dial_failed(&mut self, dial: DialId, address: SocketAddr) -> Actions {
        self.dial_failed_for(dial, address, "refused".into())
    }

    /// A dial failed for this reason.
    pub fn dial_failed_for(&mut self, dial: DialId, address: SocketAddr, reason: DialFailure) -> Actions {
        self.event(Event::Link(LinkEvent::DialFailed { dial, address, reason }))
    }

    /// A link was promoted.
    pub fn up(&mut self, link: u64, peer: PeerInfo) -> Actions {
        self.event(Event::Link(LinkEvent::Up { link: LinkId(link), peer: Arc::new(peer) }))
    }

    /// A message arrived.
    pub fn receive(&mut self, link: u64, message: &Message) -> Actions {
        self.frame(link, Frame::new(message))
    }

    /// A frame arrived.
    pub fn frame(&mut self, link: u64, frame: Frame) -> Actions {
        self.event(Event::Link(LinkEvent::Frame { link: LinkId(link), frame }))
    }

    /// A link is gone.
    pub fn closed(&mut self, link: u64, reason: CloseReason) -> Actions {
        self.event(Event::Link(LinkEvent::Closed { link: LinkId(link), reason }))
    }

    /// A link broke.
    pub fn lost(&mut self, link: u64) -> Actions {
        self.closed(link, CloseReason::Lost("reset".to_owned()))
    }
}

/// What a role did, in order.
#[derive(Debug)]
pub struct Actions(pub Vec<Action>);

impl Actions {
    /// Messages sent to a link.
    pub fn sent(&self, to: u64) -> Vec<Message> {
        let frames = self.0.iter().flat_map(|action| match action {
            Action::Link(action) => action.frames(LinkId(to)),
            _ => &[],
        });
        frames.map(|frame| frame.open().expect("roles send valid frames")).collect()
    }

    /// Why the role closed a link, if it did.
    pub fn closed(&self, which: u64) -> Option<CloseReason> {
        self.0.iter().find_map(|action| match action {
            Action::Link(LinkAction::Close { link, reason, .. }) if *link == LinkId(which) => Some((**reason).clone()),
            _ => None,
        })
    }

    /// Whether the role said this goodbye to a link.
    pub fn said(&self, link: u64, code: GoodbyeCode) -> bool {
        self.closed(link) == Some(CloseReason::Local(code))
    }

    /// The fault for which the role closed a link.
    pub fn fault(&self, link: u64) -> Option<PeerFault> {
        match self.closed(link) {
            Some(CloseReason::Fault(fault)) => Some(fault),
            _ => None,
        }
    }

    /// Dials, in order.
    pub fn dials(&self) -> Vec<(DialId, SocketAddr)> {
        let dial = |action: &Action| match action {
            Action::Link(LinkAction::Dial { dial, address, .. }) => Some((*dial, *address)),
            _ => None,
        };
        self.0.iter().filter_map(dial).collect()
    }

    /// Addresses dialled, in order.
    pub fn dialled(&self) -> Vec<SocketAddr> {
        self.dials().into_iter().map(|(_, address)| address).collect()
    }

    /// The peer that the role promoted a link to.
    pub fn promoted(&self, which: u64) -> Option<Arc<PeerInfo>> {
        self.0.iter().find_map(|action| match action {
            Action::Link(LinkAction::Promote { link, peer }) if *link == LinkId(which) => Some(peer.clone()),
            _ => None,
        })
    }

    /// Whether the role asked for a link's next frame.
    pub fn resumed(&self, link: u64) -> bool {
        self.0.contains(&Action::Link(LinkAction::Resume(LinkId(link))))
    }

    /// What the role told another.
    pub fn told<N: TryFrom<Notice>>(&self) -> Vec<N> {
        let notice = |action: &Action| match action {
            Action::Tell(notice) => notice.clone().try_into().ok(),
            _ => None,
        };
        self.0.iter().filter_map(notice).collect()
    }

    /// The answers to a command; a role gives exactly one.
    pub fn replies(&self, ticket: u64) -> Vec<Reply> {
        let reply = |action: &Action| match action {
            Action::Reply(to, reply) if *to == Ticket(ticket) => Some(reply.clone()),
            _ => None,
        };
        self.0.iter().filter_map(reply).collect()
    }

    /// How much of a limit is used, if the role told of it.
    pub fn used(&self, which: Limit) -> Option<usize> {
        self.0.iter().rev().find_map(|action| match action {
            Action::Report(Report::Used { limit, used, .. }) if *limit == which => Some(*used),
            _ => None,
        })
    }

    /// News for the status, but for [`Actions::used`].
    pub fn reports(&self) -> Vec<Report> {
        let report = |action: &Action| match action {
            Action::Report(Report::Used { .. }) => None,
            Action::Report(report) => Some(report.clone()),
            _ => None,
        };
        self.0.iter().filter_map(report).collect()
    }

    /// How far a counter moved.
    pub fn counted(&self, which: Counter) -> u64 {
        let by = |action: &Action| match action {
            Action::Count(counter, by) if *counter == which => *by,
            _ => 0,
        };
        self.0.iter().map(by).sum()
    }
}
