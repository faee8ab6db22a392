//! Chains besides the best header chain, and bodies that are of no use.

use super::*;
use crate::{
    base::limits::{CANDIDATE_IN_FLIGHT, USELESS_KIB},
    node::notice::{Candidate, ToHeaders},
};

/// Blocks 101 to 110 of another chain, as the candidate that these peers told of.
fn candidate(rig: &mut Rig, links: &[u64]) -> (Vec<Hash>, Vec<Action>) {
    let hashes: Vec<Hash> = (101..=110).map(|height| hash_of(&block(height, 9, 0))).collect();
    let links = links.iter().map(|link| LinkId(*link)).collect();
    let one = Candidate { above: 100, hashes: hashes.clone(), links };
    (hashes, rig.notice(ToFetch::Candidates(vec![one])))
}

fn asked_of(actions: &[Action], link: u64) -> Vec<Hash> {
    requests(actions).into_iter().filter(|(of, _)| *of == link).map(|(_, hash)| hash).collect()
}

fn overdue(actions: &[Action]) -> Vec<Hash> {
    let hash = |action: &Action| match action {
        Action::Tell(Notice::Headers(ToHeaders::Overdue { hash, .. })) => Some(*hash),
        _ => None,
    };
    actions.iter().filter_map(hash).collect()
}

#[test]
fn a_candidate_is_asked_of_those_that_told_of_it_while_others_are_silent() {
    let mut rig = Rig::new(40, &[1, 2, 3]);
    let (hashes, actions) = candidate(&mut rig, &[3]);
    // However busy that peer is: it is asked for the lowest block, and for more when it has delivered.
    assert!(asked_of(&actions, 3).starts_with(&hashes[..1]), "{actions:?}");
    assert!(asked_of(&actions, 1).is_empty() && asked_of(&actions, 2).is_empty());
    let mut delivered = 0;
    for height in 101..=110 {
        let body = block(height, 9, 0);
        assert_eq!(checked(&rig.send(3, &body)), [(Origin::Link(LinkId(3)), hash_of(&body))]);
        let actions = rig.notice(ToFetch::BodiesTaken { blocks: vec![(height, hash_of(&body))] });
        let taken = ToHeaders::CandidateTaken { hash: hash_of(&body) };
        assert!(actions.contains(&Action::Tell(taken.into())));
        assert!(rig.role.candidates.list()[0].window.being_asked().count() <= CANDIDATE_IN_FLIGHT);
        delivered += 1;
    }
    assert_eq!(delivered, hashes.len());
}

#[test]
fn a_candidate_that_is_late_is_asked_of_another_source_and_reported_once() {
    let mut rig = Rig::new(0, &[1, 2, 3]);
    let (hashes, actions) = candidate(&mut rig, &[1, 2]);
    let first = requests(&actions)[0].0;
    let actions = rig.pass(OVERDUE_FIRST - SECOND / 10);
    assert!(asked_of(&actions, 3 - first).contains(&hashes[0]), "{actions:?}");
    assert_eq!((overdue(&actions), asked_of(&actions, 3)), (vec![], vec![]));
    assert_eq!(overdue(&rig.pass(SECOND / 10)), [hashes[0]]);
    assert_eq!(overdue(&rig.pass(SECOND * 5)), []);
}

#[test]
fn what_is_known_of_a_candidate_stays_when_it_grows() {
    let mut rig = Rig::new(0, &[1]);
    let (hashes, actions) = candidate(&mut rig, &[1]);
    assert_eq!(asked_of(&actions, 1), hashes[..CANDIDATE_IN_FLIGHT]);
    let longer: Vec<Hash> = (102..=112).map(|height| hash_of(&block(height, 9, 0))).collect();
    let one = Candidate { above: 101, hashes: longer, links: vec![LinkId(1)] };
    let actions = rig.notice(ToFetch::Candidates(vec![one]));
    assert_eq!(asked_of(&actions, 1), [], "none again");
}

/// The time began again with each body that was refused, so that liars could take turns.
#[test]
fn a_body_that_is_refused_gives_its_block_no_new_time() {
    let mut rig = Rig::new(40, &[1, 2]);
    rig.pass(OVERDUE_FIRST - SECOND / 10);
    rig.answer(1);
    let fault = Box::new(BlockFault::MerkleRoot);
    rig.notice(ToFetch::BodyRefused { hash: hash(1), origin: Origin::Link(LinkId(1)), fault });
    assert_eq!(overdue(&rig.pass(SECOND / 10)), [hash(1)]);
}

/// Found by seed 310010088: a branch had another chance after a minute, and was not reported the second time.
#[test]
fn a_branch_that_is_wanted_again_has_its_time_and_is_reported_again() {
    let mut rig = Rig::new(3, &[1]);
    assert_eq!(overdue(&rig.pass(OVERDUE_FIRST)), [hash(1)]);
    rig.want(0, vec![]);
    rig.pass(SECOND * 60);
    rig.want(0, (1..=3).map(hash).collect());
    assert_eq!(overdue(&rig.pass(OVERDUE_FIRST - SECOND / 10)), []);
    assert_eq!(overdue(&rig.pass(SECOND / 10)), [hash(1)]);
}

