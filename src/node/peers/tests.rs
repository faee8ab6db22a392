use std::sync::{Mutex, MutexGuard};

use super::*;
use crate::{
    base::{
        codec::List,
        ids::Ticket,
        limits::{
            BOOK_FAILURES, FEELER_INTERVAL, GET_PEERS_INTERVAL, PING_BURST, PING_INTERVAL, PONG_TIMEOUT, REDIAL_MAX,
            REDIAL_MAX_TEST,
        },
    },
    chain::archive::{BookContents, BookEntry, StoreError},
    node::{
        command::{Command, Reply},
        testing::{Actions, Driver, START, address, inbound_peer, outbound_peer, public_setup, setup},
    },
    wire::message::PeerAddress,
};

/// A peer store in memory that tests can look into, and break.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<(BookContents, bool)>>);

impl Memory {
    fn inner(&self) -> MutexGuard<'_, (BookContents, bool)> {
        self.0.lock().expect("no test panics while it holds the lock")
    }

    fn contents(&self) -> BookContents {
        self.inner().0.clone()
    }

    fn change(&self, change: impl FnOnce(&mut BookContents)) -> Result<(), StoreError> {
        let mut inner = self.inner();
        if inner.1 {
            return Err(StoreError::Io("disk full".to_owned()));
        }
        change(&mut inner.0);
        Ok(())
    }
}

impl PeerStore for Memory {
    fn load(&mut self) -> Result<BookContents, StoreError> {
        self.change(|_| {}).map(|()| self.contents())
    }
    fn put(&mut self, entry: &BookEntry) -> Result<(), StoreError> {
        self.change(|contents| {
            contents.entries.retain(|other| other.address != entry.address);
            contents.entries.push(entry.clone());
        })
    }
    fn forget(&mut self, address: &SocketAddr) -> Result<(), StoreError> {
        self.change(|contents| contents.entries.retain(|other| other.address != *address))
    }
    fn set_anchors(&mut self, anchors: &[SocketAddr]) -> Result<(), StoreError> {
        self.change(|contents| contents.anchors = anchors.to_vec())
    }
    fn put_ban(&mut self, ban: &Ban) -> Result<(), StoreError> {
        self.change(|contents| contents.bans.push(ban.clone()))
    }
    fn lift_ban(&mut self, ip: &IpAddr) -> Result<(), StoreError> {
        self.change(|contents| contents.bans.retain(|ban| ban.ip != *ip))
    }
}

type Node = Driver<Peers>;

fn node(setup: &Setup) -> Node {
    node_on(setup, &Memory::default())
}

fn node_on(setup: &Setup, store: &Memory) -> Node {
    Driver::new(Peers::new(setup, Box::new(store.clone()), Rng::from_number(1)))
}

fn connecting(to: &[&str]) -> Setup {
    Setup { connect: to.iter().map(|text| address(text)).collect(), ..setup() }
}

fn told(addresses: impl IntoIterator<Item = SocketAddr>) -> Message {
    let addresses = addresses.into_iter().map(|address| PeerAddress::new(address, UnixTime(START - 60)));
    Message::Peers(List::truncated(addresses))
}

fn addresses(message: &Message) -> Vec<SocketAddr> {
    match message {
        Message::Peers(list) => list.iter().map(PeerAddress::socket_address).collect(),
        _ => Vec::new(),
    }
}

/// Lets the last dial among `actions` succeed as link `link`.
fn succeed(node: &mut Node, actions: &Actions, link: u64) -> Actions {
    let (dial, to) = *actions.dials().last().expect("something was dialled");
    succeed_dial(node, dial, to, link)
}

fn succeed_dial(node: &mut Node, dial: DialId, to: SocketAddr, link: u64) -> Actions {
    node.opened(link, Direction::Outbound(dial), &to.to_string());
    node.up(link, outbound_peer(dial, to))
}

