use super::*;
use crate::node::{
    command::{PeersCommand, Reply},
    notice::{ToFetch, ToGossip, ToHandshake, ToHeaders, ToPeers},
};
use crate::wire::message::{SERVICE_CLOCK, SERVICE_FULL};
use crate::{base::limits::TIP_PING_INTERVAL, chain::spec::ChainSpec};

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
    let replies = node.command(1, PeersCommand::Peers).replies(1);
    let [Reply::Peers(reports)] = &replies[..] else { panic!("one reply: {replies:?}") };
    assert_eq!(reports[0].ping_us, Some(30_000));
    assert_eq!(pings(&node.run(PING_INTERVAL), 1).len(), 1);
}

#[test]
fn pings_that_are_due_within_moments_of_each_other_go_out_together() {
    let mut node = node(&setup());
    node.start();
    let nonces = pings(&join(&mut node, 1, "127.0.0.1:4131"), 1);
    node.receive(1, &Message::Pong(nonces[0]));
    node.pass(PING_TOGETHER);
    let nonces = pings(&join(&mut node, 2, "127.0.0.1:4132"), 2);
    node.receive(2, &Message::Pong(nonces[0]));
    node.pass(Duration::from_millis(1));
    let nonces = pings(&join(&mut node, 3, "127.0.0.1:4133"), 3);
    node.receive(3, &Message::Pong(nonces[0]));
    let actions = node.run(PING_INTERVAL - PING_TOGETHER - Duration::from_millis(1));
    let sent: Vec<usize> = (1..=3).map(|link| pings(&actions, link).len()).collect();
    assert_eq!(sent, [1, 1, 0], "the third is due too late to join");
}

#[test]
fn a_tip_that_peers_were_not_told_of_is_told_with_a_ping_but_one_a_second() {
    let mut node = node(&setup());
    node.start();
    let first = pings(&join(&mut node, 1, "127.0.0.1:4131"), 1)[0];
    node.pass(TIP_PING_INTERVAL);
    assert_eq!(pings(&node.notice(ToPeers::TipUntold), 1).len(), 0, "the last ping is not answered yet");
    let second = pings(&node.receive(1, &Message::Pong(first)), 1);
    let second = if second.is_empty() { pings(&node.run(Duration::ZERO), 1) } else { second }[0];
    node.receive(1, &Message::Pong(second));
    assert_eq!(pings(&node.notice(ToPeers::TipUntold), 1).len(), 0, "the last ping was only now");
    assert_eq!(pings(&node.run(TIP_PING_INTERVAL), 1).len(), 1);
}

