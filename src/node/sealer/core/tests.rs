//! The rules, one by one, and four cores that agree.

mod contradictions;
mod crowded;
mod handover;
mod late;

use super::*;
use crate::chain::seal::Vote;

/// A signature is its signer's number; a forged one is another.
struct Numbers(usize);

impl Signing for Numbers {
    fn sign(&self, statement: Statement, signer: u8, clock: u64) -> SignedVote {
        SignedVote { statement, signer, vote: Vote { clock, signature: [signer; 64] } }
    }

    fn holds(&self, vote: &SignedVote) -> bool {
        usize::from(vote.signer) < self.0 && vote.vote.signature == [vote.signer; 64]
    }
}

const GENESIS: Hash = Hash([0xee; 32]);
const A: Hash = Hash([0xa; 32]);
const B: Hash = Hash([0xb; 32]);

fn at(ms: u64) -> Clock {
    Clock { mono: Time(ms * 1000), unix_ms: ms }
}

fn set(count: usize) -> AuthoritySet {
    AuthoritySet::new(0, (0..count).map(|number| [number as u8; 32]).collect())
}

fn core_with(own: Option<u8>, count: usize, record: SealRecord) -> Core {
    let setup = Setup {
        set: set(count),
        own,
        base: Place { view: 0, block: GENESIS },
        handover: None,
        block_time: Duration::from_millis(200),
        idle_block_time: Duration::from_secs(3600),
        record,
    };
    let mut core = Core::new(setup, Box::new(Numbers(count)), at(0));
    core.allow_votes(at(0));
    core
}

fn core(own: u8) -> Core {
    core_with(Some(own), 4, SealRecord::default())
}

fn vote(signer: u8, statement: Statement) -> SignedVote {
    Numbers(4).sign(statement, signer, 1)
}

fn certificate(statement: Statement, signers: &[u8]) -> Certificate {
    let votes = signers.iter().map(|signer| (usize::from(*signer), vote(*signer, statement).vote));
    Certificate { statement, votes: Votes::collect(votes) }
}

fn notarised(view: u64, block: Hash) -> Certificate {
    certificate(Statement::notarise(0, view, block), &[0, 1, 2])
}

fn skipped(view: u64) -> Certificate {
    certificate(Statement::skip(0, view), &[0, 1, 2])
}

/// The first block, or one on a notarised parent.
fn proposal(view: u64, hash: Hash, parent: Option<(u64, Hash)>) -> Proposal {
    let (parent, parent_votes) = match parent {
        None => (Place { view: 0, block: GENESIS }, Votes::default()),
        Some((view, block)) => (Place { view, block }, notarised(view, block).votes),
    };
    Proposal { view, hash, parent, parent_votes }
}

/// The statements that were signed, each after it was written.
fn cast(effects: &[Effect]) -> Vec<Statement> {
    let mut written = Vec::new();
    let mut sent = Vec::new();
    for effect in effects {
        match effect {
            Effect::KeepVote(vote) => written.push(*vote),
            Effect::SendVote(vote) => {
                assert_eq!(written.last(), Some(vote), "a vote is on the disk before it is on the wire");
                sent.push(vote.statement);
            }
            _ => {}
        }
    }
    sent
}

/// Proposes a block and has it found valid.
fn offer(core: &mut Core, proposal: Proposal, ms: u64) -> Vec<Effect> {
    let hash = proposal.hash;
    core.proposal(proposal, at(ms)).unwrap();
    let mut effects = core.effects();
    core.checked(&hash, Some(true), at(ms));
    effects.extend(core.effects());
    effects
}

fn checks(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Check { .. })).count()
}