fn join(node: &mut Node, link: u64, listens: &str) -> Actions {
    let peer = inbound_peer(listens);
    node.opened(link, Direction::Inbound, &peer.remote.to_string());
    node.up(link, peer)
}

fn pings(actions: &Actions, link: u64) -> Vec<u64> {
    let nonce = |message: Message| if let Message::Ping { nonce, .. } = message { Some(nonce) } else { None };
    actions.sent(link).into_iter().filter_map(nonce).collect()
}

/// Each in a network group of its own.
fn v4(n: u16) -> SocketAddr {
    let [high, low] = n.to_be_bytes();
    SocketAddr::new([20 + high, low, 1, 1].into(), 4130)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new([127, 0, 0, 1].into(), port)
}

/// Lets time pass while the peer on `link` answers every ping.
fn run_alive(node: &mut Node, link: u64, time: Duration) -> Actions {
    let end = node.now.mono + time;
    let mut all = Vec::new();
    while node.now.mono < end {
        let step = end.since(node.now.mono).min(Duration::from_secs(1));
        let actions = node.run(step);
        for nonce in pings(&actions, link) {
            all.extend(node.receive(link, &Message::Pong(nonce)).0);
        }
        all.extend(actions.0);
    }
    Actions(all)
}

// ---- Keep-alive. ----

#[test]
fn a_new_peer_is_asked_for_addresses_and_pinged() {
    let mut node = node(&setup());
    node.start();
    let actions = join(&mut node, 1, "127.0.0.1:4131");
    assert!(matches!(actions.sent(1)[..], [Message::GetPeers, Message::Ping { .. }]));
}

#[test]
fn a_ping_follows_each_interval_and_the_round_trip_is_told() {
    let mut node = node(&setup());
    node.start();
    let nonce = pings(&join(&mut node, 1, "127.0.0.1:4131"), 1)[0];
    node.pass(Duration::from_millis(30));
    node.receive(1, &Message::Pong(nonce ^ 1));
    node.receive(1, &Message::Pong(nonce));
    node.receive(1, &Message::Pong(nonce));
    let replies = node.command(1, Command::Peers).replies(1);
    let [Reply::Peers(reports)] = &replies[..] else { panic!("one reply: {replies:?}") };
    assert_eq!(reports[0].ping_us, Some(30_000));
    assert_eq!(pings(&node.run(PING_INTERVAL), 1).len(), 1);
}

#[test]
fn a_peer_that_answers_no_ping_is_given_up_and_one_that_does_stays() {
    let mut node = node(&setup());
    node.start();
    pings(&join(&mut node, 1, "127.0.0.1:4131"), 1);
    assert_eq!(node.run(PONG_TIMEOUT - Duration::from_secs(1)).fault(1), None);
    assert_eq!(node.run(Duration::from_secs(1)).fault(1), Some(PeerFault::PingTimeout));
    let mut nonce = pings(&join(&mut node, 2, "127.0.0.1:4132"), 2);
    for _ in 0..20 {
        node.receive(2, &Message::Pong(nonce.remove(0)));
        let actions = node.run(PING_INTERVAL);
        nonce.extend(pings(&actions, 2));
        assert_eq!(actions.fault(2), None);
    }
}

#[test]
fn a_ping_is_answered_and_its_tip_told_to_who_cares() {
    let mut node = node(&setup());
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let actions = node.receive(1, &Message::Ping { nonce: 5, height: 9, tip: Hash([9; 32]) });
    assert_eq!(actions.sent(1), [Message::Pong(5)]);
    for role in [RoleId::Headers, RoleId::Fetch, RoleId::Gossip] {
        assert_eq!(actions.told(role), [Notice::PeerTip { link: LinkId(1), height: 9, tip: Hash([9; 32]) }]);
    }
}

#[test]
fn a_flood_of_pings_is_a_fault() {
    let mut node = node(&setup());
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let ping = Message::Ping { nonce: 5, height: 9, tip: Hash([9; 32]) };
    for _ in 0..PING_BURST {
        assert_eq!(node.receive(1, &ping).fault(1), None);
    }
    assert_eq!(node.receive(1, &ping).fault(1), Some(PeerFault::Flood("pings")));
}

