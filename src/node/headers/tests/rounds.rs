//! Rounds of questions and answers, and who is asked.

use super::*;
use crate::node::notice::ToHeaders;

#[test]
fn rounds_follow_each_other_until_the_peer_has_no_more() {
    let chain = Chain::new().grow(250, 0);
    let mut rig = asking(&chain);
    let actions = rig.sync(1, chain.headers(1..=100));
    assert_eq!(wants(&actions), [(0, chain.hashes(1..=100))]);
    assert_eq!(rig.take_stored(), chain.hashes(1..=100));
    let (link, locator) = questions(&actions).remove(0);
    assert_eq!((link, locator[0]), (LinkId(1), chain.hash(100)), "the next round goes out at once");
    assert_eq!(asked(&rig.sync(1, chain.headers(101..=200))), [1]);
    assert_eq!(asked(&rig.sync(1, chain.headers(201..=250))), [1], "until the peer says that there is no more");
    assert_eq!(asked(&rig.sync(1, vec![])), [0; 0]);
}

#[test]
fn every_kind_of_invalid_header_costs_the_sender_and_leaves_nothing() {
    let chain = Chain::new().grow(5, 0);
    let base = chain.first(2);
    let fault_of = |change: fn(&mut crate::chain::header::Header), mine: bool| {
        let mut header = base.draft(0);
        change(&mut header);
        if mine {
            testkit::mine(&mut header);
        } else {
            while header.has_work(&header.hash()) {
                header.next_nonce();
            }
        }
        let mut rig = asking(&chain);
        let mut headers = base.headers(1..=2);
        headers.push(header);
        let actions = rig.sync(1, headers);
        assert!(rig.take_stored().is_empty() && wants(&actions).is_empty(), "all or nothing");
        faults(&actions).remove(0).1
    };
    let header = |fault| PeerFault::Header(fault);
    assert_eq!(fault_of(|header| header.version = 3, true), header(HeaderFault::Version(3)));
    assert_eq!(fault_of(|header| header.height = 9, true), header(HeaderFault::Height { found: 9, expected: 3 }));
    assert_eq!(fault_of(|_| {}, false), header(HeaderFault::Work));
    assert_eq!(fault_of(|header| header.previous = Hash([7; 32]), true), PeerFault::UnlinkedHeaders);
    let times = |height: usize| base.rows[height].header.time;
    let old = HeaderFault::TooOld { found: times(0), median: times(1) };
    assert_eq!(fault_of(|header| header.time -= 3, true), header(old));
    let target = fault_of(|header| header.proof_mut().unwrap().target = CompactTarget(0x2000_ffff), true);
    assert!(matches!(target, PeerFault::Header(HeaderFault::Target { found: 0x2000_ffff, .. })), "{target:?}");
}

#[test]
fn headers_that_start_nowhere_are_a_fault() {
    let chain = Chain::new().grow(5, 0);
    let mut rig = asking(&chain);
    assert_eq!(faults(&rig.sync(1, chain.headers(3..=5))), [(1, PeerFault::UnlinkedHeaders)]);
    assert!(rig.sync(1, chain.headers(1..=5)).is_empty(), "the link is as good as closed");
}

#[test]
fn an_unasked_sync_and_an_unreadable_frame_are_faults() {
    let chain = Chain::new().grow(1, 0);
    let mut rig = asking(&chain);
    rig.sync(1, vec![]);
    assert_eq!(faults(&rig.sync(1, vec![])), [(1, PeerFault::Unexpected(Kind::Sync))]);
    let mut frame = crate::wire::frame::Frame::new(&Message::Sync(List::EMPTY));
    frame.checksum[0] ^= 1;
    rig.up(3, &chain);
    let event = crate::node::LinkEvent::Frame { link: LinkId(3), frame };
    let actions = rig.event(crate::node::Event::Link(event));
    assert!(matches!(faults(&actions)[..], [(3, PeerFault::Frame(_))]));
}

#[test]
fn a_locator_reaches_back_to_genesis_and_is_answered_from_the_highest_common_block() {
    let ours = Chain::new().grow(300, 0);
    let mut rig = synced(&ours);
    let fork = ours.first(280).grow(50, 1);
    let (_, locator) = questions(&rig.up(2, &fork)).remove(0);
    assert_eq!(locator[..10], ours.rows[291..=300].iter().rev().map(|row| row.hash).collect::<Vec<_>>());
    assert_eq!(locator[locator.len() - 1], ours.hash(0));
    assert!(locator.len() <= MAX_LOCATOR_HASHES);

    // The same locator put to a node on the other branch.
    let mut other = Rig::new(&fork);
    other.up(1, &ours);
    let actions = other.receive(1, &Message::GetSync(locator));
    let answer = actions.iter().filter_map(message).find_map(|(_, message)| match message {
        Message::Sync(headers) => Some(headers.into_vec()),
        _ => None,
    });
    let answer = answer.unwrap();
    assert!(answer[0].height <= 281 && answer.last().unwrap().height == 330, "{}", answer[0].height);
    assert!(answer.len() <= 100);
}

