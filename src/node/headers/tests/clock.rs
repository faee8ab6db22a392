//! What the clock keeps the node from.

use super::*;
use crate::{
    base::time::UnixTime,
    node::{
        Setup,
        hindrance::{Finding, HindranceId},
        notice::{ToMiner, ToPeers},
        report::Report,
    },
};

/// What was told of a hindrance, and whether the miner was told to wait.
fn found(actions: &[Action], which: HindranceId) -> (Vec<Option<Finding>>, Vec<bool>) {
    let mut told = (Vec::new(), Vec::new());
    for action in actions {
        match action {
            Action::Report(Report::Hindrance { id, finding, .. }) if *id == which => told.0.push(finding.clone()),
            Action::Tell(Notice::Miner(ToMiner::Hold(reason))) => told.1.push(reason.is_some()),
            _ => {}
        }
    }
    told
}

fn is_begun(told: &(Vec<Option<Finding>>, Vec<bool>)) -> bool {
    told.0.iter().all(Option::is_some) && told.0.len() == 1 && told.1 == [true]
}

fn is_over(told: &(Vec<Option<Finding>>, Vec<bool>)) -> bool {
    told.0 == [None] && told.1 == [false]
}

/// Sets the clock so that blocks of this time are as far ahead as this.
fn set_clock(rig: &mut Rig, time: u64, ahead: u64) {
    rig.now.unix = UnixTime(time - ahead);
}

const LIMIT: u64 = 7_200;

#[test]
fn a_node_whose_clock_refuses_the_headers_of_its_peers_is_stalled_until_the_clock_is_set() {
    let mut chain = Chain::new();
    let mut header = chain.draft(0);
    header.time += 30 * 86_400;
    testkit::mine(&mut header);
    chain.push(header);
    let chain = chain.grow(7, 0);
    let first = chain.rows[1].header.time;
    let mut rig = Rig::new(&Chain::new());
    set_clock(&mut rig, first, LIMIT + 3_600);
    rig.up(1, &chain);
    let told = found(&rig.sync(1, chain.headers(1..=8)), HindranceId::ClockBehind);
    assert!(is_begun(&told), "{told:?}");
    assert_eq!(
        (rig.state, rig.reason.as_str()),
        (SyncState::Stalled, "peers show 8 headers up to 3 h ahead of this clock")
    );
    rig.pass(SECOND * 20);
    assert_eq!(rig.state, SyncState::Stalled, "it does not pass for synced later either");
    set_clock(&mut rig, first, 0);
    let actions = rig.pass(SECOND * 4);
    assert!(is_over(&found(&actions, HindranceId::ClockBehind)) && asked(&actions) == [1]);
    assert_eq!(wants(&rig.sync(1, chain.headers(1..=8))), [(0, chain.hashes(1..=8))]);
}

#[test]
fn headers_from_the_future_without_work_or_of_one_peer_among_many_stall_nobody() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = synced(&chain);
    let mut late = chain.draft(0);
    late.time = rig.now.unix.0 + 2 * LIMIT;
    while late.has_work(&late.hash()) {
        late.next_nonce();
    }
    let mut liar = chain.clone();
    liar.push(late.clone());
    rig.up(3, &liar);
    let told = found(&rig.sync(3, vec![late.clone()]), HindranceId::ClockBehind);
    assert_eq!((told.0.len(), rig.state), (0, SyncState::Synced));
    rig.down(3);
    testkit::mine(&mut late);
    rig.up(5, &liar);
    let told = found(&rig.sync(5, vec![late]), HindranceId::ClockBehind);
    assert!(told.0.iter().flatten().all(|finding| finding.is_suspicion) && told.0.len() == 1 && told.1.is_empty());
    assert_eq!(rig.state, SyncState::Synced);
    let told = found(&rig.down(5), HindranceId::ClockBehind);
    assert_eq!(told.0, [None], "it is over with the peer");
}

#[test]
fn a_node_whose_own_chain_is_from_the_future_is_stalled_and_its_miner_waits_until_the_clock_is_set() {
    let chain = Chain::new().grow(3, 0);
    let time = chain.rows.last().unwrap().header.time;
    let mut rig = synced(&chain);
    set_clock(&mut rig, time, LIMIT);
    let told = found(&rig.pass(SECOND * 4), HindranceId::OwnTipAhead);
    assert!(told.0.is_empty(), "{told:?}");
    set_clock(&mut rig, time, LIMIT + 86_400);
    let told = found(&rig.pass(SECOND * 4), HindranceId::OwnTipAhead);
    assert!(is_begun(&told), "{told:?}");
    assert_eq!(rig.state, SyncState::Stalled);
    set_clock(&mut rig, time, 0);
    assert!(is_over(&found(&rig.pass(SECOND * 4), HindranceId::OwnTipAhead)));
    assert_eq!(rig.state, SyncState::Synced);
}

