//! The last block of a set, and the first of the next.

use super::*;

fn signed(epoch: u32, statement: Statement, signers: &[u8]) -> Certificate {
    certificate(Statement { epoch, ..statement }, signers)
}

/// A core of the set of four after the first one, which begins behind block A.
fn next_core(own: u8, record: SealRecord) -> Core {
    let base = Place { view: 5, block: A };
    let setup = Setup {
        set: AuthoritySet::new(1, set(4).keys().to_vec()),
        own: Some(own),
        base,
        handover: Some(signed(0, Statement::finalize(0, 7, A), &[0, 1, 2])),
        block_time: Duration::from_millis(200),
        idle_block_time: Duration::from_secs(3600),
        record,
    };
    let mut core = Core::new(setup, Box::new(Numbers(4)), at(0));
    core.allow_votes(at(0));
    core
}

#[test]
fn nothing_follows_the_last_block_of_a_set_and_it_is_notarised_again_until_it_is_final() {
    for own in 0..4 {
        let mut core = core(own);
        core.set_work(true, at(0));
        core.certificate(notarised(1, A), at(10)).unwrap();
        core.effects();
        core.set_last(A);
        core.set_ledger(A, at(20));
        let effects = core.effects();
        assert_eq!(cast(&effects), [Statement::finalize(0, 1, A), Statement::notarise(0, 2, A)]);
        assert!(effects.contains(&Effect::SendCertificate(notarised(1, A))), "others may not know why");
        core.wake(at(900));
        core.certificate(notarised(2, A), at(910)).unwrap();
        let effects = core.effects();
        assert_eq!(cast(&effects), [Statement::finalize(0, 2, A), Statement::notarise(0, 3, A)]);
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Lead { .. })), "nobody leads behind it");
        let last = signed(0, Statement::finalize(0, 2, A), &[0, 1, 2]);
        core.certificate(last.clone(), at(920)).unwrap();
        assert!(core.effects().contains(&Effect::Final(Place { view: 2, block: A })));
        assert_eq!(core.certified().finality(), Some(&last));
        core.wake(at(5_000));
        assert!(cast(&core.effects()).iter().all(|said| said.stage == Stage::Skip), "it is final");
    }
}

#[test]
fn a_view_that_is_not_known_to_be_skipped_keeps_the_last_block_from_another_vote() {
    let mut core = core(3);
    core.certificate(notarised(1, A), at(10)).unwrap();
    core.set_last(A);
    core.set_ledger(A, at(20));
    core.effects();
    core.certificate(skipped(3), at(30)).unwrap();
    assert!(!cast(&core.effects()).contains(&Statement::notarise(0, 4, A)), "what of view 2?");
    core.certificate(skipped(2), at(40)).unwrap();
    assert!(cast(&core.effects()).contains(&Statement::notarise(0, 4, A)));
}

#[test]
fn the_next_set_counts_its_views_from_its_base_and_builds_on_what_made_that_final() {
    let leader = AuthoritySet::new(1, set(4).keys().to_vec()).leader(6);
    let mut core = next_core(u8::try_from(leader).unwrap(), SealRecord::default());
    assert_eq!((core.view(), core.certified().last_final()), (6, Place { view: 5, block: A }));
    assert_eq!(core.catch_up().0[0].statement, Statement::finalize(0, 7, A), "who is behind needs it");
    core.set_work(true, at(200));
    let handover = signed(0, Statement::finalize(0, 7, A), &[0, 1, 2]);
    let lead = Effect::Lead { view: 6, parent: Place { view: 5, block: A }, parent_votes: handover.votes };
    assert_eq!(core.effects(), [lead]);
    let first = Proposal { view: 6, hash: B, parent: core.base(), parent_votes: Votes::default() };
    assert_eq!(cast(&offer(&mut core, first, 210)), [Statement::notarise(1, 6, B)]);
    assert_eq!(core.certificate(notarised(6, A), at(220)), Ok(Fate::Stale), "of the set before");
    assert_eq!(core.vote(vote(1, Statement::notarise(0, 6, B)), at(220)), Ok(Fate::Stale));
    core.certificate(signed(1, Statement::finalize(1, 6, B), &[0, 1, 2]), at(230)).unwrap();
    assert_eq!(core.catch_up().0[0].statement, Statement::finalize(1, 6, B));
}

