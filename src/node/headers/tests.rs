//! The role, by events and with a clock set by hand.

use std::time::Duration;

use super::fake::{Chain, FakeArchive, Rig, asked, faults, message, questions, setup, wants};
use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::{LinkId, Ticket},
        limits::{
            GET_SYNC_IDLE, GET_SYNC_QUIET, GET_SYNC_SWITCH, GET_SYNC_TIMEOUT, HEADERS_AHEAD, HEADERS_BEHIND,
            MAX_LOCATOR_HASHES, WITHHELD_FIRST,
        },
    },
    chain::{
        archive::BlockStatus,
        rules::{BlockFault, HeaderFault},
        target::CompactTarget,
        testkit,
    },
    node::{
        Action, Notice, Origin, PeerFault, RoleId,
        report::{Report, SyncState},
    },
    wire::message::{Kind, Message},
};

const SECOND: Duration = Duration::from_secs(1);

/// A node at genesis that has just asked peer 1 for its headers.
fn asking(chain: &Chain) -> Rig {
    let mut rig = Rig::new(&Chain::new());
    assert_eq!(asked(&rig.up(1, chain)), [1]);
    rig
}

/// The same, with the first `count` headers of the chain known and applied, and peer 1 having nothing more.
fn synced(chain: &Chain) -> Rig {
    let mut rig = Rig::new(chain);
    rig.up(1, chain);
    rig.sync(1, vec![]);
    assert_eq!(rig.state, SyncState::Synced, "{}", rig.reason);
    rig
}

fn offer(rig: &mut Rig, origin: Origin, chain: &Chain) -> Vec<Action> {
    let row = chain.rows.last().unwrap();
    rig.notice(Notice::Offered { origin, hash: row.hash, header: row.header.clone() })
}

fn dropped(actions: &[Action]) -> Vec<Option<String>> {
    let reason = |action: &Action| match action {
        Action::Tell(RoleId::Fetch, Notice::OfferDropped { reason, .. }) => Some(reason.clone()),
        _ => None,
    };
    actions.iter().filter_map(reason).collect()
}

const PEER: Origin = Origin::Link(LinkId(1));

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
fn what_is_stored_goes_to_the_ledger_before_fetch_wants_it() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = asking(&chain);
    let actions = rig.sync(1, chain.headers(1..=3));
    let place = |wanted: fn(&Notice) -> bool| {
        actions.iter().position(|action| matches!(action, Action::Tell(_, notice) if wanted(notice))).unwrap()
    };
    assert!(
        place(|notice| matches!(notice, Notice::StoreHeaders(_)))
            < place(|notice| matches!(notice, Notice::Want { .. }))
    );
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
                header.nonce += 1;
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
    assert_eq!(fault_of(|header| header.version = 2, true), header(HeaderFault::Version(2)));
    assert_eq!(fault_of(|header| header.height = 9, true), header(HeaderFault::Height { found: 9, expected: 3 }));
    assert_eq!(fault_of(|_| {}, false), header(HeaderFault::Work));
    assert_eq!(fault_of(|header| header.previous = Hash([7; 32]), true), PeerFault::UnlinkedHeaders);
    let times = |height: usize| base.rows[height].header.time;
    let old = HeaderFault::TooOld { found: times(0), median: times(1) };
    assert_eq!(fault_of(|header| header.time -= 3, true), header(old));
    let target = fault_of(|header| header.target = CompactTarget(0x2000_ffff), true);
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
    assert_eq!(asked(&rig.notice(Notice::Fetched { height: 500 })), [1], "bodies make room");
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
        rig.reason.starts_with("no progress for 20 s: fetching headers from 127.0.0.1:4001: 0 of about 300"),
        "{}",
        rig.reason
    );
}

#[test]
fn more_work_wins_and_fetch_hears_of_the_fork() {
    let ours = Chain::new().grow(20, 0);
    let mut rig = synced(&ours);
    let fork = ours.first(15).grow(7, 1);
    rig.up(2, &fork);
    let actions = rig.sync(2, fork.headers(14..=22));
    assert_eq!(wants(&actions), [(15, fork.hashes(16..=22))]);
    assert_eq!(rig.take_stored(), fork.hashes(16..=22));
    // And back, in two steps: first a tie, which the first seen wins.
    let tie = ours.clone().grow(2, 0);
    rig.up(4, &tie);
    assert_eq!(wants(&rig.sync(4, tie.headers(21..=22))), []);
    let longer = tie.grow(1, 0);
    rig.up(6, &longer);
    assert_eq!(wants(&rig.sync(6, longer.headers(23..=23))), [(15, longer.hashes(16..=23))]);
}