#[test]
fn a_block_gets_one_vote_a_view_and_only_once_it_is_known_to_be_valid() {
    let mut core = core(0);
    core.proposal(proposal(1, A, None), at(1)).unwrap();
    let effects = core.effects();
    assert_eq!((checks(&effects), cast(&effects)), (1, vec![]));
    core.checked(&A, Some(true), at(2));
    assert_eq!(cast(&core.effects()), [Statement::notarise(0, 1, A)]);
    assert_eq!(core.proposal(proposal(1, B, None), at(3)), Ok(Fate::Stale), "the first proposal of a view counts");
    core.checked(&B, Some(true), at(3));
    assert_eq!(cast(&core.effects()), []);
    let mut other = self::core(0);
    other.proposal(proposal(1, A, None), at(1)).unwrap();
    other.checked(&A, Some(false), at(2));
    assert_eq!(cast(&other.effects()), [Statement::skip(0, 1)], "an invalid block: its view is skipped at once");
    other.wake(at(10_000));
    assert_eq!(cast(&other.effects()), [], "once");
}

#[test]
fn a_block_that_cannot_be_judged_is_tried_again_when_the_ledger_moves() {
    let mut core = core(0);
    core.proposal(proposal(1, A, None), at(1)).unwrap();
    core.checked(&A, None, at(2));
    core.effects();
    core.set_ledger(GENESIS, at(3));
    assert_eq!(checks(&core.effects()), 1);
    core.checked(&A, Some(true), at(4));
    assert_eq!(cast(&core.effects()), [Statement::notarise(0, 1, A)]);
}

#[test]
fn nothing_is_signed_before_others_have_told_what_this_key_signed() {
    let setup = Setup {
        set: set(4),
        own: Some(0),
        base: Place { view: 0, block: GENESIS },
        handover: None,
        block_time: Duration::ZERO,
        idle_block_time: Duration::from_secs(3600),
        record: SealRecord::default(),
    };
    let mut core = Core::new(setup, Box::new(Numbers(4)), at(0));
    assert_eq!(cast(&offer(&mut core, proposal(1, A, None), 1)), []);
    core.wake(at(5_000));
    assert_eq!(cast(&core.effects()), []);
    core.allow_votes(at(5_001));
    assert_eq!(cast(&core.effects()), [Statement::notarise(0, 1, A), Statement::skip(0, 1)]);
}

#[test]
fn the_end_of_a_view_s_time_is_a_vote_to_skip_and_no_finality_follows() {
    let mut core = core(0);
    offer(&mut core, proposal(1, A, None), 0);
    let end = core.deadline().unwrap();
    assert_eq!(end, Time(1_200_000), "block time and the first timeout");
    core.wake(Clock { mono: end, unix_ms: 0 });
    assert_eq!(cast(&core.effects()), [Statement::skip(0, 1)]);
    assert_eq!(core.certificate(notarised(1, A), at(1_300)), Ok(Fate::Fresh));
    core.set_ledger(A, at(1_301));
    assert_eq!(cast(&core.effects()), [], "no finality after a skip");
    assert_eq!(core.view(), 2);
    // Nor after a restart.
    let own_votes = core.own_votes().iter().copied().collect();
    let record = SealRecord { own_votes, certificates: vec![notarised(1, A)], ..SealRecord::default() };
    let mut again = core_with(Some(0), 4, record);
    again.set_ledger(A, at(0));
    assert_eq!(cast(&again.effects()), []);
}

#[test]
fn finality_is_said_once_and_no_skip_follows() {
    let mut core = core(0);
    core.certificate(notarised(1, A), at(1)).unwrap();
    let effects = core.effects();
    assert_eq!(cast(&effects), [], "the block is not on the disk");
    let place_of = |wanted: &Effect| effects.iter().position(|effect| effect == wanted).unwrap();
    let notarised_at = place_of(&Effect::Notarised(Place { view: 1, block: A }));
    assert!(place_of(&Effect::KeepCertificate(notarised(1, A))) < notarised_at, "before the ledger stores the block");
    core.set_ledger(A, at(2));
    assert_eq!(cast(&core.effects()), [Statement::finalize(0, 1, A)]);
    assert_eq!(core.certificate(notarised(1, A), at(1)), Ok(Fate::Stale));
    let record = SealRecord { own_votes: core.own_votes().iter().copied().collect(), ..SealRecord::default() };
    // The certificate was lost with the power, the vote was not.
    let mut again = core_with(Some(0), 4, record);
    again.set_work(true, at(0));
    again.wake(at(10_000));
    assert_eq!(cast(&again.effects()), [], "no skip after finality, also across a restart");
}

