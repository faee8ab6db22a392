use super::*;
use crate::{
    base::limits::{DIAL_FAILING_AFTER, ISOLATED_AFTER, UNREACHABLE_AFTER},
    node::hindrance::HindranceId,
};

/// The last that was told of a hindrance: its text, or that it is over.
fn told(actions: &Actions, which: HindranceId) -> Option<Option<String>> {
    let text = |report: Report| match report {
        Report::Hindrance { id, finding, .. } if id == which => Some(finding.map(|finding| finding.text)),
        _ => None,
    };
    actions.reports().into_iter().filter_map(text).next_back()
}

#[test]
fn dials_that_fail_are_told_with_each_address_and_reason_until_one_succeeds() {
    let mut node = node(&connecting(&["127.0.0.1:4131", "127.0.0.1:4132"]));
    let dials = node.start().dials();
    for (dial, to) in &dials {
        assert_eq!(told(&node.dial_failed(*dial, *to), HindranceId::DialFailing), None, "not at the first failure");
    }
    let actions = node.run(DIAL_FAILING_AFTER);
    let text = "dials to 2 addresses lead to no peer: 127.0.0.1:4131: refused; 127.0.0.1:4132: refused";
    assert_eq!(told(&actions, HindranceId::DialFailing), Some(Some(text.to_owned())));
    let (dial, to) = *actions.dials().iter().rev().find(|(_, to)| to.port() == 4131).expect("it is dialled again");
    let actions = succeed_dial(&mut node, dial, to, 1);
    let text = "a dial leads to no peer: 127.0.0.1:4132: refused";
    assert_eq!(told(&actions, HindranceId::DialFailing), Some(Some(text.to_owned())), "the other one is wanted, too");
    let actions = node.command(1, PeersCommand::DropPeer(named("127.0.0.1:4132")));
    assert_eq!(told(&actions, HindranceId::DialFailing), Some(None));
}

#[test]
fn what_a_peer_said_when_it_closed_the_link_is_the_reason() {
    let mut node = node(&connecting(&["127.0.0.1:4131"]));
    let (dial, to) = node.start().dials()[0];
    node.opened(1, Direction::Outbound(dial), &to.to_string());
    node.closed(1, CloseReason::Remote { code: GoodbyeCode::Full as u8, retry_after: 600 });
    let text = told(&node.run(DIAL_FAILING_AFTER), HindranceId::DialFailing).flatten().expect("it is told");
    assert!(text.contains("127.0.0.1:4131: closed by the peer"), "{text}");
}

/// People saw "connection lost", and looked for a broken line.
#[test]
fn who_is_closed_without_a_word_is_told_how_to_become_a_member() {
    let setup = connecting(&["127.0.0.1:4131"]);
    let mut node = node(&setup);
    let (dial, to) = node.start().dials()[0];
    node.opened(1, Direction::Outbound(dial), &to.to_string());
    node.closed(1, CloseReason::Unanswered);
    let finding = |report: Report| match report {
        Report::Hindrance { id: HindranceId::DialFailing, finding, .. } => finding,
        _ => None,
    };
    let found = node.run(DIAL_FAILING_AFTER).reports().into_iter().find_map(finding).expect("it is told");
    assert!(found.text.contains("127.0.0.1:4131: closed by the other side without a word"), "{found:?}");
    let id = crate::chain::node_id::to_text(&setup.key.id(), &setup.spec.prefix);
    assert!(found.advice.contains(&format!("members add {id}")) && found.advice.contains("--members"), "{found:?}");
    assert!(found.advice.contains("the id before the @ is another machine's"), "{found:?}");
}

#[test]
fn a_dial_to_a_peer_that_has_dialled_us_is_no_failure() {
    let mut node = node(&connecting(&["127.0.0.1:4131"]));
    let (dial, to) = node.start().dials()[0];
    join(&mut node, 2, "127.0.0.1:4131");
    node.opened(1, Direction::Outbound(dial), &to.to_string());
    node.closed(1, CloseReason::Remote { code: GoodbyeCode::Duplicate as u8, retry_after: 600 });
    assert_eq!(told(&run_alive(&mut node, 2, DIAL_FAILING_AFTER), HindranceId::DialFailing), None);
    assert!(told(&node.lost(2), HindranceId::DialFailing).flatten().is_some(), "it is no peer any more");
}

