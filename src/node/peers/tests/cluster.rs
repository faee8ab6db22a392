//! Several nodes' handshake and peers roles against each other, over a network that delivers in any order that the
//! poll loop and the threads could produce: per link and per role in order, else at random.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::node::{Action, LinkAction, handshake::Handshake};
use crate::node::{AnyRole, command::PeersCommand, node_key::NodeKey};
use crate::node::{Event, RoleId};
use tussock_noise::Key;

/// One end of a connection: node and link.
type End = (usize, LinkId);

/// What travels to an end.
enum Item {
    Frame(Frame),
    /// The other side is gone.
    End,
}

/// Whether an end hands out frames.
#[derive(Clone, Copy, PartialEq)]
enum Gate {
    Ready,
    Waiting,
    Open,
}

struct Socket {
    other: End,
    gate: Gate,
    wire: VecDeque<Item>,
}

struct Machine {
    setup: Setup,
    store: Memory,
    roles: [Box<dyn AnyRole>; 2],
    inboxes: [VecDeque<Event>; 2],
    running: bool,
}

struct Cluster {
    machines: Vec<Machine>,
    sockets: BTreeMap<End, Socket>,
    now: Now,
    next_link: u64,
    /// Connections made so far.
    dialled: usize,
    rng: Rng,
}

fn port(node: usize) -> SocketAddr {
    loopback(4130 + u16::try_from(node).expect("few nodes"))
}

fn roles(setup: &Setup, store: &Memory, rng: &mut Rng) -> [Box<dyn AnyRole>; 2] {
    let peers = Peers::new(setup, Box::new(store.clone()), rng.fork("peers"));
    [Box::new(Handshake::new(setup, rng.fork("handshake"))), Box::new(peers)]
}

impl Cluster {
    /// Nodes of which the `n`-th is configured to connect to `connect(n)`.
    fn new(seed: u64, count: usize, connect: impl Fn(usize) -> Vec<usize>) -> Self {
        let mut rng = Rng::from_number(seed);
        let machine = |n: usize| {
            let connect = connect(n).into_iter().map(port).collect();
            let own_addresses = vec![port(n)];
            let key = NodeKey::new(Key([100 + u8::try_from(n).expect("few nodes"); 32]));
            let setup = Setup { key, listen_port: port(n).port(), own_addresses, connect, ..setup() };
            let store = Memory::default();
            let roles = roles(&setup, &store, &mut rng);
            let inboxes = [VecDeque::from([Event::Start]), VecDeque::from([Event::Start])];
            Machine { setup, store, roles, inboxes, running: true }
        };
        let machines = (0..count).map(machine).collect();
        let now = Now { mono: Time(1_000_000), unix: UnixTime(epoch()) };
        Self { machines, sockets: BTreeMap::new(), now, next_link: 1, dialled: 0, rng }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now.mono + time;
        loop {
            while self.step() {}
            let deadlines = self.machines.iter().filter(|machine| machine.running).flat_map(|machine| &machine.roles);
            let Some(next) = deadlines.filter_map(|role| role.wake_at()).min().filter(|next| *next <= end) else {
                break;
            };
            self.now.mono = self.now.mono.max(next);
            self.now.unix = UnixTime(epoch() + self.now.mono.0 / 1_000_000);
            for machine in self.machines.iter_mut().filter(|machine| machine.running) {
                for (role, inbox) in machine.roles.iter().zip(&mut machine.inboxes) {
                    if role.wake_at().is_some_and(|deadline| deadline <= self.now.mono) {
                        inbox.push_back(Event::Wake);
                    }
                }
            }
        }
        self.now.mono = end;
    }

    /// Delivers one thing somewhere; `false` if nothing is under way.
    fn step(&mut self) -> bool {
        let inboxes = self.machines.iter().enumerate().flat_map(|(node, machine)| {
            (0..2).filter(|role| !machine.inboxes[*role].is_empty()).map(move |role| (node, role))
        });
        let inboxes: Vec<(usize, usize)> = inboxes.collect();
        let flowing = |socket: &Socket| socket.gate != Gate::Waiting && !socket.wire.is_empty();
        let ends: Vec<End> = self.sockets.iter().filter(|(_, socket)| flowing(socket)).map(|(end, _)| *end).collect();
        let choice = usize::try_from(self.rng.below((inboxes.len() + ends.len()) as u64)).expect("few");
        if let Some((node, role)) = inboxes.get(choice) {
            self.think(*node, *role);
        } else if let Some(end) = ends.get(choice - inboxes.len()) {
            self.deliver(*end);
        } else {
            return false;
        }
        true
    }

    fn think(&mut self, node: usize, role: usize) {
        let machine = &mut self.machines[node];
        let event = machine.inboxes[role].pop_front().expect("a chosen inbox is not empty");
        let mut out = Outbox::default();
        machine.roles[role].hear(self.now, event, &mut out);
        let actions: Vec<Action> = out.drain().collect();
        actions.into_iter().for_each(|action| self.act(node, action));
    }