#[test]
fn what_was_signed_for_another_set_counts_in_no_other_and_comes_back_for_its_own() {
    let mine = |epoch, statement| vote(3, Statement { epoch, ..statement });
    let record = SealRecord {
        own_votes: vec![mine(0, Statement::notarise(0, 9, A)), mine(1, Statement::skip(1, 6))],
        certificates: vec![skipped(6), signed(1, Statement::skip(1, 6), &[0, 1, 3])],
        heard: vec![vote(1, Statement::skip(0, 7))],
        evidence: vec![(vote(2, Statement::skip(0, 3)), vote(2, Statement::finalize(0, 3, A)))],
        ..SealRecord::default()
    };
    let mut core = next_core(3, record);
    core.set_ledger(A, at(10));
    assert_eq!((core.view(), core.tally().liars().count()), (7, 0));
    assert_eq!(core.tally().newest(3).map(|vote| vote.statement).collect::<Vec<_>>(), [Statement::skip(1, 6)]);
    assert_eq!(core.tally().newest(1).map(|vote| vote.statement).collect::<Vec<_>>(), [Statement::skip(1, 6)]);
    let first = Proposal { view: 7, hash: B, parent: core.base(), parent_votes: Votes::default() };
    assert_eq!(cast(&offer(&mut core, first, 20)), [Statement::notarise(1, 7, B)], "a lower view, and another epoch");
}

/// Two last blocks of one height, children of one parent: A, which was notarised again, and B, whose header has a later view than
/// A's. The ledger was at B when that was heard.
fn two_last_blocks() -> Core {
    let mut core = core(3);
    core.set_work(true, at(0));
    for one in [notarised(1, A), skipped(1), skipped(2), notarised(2, B)] {
        core.certificate(one, at(10)).unwrap();
    }
    core.set_last(B);
    core.set_ledger(B, at(20));
    core.certificate(notarised(3, A), at(30)).unwrap();
    assert!(core.effects().contains(&Effect::Notarised(Place { view: 3, block: A })), "headers and ledger hear of it");
    core
}

/// The core's statements while each view from 4 on is skipped.
fn said_while_skipped(core: &mut Core) -> Vec<Statement> {
    let mut said = Vec::new();
    for view in 4..8 {
        core.wake(at(view * 200_000));
        core.certificate(skipped(view), at(view * 200_000 + 1)).unwrap();
        said.extend(cast(&core.effects()));
    }
    said.retain(|one| one.stage != Stage::Skip);
    said
}

#[test]
fn of_two_last_blocks_that_counts_which_was_notarised_in_the_latest_view() {
    let mut core = two_last_blocks();
    core.set_last(A);
    core.set_ledger(A, at(40));
    assert_eq!(cast(&core.effects()), [Statement::finalize(0, 3, A), Statement::notarise(0, 4, A)]);
    assert_eq!(said_while_skipped(&mut core), [5, 6, 7, 8].map(|view| Statement::notarise(0, view, A)));
}

/// It may be one that nobody has any more.
#[test]
fn of_two_last_blocks_the_ledger_s_own_is_notarised_again_once_the_later_view_is_skipped() {
    let mut core = two_last_blocks();
    core.certificate(skipped(3), at(40)).unwrap();
    assert_eq!(cast(&core.effects()), [Statement::notarise(0, 4, B)], "no finality in a skipped view");
    assert_eq!(said_while_skipped(&mut core), [5, 6, 7, 8].map(|view| Statement::notarise(0, view, B)));
    core.certificate(notarised(8, B), at(2_000_000)).unwrap();
    assert_eq!(cast(&core.effects()), [Statement::finalize(0, 8, B), Statement::notarise(0, 9, B)]);
}

/// The ledger has it again, and its own view and a later one in which it was notarised are skipped.
#[test]
fn a_last_block_counts_from_the_latest_view_in_which_it_was_notarised() {
    let mut core = core(3);
    for one in [notarised(1, A), skipped(2), notarised(3, A), skipped(4), skipped(5), notarised(5, B)] {
        core.certificate(one, at(10)).unwrap();
    }
    core.set_last(A);
    core.set_ledger(A, at(20));
    assert_eq!(cast(&core.effects()), [Statement::notarise(0, 6, A)], "view 3 is not skipped, and need not be");
}