/// A node's own dials may come from another address of its host than that at which it listens.
#[test]
fn a_dial_to_a_node_that_has_linked_from_another_address_is_no_failure() {
    let dialled = address("127.0.0.2:4130");
    let theirs = inbound_peer("127.0.0.1:4139");
    let pins = [(NodeAddress::Ip(dialled), theirs.node)].into();
    let mut node = node(&Setup { pins, ..connecting(&["127.0.0.2:4130"]) });
    let (dial, to) = node.start().dials()[0];
    node.dial_failed(dial, to);
    assert!(told(&node.run(DIAL_FAILING_AFTER), HindranceId::DialFailing).flatten().is_some());
    let actions = join(&mut node, 1, "127.0.0.1:4139");
    assert_eq!(told(&actions, HindranceId::DialFailing), Some(None), "it has linked from its side");
    assert_eq!(told(&run_alive(&mut node, 1, DIAL_FAILING_AFTER * 3), HindranceId::DialFailing), None);
    assert!(told(&node.lost(1), HindranceId::DialFailing).flatten().is_some(), "it is no peer any more");
}

/// Who answered there before is known without a pin, too.
#[test]
fn a_dial_to_a_node_that_was_there_before_and_has_linked_is_no_failure() {
    let mut node = node(&connecting(&["127.0.0.2:4130"]));
    let (dial, to) = node.start().dials()[0];
    let theirs = || PeerInfo { node: inbound_peer("127.0.0.1:4139").node, ..outbound_peer(dial, to) };
    node.opened(1, Direction::Outbound(dial), &to.to_string());
    node.up(1, theirs());
    node.lost(1);
    let mut actions = node.run(DIAL_FAILING_AFTER * 2);
    for (dial, to) in std::mem::replace(&mut actions, node.run(Duration::ZERO)).dials() {
        node.dial_failed(dial, to);
    }
    node.run(DIAL_FAILING_AFTER * 2);
    assert_eq!(told(&join(&mut node, 2, "127.0.0.1:4139"), HindranceId::DialFailing), Some(None));
}

#[test]
fn a_node_whose_known_addresses_are_all_kept_out_says_so_until_one_is_allowed() {
    let mut node = node(&connecting(&["127.0.0.1:4131"]));
    node.start();
    let actions = node.command(1, PeersCommand::Deny(vec![address("127.0.0.1:4131")], Vec::new()));
    let text = "the only known address is banned or denied: 127.0.0.1:4131";
    assert_eq!(told(&actions, HindranceId::AllDenied), Some(Some(text.to_owned())));
    assert_eq!(told(&node.command(2, PeersCommand::Allow), HindranceId::AllDenied), Some(None));
}

#[test]
fn a_node_without_peers_is_alone_after_a_while_unless_it_may_be_the_network() {
    for (setup, is_told) in
        [(setup(), false), (connecting(&["127.0.0.1:4131"]), true), (Setup { is_bootnode: true, ..setup() }, true)]
    {
        let mut node = node(&setup);
        node.start();
        assert_eq!(told(&node.run(ISOLATED_AFTER / 2), HindranceId::Alone), None);
        let actions = node.run(ISOLATED_AFTER);
        assert_eq!(told(&actions, HindranceId::Alone).flatten().is_some(), is_told);
        let actions = join(&mut node, 1, "127.0.0.1:4139");
        assert_eq!(told(&actions, HindranceId::Alone), is_told.then_some(None));
        node.lost(1);
        let actions = node.run(ISOLATED_AFTER);
        assert!(told(&actions, HindranceId::Alone).flatten().is_some(), "it lost the network");
    }
}