#[test]
fn a_goodbye_ends_the_link_as_the_peer_s_doing() {
    let mut node = node(&setup());
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let actions = node.receive(1, &Message::Goodbye { code: 1, retry_after: 3 });
    assert_eq!(actions.closed(1), Some(CloseReason::Remote { code: 1, retry_after: 3 }));
}

#[test]
fn the_number_of_peers_is_reported_when_it_changes() {
    let mut node = node(&connecting(&["127.0.0.1:4131"]));
    let actions = node.start();
    let count = |inbound, outbound| Report::PeerCount { inbound, outbound };
    assert_eq!(succeed(&mut node, &actions, 1).reports(), [count(0, 1)]);
    assert_eq!(join(&mut node, 2, "127.0.0.1:4132").reports(), [count(1, 1)]);
    assert!(node.receive(2, &Message::Pong(1)).reports().is_empty());
    assert_eq!(node.lost(2).reports(), [count(0, 1)]);
}

// ---- Addresses. ----

#[test]
fn a_question_for_addresses_is_answered_without_the_asker_s_own() {
    let mut node = node(&setup());
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    join(&mut node, 2, "127.0.0.1:4132");
    let actions = node.receive(2, &Message::GetPeers);
    assert_eq!(addresses(&actions.sent(2)[0]), [address("127.0.0.1:4131")]);
    assert!(node.receive(2, &Message::GetPeers).sent(2).is_empty(), "once in a while only");
    node.pass(GET_PEERS_INTERVAL / 2);
    assert!(node.receive(2, &Message::GetPeers).sent(2).iter().any(|message| !addresses(message).is_empty()));
}

#[test]
fn a_large_book_is_told_in_part_and_the_same_part_to_all() {
    let memory = Memory::default();
    let reached = |n| BookEntry {
        address: v4(n),
        source: None,
        last_seen: UnixTime(START),
        last_success: Some(UnixTime(START)),
        last_attempt: None,
        failures: 0,
    };
    memory.inner().0.entries = (0..250).map(reached).collect();
    let mut node = node_on(&Setup { max_outbound: 0, ..public_setup() }, &memory);
    node.start();
    let answers: Vec<BTreeSet<SocketAddr>> = (1..4)
        .map(|link| {
            join(&mut node, link, &format!("9.{link}.1.1:4130"));
            addresses(&node.receive(link, &Message::GetPeers).sent(link)[0]).into_iter().collect()
        })
        .collect();
    assert_eq!(answers[0].len(), 64);
    assert!(answers.iter().all(|answer| answer.is_subset(&answers[0]) && answer.len() >= 63));
}

#[test]
fn addresses_that_nobody_reached_are_told_only_when_there_is_nothing_else() {
    let setup = Setup { max_outbound: 0, listen_port: 0, ..public_setup() };
    let mut node = node(&setup);
    node.start();
    let silent = PeerInfo { listens: None, ..inbound_peer("9.1.1.1:1") };
    node.opened(1, Direction::Inbound, "9.1.1.1:50000");
    node.up(1, silent);
    node.run(GET_PEERS_INTERVAL);
    node.receive(1, &told([v4(1)]));
    assert_eq!(addresses(&node.receive(1, &Message::GetPeers).sent(1)[0]), [v4(1)]);
    join(&mut node, 2, "9.2.1.1:4130");
    node.pass(GET_PEERS_INTERVAL);
    assert_eq!(addresses(&node.receive(1, &Message::GetPeers).sent(1)[0]), [address("9.2.1.1:4130")]);
}

