//! Stale tips, wrong clocks, and reports about limits.

use super::*;
use crate::{
    base::{
        limits::{STALE_AFTER, STALE_DIAL_INTERVAL},
        time::UnixTime,
    },
    chain::{archive::Tip, target::Work},
    node::{
        ChainMove, Event,
        limit::Limit,
        notice::{KeptOut, ToHandshake, ToPeers, Useful},
        testing::logged,
    },
};

fn moved(height: u32) -> ToPeers {
    let tip = Tip { hash: Hash([9; 32]), height, time: 0, work: Work::ZERO, digest: Hash::ZERO };
    let added = vec![(tip.hash, height)];
    ToPeers::ChainMoved(Arc::new(ChainMove { tip, removed: Vec::new(), added, news: None }))
}

/// A node on a public network with two outbound slots, both taken, that knows of many more addresses.
fn full() -> Node {
    let memory = Memory::default();
    memory
        .change(|contents| {
            contents.entries = (0..40)
                .map(|n| BookEntry {
                    address: v4(n),
                    source: None,
                    last_seen: UnixTime(epoch()),
                    last_success: None,
                    last_attempt: None,
                    failures: 0,
                    node: None,
                })
                .collect();
        })
        .unwrap();
    let mut node = node_on(&Setup { max_outbound: 2, ..public_setup() }, &memory);
    let mut dials = node.start().dials();
    dials.extend(node.run(Duration::from_secs(2)).dials());
    for (at, (dial, to)) in dials.iter().take(2).enumerate() {
        let up = succeed_dial(&mut node, *dial, *to, at as u64);
        pings(&up, at as u64).into_iter().for_each(|nonce| drop(node.receive(at as u64, &Message::Pong(nonce))));
    }
    assert_eq!(node.role.links.counts(), (0, 2));
    node
}

/// Lets time pass while both peers answer their pings.
fn quiet(node: &mut Node, links: &[u64], time: Duration) -> Actions {
    let end = node.now.mono + time;
    let mut all = Vec::new();
    while node.now.mono < end {
        let actions = node.run(Duration::from_secs(1));
        for link in links {
            for nonce in pings(&actions, *link) {
                all.extend(node.receive(*link, &Message::Pong(nonce)).0);
            }
        }
        all.extend(actions.0);
    }
    Actions(all)
}

/// Dials for peers to stay. The role itself tells them from feelers.
fn stays(node: &Node, actions: &Actions) -> Vec<(DialId, SocketAddr)> {
    actions.dials().into_iter().filter(|(dial, _)| node.role.dialer.purpose(*dial) == Some(Purpose::Peer)).collect()
}

#[test]
fn a_stale_tip_makes_the_node_look_for_one_more_peer_and_then_for_another() {
    let mut node = full();
    node.notice(moved(1));
    let before = quiet(&mut node, &[0, 1], STALE_AFTER.0 - Duration::from_secs(10));
    assert_eq!(stays(&node, &before), [], "the tip is fresh");
    let dials = quiet(&mut node, &[0, 1], Duration::from_secs(15));
    let extra = stays(&node, &dials);
    assert_eq!(extra.len(), 1, "one more, not many");
    let up = succeed_dial(&mut node, extra[0].0, extra[0].1, 2);
    pings(&up, 2).into_iter().for_each(|nonce| drop(node.receive(2, &Message::Pong(nonce))));
    let later = quiet(&mut node, &[0, 1, 2], STALE_DIAL_INTERVAL + STALE_AFTER.0);
    assert!(later.said(2, GoodbyeCode::Evicted), "the youngest, which brought nothing, makes room for another");
    assert!(later.closed(0).is_none() && later.closed(1).is_none());
    assert_eq!(stays(&node, &later).len(), 1, "another takes its place");
}

#[test]
fn a_new_block_ends_the_search_and_the_peer_that_is_behind_goes() {
    let mut node = full();
    node.notice(moved(1));
    let dials = quiet(&mut node, &[0, 1], STALE_AFTER.0 + Duration::from_secs(5));
    let extra = stays(&node, &dials);
    succeed_dial(&mut node, extra[0].0, extra[0].1, 2);
    for (link, height) in [(0, 7), (1, 1), (2, 7)] {
        node.receive(link, &Message::Ping { nonce: 1, height, tip: Hash::ZERO });
    }
    let actions = node.notice(moved(7));
    assert!(actions.said(1, GoodbyeCode::Evicted));
    assert!(actions.closed(0).is_none() && actions.closed(2).is_none());
    node.closed(1, CloseReason::Local(GoodbyeCode::Evicted));
    let after = node.run(Duration::from_secs(1));
    assert_eq!(stays(&node, &after), []);
}

#[test]
fn round_trips_are_told_to_the_role_that_decides_about_slots() {
    let mut node = node(&setup());
    node.start();
    let ping = pings(&join(&mut node, 1, "127.0.0.1:4131"), 1)[0];
    node.pass(Duration::from_millis(30));
    let told = node.receive(1, &Message::Pong(ping)).told::<ToHandshake>();
    let what = Useful::RoundTrip(Duration::from_millis(30));
    assert!(told.contains(&ToHandshake::Useful { link: LinkId(1), what }), "{told:?}");
}