#[test]
fn a_parent_needs_proof_that_each_view_between_was_skipped() {
    let mut core = core(0);
    core.certificate(notarised(1, A), at(1)).unwrap();
    core.certificate(skipped(2), at(1)).unwrap();
    core.certificate(skipped(4), at(1)).unwrap();
    core.effects();
    assert_eq!(core.view(), 5);
    core.proposal(proposal(5, B, Some((1, A))), at(2)).unwrap();
    assert_eq!(checks(&core.effects()), 0, "view 3 is missing");
    core.certificate(skipped(3), at(3)).unwrap();
    assert_eq!(checks(&core.effects()), 1);
}

#[test]
fn skip_records_stay_until_a_later_view_is_final() {
    let mut core = core(0);
    core.certificate(skipped(1), at(1)).unwrap();
    core.certificate(notarised(2, A), at(1)).unwrap();
    assert!(core.certified().are_skipped(0, 2), "a notarisation is not finality");
    core.certificate(skipped(3), at(1)).unwrap();
    let finality = certificate(Statement::finalize(0, 2, A), &[1, 2, 3]);
    core.certificate(finality.clone(), at(2)).unwrap();
    assert!(!core.certified().are_skipped(0, 2) && core.certified().are_skipped(2, 4));
    assert_eq!(core.certified().last_final(), Place { view: 2, block: A });
    let effects = core.effects();
    assert!(effects.contains(&Effect::Final(Place { view: 2, block: A })) && effects.contains(&Effect::ForgetBelow(2)));
    let (certificates, _) = core.catch_up();
    assert_eq!(certificates, [finality, notarised(2, A), skipped(3)]);
}

#[test]
fn a_vote_is_checked_before_it_counts_and_counts_once() {
    let mut core = core(3);
    let skip = Statement::skip(0, 1);
    let forged = SignedVote { signer: 1, ..vote(0, skip) };
    assert_eq!(core.vote(forged, at(1)), Err(Unsigned));
    assert_eq!(core.vote(vote(4, skip), at(1)), Err(Unsigned), "nobody has this number");
    assert_eq!(core.vote(vote(0, skip), at(1)), Ok(Fate::Fresh));
    for clock in 0..5 {
        assert_eq!(core.vote(Numbers(4).sign(skip, 0, clock), at(1)), Ok(Fate::Stale));
    }
    assert_eq!(core.vote(vote(1, skip), at(1)), Ok(Fate::Fresh));
    assert_eq!(core.view(), 1, "two of four are no quorum");
    assert_eq!(core.vote(vote(2, skip), at(1)), Ok(Fate::Fresh));
    assert_eq!(core.view(), 2);
    let sent = core.effects().into_iter().filter(|effect| matches!(effect, Effect::SendCertificate(_))).count();
    assert_eq!(sent, 1, "each certificate is passed on once");
    assert_eq!(core.vote(vote(3, skip), at(1)), Ok(Fate::Fresh), "a late vote spreads, too");
}