#[test]
fn a_peer_may_tell_a_hundred_addresses_when_asked_and_hardly_any_otherwise() {
    let mut node = node(&Setup { max_outbound: 0, ..setup() });
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let known = |node: &Node| node.role.book.entries().count();
    for round in 0..10 {
        node.receive(1, &told((0..100).map(|n| loopback(5000 + round * 100 + n))));
    }
    let asked = known(&node);
    assert!((80..=101).contains(&asked), "{asked}");
    node.pass(Duration::from_secs(100));
    node.receive(1, &told((7000..7100).map(loopback)));
    let unasked = known(&node) - asked;
    assert!((5..=10).contains(&unasked), "{unasked}");
}

#[test]
fn addresses_that_make_no_sense_are_not_learned() {
    let mut node = node(&Setup { max_outbound: 0, own_addresses: vec![v4(7)], ..public_setup() });
    node.start();
    join(&mut node, 1, "9.1.1.1:4130");
    let bad = ["127.0.0.1:4130", "10.0.0.1:4130", "224.0.0.1:4130", "8.8.8.8:0", "8.8.8.8:22"];
    node.receive(1, &told(bad.iter().map(|text| address(text)).chain([v4(7), v4(8)])));
    let known: Vec<SocketAddr> = node.role.book.entries().map(|entry| entry.address).collect();
    assert_eq!(known, [address("9.1.1.1:4130"), v4(8)]);
}

// ---- Dialling. ----

#[test]
fn learned_addresses_are_dialled_and_become_tried_once_reached() {
    let memory = Memory::default();
    let mut node = node_on(&setup(), &memory);
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let actions = node.receive(1, &told([address("127.0.0.1:4132"), address("127.0.0.1:4133")]));
    let dialled: BTreeSet<SocketAddr> = actions.dialled().into_iter().collect();
    assert_eq!(dialled, BTreeSet::from([address("127.0.0.1:4132"), address("127.0.0.1:4133")]));
    let (dial, to) = actions.dials()[0];
    succeed_dial(&mut node, dial, to, 2);
    let kept = memory.contents().entries;
    let reached = |address: SocketAddr| {
        kept.iter().find(|entry| entry.address == address).is_some_and(|entry| entry.last_success.is_some())
    };
    assert!(reached(to) && !reached(address("127.0.0.1:4131")), "inbound proves nothing: {kept:?}");
}

#[test]
fn dial_ids_rise_and_each_dial_is_forgotten_when_it_ends() {
    let mut node = node(&connecting(&["127.0.0.1:4131", "127.0.0.1:4132"]));
    let mut dials = node.start().dials();
    for _ in 0..5 {
        for (dial, to) in dials.split_off(0) {
            let actions = node.dial_failed(dial, to);
            dials.extend(actions.dials());
        }
        dials.extend(node.run(REDIAL_MAX_TEST).dials());
    }
    let ids: Vec<DialId> = dials.iter().map(|(dial, _)| *dial).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]) && ids[0] > DialId(2), "{ids:?}");
}

#[test]
fn configured_peers_are_dialled_again_at_growing_intervals() {
    let mut node = node(&Setup { connect: vec![v4(1)], ..public_setup() });
    let mut dials = node.start().dials();
    let mut waits = Vec::new();
    for _ in 0..8 {
        let (dial, to) = dials.remove(0);
        node.dial_failed(dial, to);
        let failed = node.now.mono;
        while dials.is_empty() {
            dials = node.run(Duration::from_millis(100)).dials();
        }
        waits.push(node.now.mono.since(failed));
    }
    assert!(waits[0] >= Duration::from_secs(1) && waits[0] <= Duration::from_millis(2_100), "{waits:?}");
    assert!(waits[7] >= Duration::from_secs(15) && waits[7] <= Duration::from_millis(30_100), "{waits:?}");
}

#[test]
fn a_lost_configured_peer_is_dialled_again_even_when_all_slots_are_taken() {
    let mut node = node(&Setup { max_outbound: 0, ..connecting(&["127.0.0.1:4131"]) });
    let actions = node.start();
    succeed(&mut node, &actions, 1);
    node.pass(Duration::from_secs(40));
    node.lost(1);
    assert_eq!(node.run(Duration::from_secs(2)).dialled(), [address("127.0.0.1:4131")]);
}

