//! Tests of who gets a slot, and whom a newcomer pushes out.

use super::*;

#[test]
fn a_newcomer_without_a_slot_is_told_when_to_come_back() {
    let mut node = node_with(&Setup { max_inbound: 1, ..setup() }, 1);
    assert!(join(&mut node, 1, "127.0.0.1").promoted(1).is_some());
    let actions = join(&mut node, 2, "127.0.0.1");
    let full = CloseReason::Local(GoodbyeCode::Full);
    let close = LinkAction::Close { link: LinkId(2), reason: Box::new(full), retry_after: 60 };
    assert!(actions.0.contains(&Action::Link(close)), "{actions:?}");
    assert!(actions.closed(1).is_none(), "the only peer is worth more than somebody unknown");
    assert!(actions.reports().contains(&Report::LimitHit(Limit::Inbound)));
    assert!(node.opened(3, OUT, "127.0.0.1:4131").closed(3).is_none(), "our own dials need no slot");
    node.lost(1);
    assert!(join(&mut node, 4, "127.0.0.1").promoted(4).is_some());
}

#[test]
fn a_node_without_slots_takes_no_links() {
    let mut node = node_with(&Setup { max_inbound: 0, ..setup() }, 1);
    assert!(node.opened(1, IN, "127.0.0.1:50000").said(1, GoodbyeCode::Full));
}

/// 48 peers: links 1 to 16 from one network, the others each from its own.
fn full_house() -> Node {
    let mut node = node_with(&public_setup(), 1);
    for link in 1..=48 {
        let ip = if link <= 16 { format!("8.8.{link}.1") } else { format!("9.{link}.1.1") };
        assert!(join(&mut node, link, &ip).promoted(link).is_some());
        node.pass(Duration::from_secs(1));
    }
    node
}

fn evicted(actions: &Actions) -> Vec<u64> {
    (0..1_000).filter(|link| actions.said(*link, GoodbyeCode::Evicted)).collect()
}

#[test]
fn a_newcomer_takes_the_place_of_the_youngest_peer_of_the_network_with_most() {
    let mut node = full_house();
    // Those of the large network are the oldest here, and by that protected, until they have redialled.
    for link in 9..=16 {
        node.lost(link);
        node.pass(Duration::from_secs(1));
        assert!(join(&mut node, 100 + link, &format!("8.8.{link}.1")).promoted(100 + link).is_some());
    }
    let actions = join(&mut node, 200, "77.1.1.1");
    assert!(actions.promoted(200).is_some());
    let out = evicted(&actions);
    assert!(out.len() == 1 && out[0] > 108 && out[0] < 200, "{out:?}");
    assert_eq!(node.role.inbound().0, 48);
}

#[test]
fn whoever_is_near_or_was_first_with_news_stays_however_many_come() {
    let mut node = full_house();
    node.pass(Duration::from_secs(100));
    let tell = |node: &mut Node, link, what| node.notice(ToHandshake::Useful { link: LinkId(link), what });
    for (link, time) in [(45, 1), (46, 2), (1, 50), (2, 60)] {
        tell(&mut node, link, Useful::RoundTrip(Duration::from_millis(time)));
    }
    tell(&mut node, 47, Useful::Transaction);
    tell(&mut node, 48, Useful::Block);
    let mut gone = Vec::new();
    for newcomer in 0..500 {
        node.pass(Duration::from_millis(10));
        let [high, low] = u16::try_from(newcomer).unwrap().to_be_bytes();
        let actions = join(&mut node, 1_000 + newcomer, &format!("{}.{low}.1.1", 100 + high));
        assert!(actions.promoted(1_000 + newcomer).is_some(), "no newcomer is refused");
        gone.extend((1..2_000).filter(|link| actions.said(*link, GoodbyeCode::Evicted)));
        for link in &gone {
            node.lost(*link);
        }
    }
    for useful in [45, 46, 47, 48, 1, 2] {
        assert!(!gone.contains(&useful), "{useful} was useful");
    }
    // Half of the others are the oldest: nobody outlasts them by coming later.
    assert!((3..=15).all(|old| !gone.contains(&old)), "{gone:?}");
    assert_eq!(node.role.inbound().0, 48);
}

#[test]
fn silent_dialers_push_out_each_other_and_no_peer() {
    let mut node = full_house();
    let mut gone = Vec::new();
    for link in 1_000..1_100 {
        node.pass(Duration::from_millis(1));
        gone.extend(evicted(&node.opened(link, IN, &format!("66.{}.1.1:50000", link % 50))));
        assert_eq!(node.role.inbound(), (48, (link as usize - 999).min(INBOUND_SLACK)));
    }
    assert!(gone.iter().all(|link| *link >= 1_000), "{gone:?}");
    assert!(join(&mut node, 2_000, "77.1.1.1").promoted(2_000).is_some(), "an honest newcomer gets through");
}