#[test]
fn who_signs_what_excludes_each_other_is_found_once() {
    let mut core = core(3);
    let says = |statement| vote(0, statement);
    core.vote(says(Statement::notarise(0, 1, A)), at(1)).unwrap();
    assert_eq!(core.tally().liars().count(), 0);
    assert_eq!(core.vote(says(Statement::notarise(0, 1, B)), at(1)), Ok(Fate::Fresh), "others are to see it, too");
    assert_eq!(core.vote(says(Statement::notarise(0, 1, Hash([9; 32]))), at(1)), Ok(Fate::Stale));
    let kept = core.effects().into_iter().filter(|effect| matches!(effect, Effect::KeepEvidence(_))).count();
    assert_eq!((core.tally().liars().count(), kept), (1, 1));
    core.vote(vote(1, Statement::finalize(0, 1, A)), at(1)).unwrap();
    core.vote(vote(1, Statement::skip(0, 1)), at(1)).unwrap();
    assert_eq!(core.tally().liars().count(), 2, "finality and skip of one view");
    core.vote(vote(2, Statement::notarise(0, 1, A)), at(1)).unwrap();
    core.vote(vote(2, Statement::skip(0, 1)), at(1)).unwrap();
    assert_eq!(core.tally().liars().count(), 2, "a vote for a block may be followed by a skip");
}

#[test]
fn far_views_and_far_proposals_are_not_kept() {
    let mut core = core(0);
    for view in [VOTE_WINDOW + 2, 1 << 40, u64::MAX] {
        assert_eq!(core.vote(vote(1, Statement::skip(0, view)), at(1)), Ok(Fate::Stale));
        assert!(!core.wants_proposal(view, &A));
    }
    let other_epoch = Statement { epoch: 1, ..Statement::skip(0, 1) };
    assert_eq!(core.vote(vote(1, other_epoch), at(1)), Ok(Fate::Stale));
    for view in 1..20 {
        core.proposal(proposal(view, A, None), at(1)).unwrap();
    }
    assert_eq!((1..20).filter(|view| core.proposals().of(*view).is_some()).count() as u64, AHEAD);
}

#[test]
fn a_certificate_moves_whoever_is_behind_and_a_false_one_nobody() {
    let mut core = core(0);
    assert_eq!(core.certificate(certificate(Statement::skip(0, 7), &[0, 1]), at(1)), Err(Unsigned));
    let mut forged = notarised(7, A);
    forged.statement.block = Hash::ZERO;
    assert_eq!(core.certificate(forged, at(1)), Err(Unsigned));
    assert_eq!(core.view(), 1);
    assert_eq!(core.certificate(skipped(900), at(1)), Ok(Fate::Fresh));
    assert_eq!(core.view(), 901);
    assert_eq!(core.vote(vote(1, Statement::skip(0, 3)), at(1)), Ok(Fate::Fresh), "nothing else proves view 3");
    assert_eq!(core.vote(vote(1, Statement::skip(0, 3)), at(1)), Ok(Fate::Behind), "its sender is told");
    assert_eq!(core.vote(vote(1, Statement::skip(0, 30)), at(1)), Ok(Fate::Behind), "so far lower views are open");
    assert_eq!(core.certificate(skipped(u64::MAX), at(1)), Ok(Fate::Fresh));
    core.set_work(true, at(1));
    core.wake(at(1_000_000));
}

#[test]
fn the_highest_view_is_built_on_whatever_the_heights() {
    let own = set(4).leader(6) as u8;
    let mut core = core(own);
    core.set_work(true, at(0));
    for one in [notarised(3, A), skipped(3), skipped(2), notarised(4, B), skipped(5)] {
        core.certificate(one, at(1)).unwrap();
    }
    assert_eq!(core.certified().tip(), Place { view: 4, block: B });
    core.set_ledger(A, at(300));
    assert!(!core.effects().iter().any(|effect| matches!(effect, Effect::Lead { .. })), "the ledger is elsewhere");
    core.set_ledger(B, at(300));
    let led = core.effects().into_iter().find_map(|effect| match effect {
        Effect::Lead { view, parent, .. } => Some((view, parent)),
        _ => None,
    });
    assert_eq!(led, Some((6, Place { view: 4, block: B })));
}