#[test]
fn a_node_that_dialled_us_is_not_dialled() {
    let mut node = node(&connecting(&["127.0.0.1:4131"]));
    let (dial, to) = node.start().dials()[0];
    join(&mut node, 1, "127.0.0.1:4131");
    node.dial_failed(dial, to);
    assert!(node.run(Duration::from_secs(10)).dialled().is_empty());
    assert_eq!(node.lost(1).dialled(), [to]);
}

#[test]
fn anchors_are_dialled_first_and_follow_every_change() {
    let memory = Memory::default();
    let mut node = node_on(&connecting(&["127.0.0.1:4131", "127.0.0.1:4132", "127.0.0.1:4133"]), &memory);
    let dials = node.start().dials();
    for (at, (dial, to)) in dials.iter().enumerate() {
        node.pass(Duration::from_secs(1));
        succeed_dial(&mut node, *dial, *to, at as u64);
    }
    assert_eq!(memory.contents().anchors, [dials[0].1, dials[1].1], "the oldest");
    node.lost(0);
    assert_eq!(memory.contents().anchors, [dials[1].1, dials[2].1]);
    node.lost(1);
    node.lost(2);
    assert_eq!(memory.contents().anchors.len(), 2, "who loses everybody still knows whom to dial");
    for _ in 0..20 {
        // Killed and started again, without any goodbye.
        let anchors = memory.contents().anchors;
        let mut again = node_on(&connecting(&["127.0.0.1:4139"]), &memory);
        assert_eq!(again.start().dialled()[..2], anchors);
    }
}

#[test]
fn a_stop_leaves_the_anchors_alone() {
    let memory = Memory::default();
    let mut node = node_on(&connecting(&["127.0.0.1:4131", "127.0.0.1:4132"]), &memory);
    for (at, (dial, to)) in node.start().dials().into_iter().enumerate() {
        succeed_dial(&mut node, dial, to, at as u64);
    }
    let before = memory.contents().anchors;
    node.closed(0, CloseReason::Local(GoodbyeCode::Stopping));
    assert_eq!(memory.contents().anchors, before);
}

#[test]
fn bootnodes_are_dialled_when_the_book_does_not_offer_enough() {
    let memory = Memory::default();
    let bootnode = address("127.0.0.1:4130");
    let setup = Setup { bootnodes: vec![bootnode], max_outbound: 2, ..setup() };
    assert_eq!(node_on(&setup, &memory).start().dialled(), [bootnode]);
    let known = |port| BookEntry {
        address: loopback(port),
        source: None,
        last_seen: UnixTime(START),
        last_success: None,
        last_attempt: None,
        failures: 0,
    };
    memory.inner().0.entries = (5000..5010).map(known).collect();
    assert!(!node_on(&setup, &memory).start().dialled().contains(&bootnode));
}

#[test]
fn strangers_are_dialled_once_in_ten_minutes_and_one_per_network() {
    let mut node = node(&public_setup());
    node.start();
    join(&mut node, 1, "9.1.1.1:4130");
    let mut dials = node.receive(1, &told([v4(1)])).dials();
    assert_eq!(dials.iter().map(|(_, to)| *to).collect::<Vec<_>>(), [v4(1)]);
    let (dial, to) = dials.remove(0);
    node.dial_failed(dial, to);
    assert!(run_alive(&mut node, 1, REDIAL_MAX - Duration::from_secs(1)).dialled().is_empty());
    let mut dials = run_alive(&mut node, 1, Duration::from_secs(2)).dials();
    assert_eq!(dials.len(), 1);
    let (dial, to) = dials.remove(0);
    succeed_dial(&mut node, dial, to, 2);
    let same_network = SocketAddr::new([20, 1, 2, 2].into(), 4130);
    let mut dialled = node.receive(2, &told([same_network, v4(2)])).dialled();
    dialled.extend(run_alive(&mut node, 1, Duration::from_secs(5)).dialled());
    assert_eq!(dialled, [v4(2)]);
}

