//! Blocks that are notarised although their view was skipped.

use super::*;

/// An authority that leads in view 2.
fn leader() -> Core {
    core(u8::try_from(set(4).leader(2)).unwrap())
}

fn led(effects: &[Effect]) -> Vec<(u64, Hash)> {
    let led = |effect: &Effect| match effect {
        Effect::Lead { view, parent, .. } => Some((*view, parent.block)),
        _ => None,
    };
    effects.iter().filter_map(led).collect()
}

/// All had forgotten the block when late votes notarised it, and nobody could build on it or beside it.
#[test]
fn what_is_notarised_after_a_skip_is_still_here() {
    let mut core = core(0);
    offer(&mut core, proposal(1, A, None), 1);
    core.certificate(skipped(1), at(2)).unwrap();
    assert_eq!(core.view(), 2);
    core.certificate(notarised(1, A), at(3)).unwrap();
    assert!(core.effects().contains(&Effect::Notarised(Place { view: 1, block: A })));
    assert!(core.proposals().with_hash(&A).is_some());
    core.certificate(notarised(4, B), at(4)).unwrap();
    assert!(core.proposals().with_hash(&A).is_none(), "a later block counts");
}

#[test]
fn a_notarised_block_that_nobody_delivers_is_passed_by_if_its_view_was_skipped() {
    let mut core = leader();
    core.set_work(true, at(1));
    core.certificate(notarised(1, A), at(2)).unwrap();
    core.wake(at(500));
    assert_eq!(led(&core.effects()), [], "its block will come: whoever voted for it has it");
    core.certificate(skipped(1), at(600)).unwrap();
    core.wake(at(900));
    assert_eq!(led(&core.effects()), [(2, GENESIS)]);
    let mut other = leader();
    other.set_work(true, at(1));
    other.certificate(skipped(1), at(2)).unwrap();
    other.certificate(notarised(1, A), at(3)).unwrap();
    other.set_ledger(A, at(4));
    other.wake(at(500));
    assert_eq!(led(&other.effects()), [(2, A)], "the block is here");
}
