//! Branches that leave the chain below the blocks that the ledger keeps.

use super::*;
use crate::node::hindrance::HindranceId;

/// What was reported of such branches, last: nothing new, that there is none, or one and whether it is a suspicion.
fn told(actions: &[Action]) -> Option<Option<(String, bool)>> {
    let report = |action: &Action| match action {
        Action::Report(Report::Hindrance { id: HindranceId::BranchTooDeep, finding, .. }) => {
            Some(finding.as_ref().map(|finding| (finding.text.clone(), finding.is_suspicion)))
        }
        _ => None,
    };
    actions.iter().rev().find_map(report)
}

/// A synced node on a chain of 200 blocks that keeps those from 101 on.
fn pruned() -> (Chain, Rig) {
    let ours = Chain::new().grow(200, 0);
    let rig = synced(&ours);
    rig.archive.prune(101);
    (ours, rig)
}

/// A peer tells all of a branch, a hundred headers at a time.
fn tell_all(rig: &mut Rig, link: u64, branch: &Chain, from: usize) -> Vec<Action> {
    let mut actions = rig.up(link, branch);
    let last = branch.rows.len() - 1;
    for start in (from..=last).step_by(100) {
        actions.extend(rig.sync(link, branch.headers(start..=(start + 99).min(last))));
    }
    actions
}

#[test]
fn no_body_is_asked_for_of_a_branch_that_leaves_too_deep_and_the_node_says_so() {
    let (ours, mut rig) = pruned();
    let deep = ours.first(99).grow(110, 1);
    let mut actions = tell_all(&mut rig, 3, &deep, 100);
    assert_eq!((wants(&actions), candidates(&actions), faults(&actions)), (vec![], vec![], vec![]));
    let (text, is_suspicion) = told(&actions).unwrap().unwrap();
    assert!(text.contains("after block 99") && text.contains("from 101 on"), "{text}");
    assert!(is_suspicion, "a peer is at our tip, and nobody has shown a block of the other chain");
    // The peer that was at our tip goes, and the branch is longer.
    actions = rig.down(1);
    assert_eq!(told(&actions).map(|told| told.unwrap().1), Some(false));
    let longer = deep.clone().grow(1, 1);
    actions = offer(&mut rig, Origin::Link(LinkId(3)), &longer);
    assert_eq!((wants(&actions), candidates(&actions), passed(&actions)), (vec![], vec![], vec![]));
    actions = rig.pass(WITHHELD_FIRST * 4);
    assert_eq!((wants(&actions), candidates(&actions)), (vec![], vec![]), "time does not bring it back");
    let header = deep.clone().grow(2, 1).rows.pop().unwrap();
    let announced = ToHeaders::Announced { link: LinkId(3), hash: header.hash, header: Box::new(header.header) };
    let judged = rig.notice(announced);
    let is_wanted =
        |action: &Action| matches!(action, Action::Tell(Notice::Fetch(ToFetch::HeaderJudged { is_wanted: true, .. })));
    assert!(!judged.iter().any(is_wanted));
    // Our chain has more work again.
    let grown = ours.grow(12, 0);
    rig.archive.put(&grown.rows);
    rig.moved(&grown);
    assert_eq!(rig.state, SyncState::Synced);
    actions = rig.pass(SECOND);
    assert!(told(&actions).flatten().is_none());
    actions = rig.down(3);
    assert!(told(&actions).flatten().is_none());
}

#[test]
fn a_branch_that_leaves_just_below_the_lowest_block_is_followed() {
    let (ours, mut rig) = pruned();
    let branch = ours.first(100).grow(110, 1);
    let actions = tell_all(&mut rig, 3, &branch, 101);
    assert_eq!(wants(&actions), [(100, branch.hashes(101..=210))].map(|want| vec![want]).concat());
    assert_eq!(told(&actions), None);
}

#[test]
fn a_branch_that_becomes_too_deep_while_its_blocks_come_is_left() {
    let (ours, mut rig) = pruned();
    let branch = ours.first(110).grow(100, 1);
    assert!(!wants(&tell_all(&mut rig, 3, &branch, 111)).is_empty());
    let grown = ours.clone().grow(5, 0);
    rig.archive.put(&grown.rows);
    rig.archive.prune(112);
    let actions = rig.moved(&grown);
    assert_eq!(wants(&actions), [(205, vec![])]);
    assert!(told(&actions).unwrap().unwrap().0.contains("after block 110"));
}

/// The ledger prunes in idle moments, long after it told of its last block.
#[test]
fn a_branch_that_becomes_too_deep_when_the_ledger_is_idle_is_left() {
    let (ours, mut rig) = pruned();
    let branch = ours.first(110).grow(100, 1);
    assert!(!wants(&tell_all(&mut rig, 3, &branch, 111)).is_empty());
    rig.archive.prune(112);
    let actions = rig.pass(SECOND);
    assert_eq!(wants(&actions), [(200, vec![])]);
    assert!(told(&actions).unwrap().unwrap().0.contains("after block 110"));
}

#[test]
fn a_block_upon_the_tip_is_taken_though_the_best_branch_has_just_become_too_deep() {
    let (ours, mut rig) = pruned();
    let branch = ours.first(110).grow(100, 1);
    assert!(!wants(&tell_all(&mut rig, 3, &branch, 111)).is_empty());
    rig.archive.prune(112);
    let next = ours.grow(11, 0);
    let mut actions = Vec::new();
    for height in 201..=211 {
        actions.extend(offer(&mut rig, Origin::Link(LinkId(1)), &next.first(height)));
    }
    assert_eq!(dropped(&actions), vec![]);
    let wanted: Vec<Hash> = wants(&actions).into_iter().flat_map(|(_, hashes)| hashes).collect();
    assert!(next.hashes(201..=211).iter().all(|hash| wanted.contains(hash)));
}

#[test]
fn a_start_leaves_out_a_stored_branch_that_is_too_deep() {
    let ours = Chain::new().grow(200, 0);
    let deep = ours.first(99).grow(110, 1);
    let archive = FakeArchive::default();
    archive.put(&ours.rows);
    archive.put(&deep.rows);
    archive.apply(&ours.tip());
    archive.prune(101);
    let mut rig = Rig::on(setup(), archive);
    assert!(wants(&rig.start()).iter().all(|(_, hashes)| hashes.is_empty()));
    assert!(wants(&rig.moved(&ours)).iter().all(|(_, hashes)| hashes.is_empty()));
    let mut actions = rig.up(3, &deep);
    actions.extend(rig.sync(3, vec![]));
    assert_eq!((wants(&actions), candidates(&actions)), (vec![], vec![]));
    assert!(told(&actions).unwrap().unwrap().0.contains("after block 99"));
}