#[test]
fn dials_to_strangers_keep_a_distance() {
    let mut node = node(&public_setup());
    node.start();
    join(&mut node, 1, "9.1.1.1:4130");
    let at_once = node.receive(1, &told((0..20).map(v4))).dials().len();
    let later = node.run(Duration::from_millis(1_600)).dials().len();
    assert_eq!((at_once, later), (1, 3));
}

#[test]
fn our_own_addresses_are_never_dialled_again() {
    let mut node = node(&Setup { own_addresses: vec![address("127.0.0.1:4130")], ..setup() });
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    node.receive(1, &told([address("127.0.0.1:4130")]));
    assert!(node.run(Duration::from_secs(10)).dialled().is_empty());
    let (dial, to) = node.receive(1, &told([address("127.0.0.2:4130")])).dials()[0];
    node.opened(2, Direction::Outbound(dial), &to.to_string());
    node.closed(2, CloseReason::Local(GoodbyeCode::SelfConnection));
    node.receive(1, &told([to]));
    assert!(node.run(Duration::from_secs(60)).dialled().is_empty());
}

#[test]
fn a_full_peer_is_left_alone_for_as_long_as_it_asked() {
    let mut node = node(&Setup { connect: vec![v4(1)], ..public_setup() });
    let (dial, to) = node.start().dials()[0];
    node.opened(1, Direction::Outbound(dial), &to.to_string());
    node.closed(1, CloseReason::Remote { code: GoodbyeCode::Full as u8, retry_after: 20 });
    assert!(node.run(Duration::from_secs(19)).dialled().is_empty());
    assert_eq!(node.run(Duration::from_secs(2)).dialled(), [to]);
}

#[test]
fn an_address_that_fails_again_and_again_is_forgotten_unless_we_are_offline() {
    let memory = Memory::default();
    let mut node = node_on(&setup(), &memory);
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let mut dials = node.receive(1, &told([address("127.0.0.1:4132")])).dials();
    node.lost(1);
    let fail = |node: &mut Node, dials: &mut Vec<(DialId, SocketAddr)>| {
        for _ in 0..=BOOK_FAILURES {
            for (dial, to) in std::mem::take(dials) {
                dials.extend(node.dial_failed(dial, to).dials());
            }
            dials.extend(run_alive(node, 2, REDIAL_MAX_TEST).dials());
        }
    };
    let known = || memory.contents().entries.iter().any(|entry| entry.address == address("127.0.0.1:4132"));
    fail(&mut node, &mut dials);
    assert!(known(), "offline, every address fails");
    let nonces = pings(&join(&mut node, 2, "127.0.0.1:4131"), 2);
    node.receive(2, &Message::Pong(nonces[0]));
    fail(&mut node, &mut dials);
    assert!(!known());
}

#[test]
fn a_feeler_tests_an_address_and_says_goodbye() {
    let memory = Memory::default();
    let mut node = node_on(&Setup { max_outbound: 1, ..connecting(&["127.0.0.1:4131"]) }, &memory);
    let actions = node.start();
    let mut nonces = pings(&succeed(&mut node, &actions, 1), 1);
    node.receive(1, &told([address("127.0.0.1:4132")]));
    let mut dials = Vec::new();
    for _ in 0..(FEELER_INTERVAL.as_secs() / PING_INTERVAL.as_secs()) {
        node.receive(1, &Message::Pong(nonces.pop().unwrap_or(0)));
        let actions = node.run(PING_INTERVAL);
        nonces.extend(pings(&actions, 1));
        dials.extend(actions.dials());
    }
    assert_eq!(dials.iter().map(|(_, to)| *to).collect::<Vec<_>>(), [address("127.0.0.1:4132")]);
    let (dial, to) = dials[0];
    let actions = succeed_dial(&mut node, dial, to, 2);
    assert!(actions.said(2, GoodbyeCode::Feeler) && actions.sent(2).is_empty());
    assert!(actions.reports().is_empty(), "a feeler is no peer");
    assert!(memory.contents().entries.iter().any(|entry| entry.address == to && entry.last_success.is_some()));
}