    fn deliver(&mut self, end: End) {
        let Some(socket) = self.sockets.get_mut(&end) else { return };
        match socket.wire.pop_front() {
            Some(Item::Frame(frame)) => {
                let open = socket.gate == Gate::Open;
                socket.gate = if open { Gate::Open } else { Gate::Waiting };
                let to = if open { RoleId::for_kind(frame.kind) } else { RoleId::Handshake };
                let event = Event::Link(LinkEvent::Frame { link: end.1, frame });
                match to {
                    RoleId::Handshake => self.machines[end.0].inboxes[0].push_back(event),
                    RoleId::Peers => self.machines[end.0].inboxes[1].push_back(event),
                    _ => {}
                }
            }
            Some(Item::End) => self.gone(end, CloseReason::Lost("end".to_owned())),
            None => {}
        }
    }

    fn act(&mut self, node: usize, action: Action) {
        match action {
            Action::Link(LinkAction::Dial { dial, address, .. }) => self.connect(node, dial, address),
            Action::Link(LinkAction::Send { link, frame }) => {
                if let Some(other) = self.sockets.get(&(node, link)).map(|socket| socket.other)
                    && let Some(socket) = self.sockets.get_mut(&other)
                {
                    socket.wire.push_back(Item::Frame(frame));
                }
            }
            Action::Link(LinkAction::Resume(link)) => self.set_gate((node, link), Gate::Ready),
            Action::Link(LinkAction::Promote { link, peer }) => {
                self.set_gate((node, link), Gate::Open);
                if self.sockets.contains_key(&(node, link)) {
                    self.tell_both(node, &LinkEvent::Up { link, peer });
                }
            }
            Action::Link(LinkAction::Close { link, reason, .. }) => {
                if !matches!(*reason, CloseReason::Remote { .. }) && self.sockets.contains_key(&(node, link)) {
                    let code =
                        if let CloseReason::Local(code) = *reason { code as u8 } else { GoodbyeCode::Fault as u8 };
                    let frame = Frame::new(&Message::Goodbye { code, retry_after: 0 });
                    self.act(node, Action::Link(LinkAction::Send { link, frame }));
                }
                self.gone((node, link), *reason);
            }
            Action::Tell(notice) if notice.role() == RoleId::Handshake => {
                self.machines[node].inboxes[0].push_back(Event::Notice(notice))
            }
            Action::Tell(notice) if notice.role() == RoleId::Peers => {
                self.machines[node].inboxes[1].push_back(Event::Notice(notice))
            }
            _ => {}
        }
    }

    fn connect(&mut self, node: usize, dial: DialId, address: SocketAddr) {
        let listening = |(n, machine): &(usize, &Machine)| machine.running && port(*n) == address;
        let Some((to, _)) = self.machines.iter().enumerate().find(listening) else {
            let failed = LinkEvent::DialFailed { dial, address, reason: "refused".into() };
            return self.machines[node].inboxes[1].push_back(Event::Link(failed));
        };
        self.dialled += 1;
        let (ours, theirs) = (LinkId(self.next_link), LinkId(self.next_link + 1));
        self.next_link += 2;
        let socket = |other| Socket { other, gate: Gate::Ready, wire: VecDeque::new() };
        self.sockets.insert((node, ours), socket((to, theirs)));
        self.sockets.insert((to, theirs), socket((node, ours)));
        let direction = Direction::Outbound(dial);
        self.tell_both(node, &LinkEvent::Opened { link: ours, direction, remote: address });
        let remote = loopback(50_000);
        self.tell_both(to, &LinkEvent::Opened { link: theirs, direction: Direction::Inbound, remote });
        for (end, other) in [((node, ours), to), ((to, theirs), node)] {
            let secured = LinkEvent::Secured { link: end.1, node: self.machines[other].setup.key.id() };
            self.machines[end.0].inboxes[0].push_back(Event::Link(secured));
        }
    }

    fn gone(&mut self, end: End, reason: CloseReason) {
        let Some(socket) = self.sockets.remove(&end) else { return };
        if let Some(other) = self.sockets.get_mut(&socket.other) {
            other.wire.push_back(Item::End);
            // The end of a connection is noticed even by a role that awaits nothing more from it.
            if other.wire.len() == 1 && other.gate == Gate::Waiting {
                other.gate = Gate::Ready;
            }
        }
        self.tell_both(end.0, &LinkEvent::Closed { link: end.1, reason });
    }

    fn set_gate(&mut self, end: End, gate: Gate) {
        if let Some(socket) = self.sockets.get_mut(&end) {
            socket.gate = gate;
        }
    }

    fn tell_both(&mut self, node: usize, event: &LinkEvent) {
        self.machines[node].inboxes.iter_mut().for_each(|inbox| inbox.push_back(Event::Link(event.clone())));
    }

    fn command(&mut self, node: usize, command: PeersCommand) {
        self.machines[node].inboxes[1].push_back(Event::Command(Ticket(1), command.into()));
    }