#[test]
fn only_a_round_trip_shorter_than_all_before_is_news() {
    let mut node = node(&setup());
    node.start();
    let mut nonces = pings(&join(&mut node, 1, "127.0.0.1:4131"), 1);
    let mut told = Vec::new();
    for millis in [30, 40, 20] {
        let time = Duration::from_millis(millis);
        node.pass(time);
        let actions = node.receive(1, &Message::Pong(nonces.remove(0)));
        told.push(actions.told::<ToHandshake>().len());
        nonces.extend(pings(&node.run(PING_INTERVAL), 1));
    }
    assert_eq!(told, [1, 0, 1]);
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
fn a_ping_is_answered_and_its_tip_told_to_headers_fetch_and_gossip() {
    let mut node = node(&setup());
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let actions = node.receive(1, &Message::Ping { nonce: 5, height: 9, tip: Hash([9; 32]) });
    assert_eq!(actions.sent(1), [Message::Pong(5)]);
    let (link, height, tip) = (LinkId(1), 9, Hash([9; 32]));
    assert_eq!(actions.told::<ToHeaders>(), [ToHeaders::PeerTip { link, height, tip }]);
    assert_eq!(actions.told::<ToFetch>(), [ToFetch::PeerTip { link, height, tip }]);
    assert_eq!(actions.told::<ToGossip>(), [ToGossip::PeerTip { link, tip }]);
}

#[test]
fn pings_tell_the_clock_to_peers_that_do_so_too() {
    let mut node = node(&setup());
    node.start();
    let peer = PeerInfo { services: SERVICE_FULL | SERVICE_CLOCK, ..inbound_peer("127.0.0.1:4131") };
    node.opened(1, Direction::Inbound, &peer.remote.to_string());
    let ping = pings(&node.up(1, peer), 1)[0];
    let clock = node.now.unix;
    let told = node.receive(1, &Message::Ping { nonce: ping, height: 9, tip: Hash([9; 32]) }).told::<ToHeaders>();
    assert_eq!(told[0], ToHeaders::PeerClock { link: LinkId(1), clock });
    node.receive(1, &Message::Pong(ping));
    node.pass(TIP_PING_INTERVAL);
    node.now.unix.0 += 86_400;
    let next = pings(&node.notice(ToPeers::ClockSet), 1);
    assert_eq!(next.iter().map(|nonce| nonce >> 24).collect::<Vec<_>>(), [node.now.unix.0]);
}

#[test]
fn a_peer_s_clock_is_told_again_once_it_was_set() {
    let mut node = node(&setup());
    node.start();
    let peer = PeerInfo { services: SERVICE_FULL | SERVICE_CLOCK, ..inbound_peer("127.0.0.1:4131") };
    node.opened(1, Direction::Inbound, &peer.remote.to_string());
    node.up(1, peer);
    let tip = ChainSpec::local().genesis_hash();
    let mut clocks = |seconds: u64| {
        let nonce = (node.now.unix.0 + seconds) << 24;
        let told = node.receive(1, &Message::Ping { nonce, height: 0, tip }).told::<ToHeaders>();
        node.pass(Duration::from_secs(1));
        told.iter().filter(|notice| matches!(notice, ToHeaders::PeerClock { .. })).count()
    };
    assert_eq!([0, 5, 6, 6, 1, 0].map(&mut clocks), [1, 0, 1, 0, 0, 1]);
}

#[test]
fn a_ping_that_repeats_our_own_tip_wakes_no_other_role() {
    let mut node = node(&setup());
    node.start();
    join(&mut node, 1, "127.0.0.1:4131");
    let ours = ChainSpec::local().genesis_hash();
    let mut told = |height, tip| {
        let actions = node.receive(1, &Message::Ping { nonce: 5, height, tip });
        assert_eq!(actions.sent(1), [Message::Pong(5)]);
        actions.told::<ToHeaders>().len()
    };
    assert_eq!([told(0, ours), told(0, ours), told(0, ours)], [1, 0, 0]);
    let other = Hash([9; 32]);
    assert_eq!([told(1, other), told(1, other), told(0, ours)], [1, 1, 1], "another tip may need work again and again");
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

/// The pings that two nodes with one link send each other in this time, and what each knows of the other's height.
fn pings_of_two(time: Duration) -> usize {
    let (mut dialler, mut acceptor) = (node(&connecting(&["127.0.0.1:4131"])), node(&setup()));
    let actions = dialler.start();
    acceptor.start();
    let mut to_acceptor: Vec<Message> = succeed(&mut dialler, &actions, 1).sent(1);
    let mut to_dialler: Vec<Message> = join(&mut acceptor, 1, "127.0.0.1:4132").sent(1);
    let (end, mut count) = (dialler.now.mono + time, 0);
    while dialler.now.mono < end {
        let (mut answers, mut questions) = (Vec::new(), Vec::new());
        for message in std::mem::take(&mut to_acceptor) {
            count += usize::from(matches!(message, Message::Ping { .. }));
            answers.extend(acceptor.receive(1, &message).sent(1));
        }
        for message in std::mem::take(&mut to_dialler) {
            count += usize::from(matches!(message, Message::Ping { .. }));
            questions.extend(dialler.receive(1, &message).sent(1));
        }
        let step = Duration::from_millis(50);
        questions.extend(dialler.run(step).sent(1));
        answers.extend(acceptor.run(step).sent(1));
        (to_acceptor, to_dialler) = (questions, answers);
    }
    count
}

#[test]
fn two_nodes_take_turns_with_their_pings() {
    let (first, rest) = (pings_of_two(Duration::from_secs(1)), pings_of_two(Duration::from_secs(601)));
    assert_eq!(first, 2, "each tells its tip at once");
    assert!((29..=32).contains(&(rest - first)), "{rest}: one in twenty seconds, of both together");
}

#[test]
fn a_peer_that_pings_all_the_time_is_pinged_once_a_minute_all_the_same() {
    let mut node = node(&setup());
    node.start();
    let nonce = pings(&join(&mut node, 1, "127.0.0.1:4131"), 1)[0];
    node.receive(1, &Message::Pong(nonce));
    let mut sent = 0;
    for _ in 0..60 {
        let actions = node.receive(1, &Message::Ping { nonce: 5, height: 9, tip: Hash([9; 32]) });
        for actions in [actions, node.run(Duration::from_secs(5))] {
            for nonce in pings(&actions, 1) {
                sent += 1;
                node.receive(1, &Message::Pong(nonce));
            }
        }
    }
    assert_eq!(sent, 5);
}

#[test]
fn a_node_that_slept_for_eleven_minutes_is_linked_again_within_ten_seconds_and_nobody_is_banned() {
    let memory = Memory::default();
    let mut node = node_on(&Setup { connect: vec![v4(1)], ..public_setup() }, &memory);
    let actions = node.start();
    succeed(&mut node, &actions, 1);
    run_alive(&mut node, 1, Duration::from_secs(60));
    // No wake-up comes meanwhile. The peer has given it up; that is what the connection has to tell.
    node.pass(Duration::from_secs(11 * 60));
    let woken = node.now.mono;
    node.wake();
    let mut actions = node.closed(1, CloseReason::Remote { code: GoodbyeCode::TimedOut as u8, retry_after: 0 });
    while actions.dials().is_empty() {
        actions = node.run(Duration::from_millis(100));
        assert!(node.now.mono.since(woken) <= Duration::from_secs(10));
    }
    succeed(&mut node, &actions, 2);
    assert_eq!(memory.contents().bans, []);
    // The other side: the sleeper has answered no ping, which costs it no points.
    assert_eq!(PeerFault::PingTimeout.points(), 0);
}