#[test]
fn blocks_of_the_right_time_do_not_hide_one_from_the_future_below_them() {
    let chain = Chain::new().grow(3, 0);
    let now = chain.rows.last().unwrap().header.time;
    let at = |chain: &Chain, time| {
        let (mut longer, mut header) = (chain.clone(), chain.draft(0));
        header.time = time;
        testkit::mine(&mut header);
        longer.push(header);
        longer
    };
    let ahead = at(&chain, now + LIMIT + 3_600);
    let right = at(&at(&ahead, now + 1), now + 2);
    let told_by = |rig: &mut Rig| found(&rig.pass(SECOND * 4), HindranceId::OwnTipAhead).0.pop();
    let mut rig = synced(&chain);
    set_clock(&mut rig, now, 0);
    rig.pass(SECOND * 4);
    // A miner whose clock is set right makes blocks until somebody has looked at the clock.
    rig.archive.put(&right.rows);
    let actions = rig.moved(&right);
    let told = found(&actions, HindranceId::OwnTipAhead);
    assert!(is_begun(&told), "{told:?}");
    assert!(told.0[0].as_ref().unwrap().text.starts_with("block 4 of this node's own chain is 2 h"), "{told:?}");
    assert_eq!(rig.state, SyncState::Stalled);
    assert_eq!(told_by(&mut rig), None, "it stands");
    // After a restart, too.
    let mut rig = Rig::unopened(setup(), &right);
    set_clock(&mut rig, now, 0);
    assert!(is_begun(&found(&rig.moved(&right), HindranceId::OwnTipAhead)));
    set_clock(&mut rig, now, 0);
    rig.now.unix = UnixTime(now + 3_600);
    assert_eq!(told_by(&mut rig), Some(None), "the limit is reached");
}

/// Connects a peer whose clock differs from ours by this.
fn up_with_clock(rig: &mut Rig, link: u64, offset: i64) -> (Vec<Option<Finding>>, Vec<bool>) {
    let actions = rig.up_with(link, &Chain::new(), |peer| peer.clock_offset = offset);
    found(&actions, HindranceId::ClockAhead)
}

#[test]
fn peers_whose_clocks_agree_against_ours_stop_the_miner_until_they_are_gone() {
    let mut rig = Rig::new(&Chain::new());
    let told = up_with_clock(&mut rig, 1, -9_000);
    assert!(matches!(&told.0[..], [Some(finding)] if finding.is_suspicion) && told.1.is_empty(), "{told:?}");
    up_with_clock(&mut rig, 3, -9_000);
    assert!(is_begun(&up_with_clock(&mut rig, 5, -9_000)));
    let after = found(&rig.down(3), HindranceId::ClockAhead);
    assert!(matches!(&after.0[..], [Some(finding)] if finding.is_suspicion) && after.1 == [false], "{after:?}");
    // Peers that dial us do not count beside them.
    for link in [10, 12, 14, 16] {
        assert_eq!(up_with_clock(&mut rig, link, i64::MAX).0, []);
    }
}

#[test]
fn a_clock_that_is_set_right_agrees_with_the_peers_at_once() {
    let mut rig = Rig::new(&Chain::new());
    (1..4).for_each(|link| drop(up_with_clock(&mut rig, 2 * link + 1, -9_000)));
    rig.now.unix.0 -= 9_000;
    assert!(is_over(&found(&rig.pass(SECOND * 4), HindranceId::ClockAhead)));
}

#[test]
fn peers_whose_clocks_were_wrong_and_are_set_right_stop_the_miner_no_longer() {
    let mut rig = Rig::new(&Chain::new());
    (1..4).for_each(|link| drop(up_with_clock(&mut rig, 2 * link + 1, -9_000)));
    for link in [3, 5, 7] {
        rig.notice(ToHeaders::PeerClock { link: LinkId(link), clock: rig.now.unix });
    }
    assert!(is_over(&found(&rig.pass(SECOND * 4), HindranceId::ClockAhead)));
    rig.notice(ToHeaders::PeerClock { link: LinkId(7), clock: UnixTime(rig.now.unix.0 + 9_000) });
    assert!(found(&rig.pass(SECOND * 4), HindranceId::ClockBehind).0.is_empty(), "one of three");
}

#[test]
fn peers_are_told_when_this_clock_is_set() {
    let mut rig = Rig::new(&Chain::new());
    let told = |actions: &[Action]| actions.contains(&Action::Tell(Notice::Peers(ToPeers::ClockSet)));
    assert!(!told(&rig.pass(SECOND * 4)));
    rig.now.unix.0 -= 9_000;
    assert!(told(&rig.pass(SECOND * 4)));
    assert!(!told(&rig.pass(SECOND * 4)));
}