#[test]
fn of_the_handshakes_those_that_said_nothing_go_first_the_oldest_of_the_largest_network_before_others() {
    let mut node = full_house();
    node.opened(100, IN, "66.1.1.1:50000");
    node.receive(100, &version(|v| v.listen_port = 0));
    for link in 101..=100 + INBOUND_SLACK as u64 - 1 {
        node.pass(Duration::from_millis(1));
        let ip = if link % 5 == 0 { format!("67.{link}.1.1") } else { format!("66.2.{link}.1") };
        assert!(evicted(&node.opened(link, IN, &format!("{ip}:50000"))).is_empty());
    }
    assert_eq!(evicted(&node.opened(200, IN, "70.1.1.1:50000")), [101], "not 100, which has begun to speak");
    assert_eq!(evicted(&node.opened(201, IN, "70.2.1.1:50000")), [102]);
}

/// The attack of issue and design: 48 silent and 48 slow clients that dial again as soon as they are closed, while
/// honest nodes dial in. Slots, handshakes and deadlines are the role's own; time is the test's.
#[test]
fn honest_dials_succeed_among_silent_and_slow_clients_that_redial() {
    let mut node = node_with(&public_setup(), 1);
    let mut next = 1;
    let mut attackers: BTreeMap<u64, u64> = BTreeMap::new();
    let dial = |node: &mut Node, attackers: &mut BTreeMap<u64, u64>, next: &mut u64, who: u64| {
        let link = *next;
        *next += 1;
        // Twelve networks of eight addresses each.
        let actions = node.opened(link, IN, &format!("66.{}.{}.1:50000", who % 12, who / 12));
        attackers.insert(link, who);
        let closed: Vec<u64> = attackers.keys().copied().filter(|link| actions.closed(*link).is_some()).collect();
        closed.into_iter().filter_map(|link| attackers.remove(&link)).collect::<Vec<u64>>()
    };
    let mut idle: Vec<u64> = (0..96).collect();
    let mut succeeded = 0;
    for honest in 0..50u64 {
        for _ in 0..2 {
            // 96 attackers redial within a second of being closed.
            node.run(Duration::from_secs(1));
            attackers.retain(|link, who| {
                let alive = node.role.links.contains_key(&LinkId(*link));
                if !alive {
                    idle.push(*who);
                }
                alive
            });
            for who in std::mem::take(&mut idle) {
                idle.extend(dial(&mut node, &mut attackers, &mut next, who));
            }
        }
        let link = 1_000_000 + honest;
        let opened = node.opened(link, IN, &format!("77.{honest}.1.1:50000"));
        // A round trip of 100 ms, in which ten attackers come back.
        node.pass(Duration::from_millis(100));
        for who in 0..10 {
            idle.extend(dial(&mut node, &mut attackers, &mut next, (honest * 7 + who) % 96));
        }
        let answer = node.receive(link, &version(|v| v.listen_port = 0));
        let Some(Message::Version(ours)) = answer.sent(link).into_iter().next() else { continue };
        node.pass(Duration::from_millis(100));
        assert!(opened.closed(link).is_none());
        succeeded += u32::from(node.receive(link, &Message::Verack(ours.nonce)).promoted(link).is_some());
        node.lost(link);
    }
    assert!(succeeded >= 48, "{succeeded} of 50");
}

#[test]
fn one_address_and_one_network_get_few_of_the_slots() {
    let mut node = node_with(&public_setup(), 1);
    for link in 0..8 {
        assert!(node.opened(link, IN, "8.8.0.1:50000").closed(link).is_none());
    }
    assert!(node.opened(8, IN, "8.8.0.1:50000").said(8, GoodbyeCode::Full));
    for link in 9..17 {
        assert!(node.opened(link, IN, &format!("8.8.1.{link}:50000")).closed(link).is_none());
    }
    assert!(node.opened(17, IN, "8.8.2.1:50000").said(17, GoodbyeCode::Full));
    assert!(node.opened(18, IN, "8.9.2.1:50000").closed(18).is_none());
}