#[test]
fn a_node_that_nobody_reaches_says_so_once_it_has_all_the_peers_that_it_wants() {
    let mut node = node(&Setup { connect: vec![v4(1)], max_outbound: 1, listen_port: 4130, ..public_setup() });
    let actions = node.start();
    let first = pings(&succeed(&mut node, &actions, 1), 1);
    node.receive(1, &Message::Pong(first[0]));
    assert_eq!(told(&run_alive(&mut node, 1, UNREACHABLE_AFTER / 2), HindranceId::Unreachable), None);
    let actions = run_alive(&mut node, 1, UNREACHABLE_AFTER);
    assert!(told(&actions, HindranceId::Unreachable).flatten().is_some());
    let actions = node.opened(2, Direction::Inbound, "20.0.7.1:50000");
    assert_eq!(told(&actions, HindranceId::Unreachable), Some(None));
}

#[test]
fn a_node_that_denies_some_of_the_nodes_that_it_knows_says_so_until_all_are_allowed() {
    let mut node = node(&connecting(&["127.0.0.1:4131", "127.0.0.1:4132"]));
    node.start();
    let actions =
        node.command(1, PeersCommand::Deny(vec![address("127.0.0.1:4131"), address("127.0.0.1:4139")], Vec::new()));
    let text = "this node keeps out 2 of 3 known nodes: 127.0.0.1:4131, 127.0.0.1:4139";
    assert_eq!(told(&actions, HindranceId::PartlyCut), Some(Some(text.to_owned())));
    let actions = node.run(DIAL_FAILING_AFTER * 2);
    assert_eq!(told(&actions, HindranceId::DialFailing), None, "nothing is expected of what is kept out");
    let denied = |node: &mut Node| match node.command(9, PeersCommand::Book).replies(9).pop() {
        Some(Reply::Book { denied, .. }) => denied,
        other => panic!("the book is told: {other:?}"),
    };
    let both = [address("127.0.0.1:4131"), address("127.0.0.1:4139")];
    assert_eq!(denied(&mut node), both);
    assert_eq!(told(&node.command(3, PeersCommand::Allow), HindranceId::PartlyCut), Some(None));
    assert_eq!(denied(&mut node), []);
}

#[test]
fn a_node_that_others_keep_out_says_so_until_one_of_them_is_linked() {
    let refuse = |node: &mut Node, (dial, to): (DialId, SocketAddr), link, code| {
        node.opened(link, Direction::Outbound(dial), &to.to_string());
        node.closed(link, CloseReason::Remote { code: code as u8, retry_after: 0 })
    };
    let mut node = node(&connecting(&["127.0.0.1:4131", "127.0.0.1:4132"]));
    let dials = node.start().dials();
    succeed_dial(&mut node, dials[1].0, dials[1].1, 90);
    refuse(&mut node, dials[0], 1, GoodbyeCode::Operator);
    let (mut said, mut link, mut dialled) = (None, 1, 0);
    for _ in 0..60 {
        let actions = run_alive(&mut node, 90, Duration::from_secs(1));
        said = told(&actions, HindranceId::PartlyCut).or(said);
        for dial in actions.dials() {
            (link, dialled) = (link + 1, dialled + 1);
            refuse(&mut node, dial, link, GoodbyeCode::Operator);
        }
    }
    assert!(dialled > 3, "it is dialled all the time");
    let again = (0..120).find_map(|_| run_alive(&mut node, 90, Duration::from_secs(1)).dials().into_iter().next());
    let (dial, to) = again.unwrap();
    let refused = CloseReason::Remote { code: GoodbyeCode::Operator as u8, retry_after: 0 };
    let in_its_handshake = [
        node.opened(link + 1, Direction::Outbound(dial), &to.to_string()),
        run_alive(&mut node, 90, Duration::from_secs(1)),
        node.closed(link + 1, refused),
        run_alive(&mut node, 90, Duration::from_secs(1)),
    ];
    let news = in_its_handshake.iter().filter_map(|actions| told(actions, HindranceId::PartlyCut)).count();
    assert_eq!(news, 0, "a link in its handshake ends nothing");
    assert_eq!(said, Some(Some("one node keeps this one out: 127.0.0.1:4131".to_owned())));
    let actions = join(&mut node, 91, "127.0.0.1:4131");
    assert_eq!(told(&actions, HindranceId::PartlyCut), Some(None), "it came by itself");
}
