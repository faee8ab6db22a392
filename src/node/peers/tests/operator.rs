use super::*;
use crate::{
    node::{
        command::{PeersCommand, Reply},
        notice::{KeptOut, ToHandshake},
        testing::some_node,
    },
    wire::frame::FrameFault,
};

#[test]
fn grave_faults_ban_an_address_for_a_while_and_light_ones_add_up() {
    let memory = Memory::default();
    let mut node = node_on(&public_setup(), &memory);
    node.start();
    let barred = |actions: &Actions| match actions.told::<ToHandshake>().last() {
        Some(ToHandshake::Barred(out)) => out.ips.clone(),
        _ => BTreeSet::new(),
    };
    let ip: IpAddr = "9.1.1.1".parse().unwrap();
    for link in 1..5 {
        join(&mut node, link, "9.1.1.1:4130");
        assert!(barred(&node.closed(link, CloseReason::Fault(PeerFault::UnlinkedHeaders))).is_empty());
    }
    join(&mut node, 5, "9.1.1.1:4130");
    join(&mut node, 6, "9.1.1.1:4131");
    let nonce = pings(&join(&mut node, 7, "9.1.1.1:4132"), 7)[0];
    node.receive(7, &Message::Pong(nonce));
    node.opened(8, Direction::Inbound, "9.1.1.1:50008");
    let actions = node.closed(5, CloseReason::Fault(PeerFault::UnlinkedHeaders));
    assert_eq!(barred(&actions), BTreeSet::from([ip]));
    assert!(actions.said(6, GoodbyeCode::Banned) && actions.said(8, GoodbyeCode::Banned), "untried links go");
    assert!(actions.closed(7).is_none(), "a link that works stays");
    let banned: Vec<Banned> = memory.contents().bans.iter().map(|ban| ban.who).collect();
    assert_eq!(banned, [Banned::Host(ip), Banned::Node(some_node(4130))], "the same node broke the protocol each time");
    let again = node_on(&public_setup(), &memory).start();
    assert_eq!(barred(&again), BTreeSet::from([ip]), "bans outlive a restart");
    let actions = node.run(BAN_TIME + Duration::from_secs(1));
    assert_eq!(actions.told::<ToHandshake>().len(), 1);
    assert!(barred(&actions).is_empty() && memory.contents().bans.is_empty());
}

/// Closes a hundred links from `ip` with a fault; whether that bans the address.
fn is_banned_for(node: &mut Node, ip: &str, fault: &PeerFault) -> bool {
    (1_000..1_100).any(|link| {
        node.opened(link, Direction::Inbound, &format!("{ip}:50000"));
        let told = node.closed(link, CloseReason::Fault(fault.clone())).told::<ToHandshake>();
        told.iter().any(|notice| matches!(notice, ToHandshake::Barred(out) if !out.ips.is_empty()))
    })
}

#[test]
fn scanners_sleepers_and_configured_peers_are_not_banned() {
    let mut node = node(&Setup { connect: vec![address("9.2.1.1:4130")], ..public_setup() });
    node.start();
    assert!(!is_banned_for(&mut node, "9.1.1.1", &PeerFault::Frame(FrameFault::Magic)), "a port scanner");
    assert!(!is_banned_for(&mut node, "9.1.1.1", &PeerFault::HandshakeTimeout), "a suspended host");
    assert!(!is_banned_for(&mut node, "9.2.1.1", &PeerFault::UnlinkedHeaders), "the operator wants it");
    assert!(is_banned_for(&mut node, "9.1.1.1", &PeerFault::Frame(FrameFault::Checksum)));
}

#[test]
fn a_cluster_on_one_host_never_bans_itself() {
    let mut node = node(&setup());
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    join(&mut node, 2, "127.0.0.1:4132");
    let actions = node.closed(1, CloseReason::Fault(PeerFault::InvalidBranch));
    assert!(actions.told::<ToHandshake>().is_empty() && actions.closed(2).is_none());
    let [Reply::Peers(reports)] = &node.command(1, PeersCommand::Peers).replies(1)[..] else { panic!("one reply") };
    assert_eq!(reports[0].score, 100, "but the score is kept");
}