#[test]
fn a_clock_that_is_set_far_forward_keeps_a_miner_without_peers_waiting_until_it_is_set_back() {
    let chain = Chain::new().grow(3, 0);
    let mut rig = Rig::new(&chain);
    rig.pass(SECOND * 4);
    rig.now.unix = UnixTime(rig.now.unix.0 + 2 * 86_400);
    let told = found(&rig.pass(SECOND * 4), HindranceId::ClockStepped);
    let text = told.0[0].as_ref().map(|found| (found.text.as_str(), found.is_suspicion));
    assert!(
        is_begun(&told) && text == Some(("this clock was set forward by 2 days while the node ran", false)),
        "{told:?}"
    );
    rig.now.unix = UnixTime(rig.now.unix.0 - 2 * 86_400);
    assert!(is_over(&found(&rig.pass(SECOND * 4), HindranceId::ClockStepped)));
}

#[test]
fn what_only_peers_show_that_came_by_themselves_is_a_doubt() {
    let mut chain = Chain::new();
    let mut header = chain.draft(0);
    header.time += 30 * 86_400;
    testkit::mine(&mut header);
    chain.push(header);
    let mut rig = Rig::new(&Chain::new());
    set_clock(&mut rig, chain.rows[1].header.time, 3 * LIMIT);
    rig.up(1, &Chain::new());
    rig.sync(1, vec![]);
    rig.up(2, &chain);
    let told = found(&rig.sync(2, chain.headers(1..=1)), HindranceId::ClockBehind);
    let doubt = told.0.last().cloned().flatten().expect("it is told");
    assert!(doubt.is_suspicion && doubt.text.starts_with("1 of 2 peers show 1 header"), "{doubt:?}");
}

/// A chain whose last block is this many seconds after the one before.
fn with_later_block(mut chain: Chain, seconds: u64) -> Chain {
    let mut header = chain.draft(0);
    header.time += seconds;
    testkit::mine(&mut header);
    chain.push(header);
    chain
}

/// A node at genesis that an earlier run told a time, with a clock set by hand.
fn knowing(known: u64, clock: u64) -> Rig {
    let mut rig = Rig::unopened(Setup { known_time: Some(UnixTime(known)), ..setup() }, &Chain::new());
    rig.now.unix = UnixTime(clock);
    rig.moved(&Chain::new());
    assert_eq!(rig.state, SyncState::Stalled);
    assert!(rig.reason.ends_with("behind the time when this node last ran"), "{}", rig.reason);
    rig
}

#[test]
fn without_a_clock_headers_up_to_the_last_known_time_are_taken_and_mining_waits_until_the_clock_is_set() {
    let chain = with_later_block(Chain::new().grow(1, 0), 1_000);
    let last = chain.rows[2].header.time;
    let mut rig = knowing(last - LIMIT - 500, 0);
    rig.up_with(1, &chain, |peer| peer.clock_offset = 1_000_000_000);
    assert_eq!(wants(&rig.sync(1, chain.headers(1..=2))), [(0, chain.hashes(1..=1))], "the second is beyond the limit");
    assert_eq!(asked(&rig.pass(SECOND * 510)), [1], "the known time goes on");
    assert_eq!(wants(&rig.sync(1, chain.headers(2..=2))), [(1, chain.hashes(2..=2))]);
    assert_eq!(rig.state, SyncState::Stalled);
    rig.now.unix = UnixTime(last);
    let told = found(&rig.pass(SECOND * 4), HindranceId::ClockBehind);
    assert!(told.1 == [false], "{told:?}");
}

#[test]
fn the_known_time_counts_no_longer_once_a_peer_agrees_with_the_clock() {
    let chain = with_later_block(Chain::new(), 30 * 86_400);
    let time = chain.rows[1].header.time;
    let mut rig = knowing(time + 86_400, time - LIMIT - 60);
    assert!(is_over(&found(&rig.up(1, &chain), HindranceId::ClockBehind)));
    assert_eq!(wants(&rig.sync(1, chain.headers(1..=1))), [], "its header is from the future of both clocks");
}

#[test]
fn a_clock_an_hour_behind_the_known_time_is_still_behind_after_an_hour() {
    let mut rig = knowing(2_000_000_000, 2_000_000_000 - 3_600);
    (0..3).for_each(|_| drop(rig.pass(SECOND * 1_500)));
    assert_eq!(rig.reason, "this clock is 60 min behind the time when this node last ran");
}