    /// Ends a node without any goodbye.
    fn kill(&mut self, node: usize) {
        let ends: Vec<End> = self.sockets.keys().filter(|end| end.0 == node).copied().collect();
        ends.into_iter().for_each(|end| self.gone(end, CloseReason::Lost("killed".to_owned())));
        let machine = &mut self.machines[node];
        machine.inboxes.iter_mut().for_each(VecDeque::clear);
        machine.running = false;
    }

    fn restart(&mut self, node: usize) {
        let machine = &mut self.machines[node];
        machine.roles = roles(&machine.setup, &machine.store, &mut self.rng);
        machine.inboxes.iter_mut().for_each(|inbox| inbox.push_back(Event::Start));
        machine.running = true;
    }

    /// How many links each pair of nodes has.
    fn pairs(&self) -> BTreeMap<(usize, usize), usize> {
        let mut pairs = BTreeMap::new();
        for (end, socket) in self.sockets.iter().filter(|(_, socket)| socket.gate == Gate::Open) {
            if end.0 < socket.other.0 {
                *pairs.entry((end.0, socket.other.0)).or_default() += 1;
            }
        }
        pairs
    }

    fn assert_mesh(&self, nodes: &[usize], why: &str) {
        let pairs = self.pairs();
        for a in nodes {
            for b in nodes.iter().filter(|b| a < b) {
                assert_eq!(pairs.get(&(*a, *b)), Some(&1), "{why}: {a} and {b} in {pairs:?}");
            }
        }
    }
}

const ALL: [usize; 6] = [0, 1, 2, 3, 4, 5];

/// Everybody knows node 0 only.
fn star(seed: u64) -> Cluster {
    Cluster::new(seed, ALL.len(), |n| if n == 0 { Vec::new() } else { vec![0] })
}

#[test]
fn nodes_that_know_one_node_find_all_others() {
    for seed in 0..20 {
        let mut cluster = star(seed);
        cluster.run(Duration::from_secs(40));
        cluster.assert_mesh(&ALL, &format!("seed {seed}"));
    }
}

#[test]
fn nodes_that_dial_each_other_settle_on_one_link_and_leave_it_alone() {
    for seed in 0..50 {
        let mut cluster = Cluster::new(seed, 4, |n| (0..4).filter(|other| *other != n).collect());
        cluster.run(Duration::from_secs(10));
        cluster.assert_mesh(&[0, 1, 2, 3], &format!("seed {seed}"));
        let dialled = cluster.dialled;
        cluster.run(Duration::from_secs(600));
        assert_eq!(cluster.dialled, dialled, "seed {seed}: nobody dials where there is a link");
    }
}

#[test]
fn a_partition_holds_and_heals_within_two_seconds() {
    for seed in 0..10 {
        let mut cluster = star(seed);
        cluster.run(Duration::from_secs(40));
        let (left, right) = ALL.split_at(3);
        for (side, other) in [(left, right), (right, left)] {
            for node in side {
                cluster.command(*node, PeersCommand::Deny(other.iter().map(|n| port(*n)).collect(), Vec::new()));
            }
        }
        cluster.run(Duration::from_secs(1));
        let across = |pairs: BTreeMap<(usize, usize), usize>| pairs.keys().filter(|(a, b)| *a < 3 && *b >= 3).count();
        assert_eq!(across(cluster.pairs()), 0, "seed {seed}");
        cluster.run(Duration::from_secs(120));
        assert_eq!(across(cluster.pairs()), 0, "seed {seed}");
        cluster.assert_mesh(left, "left");
        cluster.assert_mesh(right, "right");
        ALL.iter().for_each(|node| cluster.command(*node, PeersCommand::Allow));
        cluster.run(Duration::from_secs(2));
        cluster.assert_mesh(&ALL, &format!("healed, seed {seed}"));
    }
}

#[test]
fn a_partition_that_one_side_made_alone_heals_within_two_seconds() {
    let mut cluster = star(3);
    cluster.run(Duration::from_secs(40));
    cluster.command(0, PeersCommand::Deny((1..6).map(port).collect(), Vec::new()));
    cluster.run(Duration::from_secs(300));
    assert_eq!(cluster.pairs().keys().filter(|(a, _)| *a == 0).count(), 0);
    cluster.command(0, PeersCommand::Allow);
    cluster.run(Duration::from_secs(2));
    cluster.assert_mesh(&ALL, "healed");
}

#[test]
fn a_killed_node_comes_back_to_everybody() {
    for seed in 0..10 {
        let mut cluster = star(seed);
        cluster.run(Duration::from_secs(40));
        for node in [2, 0] {
            cluster.kill(node);
            cluster.run(Duration::from_secs(30));
            cluster.restart(node);
            cluster.run(Duration::from_secs(6));
            cluster.assert_mesh(&ALL, &format!("seed {seed}, node {node}"));
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_run() {
    let run = |seed| {
        let mut cluster = star(seed);
        cluster.run(Duration::from_secs(60));
        (cluster.next_link, cluster.rng.next_u64())
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
