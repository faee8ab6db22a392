use super::*;

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
        last_seen: UnixTime(epoch()),
        last_success: Some(UnixTime(epoch())),
        last_attempt: None,
        failures: 0,
        node: None,
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

/// In a mesh whose nodes all know each other, questions every 30 s and their answers were three quarters of the bytes.
#[test]
fn a_node_that_hears_nothing_new_asks_less_and_less_often() {
    let mut node = node(&Setup { max_outbound: 8, ..setup() });
    node.start();
    for link in [1, 2] {
        let up = join(&mut node, link, &format!("127.0.0.1:{}", 4130 + link));
        pings(&up, link).into_iter().for_each(|nonce| drop(node.receive(link, &Message::Pong(nonce))));
    }
    let first = questions(&mut node, 32);
    assert!((4..=6).contains(&first), "{first}");
    node.receive(1, &told([address("127.0.0.1:4131"), address("127.0.0.1:4132")]));
    assert!(questions(&mut node, 4) <= 1, "both are known");
    node.receive(1, &told([loopback(5000)]));
    assert_eq!(questions(&mut node, 1), 1, "something new");
    questions(&mut node, 32);
    node.closed(2, CloseReason::Lost("test".to_owned()));
    assert_eq!(questions(&mut node, 1), 1, "a peer is gone");
}

/// How often the first peer is asked for addresses in so many intervals. The peers answer their pings.
fn questions(node: &mut Node, intervals: u32) -> usize {
    let end = node.now.mono + GET_PEERS_INTERVAL * intervals;
    let mut count = 0;
    while node.now.mono < end {
        let actions = node.run(Duration::from_secs(1));
        for link in [1, 2] {
            pings(&actions, link).into_iter().for_each(|nonce| drop(node.receive(link, &Message::Pong(nonce))));
        }
        count += actions.sent(1).iter().filter(|message| **message == Message::GetPeers).count();
    }
    count
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

#[test]
fn machines_of_one_local_network_find_each_other_if_its_bootnode_is_one_of_them() {
    let bootnode = address("192.168.1.10:4130");
    let mut node = node(&Setup { bootnodes: vec![bootnode], ..public_setup() });
    let (dial, to) = node.start().dials()[0];
    assert_eq!(to, bootnode);
    succeed_dial(&mut node, dial, to, 1);
    let machines = ["192.168.1.11:4130", "192.168.1.12:4130", "10.8.0.3:4130"];
    let others = ["127.0.0.1:4130", "192.168.1.1:80", "224.0.0.1:4130"];
    node.receive(1, &told(machines.iter().chain(&others).map(|text| address(text))));
    let dialled: BTreeSet<SocketAddr> =
        run_alive(&mut node, 1, Duration::from_secs(180)).dials().into_iter().map(|(_, to)| to).collect();
    assert_eq!(dialled, machines.iter().map(|text| address(text)).collect());
    join(&mut node, 2, "192.168.1.13:4130");
    let answer = addresses(&node.receive(2, &Message::GetPeers).sent(2)[0]);
    assert_eq!(answer, [bootnode]);
    join(&mut node, 4, "9.1.1.1:4130");
    assert_eq!(addresses(&node.receive(4, &Message::GetPeers).sent(4)[0]), [], "nothing that leaves the network");
    node.receive(4, &told([address("192.168.7.7:4130"), v4(8)]));
    let knows = |one| node.role.book.entries().any(|entry| entry.address == one);
    assert!(knows(v4(8)) && !knows(address("192.168.7.7:4130")), "and nothing that comes from outside");
}

/// Else none of them would have a peer left when that one is off.
#[test]
fn the_first_node_of_a_local_network_tells_those_that_dial_it_of_each_other_and_dials_none_of_them() {
    let mut node = node(&public_setup());
    node.start();
    for (link, listens) in
        [(1, "192.168.1.11:4130"), (2, "192.168.1.12:4130"), (3, "9.1.1.1:4130"), (4, "127.0.0.1:4130")]
    {
        join(&mut node, link, listens);
    }
    let mut told = |link| -> BTreeSet<SocketAddr> {
        addresses(&node.receive(link, &Message::GetPeers).sent(link)[0]).into_iter().collect()
    };
    let (outside, other) = (address("9.1.1.1:4130"), address("192.168.1.11:4130"));
    assert_eq!(told(2), BTreeSet::from([outside, other]));
    assert_eq!((told(3), told(4)), (BTreeSet::new(), BTreeSet::from([outside])), "nothing that leaves the network");
    assert!(node.role.book.entries().all(|entry| entry.address == outside), "it dials none of them");
}