// ---- Bans. ----

#[test]
fn grave_faults_ban_an_address_for_a_while_and_light_ones_add_up() {
    let memory = Memory::default();
    let mut node = node_on(&public_setup(), &memory);
    node.start();
    let barred = |actions: &Actions| match actions.told(RoleId::Handshake).last() {
        Some(Notice::Barred { ips, .. }) => ips.clone(),
        _ => BTreeSet::new(),
    };
    let ip: IpAddr = "9.1.1.1".parse().unwrap();
    for link in 1..5 {
        join(&mut node, link, "9.1.1.1:4130");
        assert!(barred(&node.closed(link, CloseReason::Fault(PeerFault::UnlinkedHeaders))).is_empty());
    }
    join(&mut node, 5, "9.1.1.1:4130");
    join(&mut node, 6, "9.1.1.1:4131");
    let actions = node.closed(5, CloseReason::Fault(PeerFault::UnlinkedHeaders));
    assert_eq!(barred(&actions), BTreeSet::from([ip]));
    assert!(actions.said(6, GoodbyeCode::Banned), "its other links go too");
    assert_eq!(memory.contents().bans.len(), 1);
    let again = node_on(&public_setup(), &memory).start();
    assert_eq!(barred(&again), BTreeSet::from([ip]), "bans outlive a restart");
    let actions = node.run(BAN_TIME + Duration::from_secs(1));
    assert_eq!(actions.told(RoleId::Handshake).len(), 1);
    assert!(barred(&actions).is_empty() && memory.contents().bans.is_empty());
}

#[test]
fn a_cluster_on_one_host_never_bans_itself() {
    let mut node = node(&setup());
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    join(&mut node, 2, "127.0.0.1:4132");
    let actions = node.closed(1, CloseReason::Fault(PeerFault::InvalidBranch));
    assert!(actions.told(RoleId::Handshake).is_empty() && actions.closed(2).is_none());
    let [Reply::Peers(reports)] = &node.command(1, Command::Peers).replies(1)[..] else { panic!("one reply") };
    assert_eq!(reports[0].score, 100, "but the score is kept");
}

// ---- Commands. ----

#[test]
fn peers_can_be_added_and_dropped() {
    let mut node = node(&setup());
    node.start();
    let actions = node.command(1, Command::AddPeer(address("127.0.0.1:4131")));
    assert_eq!(actions.replies(1), [Reply::Done]);
    assert_eq!(actions.dialled(), [address("127.0.0.1:4131")]);
    succeed(&mut node, &actions, 1);
    let actions = node.command(2, Command::DropPeer(address("127.0.0.1:4131")));
    assert_eq!(actions.replies(2), [Reply::Done]);
    assert!(actions.said(1, GoodbyeCode::Operator));
    node.closed(1, CloseReason::Local(GoodbyeCode::Operator));
    assert!(node.run(REDIAL_MAX / 2).dialled().is_empty());
    let reply = node.command(3, Command::DropPeer(address("127.0.0.1:9999"))).replies(3);
    assert!(matches!(reply[..], [Reply::NotFound(_)]));
    let actions = node.command(4, Command::AddPeer(address("127.0.0.1:4131")));
    assert_eq!(actions.dialled(), [address("127.0.0.1:4131")], "an operator may change their mind");
}