#[test]
fn nothing_final_is_left() {
    let mut core = core(0);
    core.certificate(certificate(Statement::finalize(0, 2, A), &[0, 1, 2]), at(1)).unwrap();
    core.effects();
    core.certificate(notarised(2, B), at(1)).unwrap();
    let effects = core.effects();
    assert_eq!(effects, [Effect::Contradiction(Statement::notarise(0, 2, B))]);
    assert_eq!(core.certified().tip(), Place { view: 2, block: A });
    core.proposal(proposal(3, Hash([3; 32]), Some((2, B))), at(2)).unwrap();
    assert_eq!(checks(&core.effects()), 0);
}

#[test]
fn while_nothing_waits_nothing_happens() {
    let mut core = core(set(4).leader(1) as u8);
    core.wake(at(0));
    assert_eq!(core.effects(), []);
    assert_eq!(core.deadline(), Some(Time(200_000)), "the leader could propose");
    core.wake(at(200));
    assert_eq!(core.deadline(), Some(Time(3_600_000_000)), "the next thing is an empty block");
    core.wake(at(3_599_999));
    assert_eq!(core.effects(), []);
    core.wake(at(3_600_000));
    assert!(matches!(core.effects()[..], [Effect::Lead { view: 1, .. }]));
}

#[test]
fn skip_votes_of_more_than_may_lie_start_the_timer() {
    let mut core = core(3);
    core.vote(vote(0, Statement::skip(0, 1)), at(1_000)).unwrap();
    assert_eq!(core.timer().started, None);
    core.vote(vote(1, Statement::skip(0, 1)), at(1_000)).unwrap();
    assert_eq!(core.deadline(), Some(Time(2_000_000)));
    core.wake(at(2_000));
    assert!(cast(&core.effects()).contains(&Statement::skip(0, 1)));
    assert_eq!(core.view(), 2);
    assert!(core.timeout() > FIRST_TIMEOUT, "skips lengthen");
}

#[test]
fn what_did_not_help_is_said_again() {
    let mut core = core(3);
    core.set_work(true, at(0));
    core.wake(at(1_200));
    assert_eq!(cast(&core.effects()), [Statement::skip(0, 1)]);
    assert_eq!(core.deadline(), Some(Time(2_200_000)));
    core.wake(at(2_200));
    assert_eq!(core.effects(), [Effect::Repeat]);
    assert_eq!(core.catch_up().1, [Numbers(4).sign(Statement::skip(0, 1), 3, 1_200)]);
    assert_eq!(core.deadline(), Some(Time(3_200_000)));
}

#[test]
fn one_authority_is_a_quorum() {
    let mut core = core_with(Some(0), 1, SealRecord::default());
    core.set_work(true, at(200));
    assert!(matches!(core.effects()[..], [Effect::Lead { view: 1, .. }]));
    let effects = offer(&mut core, proposal(1, A, None), 210);
    assert_eq!(cast(&effects), [Statement::notarise(0, 1, A)]);
    core.set_ledger(A, at(220));
    let effects = core.effects();
    assert_eq!(cast(&effects), [Statement::finalize(0, 1, A)]);
    assert!(effects.contains(&Effect::Final(Place { view: 1, block: A })));
}

/// A view is entered before the ledger takes the last block's transactions out of the pool.
#[test]
fn after_a_payment_is_final_nothing_is_signed() {
    let mut core = core(3);
    core.set_work(true, at(0));
    offer(&mut core, proposal(1, A, None), 10);
    core.certificate(notarised(1, A), at(20)).unwrap();
    assert_eq!(core.view(), 2);
    assert!(core.timer().started.is_some(), "the payment still waits");
    core.set_ledger(A, at(30));
    core.set_work(false, at(30));
    core.certificate(certificate(Statement::finalize(0, 1, A), &[0, 1, 2]), at(40)).unwrap();
    core.effects();
    assert_eq!(core.timer().started, None);
    core.wake(at(600_000));
    assert_eq!(core.effects(), []);
    core.set_work(true, at(600_000));
    core.wake(at(600_999));
    assert_eq!(core.effects(), [], "the next payment has the whole time");
    core.wake(at(601_000));
    assert_eq!(cast(&core.effects()), [Statement::skip(0, 2)]);
}