#[test]
fn an_up_to_date_or_unknown_locator_gets_an_empty_answer() {
    let chain = Chain::new().grow(5, 0);
    let mut rig = synced(&chain);
    for hash in [chain.tip(), Hash([9; 32])] {
        let actions = rig.receive(1, &Message::GetSync(List::truncated([hash])));
        assert_eq!(actions.iter().find_map(message), Some((LinkId(1), Message::Sync(List::EMPTY))));
    }
}

#[test]
fn questions_that_lead_nowhere_are_limited_and_those_that_do_are_not() {
    let chain = Chain::new().grow(2000, 0);
    let mut rig = synced(&chain);
    for height in 0..1990 {
        let actions = rig.receive(1, &Message::GetSync(List::truncated([chain.hash(height)])));
        assert!(faults(&actions).is_empty());
    }
    let flood = |rig: &mut Rig| rig.receive(1, &Message::GetSync(List::truncated([chain.tip()])));
    let faulted = (0..1000).find_map(|n| faults(&flood(&mut rig)).pop().map(|(_, fault)| (n, fault)));
    assert_eq!(faulted, Some((500, PeerFault::Flood("GetSync"))));
}

#[test]
fn headers_wait_for_bodies_when_they_are_far_ahead() {
    let count = HEADERS_AHEAD as usize + 200;
    let chain = Chain::new().grow(count, 0);
    let mut rig = asking(&chain);
    let mut height = 0;
    loop {
        let actions = rig.sync(1, chain.headers(height + 1..=height + 100));
        height += 100;
        if asked(&actions).is_empty() {
            break;
        }
    }
    assert!((HEADERS_AHEAD as usize..HEADERS_AHEAD as usize + 100).contains(&height), "{height}");
    assert_eq!(rig.state, SyncState::Blocks);
    assert_eq!(asked(&rig.notice(ToHeaders::Fetched { height: 500 })), [1], "bodies make room");
    assert_eq!(asked(&rig.sync(1, chain.headers(height + 1..=height + 100))), [1]);
}

#[test]
fn a_silent_sync_node_is_replaced_after_seconds_and_closed_in_the_end() {
    let chain = Chain::new().grow(500, 0);
    let mut rig = asking(&chain);
    rig.up(3, &chain);
    rig.sync(1, chain.headers(1..=100));
    assert_eq!(asked(&rig.sync(3, chain.headers(1..=100))), [0; 0], "one sync node at a time");
    let actions = rig.pass(GET_SYNC_SWITCH);
    assert_eq!((asked(&actions), faults(&actions)), (vec![3], vec![]));
    assert_eq!(asked(&rig.sync(3, chain.headers(101..=200))), [3]);
    rig.sync(3, chain.headers(201..=300));
    let actions = rig.pass(GET_SYNC_TIMEOUT - GET_SYNC_SWITCH);
    assert!(faults(&actions).contains(&(1, PeerFault::SyncStall)), "{actions:?}");
}

#[test]
fn a_sync_node_whose_slow_line_is_busy_with_a_block_is_replaced_and_not_blamed() {
    let chain = Chain::new().grow(500, 0);
    let mut rig = asking(&chain);
    rig.up(3, &chain);
    rig.sync(1, chain.headers(1..=100));
    rig.sync(3, chain.headers(1..=100));
    let busy_for = |rig: &mut Rig, time: Duration| {
        let mut actions = Vec::new();
        for _ in 0..time.as_secs() {
            actions.extend(rig.event(Event::Link(LinkEvent::Bringing { link: LinkId(1) })));
            actions.extend(rig.pass(SECOND));
        }
        actions
    };
    let actions = busy_for(&mut rig, GET_SYNC_SWITCH);
    assert_eq!((asked(&actions), faults(&actions)), (vec![3], vec![]), "others are asked no later");
    for from in [101, 201, 301, 401] {
        rig.sync(3, chain.headers(from..=from + 99));
    }
    rig.sync(3, vec![]);
    assert_eq!(faults(&busy_for(&mut rig, GET_SYNC_TIMEOUT * 6)), []);
    // The time counts from when it is idle, but no more than that of one large frame.
    assert_eq!(faults(&rig.pass(GET_SYNC_TIMEOUT - SECOND * 2)), []);
    let left = PARTIAL_BLOCK - GET_SYNC_SWITCH - GET_SYNC_TIMEOUT * 7 + SECOND * 2;
    assert_eq!(faults(&busy_for(&mut rig, left - SECOND)), []);
    assert_eq!(faults(&busy_for(&mut rig, SECOND * 2)), [(1, PeerFault::SyncStall)]);
}

#[test]
fn a_late_answer_is_still_used() {
    let chain = Chain::new().grow(300, 0);
    let mut rig = asking(&chain);
    rig.sync(1, chain.headers(1..=100));
    rig.pass(GET_SYNC_TIMEOUT + SECOND);
    let actions = rig.sync(1, chain.headers(101..=200));
    assert_eq!((wants(&actions), faults(&actions)), (vec![(100, chain.hashes(101..=200))], vec![]));
}