/// A thousand links a second wiped out in a minute what the log had of the days before.
#[test]
fn who_is_closed_for_faults_again_and_again_does_not_fill_the_log() {
    let mut node = node(&setup());
    node.start();
    let mut lines = |links: std::ops::Range<u64>| {
        let ((), lines) = logged(|| {
            for link in links {
                join(&mut node, link, "127.0.0.1:4131");
                node.closed(link, CloseReason::Fault(PeerFault::Unsigned(Kind::Vote)));
            }
            node.pass(Duration::from_secs(1));
        });
        let of =
            |level: &str| lines.iter().filter(|line| line.starts_with(level) && line.contains("for a fault")).count();
        (of("INFO"), of("DEBUG"))
    };
    assert_eq!(lines(1..501), (10, 490));
    assert_eq!(lines(501..1_001), (1, 499));
}

#[test]
fn the_use_of_the_book_is_told_when_it_changes() {
    let mut node = node(&setup());
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let actions = node.receive(1, &told([address("127.0.0.1:4132")]));
    assert_eq!(actions.used(Limit::BookNew), Some(2));
}

/// A peer, killed and started again twenty times, among eight honest nodes and a thousand addresses of an attacker in
/// one network: the anchors are dialled first, and the attacker holds at most one outbound slot.
#[test]
fn after_each_kill_the_anchors_come_first_and_one_network_gets_one_slot() {
    let memory = Memory::default();
    let setup = Setup { bootnodes: vec![v4(0)], ..public_setup() };
    let attacker = |n: u16| {
        let [high, low] = n.to_be_bytes();
        SocketAddr::new([66, 66, high, low].into(), 4130)
    };
    let is_attacker = |address: &SocketAddr| address.ip().to_string().starts_with("66.66.");
    let mut anchors: Vec<SocketAddr> = Vec::new();
    for round in 0..20 {
        let mut node = node_on(&setup, &memory);
        let mut dials = node.start().dials();
        let first: Vec<SocketAddr> = dials.iter().map(|(_, to)| *to).collect();
        assert!(first.starts_with(&anchors), "round {round}: {first:?} after {anchors:?}");
        let mut link = 0;
        // Nobody answers pings here, so that the round ends before that matters.
        let end = node.now.mono + Duration::from_secs(40);
        while node.now.mono < end {
            for (dial, to) in std::mem::take(&mut dials) {
                link += 1;
                // Everybody answers, honest or not; each tells its own kind.
                dials.extend(succeed_dial(&mut node, dial, to, link).dials());
                let kind = (0..100).map(|n| if is_attacker(&to) { attacker(link as u16 * 100 + n) } else { v4(n % 8) });
                dials.extend(node.receive(link, &told(kind)).dials());
            }
            // The attacker dials us too, and tells of all its addresses.
            link += 1;
            let from = attacker((link % 1_000) as u16);
            join(&mut node, link, &from.to_string());
            dials.extend(node.receive(link, &told((0..100).map(|n| attacker(n * 10 + round)))).dials());
            dials.extend(node.lost(link).dials());
            dials.extend(node.run(Duration::from_secs(1)).dials());
        }
        let outbound: Vec<SocketAddr> = node.role.links.outbound_peers().map(|(_, link, _)| link.remote()).collect();
        let theirs = outbound.iter().filter(|address| is_attacker(address)).count();
        assert!(theirs <= 1 && outbound.len() >= 8, "round {round}: {outbound:?}");
        anchors = memory.anchors();
        assert_eq!(anchors.len(), 2);
        assert!(anchors.iter().any(|anchor| !is_attacker(anchor)), "round {round}: {anchors:?}");
        let book = memory.contents().entries;
        let share = book.iter().filter(|entry| is_attacker(&entry.address)).count();
        assert!(share <= (1024 + 256) / 16, "round {round}: {share} of the book");
    }
}

#[test]
fn a_fault_that_is_found_late_costs_its_sender_the_difference_to_what_the_link_has_paid() {
    let mut node = node(&public_setup());
    node.start();
    join(&mut node, 1, "9.1.1.1:4130");
    join(&mut node, 2, "9.2.1.1:4130");
    join(&mut node, 3, "9.3.1.1:4130");
    let late = |node: &mut Node, link: u64, fault: PeerFault| {
        node.event(Event::Link(LinkEvent::LateFault { link: LinkId(link), fault })).told::<ToHandshake>()
    };
    let points = |node: &Node, ip: &str| node.role.barred.points(node.now.mono, address(ip).ip());
    node.lost(1);
    assert!(late(&mut node, 1, PeerFault::UnlinkedHeaders).is_empty());
    assert_eq!(points(&node, "9.1.1.1:1"), 20);
    assert!(late(&mut node, 1, PeerFault::Flood("pings")).is_empty());
    assert_eq!(points(&node, "9.1.1.1:1"), 20, "a link pays for its worst fault");
    node.closed(2, CloseReason::Fault(PeerFault::BrokenPromise));
    let told = late(&mut node, 2, PeerFault::InvalidBranch);
    let ips = BTreeSet::from([address("9.2.1.1:1").ip()]);
    assert!(
        told.contains(&ToHandshake::Barred(KeptOut { ips, ..KeptOut::default() })),
        "100 points are a ban: {told:?}"
    );
    // A link that stands is closed by the endpoint before anybody hears of a late fault.
    assert!(late(&mut node, 3, PeerFault::InvalidBranch).is_empty());
    assert_eq!(points(&node, "9.3.1.1:1"), 0);
}
