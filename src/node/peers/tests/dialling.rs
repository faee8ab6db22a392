use super::*;
use crate::node::DialFailure;

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
fn an_address_that_answers_garbage_is_dialled_ever_more_rarely() {
    let mut node = node(&connecting(&["127.0.0.1:4131"]));
    let (mut dials, mut last) = (node.start().dials(), Duration::ZERO);
    for link in 0..9 {
        let (dial, to) = dials.remove(0);
        node.opened(link, Direction::Outbound(dial), &to.to_string());
        let closed = node.now.mono;
        dials = node.closed(link, CloseReason::Fault(PeerFault::Unexpected(Kind::Pong))).dials();
        while dials.is_empty() {
            dials = node.run(Duration::from_secs(1)).dials();
        }
        last = node.now.mono.since(closed);
    }
    assert!(last >= Duration::from_secs(250), "{last:?}");
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
fn a_node_that_dialled_us_is_not_dialled_once_a_dial_has_proven_its_claim() {
    let mut node = node(&connecting(&["127.0.0.1:4131"]));
    let (dial, to) = node.start().dials()[0];
    join(&mut node, 1, "127.0.0.1:4131");
    node.dial_failed(dial, to);
    let (dial, to) = node.run(Duration::from_secs(10)).dials()[0];
    node.opened(2, Direction::Outbound(dial), &to.to_string());
    node.notice(ToPeers::LeadsTo { link: LinkId(1), address: to });
    node.closed(2, CloseReason::Local(GoodbyeCode::Duplicate));
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
    assert_eq!(memory.anchors(), [dials[0].1, dials[1].1], "the oldest");
    node.lost(0);
    assert_eq!(memory.anchors(), [dials[1].1, dials[2].1]);
    node.lost(1);
    node.lost(2);
    assert_eq!(memory.anchors().len(), 2, "a node that loses all peers still knows addresses to dial");
    for _ in 0..20 {
        // Killed and started again, without any goodbye.
        let anchors = memory.anchors();
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
    let before = memory.anchors();
    node.closed(0, CloseReason::Local(GoodbyeCode::Stopping));
    assert_eq!(memory.anchors(), before);
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
        last_seen: UnixTime(epoch()),
        last_success: None,
        last_attempt: None,
        failures: 0,
        node: None,
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

#[test]
fn a_book_full_of_dead_addresses_makes_no_storm_of_dials() {
    let mut node = node(&setup());
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let mut dials = node.receive(1, &told((5000..5100).map(loopback))).dials();
    let mut count = 0;
    for _ in 0..100 {
        for (dial, to) in std::mem::take(&mut dials) {
            count += 1;
            dials.extend(node.dial_failed(dial, to).dials());
        }
        dials.extend(run_alive(&mut node, 1, Duration::from_millis(100)).dials());
    }
    // Ten seconds: a burst of 16 and 20 a second.
    assert!((100..=220).contains(&count), "{count}");
}

/// Lets all dials of this time fail for a reason; the times at which this address was dialled.
fn outage(node: &mut Node, mut actions: Actions, time: Duration, to: SocketAddr, reason: &DialFailure) -> Vec<Time> {
    let (end, mut times) = (node.now.mono + time, Vec::new());
    while node.now.mono < end {
        let mut next = Vec::new();
        for (dial, address) in actions.dials() {
            if address == to {
                times.push(node.now.mono);
            }
            next.extend(node.dial_failed_for(dial, address, reason.clone()).0);
        }
        next.extend(node.run(Duration::from_millis(100)).0);
        actions = Actions(next);
    }
    times
}

fn longest_pause(times: &[Time]) -> Duration {
    times.windows(2).map(|pair| pair[1].since(pair[0])).max().expect("several dials")
}

#[test]
fn a_host_that_is_offline_dials_its_peers_every_second_or_two_and_holds_nothing_against_them() {
    let no_route = DialFailure::NoRoute("network is unreachable".to_owned());
    let no_answer = DialFailure::NoAnswer("timed out".to_owned());
    let minutes = Duration::from_secs(180);
    for (reason, most) in [(&no_route, 1_200), (&no_answer, 2_600)] {
        for kept in [true, false] {
            let memory = Memory::default();
            let connect = if kept { vec![v4(1)] } else { Vec::new() };
            let bootnodes = if kept { Vec::new() } else { vec![v4(2)] };
            let mut node = node_on(&Setup { connect, bootnodes, ..public_setup() }, &memory);
            let actions = node.start();
            let (dial, to) = actions.dials()[0];
            succeed_dial(&mut node, dial, to, 1);
            node.pass(REDIAL_MAX);
            let lost = node.lost(1);
            let times = outage(&mut node, lost, minutes, to, reason);
            assert!(
                longest_pause(&times) <= Duration::from_millis(most),
                "{reason} {kept}: {:?}",
                longest_pause(&times)
            );
            assert!(memory.contents().entries.iter().all(|entry| entry.failures == 0), "{reason}");
        }
    }
}

#[test]
fn a_stranger_s_address_that_does_not_answer_is_left_alone_also_by_a_host_that_may_be_offline() {
    let mut node = node(&public_setup());
    node.start();
    join(&mut node, 1, "20.0.7.1:4130");
    let mut actions = node.receive(1, &told([v4(3)])).0;
    actions.extend(node.run(Duration::from_secs(1)).0);
    node.lost(1);
    let no_answer = DialFailure::NoAnswer("timed out".to_owned());
    let times = outage(&mut node, Actions(actions), Duration::from_secs(300), v4(3), &no_answer);
    assert_eq!(times.len(), 1, "{times:?}");
}
