//! Old blocks, which are asked for when nothing else is missing.

use super::*;
use crate::{
    base::limits::{PAST_BYTES, PAST_IN_FLIGHT},
    node::notice::{ToHeaders, ToLedger},
    wire::message::{SERVICES, pruned_services},
};

/// A synced role with peers of this height whose blocks up to `goal` are wanted.
fn rig(peers: &[u64], goal: u32) -> Rig {
    let mut rig = Rig::new(0, peers);
    rig.heights.extend((1..=goal).map(|height| (hash(height), height)));
    rig.pass(GATHER_TIME);
    rig
}

fn want(rig: &mut Rig, above: u32, goal: u32) -> Vec<Action> {
    rig.notice(ToFetch::WantPast { above, hashes: (above + 1..=goal).map(hash).collect() })
}

#[test]
fn old_blocks_go_through_the_verifier_to_history() {
    let mut rig = rig(&[1, 2], 30);
    let asked = requests(&want(&mut rig, 0, 30));
    assert!(asked.len() >= 2, "{asked:?}");
    let link = asked[0].0;
    let checks = checked(&rig.answer(link));
    assert_eq!(checks, [(Origin::Past(LinkId(link)), asked[0].1)]);
    // What is connected makes room for more.
    rig.run(&[]);
    let before = rig.role.completions().blocks;
    want(&mut rig, 10, 30);
    rig.run(&[]);
    assert!(before >= 10 && rig.role.completions().blocks >= before);
    want(&mut rig, 30, 30);
    assert_eq!(rig.role.past.window.held(), 0);
}

#[test]
fn they_wait_for_all_that_is_missing_of_the_best_chain() {
    let mut rig = Rig::new(3, &[1]);
    rig.pass(GATHER_TIME);
    let old: Vec<Hash> = (101..=130).map(hash).collect();
    rig.heights.extend((101..=130).map(|height| (hash(height), height)));
    let actions = rig.notice(ToFetch::WantPast { above: 100, hashes: old.clone() });
    assert!(requests(&actions).iter().all(|(_, hash)| !old.contains(hash)));
    let mut actions = Vec::new();
    while rig.role.window.missing() > 0 {
        assert!(!requests(&actions).iter().any(|(_, hash)| old.contains(hash)));
        actions = rig.answer(1);
    }
    assert!(requests(&actions).iter().any(|(_, hash)| old.contains(hash)));
}

#[test]
fn few_are_asked_for_at_once_and_the_next_one_always() {
    let peers: Vec<u64> = (1..=8).collect();
    let mut rig = rig(&peers, 200);
    want(&mut rig, 0, 200);
    let open = |rig: &Rig| rig.open.values().map(Vec::len).sum::<usize>();
    assert!((2..=PAST_IN_FLIGHT).contains(&open(&rig)));
    rig.role.past = Default::default();
    rig.open.clear();
    want(&mut rig, 0, 200);
    assert_eq!(open(&rig), 1, "until one is here each may be the largest");
    let mut most = 1;
    while let Some(link) = rig.open.iter().find(|(_, open)| !open.is_empty()).map(|(link, _)| *link) {
        rig.answer_with(link, 20_000);
        most = most.max(open(&rig));
        let connected = rig.role.past.window.lowest_missing().unwrap_or(201) - 1;
        want(&mut rig, connected, 200);
    }
    assert!((PAST_BYTES / 20_000 - 2..=PAST_BYTES / 20_000).contains(&most), "{most}");
}

#[test]
fn peers_that_do_not_keep_them_are_not_asked_and_none_is_blamed_for_not_having_one() {
    let mut rig = rig(&[], 30);
    rig.up_with(1, 400, (1, 1), pruned_services(SERVICES, 21));
    rig.pass(GATHER_TIME);
    assert!(requests(&want(&mut rig, 0, 30)).iter().all(|(_, asked)| rig.heights[asked] >= 21));
    let actions = rig.up(2, 400);
    let asked = requests(&actions);
    assert!(asked.iter().any(|(link, asked)| (*link, *asked) == (2, hash(1))), "{asked:?}");
    let actions = rig.receive(2, &Message::Absent(hash(1)));
    assert_eq!(told(&actions, |notice| matches!(notice, Notice::Headers(ToHeaders::Denied { .. }))), 0);
    assert_eq!(faults(&actions), []);
}

#[test]
fn what_comes_late_from_a_second_peer_is_nobody_s_fault() {
    let mut rig = rig(&[1, 2], 2);
    let asked = requests(&want(&mut rig, 0, 2));
    let (slow, first) = asked[0];
    // The other peer brings it after the first has timed out or gone quiet.
    let other = 3 - slow;
    rig.pass(GET_BLOCK_TIMEOUT);
    rig.run(&[]);
    want(&mut rig, 2, 2);
    let frame = block(rig.heights[&first], 0, 0);
    let actions = rig.receive(other, &Message::Block(frame));
    assert_eq!(told(&actions, |notice| matches!(notice, Notice::Ledger(ToLedger::BlockChecked { .. }))), 0);
}

#[test]
fn a_body_that_is_not_the_header_s_is_asked_of_another_peer() {
    let mut rig = rig(&[1, 2], 1);
    let asked = requests(&want(&mut rig, 0, 1));
    let (link, wanted) = asked[0];
    rig.answer(link);
    let fault = Box::new(BlockFault::MerkleRoot);
    let actions = rig.notice(ToFetch::BodyRefused { hash: wanted, origin: Origin::Past(LinkId(link)), fault });
    assert_eq!(requests(&actions), [(3 - link, wanted)]);
}