#[test]
fn operators_ban_and_unban() {
    let mut node = node(&public_setup());
    node.start();
    join(&mut node, 1, "9.1.1.1:4130");
    let ip: IpAddr = "9.1.1.1".parse().unwrap();
    let ban = Command::Ban { ip, time: Duration::from_secs(60), reason: "test".to_owned() };
    let actions = node.command(1, ban);
    assert!(actions.said(1, GoodbyeCode::Banned) && actions.replies(1) == [Reply::Done]);
    let replies = node.command(2, Command::Book).replies(2);
    let [Reply::Book { bans, .. }] = &replies[..] else { panic!("one reply: {replies:?}") };
    assert_eq!((bans[0].until, bans[0].reason.as_str()), (UnixTime(START + 60), "test"));
    assert_eq!(node.command(3, Command::Unban(ip)).replies(3), [Reply::Done]);
    assert!(matches!(node.command(4, Command::Unban(ip)).replies(4)[..], [Reply::NotFound(_)]));
}

#[test]
fn a_partition_cuts_links_and_heals_at_once() {
    let mut node = node(&connecting(&["127.0.0.1:4131"]));
    let actions = node.start();
    succeed(&mut node, &actions, 1);
    join(&mut node, 2, "127.0.0.1:4132");
    let denied = [address("127.0.0.1:4131"), address("127.0.0.1:4132")];
    let actions = node.command(1, Command::Deny(denied.to_vec()));
    assert_eq!(actions.replies(1), [Reply::Done]);
    assert!(actions.said(1, GoodbyeCode::Operator) && actions.said(2, GoodbyeCode::Operator));
    let expected = Notice::Barred { ips: BTreeSet::new(), addresses: BTreeSet::from(denied) };
    assert_eq!(actions.told(RoleId::Handshake), [expected]);
    for link in [1, 2] {
        node.closed(link, CloseReason::Local(GoodbyeCode::Operator));
    }
    assert!(node.run(Duration::from_secs(30)).dialled().is_empty());
    let actions = node.command(2, Command::Allow);
    assert_eq!(actions.dialled(), denied);
    // The other side still denies us; we come back within seconds, again and again.
    let mut dials = actions.dials();
    for link in 10..20 {
        for (dial, to) in std::mem::take(&mut dials) {
            let link = link * 100 + dial.0;
            node.opened(link, Direction::Outbound(dial), &to.to_string());
            let reason = CloseReason::Remote { code: GoodbyeCode::Operator as u8, retry_after: 0 };
            dials.extend(node.closed(link, reason).dials());
        }
        dials.extend(node.run(REDIAL_MAX_TEST).dials());
        assert!(!dials.is_empty());
    }
}

#[test]
fn a_link_that_came_up_while_it_was_denied_is_closed() {
    let mut node = node(&setup());
    node.start();
    node.command(1, Command::Deny(vec![address("127.0.0.1:4131")]));
    assert!(join(&mut node, 1, "127.0.0.1:4131").said(1, GoodbyeCode::Operator));
}

#[test]
fn partitions_are_for_test_chains_only() {
    let mut node = node(&public_setup());
    node.start();
    let replies = node.command(1, Command::Deny(vec![v4(1)])).replies(1);
    assert!(matches!(replies[..], [Reply::Refused(_)]));
    assert!(matches!(node.command(2, Command::Allow).replies(2)[..], [Reply::Refused(_)]));
}

#[test]
fn commands_of_other_roles_are_answered_too() {
    let actions = node(&setup()).event(Event::Command(Ticket(1), Command::Deliveries));
    assert!(matches!(actions.replies(1)[..], [Reply::Refused(_)]));
}

// ---- The store. ----

#[test]
fn a_failing_store_is_a_warning_and_the_book_goes_on() {
    let memory = Memory::default();
    let mut node = node_on(&setup(), &memory);
    node.start();
    memory.inner().1 = true;
    let warned = |actions: &Actions| {
        actions.reports().iter().any(|report| matches!(report, Report::Warning { key: "peer-book", text: Some(_) }))
    };
    assert!(warned(&join(&mut node, 1, "127.0.0.1:4131")));
    let actions = node.receive(1, &told([address("127.0.0.1:4132")]));
    assert_eq!(actions.dialled(), [address("127.0.0.1:4132")]);
    let actions = node_on(&setup(), &memory).start();
    assert!(warned(&actions), "a book that cannot be read is no reason not to start");
}