#[test]
fn peers_can_be_added_and_dropped() {
    let mut node = node(&setup());
    node.start();
    let actions = node.command(1, PeersCommand::AddPeer(named("127.0.0.1:4131"), None));
    assert_eq!(actions.replies(1), [Reply::Done]);
    assert_eq!(actions.dialled(), [address("127.0.0.1:4131")]);
    succeed(&mut node, &actions, 1);
    let actions = node.command(2, PeersCommand::DropPeer(named("127.0.0.1:4131")));
    assert_eq!(actions.replies(2), [Reply::Done]);
    assert!(actions.said(1, GoodbyeCode::Operator));
    node.closed(1, CloseReason::Local(GoodbyeCode::Operator));
    assert!(node.run(REDIAL_MAX / 2).dialled().is_empty());
    let reply = node.command(3, PeersCommand::DropPeer(named("127.0.0.1:9999"))).replies(3);
    assert!(matches!(reply[..], [Reply::NotFound(_)]));
    let actions = node.command(4, PeersCommand::AddPeer(named("127.0.0.1:4131"), None));
    assert_eq!(actions.dialled(), [address("127.0.0.1:4131")], "an operator may change their mind");
}

#[test]
fn operators_ban_and_unban() {
    let mut node = node(&public_setup());
    node.start();
    join(&mut node, 1, "9.1.1.1:4130");
    let who = Banned::Host("9.1.1.1".parse().unwrap());
    let ban = PeersCommand::Ban { who, time: Duration::from_secs(60), reason: "test".to_owned() };
    let actions = node.command(1, ban);
    assert!(actions.said(1, GoodbyeCode::Banned) && actions.replies(1) == [Reply::Done]);
    let replies = node.command(2, PeersCommand::Book).replies(2);
    let [Reply::Book { bans, .. }] = &replies[..] else { panic!("one reply: {replies:?}") };
    assert_eq!((bans[0].until, bans[0].reason.as_str()), (UnixTime(epoch() + 60), "test"));
    assert_eq!(node.command(3, PeersCommand::Unban(who)).replies(3), [Reply::Done]);
    assert!(matches!(node.command(4, PeersCommand::Unban(who)).replies(4)[..], [Reply::NotFound(_)]));
}

#[test]
fn a_partition_cuts_links_and_heals_at_once() {
    let mut node = node(&connecting(&["127.0.0.1:4131"]));
    let actions = node.start();
    succeed(&mut node, &actions, 1);
    join(&mut node, 2, "127.0.0.1:4132");
    let denied = [address("127.0.0.1:4131"), address("127.0.0.1:4132")];
    let actions = node.command(1, PeersCommand::Deny(denied.to_vec(), Vec::new()));
    assert_eq!(actions.replies(1), [Reply::Done]);
    assert!(actions.said(1, GoodbyeCode::Operator) && actions.said(2, GoodbyeCode::Operator));
    let expected = ToHandshake::Barred(KeptOut { addresses: BTreeSet::from(denied), ..KeptOut::default() });
    assert_eq!(actions.told::<ToHandshake>(), [expected]);
    for link in [1, 2] {
        node.closed(link, CloseReason::Local(GoodbyeCode::Operator));
    }
    assert!(node.run(Duration::from_secs(30)).dialled().is_empty());
    let actions = node.command(2, PeersCommand::Allow);
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
fn a_short_partition_leaves_no_back_off_behind() {
    let mut node = node(&Setup { max_outbound: 3, ..setup() });
    node.start();
    for (link, listens) in [(1, "127.0.0.1:4131"), (2, "127.0.0.1:4132")] {
        join(&mut node, link, listens);
    }
    let actions = node.receive(1, &told([loopback(4133)]));
    succeed(&mut node, &actions, 3);
    let denied: Vec<SocketAddr> = (4131..4134).map(loopback).collect();
    node.command(1, PeersCommand::Deny(denied.clone(), Vec::new()));
    for link in [1, 2, 3] {
        node.closed(link, CloseReason::Local(GoodbyeCode::Operator));
    }
    assert_eq!(node.command(2, PeersCommand::Allow).dialled(), denied);
}

#[test]
fn a_link_that_came_up_while_it_was_denied_is_closed() {
    let mut node = node(&setup());
    node.start();
    node.command(1, PeersCommand::Deny(vec![address("127.0.0.1:4131")], Vec::new()));
    assert!(join(&mut node, 1, "127.0.0.1:4131").said(1, GoodbyeCode::Operator));
}

#[test]
fn partitions_are_for_test_chains_only() {
    let mut node = node(&public_setup());
    node.start();
    let replies = node.command(1, PeersCommand::Deny(vec![v4(1)], Vec::new())).replies(1);
    assert!(matches!(replies[..], [Reply::Refused(_)]));
    assert!(matches!(node.command(2, PeersCommand::Allow).replies(2)[..], [Reply::Refused(_)]));
}

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
