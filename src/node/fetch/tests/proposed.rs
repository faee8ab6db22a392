//! Proposed blocks of a sealed chain.

use super::*;

fn propose(rig: &mut Rig, height: u32) -> Vec<Action> {
    rig.notice(ToFetch::Proposed { hash: hash(height), block: block(height, 0, 0) })
}

#[test]
fn a_proposed_block_is_checked_though_nobody_wants_it_and_is_not_asked_for_later() {
    let mut rig = Rig::new(0, &[1]);
    assert_eq!(checked(&propose(&mut rig, 1)), [(Origin::Proposal, hash(1))]);
    rig.heights.insert(hash(1), 1);
    rig.heights.insert(hash(2), 2);
    rig.pass(30 * SECOND);
    assert_eq!(requests(&rig.want(0, vec![hash(1)])), [], "the ledger has it");
    let taken = rig.notice(ToFetch::BodiesTaken { blocks: vec![(1, hash(1))] });
    assert!(requests(&taken).is_empty() && requests(&rig.pass(30 * SECOND)).is_empty());
    assert_eq!(requests(&rig.want(1, vec![hash(2)])), [(1, hash(2))], "this one was not proposed");
}

#[test]
fn a_proposed_block_that_the_ledger_does_not_have_is_asked_for_after_a_while() {
    let mut rig = Rig::new(0, &[1]);
    propose(&mut rig, 1);
    rig.heights.insert(hash(1), 1);
    assert_eq!(requests(&rig.want(0, vec![hash(1)])), []);
    assert_eq!(requests(&rig.pass(2 * SECOND)), [(1, hash(1))]);
}

#[test]
fn few_proposals_are_remembered() {
    let mut rig = Rig::new(0, &[1]);
    for height in 1..100 {
        propose(&mut rig, height);
    }
    assert_eq!(rig.role.proposed.len(), 16);
    assert_eq!(checked(&propose(&mut rig, 99)).len(), 1, "each is judged as often as it is asked for");
    assert_eq!(rig.role.proposed.len(), 16);
}