#[test]
fn a_fork_below_memory_is_found_in_the_archive() {
    let ours = Chain::new().grow(1000, 0);
    let mut rig = synced(&ours);
    let fork = ours.first(100).grow(950, 1);
    rig.up(2, &fork);
    let mut wanted = Vec::new();
    for start in (101..=1050).step_by(100) {
        let end = (start + 99).min(1050);
        let actions = rig.sync(2, fork.headers(start..=end));
        assert_eq!(asked(&actions), [2]);
        wanted.extend(wants(&actions));
    }
    // Only the last round has more work than ours: with the one before it the branches are equal.
    assert_eq!(wanted, [(100, fork.hashes(101..=1050))]);
    let (_, locator) = questions(&rig.up(4, &fork)).remove(0);
    assert_eq!(locator[0], fork.tip());
    rig.moved(&fork);
    assert_eq!(rig.role.index.as_ref().unwrap().best_hash(), fork.tip());
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
fn an_invalid_branch_is_left_and_never_entered_again() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let bad = ours.clone().grow(5, 1);
    rig.up(3, &bad);
    rig.sync(3, bad.headers(11..=15));
    rig.commit();
    bad.hashes(12..=15).iter().for_each(|hash| rig.archive.mark(hash, BlockStatus::Invalid));
    let fault = BlockFault::Empty;
    let actions = rig.notice(Notice::BlocksInvalid { hashes: bad.hashes(12..=15), fault });
    assert_eq!(wants(&actions), [(11, vec![])], "what is below the culprit is still the best chain");
    assert_eq!(rig.role.index.as_ref().unwrap().best_hash(), bad.hash(11));
    let longer = bad.clone().grow(1, 1);
    assert_eq!(dropped(&offer(&mut rig, PEER, &longer)).len(), 1);
    let mut rig = {
        rig.up(5, &longer);
        rig
    };
    let actions = rig.sync(5, longer.headers(16..=16));
    assert_eq!(faults(&actions), [(5, PeerFault::InvalidBranch)]);
}

#[test]
fn after_an_invalid_block_the_next_best_branch_is_wanted() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let second = ours.first(8).grow(4, 2);
    rig.up(2, &second);
    rig.sync(2, second.headers(9..=12));
    let bad = ours.clone().grow(4, 1);
    rig.up(3, &bad);
    assert_eq!(wants(&rig.sync(3, bad.headers(11..=14))), [(8, bad.hashes(9..=14))]);
    rig.commit();
    bad.hashes(11..=14).iter().for_each(|hash| rig.archive.mark(hash, BlockStatus::Invalid));
    let actions = rig.notice(Notice::BlocksInvalid { hashes: bad.hashes(11..=14), fault: BlockFault::Empty });
    assert_eq!(wants(&actions), [(8, second.hashes(9..=12))]);
}

#[test]
fn an_interrupted_sync_goes_on_with_the_headers_that_are_stored() {
    let chain = Chain::new().grow(30, 0);
    let archive = FakeArchive::default();
    archive.put(&chain.rows);
    archive.apply(&chain.hash(12));
    let mut rig = Rig::on(setup(), archive);
    let actions = rig.start();
    assert_eq!(wants(&actions), [(12, chain.hashes(13..=30))]);
    assert!(actions.contains(&Action::Report(Report::BestHeader { height: 30, work: chain.work() })));
    rig.moved(&chain.first(12));
    let (_, locator) = questions(&rig.up(1, &chain)).remove(0);
    assert_eq!(locator[0], chain.tip());
}

#[test]
fn an_offered_block_that_extends_the_chain_is_stored_and_wanted() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    let next = chain.clone().grow(1, 0);
    let actions = offer(&mut rig, PEER, &next);
    assert_eq!((wants(&actions), dropped(&actions)), (vec![(3, vec![next.tip()])], vec![]));
    assert_eq!(rig.take_stored(), [next.tip()]);
    assert_eq!(dropped(&offer(&mut rig, PEER, &next)), [], "it is wanted already: no verdict until it is applied");
    assert_eq!(rig.state, SyncState::Synced, "a block on its way is no gap");
    // A rival of equal work is kept for what may come after it.
    let rival = chain.clone().grow(1, 7);
    let actions = offer(&mut rig, PEER, &rival);
    assert_eq!((wants(&actions), dropped(&actions)), (vec![], vec![None]));
    assert_eq!(rig.take_stored(), [rival.tip()]);
    let longer = rival.clone().grow(1, 7);
    assert_eq!(wants(&offer(&mut rig, PEER, &longer)), [(3, longer.hashes(4..=5))]);
}

#[test]
fn an_offered_block_without_a_known_parent_is_a_reason_to_ask() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    rig.pass(GET_SYNC_QUIET);
    let far = chain.clone().grow(4, 0);
    let actions = offer(&mut rig, PEER, &far);
    assert_eq!((dropped(&actions), faults(&actions), asked(&actions)), (vec![None], vec![], vec![1]));
    rig.sync(1, vec![]);
    assert_eq!(asked(&offer(&mut rig, PEER, &far)), [0; 0], "not again at once when nothing came of it");
    assert_eq!(asked(&rig.pass(GET_SYNC_QUIET)), [1], "but a little later");
    let command = Origin::Command(Ticket(1));
    assert_eq!(dropped(&offer(&mut rig, command, &far)), [Some("its parent is unknown".to_owned())]);
}