#[test]
fn another_body_of_a_block_that_was_taken_costs_its_sender() {
    let mut rig = Rig::new(2, &[1, 2]);
    rig.answer(1);
    rig.taken(1..=1);
    assert_eq!(faults(&rig.send(2, &block(1, 0, 0))), []);
    assert_eq!(faults(&rig.send(2, &block(1, 0, 500))), [(2, PeerFault::Block(BlockFault::MerkleRoot))]);
}

/// Found by seed 620002817: while a body was on its way to the ledger its block became one of a candidate, and a liar sent junk
/// under its header. Honest peers that relayed the block were compared with the junk, and banned.
#[test]
fn junk_that_is_not_yet_judged_condemns_nobody() {
    let mut rig = Rig::new(1, &[1, 2, 3]);
    rig.send(1, &block(1, 0, 0));
    rig.want(0, vec![hash_of(&block(1, 9, 0))]);
    rig.notice(ToFetch::Candidates(vec![Candidate { above: 0, hashes: vec![hash(1)], links: vec![LinkId(3)] }]));
    let junk = block(1, 0, 500);
    assert_eq!(checked(&rig.send(3, &junk)), [(Origin::Link(LinkId(3)), hash(1))]);
    rig.taken(1..=1);
    assert_eq!(faults(&rig.send(2, &block(1, 0, 0))), [], "which of the two is junk is not known");
    let fault = Box::new(BlockFault::MerkleRoot);
    rig.notice(ToFetch::BodyRefused { hash: hash(1), origin: Origin::Link(LinkId(3)), fault });
    assert_eq!(faults(&rig.send(2, &block(1, 0, 0))), []);
    assert_eq!(faults(&rig.send(2, &junk)), [(2, PeerFault::Block(BlockFault::MerkleRoot))]);
}

/// Found by seed 620001120: the upper blocks of a candidate were asked for while the best chain had the lower ones. When that
/// one was set aside, the candidate began below, and the lower blocks counted as taken: nobody was asked for them.
#[test]
fn a_candidate_that_begins_lower_than_before_is_asked_for_from_there() {
    let mut rig = Rig::new(0, &[1]);
    let (hashes, _) = candidate(&mut rig, &[1]);
    assert_eq!(checked(&rig.send(1, &block(101, 9, 0))).len(), 1);
    rig.notice(ToFetch::BodiesTaken { blocks: vec![(101, hashes[0])] });
    assert_eq!(checked(&rig.send(1, &block(102, 9, 0))).len(), 1);
    let lower: Vec<Hash> = (99..=100).map(|height| hash_of(&block(height, 9, 0))).collect();
    let all: Vec<Hash> = lower.iter().chain(&hashes).copied().collect();
    let one = Candidate { above: 98, hashes: all, links: vec![LinkId(1)] };
    let actions = rig.notice(ToFetch::Candidates(vec![one]));
    assert!(asked_of(&actions, 1).starts_with(&lower), "{actions:?}");
    for height in [99, 100] {
        assert_eq!(checked(&rig.send(1, &block(height, 9, 0))).len(), 1);
        rig.notice(ToFetch::BodiesTaken { blocks: vec![(height, hash_of(&block(height, 9, 0)))] });
    }
    let window = &rig.role.candidates.list()[0].window;
    assert_eq!((window.base(), window.lowest_missing()), (102, Some(103)), "what was taken and has arrived stays");
}

#[test]
fn bodies_that_are_of_no_use_have_an_allowance() {
    let mut rig = Rig::new(0, &[1]);
    let large = 1024 * 1024;
    let count = usize::try_from(USELESS_KIB).unwrap() * 1024 / large;
    for n in 0..=count {
        let body = block(7, u8::try_from(n).unwrap(), large);
        rig.send(1, &body);
        let actions = rig.notice(ToFetch::OfferDropped { hash: hash_of(&body), reason: None });
        let expected = if n < count { vec![] } else { vec![(1, PeerFault::Flood("useless blocks"))] };
        assert_eq!(faults(&actions), expected, "{n}");
    }
}

/// A peer that had just taken a candidate chain relayed its tip, and was not asked for the blocks below until its next ping:
/// the only other source delivered one block in nine seconds.
#[test]
fn a_peer_that_sends_news_of_a_candidate_is_told_of_as_one_that_has_it() {
    let mut rig = Rig::new(0, &[1, 2, 3]);
    let (hashes, _) = candidate(&mut rig, &[3]);
    for link in [1, 2] {
        let actions = rig.send(link, &block(102, 9, 0));
        let tip = ToHeaders::PeerTip { link: LinkId(link), height: 102, tip: hashes[1] };
        assert!(actions.contains(&Action::Tell(tip.into())), "{actions:?}");
    }
    let is_told = |action: &Action| matches!(action, Action::Tell(Notice::Headers(ToHeaders::PeerTip { .. })));
    assert!(!rig.send(3, &block(101, 9, 0)).iter().any(is_told), "an answer is no news");
}
