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

/// A core whose disk has this after a power loss, with a transaction to go on with.
fn after_power_loss(own: u8, certificates: Vec<Certificate>, own_votes: &[Statement]) -> Core {
    let own_votes = own_votes.iter().map(|statement| vote(own, *statement)).collect();
    let mut core = core_with(Some(own), 4, SealRecord { own_votes, certificates, ..SealRecord::default() });
    core.set_work(true, at(0));
    core.effects();
    core
}

fn sent(effects: &[Effect]) -> Vec<Statement> {
    let sent = |effect: &Effect| match effect {
        Effect::SendVote(vote) => Some(vote.statement),
        _ => None,
    };
    effects.iter().filter_map(sent).collect()
}

/// The certificate of view 1 and all copies of its block are lost, that of the skip of view 2 is not: the chain stood still.
#[test]
fn a_view_of_which_a_power_loss_left_nothing_is_skipped_late() {
    let votes = [Statement::notarise(0, 1, A), Statement::skip(0, 2)];
    let mut core = after_power_loss(set(4).leader(3) as u8, vec![skipped(2)], &votes);
    let own = core.own.unwrap();
    assert_eq!((core.view(), core.unproven()), (3, Some(1)));
    core.wake(at(1_000));
    assert_eq!(led(&core.effects()), [], "nothing may be built");
    core.wake(at(2_000));
    let effects = core.effects();
    assert_eq!(sent(&effects), [Statement::skip(0, 3), Statement::skip(0, 1)]);
    core.wake(at(2_500));
    assert_eq!(sent(&core.effects()), [], "once");
    assert!(
        core.catch_up().1.iter().any(|vote| vote.statement == Statement::skip(0, 1)),
        "who missed it hears it again"
    );
    for signer in (0..4).filter(|signer| *signer != own).take(2) {
        core.vote(vote(signer, Statement::skip(0, 1)), at(2_600)).unwrap();
    }
    assert_eq!(core.unproven(), None);
    assert_eq!(led(&core.effects()), [(3, GENESIS)]);
}

/// The certificate is left, and nobody has the block.
#[test]
fn a_notarised_view_whose_block_a_power_loss_has_taken_is_skipped_late() {
    let mut core = after_power_loss(0, vec![notarised(1, A)], &[Statement::notarise(0, 1, A)]);
    core.wake(at(2_000));
    assert_eq!(sent(&core.effects()), [Statement::skip(0, 2), Statement::skip(0, 1)]);
    let mut has_it = after_power_loss(0, vec![notarised(1, A)], &[Statement::notarise(0, 1, A)]);
    has_it.set_ledger(A, at(1));
    has_it.wake(at(2_000));
    assert_eq!(sent(&has_it.effects()), [Statement::finalize(0, 1, A), Statement::skip(0, 2)]);
}

#[test]
fn no_late_skip_follows_finality_and_no_finality_a_late_skip() {
    let mut core = after_power_loss(0, vec![skipped(3)], &[Statement::finalize(0, 2, B), Statement::notarise(0, 2, B)]);
    core.wake(at(2_000));
    assert_eq!(sent(&core.effects()), [Statement::skip(0, 4)], "views 1 and 2 may be final");
    let mut other = after_power_loss(0, vec![skipped(2)], &[]);
    other.wake(at(2_000));
    assert_eq!(sent(&other.effects()), [Statement::skip(0, 3), Statement::skip(0, 1)]);
    other.certificate(notarised(1, A), at(2_001)).unwrap();
    other.set_ledger(A, at(2_002));
    assert_eq!(sent(&other.effects()), []);
    // Nor after a restart: the later skip is on the disk.
    let own_votes: Vec<_> = other.own_votes().iter().map(|vote| vote.statement).collect();
    let mut again = after_power_loss(0, vec![notarised(1, A), skipped(2)], &own_votes);
    again.set_ledger(A, at(1));
    assert_eq!(sent(&again.effects()), []);
}

/// Votes of a view that is long over count while nothing else proves it.
#[test]
fn views_go_on_and_the_votes_of_an_unproven_one_are_still_taken() {
    let certificates = (2..60).map(skipped).collect();
    let mut core = after_power_loss(3, certificates, &[]);
    for signer in 0..3 {
        assert_eq!(core.vote(vote(signer, Statement::skip(0, 1)), at(1)), Ok(Fate::Fresh));
        core.certificate(skipped(60 + u64::from(signer)), at(1)).unwrap();
    }
    assert!(core.certified().are_skipped(0, 63));
    assert_eq!(core.vote(vote(3, Statement::skip(0, 1)), at(1)), Ok(Fate::Behind));
}

/// After many skipped views a notarised payment waited for as long as a view might take, two minutes and more, before a leader
/// made the block that makes it final.
#[test]
fn a_block_that_is_not_final_gets_its_next_one_as_soon_as_views_take_whatever_they_may_take() {
    let mut core = core(u8::try_from(set(4).leader(12)).unwrap());
    for view in 1..=10 {
        core.certificate(skipped(view), at(view)).unwrap();
    }
    assert!(core.timeout() > Duration::from_secs(30));
    core.certificate(notarised(11, A), at(100)).unwrap();
    core.set_ledger(A, at(110));
    core.wake(at(1_099));
    assert_eq!(led(&core.effects()), []);
    assert_eq!(core.deadline(), Some(Time(1_100_000)));
    core.wake(at(1_100));
    assert_eq!(led(&core.effects()), [(12, A)]);
}