#[test]
fn the_sync_node_is_an_outbound_peer_without_failures() {
    let chain = Chain::new().grow(300, 0);
    let mut rig = asking(&chain);
    for link in [2, 3, 5] {
        rig.up(link, &chain);
        rig.sync(link, chain.headers(1..=100));
    }
    // 2 was first, being the first to answer; it leaves.
    assert_eq!(asked(&rig.down(2)), [3], "outbound, though 1 has not even answered");
}

#[test]
fn a_silent_lone_peer_is_kept() {
    let chain = Chain::new().grow(300, 0);
    let mut rig = asking(&chain);
    let actions = rig.pass(SECOND * 60);
    assert_eq!(faults(&actions), []);
    assert_eq!(rig.state, SyncState::Stalled);
    assert!(
        rig.reason.starts_with("no progress for 60 s: fetching headers from 127.0.0.1:4001: 0 of about 300"),
        "{}",
        rig.reason
    );
}

#[test]
fn a_walk_along_a_known_branch_goes_on_where_it_ended() {
    let ours = Chain::new().grow(900, 0);
    let mut rig = synced(&ours);
    let fork = ours.first(700).grow(300, 1);
    rig.up(2, &fork);
    // The peer's highest common block is the one at a doubling step, far below the fork.
    let actions = rig.sync(2, ours.headers(401..=500));
    let (_, locator) = questions(&actions).remove(0);
    assert!(locator.contains(&ours.hash(500)));
    let (_, locator) = questions(&rig.sync(2, ours.headers(501..=600))).remove(0);
    assert!(locator.contains(&ours.hash(600)));
}

#[test]
fn a_peer_that_repeats_known_headers_is_left_alone() {
    let ours = Chain::new().grow(900, 0);
    let mut rig = synced(&ours);
    rig.up(2, &ours.clone().grow(100, 0));
    let mut rounds = 0;
    while !asked(&rig.sync(2, ours.headers(401..=500))).is_empty() {
        rounds += 1;
        assert!(rounds < 5);
    }
    assert_eq!(rounds, 2);
}

#[test]
fn a_header_from_the_future_is_held_and_asked_for_again() {
    let mut chain = Chain::new().grow(3, 0);
    let mut rig = asking(&chain);
    let mut late = chain.draft(0);
    late.time = rig.now.unix.0 + u64::from(setup().spec.parameters.future_limit) + 10;
    testkit::mine(&mut late);
    chain.push(late);
    let actions = rig.sync(1, chain.headers(1..=4));
    assert_eq!((wants(&actions), faults(&actions)), (vec![(0, chain.hashes(1..=3))], vec![]), "the batch ends there");
    assert_eq!(asked(&actions), [0; 0]);
    assert_eq!(asked(&rig.pass(SECOND * 9)), [0; 0]);
    assert_eq!(asked(&rig.pass(SECOND)), [1]);
    assert_eq!(wants(&rig.sync(1, chain.headers(4..=4))), [(3, chain.hashes(4..=4))]);
}

#[test]
fn a_ping_with_an_unknown_tip_is_a_reason_to_ask() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    rig.pass(GET_SYNC_QUIET);
    let tip = |height, tip| ToHeaders::PeerTip { link: LinkId(1), height, tip };
    assert_eq!(asked(&rig.notice(tip(3, chain.tip()))), [0; 0], "known");
    assert_eq!(asked(&rig.notice(tip(2, Hash([1; 32])))), [0; 0], "lower");
    assert_eq!(asked(&rig.notice(tip(3, Hash([1; 32])))), [1]);
}

#[test]
fn every_new_peer_is_asked_at_once_and_a_synced_node_polls() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    assert_eq!(asked(&rig.up(2, &chain.clone().grow(9, 1))), [2]);
    assert_eq!(asked(&rig.up(3, &chain)), [3]);
    rig.sync(2, vec![]);
    rig.sync(3, vec![]);
    assert_eq!(asked(&rig.pass(GET_SYNC_POLL)).len(), 1);
}

#[test]
fn a_synced_node_polls_only_peers_whose_tip_is_not_its_own() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    assert_eq!(asked(&rig.pass(GET_SYNC_POLL * 3)), [0; 0], "its ping would tell of another tip");
    rig.notice(ToHeaders::PeerTip { link: LinkId(1), height: 2, tip: Hash([1; 32]) });
    assert_eq!(asked(&rig.pass(GET_SYNC_POLL)), [1], "a lower tip may have more work");
    rig.sync(1, vec![]);
    rig.notice(ToHeaders::PeerTip { link: LinkId(1), height: 3, tip: chain.tip() });
    assert_eq!(asked(&rig.pass(GET_SYNC_POLL * 3)), [0; 0]);
}

#[test]
fn nobody_is_asked_before_the_ledger_has_told_its_tip() {
    let chain = Chain::new().grow(5, 0);
    let mut rig = Rig::unopened(setup(), &Chain::new());
    rig.start();
    assert_eq!(asked(&rig.up(1, &chain)), [0; 0]);
    assert_eq!(rig.state, SyncState::Starting);
    assert_eq!(asked(&rig.moved(&Chain::new())), [1]);
}