#[test]
fn an_operator_may_let_one_address_have_more_links_than_a_network_has() {
    let mut node = node_with(&Setup { max_per_address: 20, ..public_setup() }, 1);
    for link in 0..20 {
        assert!(node.opened(link, IN, "8.8.0.1:50000").closed(link).is_none());
    }
    assert!(node.opened(20, IN, "8.8.0.1:50000").said(20, GoodbyeCode::Full));
}

#[test]
fn loopback_is_exempt_from_address_limits_on_test_chains() {
    let mut node = node(1);
    for link in 0..20 {
        assert!(node.opened(link, IN, "127.0.0.1:50000").closed(link).is_none());
    }
}

/// Links that are open in the role, and the most that one of these addresses has there.
fn held(node: &Node) -> (usize, usize) {
    let links = || node.role.links.values();
    let of = |ip| links().filter(|link| link.remote.ip() == ip).count();
    (links().count(), links().map(|link| of(link.remote.ip())).max().unwrap_or(0))
}

/// They held all places that connections had, banned or not, until they were sealed.
#[test]
fn links_of_one_address_that_are_refused_hold_no_places() {
    for spared in [false, true] {
        let mut node = node_with(&public_setup(), 1);
        let banned = "66.1.1.1".parse().unwrap();
        let spared = if spared { BTreeSet::from([some_node(5)]) } else { BTreeSet::new() };
        node.notice(ToHandshake::Barred(KeptOut { ips: BTreeSet::from([banned]), spared, ..KeptOut::default() }));
        for link in 0..200 {
            node.pass(Duration::from_millis(1));
            node.connected(1_000 + link, IN, "66.1.1.1:50000");
            node.connected(2_000 + link, IN, "67.1.1.1:50000");
            let (all, of_one) = held(&node);
            assert!(all <= 12 && of_one <= 10, "{all} links, {of_one} of one address");
        }
        for link in 1..=30 {
            assert!(join(&mut node, link, &format!("77.{link}.1.1")).promoted(link).is_some());
        }
    }
}

#[test]
fn a_banned_address_is_closed_before_it_agrees_on_keys_unless_a_node_of_it_is_spared() {
    let mut node = node(1);
    let mut out = KeptOut { ips: BTreeSet::from(["8.8.0.1".parse().unwrap()]), ..KeptOut::default() };
    node.notice(ToHandshake::Barred(out.clone()));
    assert!(node.connected(1, IN, "8.8.0.1:50000").said(1, GoodbyeCode::Banned));
    out.spared = BTreeSet::from([some_node(5)]);
    node.notice(ToHandshake::Barred(out));
    assert!(node.connected(2, IN, "8.8.0.1:50000").closed(2).is_none());
    assert!(node.secured(2, some_node(5)).closed(2).is_none());
}

/// Of 100 half-open agreements of three networks, 79 held the 80 places.
#[test]
fn half_open_agreements_stay_below_the_cap_and_push_out_no_newcomer() {
    let mut node = node_with(&public_setup(), 1);
    let cap = limits::MAX_INBOUND + INBOUND_SLACK;
    for honest in 1..=30 {
        for other in 0..100 {
            node.connected(honest * 1_000 + other, IN, &format!("66.{}.{}.1:50000", other % 3, other / 8));
            assert!(held(&node).0 <= cap);
        }
        let mut gone = node.connected(honest, IN, &format!("77.{honest}.1.1:50000"));
        (100..200).for_each(|other| {
            let remote = format!("66.{}.{}.1:50000", other % 10, other / 8);
            gone.0.extend(node.connected(honest * 1_000 + other, IN, &remote).0);
            assert!(held(&node).0 <= cap);
        });
        assert!(gone.closed(honest).is_none());
        node.secured(honest, some_node(honest));
        let nonce = sent_version(&node.receive(honest, &version(|v| v.listen_port = 0)), honest).nonce;
        assert!(node.receive(honest, &Message::Verack(nonce)).promoted(honest).is_some());
    }
}

#[test]
fn a_link_that_says_nothing_makes_room_for_others_of_its_address_and_network() {
    let mut node = node_with(&public_setup(), 1);
    (1..=8).for_each(|link| drop(node.connected(link, IN, "8.8.0.1:50000")));
    let actions = node.connected(9, IN, "8.8.0.1:50001");
    assert!(actions.closed(9).is_none() && actions.said(1, GoodbyeCode::Evicted));
    (11..=18).for_each(|link| drop(node.connected(link, IN, &format!("8.8.1.{link}:50000"))));
    let actions = node.connected(19, IN, "8.8.2.1:50000");
    assert!(actions.closed(19).is_none() && actions.said(2, GoodbyeCode::Evicted), "the address with most pays");
}