#[test]
fn an_invalid_offer_costs_a_peer_its_link_and_tells_a_command_why() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    let mut bad = chain.clone();
    let mut header = bad.draft(0);
    header.time -= 3;
    testkit::mine(&mut header);
    bad.push(header);
    let reason = dropped(&offer(&mut rig, Origin::Command(Ticket(1)), &bad)).remove(0).unwrap();
    assert!(reason.contains("is not after the median time"), "{reason}");
    let actions = offer(&mut rig, PEER, &bad);
    assert!(matches!(faults(&actions)[..], [(1, PeerFault::Header(HeaderFault::TooOld { .. }))]));
    assert_eq!(dropped(&offer(&mut rig, Origin::Command(Ticket(2)), &chain)), [Some("already known".to_owned())]);
}

#[test]
fn a_ping_with_an_unknown_tip_is_a_reason_to_ask() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    rig.pass(GET_SYNC_QUIET);
    let tip = |height, tip| Notice::PeerTip { link: LinkId(1), height, tip };
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
    assert_eq!(asked(&rig.pass(GET_SYNC_IDLE)).len(), 1);
}

#[test]
fn a_branch_that_nobody_delivers_is_set_aside_for_a_while() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    let withheld = ours.clone().grow(50, 1);
    rig.up(3, &withheld);
    rig.sync(3, withheld.headers(11..=60));
    rig.sync(3, vec![]);
    assert_eq!(rig.state, SyncState::Blocks);
    let honest = ours.clone().grow(1, 0);
    assert_eq!(dropped(&offer(&mut rig, PEER, &honest)), [None]);
    let actions = rig.notice(Notice::Withheld { hash: withheld.hash(11) });
    assert_eq!(wants(&actions), [(10, vec![honest.tip()])]);
    rig.moved(&honest);
    assert_eq!(rig.state, SyncState::Synced);
    // More headers on top of it do not bring it back.
    let longer = withheld.clone().grow(1, 1);
    assert_eq!(wants(&offer(&mut rig, Origin::Link(LinkId(3)), &longer)), []);
    // Time does, and the second time it is set aside for longer.
    assert_eq!(wants(&rig.pass(WITHHELD_FIRST)), [(10, longer.hashes(11..=61))]);
    rig.notice(Notice::Withheld { hash: withheld.hash(11) });
    assert_eq!(wants(&rig.pass(WITHHELD_FIRST)), []);
    // And so does the block itself.
    assert_eq!(wants(&offer(&mut rig, PEER, &withheld.first(11))), [(10, longer.hashes(11..=61))]);
}

#[test]
fn an_applied_block_is_never_set_aside() {
    let ours = Chain::new().grow(10, 0);
    let mut rig = synced(&ours);
    assert_eq!(wants(&rig.notice(Notice::Withheld { hash: ours.hash(10) })), []);
}

#[test]
fn memory_keeps_a_window_and_all_that_is_not_committed() {
    let chain = Chain::new().grow(3000, 0);
    let mut rig = asking(&chain);
    for start in (1..=3000).step_by(100) {
        rig.sync(1, chain.headers(start..=start + 99));
    }
    assert_eq!(rig.role.index.as_ref().unwrap().in_memory(), 3001);
    rig.moved(&chain.first(1000));
    assert_eq!(rig.role.index.as_ref().unwrap().in_memory(), 2001 + HEADERS_BEHIND as usize);
    rig.moved(&chain);
    assert_eq!(rig.role.index.as_ref().unwrap().in_memory(), 1 + HEADERS_BEHIND as usize);
    assert_eq!(rig.role.index.as_ref().unwrap().hash_at(7), Ok(Some(chain.hash(7))));
}

#[test]
fn a_whole_sync_ends_synced_and_tells_everybody() {
    let chain = Chain::new().grow(150, 0);
    let mut rig = Rig::new(&Chain::new());
    assert_eq!(rig.state, SyncState::Connecting);
    rig.up(1, &chain);
    assert_eq!(rig.state, SyncState::Headers);
    rig.sync(1, chain.headers(1..=100));
    rig.moved(&chain.first(100));
    assert_eq!(rig.state, SyncState::Headers, "applied so far, but more is expected");
    rig.sync(1, chain.headers(101..=150));
    rig.sync(1, vec![]);
    assert_eq!(rig.state, SyncState::Blocks);
    let actions = rig.moved(&chain);
    assert_eq!(rig.state, SyncState::Synced);
    let told = actions.iter().filter(|action| matches!(action, Action::Tell(_, Notice::State(SyncState::Synced))));
    assert_eq!(told.count(), RoleId::ALL.len() - 1);
    rig.down(1);
    assert_eq!(rig.state, SyncState::Isolated);
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
