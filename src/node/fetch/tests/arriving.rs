//! Blocks as they arrive, asked for or not.

use super::*;
use crate::node::{
    command::{FetchCommand, Reply},
    notice::{ToFetch, ToGossip, ToHeaders, ToVerify},
};

#[test]
fn a_refused_body_is_asked_of_another_peer() {
    let mut rig = Rig::new(1, &[1, 2]);
    rig.answer(1);
    let origin = Origin::Link(LinkId(1));
    let fault = BlockFault::MerkleRoot;
    assert_eq!(
        requests(&rig.notice(ToFetch::BodyRefused { hash: hash(1), origin, fault: Box::new(fault) })),
        [(2, hash(1))]
    );
    assert_eq!(rig.role.window.held(), 0);
}

#[test]
fn a_reorganisation_forgets_bodies_and_requests_end_all_the_same() {
    let mut rig = Rig::new(4, &[1, 2]);
    rig.answer(1);
    let rival = block(2, 7, 0);
    let actions = rig.want(1, vec![hash_of(&rival)]);
    assert_eq!(requests(&actions).len(), 1);
    // Old requests are answered. Their bodies are not wanted any more, unless `headers` finds that the branch counts again.
    let late = rig.send(2, &block(2, 0, 0));
    assert_eq!(
        (
            checked(&late),
            told(&late, |notice| matches!(notice, Notice::Headers(ToHeaders::Offered { .. }))),
            faults(&late)
        ),
        (vec![], 1, vec![])
    );
    let (link, _) = requests(&actions)[0];
    assert_eq!(checked(&rig.send(link, &rival)).len(), 1);
}

#[test]
fn news_waits_for_its_header_and_then_goes_to_the_verifier() {
    let mut rig = Rig::new(0, &[1, 2]);
    let news = block(1, 0, 0);
    let header = Header::peek(&news).unwrap();
    let origin = Origin::Link(LinkId(1));
    let offered = ToHeaders::Offered { origin, hash: hash(1), header: Box::new(header) };
    let shown = |link| Action::Tell(ToGossip::Shown { link: LinkId(link), hash: hash(1) }.into());
    assert_eq!(rig.send(1, &news), [shown(1), Action::Tell(offered.into())]);
    assert_eq!(rig.send(2, &news), [shown(2)], "once");
    let actions = rig.want(0, vec![hash(1)]);
    assert_eq!((checked(&actions), requests(&actions)), (vec![(origin, hash(1))], vec![]));
    rig.moved(&[(hash(1), 1)]);
    assert_eq!(rig.send(2, &news), [shown(2)], "an echo");
}

/// Over a slow line a pushed block came twice: it was asked for while it was still being verified.
#[test]
fn a_block_that_is_being_verified_is_not_asked_for_until_that_has_taken_too_long() {
    let mut rig = Rig::new(0, &[1, 2]);
    rig.send(1, &block(1, 0, 0));
    assert_eq!(checked(&rig.notice(ToFetch::OfferPasses { hash: hash(1) })).len(), 1);
    assert_eq!(
        requests(&rig.want(0, vec![hash(1), hash(2)])).iter().map(|(_, hash)| *hash).collect::<Vec<_>>(),
        [hash(2)]
    );
    let later = rig.pass(Duration::from_secs(1));
    assert_eq!(requests(&later).iter().map(|(_, hash)| *hash).collect::<Vec<_>>(), [hash(1)]);
}

#[test]
fn offers_are_bounded_and_dropped_ones_forgotten() {
    let mut rig = Rig::new(0, &[1]);
    for height in 1..=20 {
        rig.send(1, &block(height, 0, 0));
    }
    let kept = (1..=20).filter(|height| rig.role.offers.contains(&hash(*height))).count();
    assert_eq!(kept, MAX_OFFERED);
    rig.notice(ToFetch::OfferDropped { hash: hash(20), reason: None });
    assert_eq!(
        told(&rig.send(1, &block(20, 0, 0)), |notice| matches!(notice, Notice::Headers(ToHeaders::Offered { .. }))),
        1
    );
}

#[test]
fn a_wanted_block_is_taken_from_whoever_sends_it() {
    let mut rig = Rig::new(1, &[1, 2]);
    assert_eq!(checked(&rig.send(2, &block(1, 0, 0))).len(), 1);
    assert_eq!(checked(&rig.send(1, &block(1, 0, 0))), []);
    rig.check_law();
}

#[test]
fn a_flood_of_known_blocks_is_a_fault() {
    let mut rig = Rig::new(1, &[1]);
    rig.answer(1);
    rig.moved(&[(hash(1), 1)]);
    let fault = (0..5000).find_map(|_| faults(&rig.send(1, &block(1, 0, 0))).pop());
    assert_eq!(fault, Some((1, PeerFault::Flood("known blocks"))));
}

#[test]
fn a_frame_shorter_than_a_header_is_a_fault() {
    let mut rig = Rig::new(1, &[1]);
    let actions = rig.send(1, &vec![0; WORK_HEADER_BYTES - 1].into());
    assert!(matches!(faults(&actions)[..], [(1, PeerFault::Frame(FrameFault::Body(_)))]), "{actions:?}");
}

#[test]
fn a_submitted_block_is_answered_when_it_is_committed() {
    let mut rig = Rig::new(0, &[]);
    let submit = |rig: &mut Rig, ticket, block: Bytes| {
        rig.event(Event::Command(Ticket(ticket), FetchCommand::SubmitBlock(block).into()))
    };
    assert_eq!(replies(&submit(&mut rig, 1, block(1, 0, 0))), []);
    assert_eq!(checked(&rig.want(0, vec![hash(1)])), [(Origin::Command(Ticket(1)), hash(1))]);
    assert_eq!(replies(&rig.taken(1..=1)), []);
    assert_eq!(replies(&rig.moved(&[(hash(1), 1)])), [(1, Reply::Accepted(hash(1)))]);
    let again = replies(&submit(&mut rig, 2, block(1, 0, 0)));
    assert_eq!(again, [(2, Reply::Refused("already known".to_owned()))]);

    submit(&mut rig, 3, block(2, 0, 0));
    let reason = Some("no proof of work".to_owned());
    let dropped = rig.notice(ToFetch::OfferDropped { hash: hash(2), reason });
    assert_eq!(replies(&dropped), [(3, Reply::Refused("no proof of work".to_owned()))]);

    submit(&mut rig, 4, block(3, 0, 0));
    rig.want(1, vec![hash(3)]);
    let fault = BlockFault::Empty;
    let invalid = rig.notice(ToFetch::BlocksInvalid { hashes: vec![hash(3)], fault: Box::new(fault.clone()) });
    assert_eq!(replies(&invalid), [(4, Reply::Refused(fault.to_string()))]);

    submit(&mut rig, 5, block(4, 0, 0));
    assert_eq!(replies(&rig.pass(COMMAND_TIMEOUT)), [(5, Reply::Refused("no verdict in time".to_owned()))]);
    assert!(matches!(replies(&submit(&mut rig, 6, vec![0; 9].into()))[..], [(6, Reply::Refused(_))]));
}

#[test]
fn a_mined_block_is_offered_and_checked_at_the_same_time() {
    let mut rig = Rig::new(0, &[]);
    let actions = rig.notice(ToFetch::Produced { block: block(1, 0, 0) });
    assert_eq!(
        told(&actions, |notice| matches!(notice, Notice::Headers(ToHeaders::Offered { origin: Origin::Miner, .. }))),
        1
    );
    assert_eq!(checked(&actions), [(Origin::Miner, hash(1))]);
    assert_eq!(checked(&rig.want(0, vec![hash(1)])), []);
}

#[test]
fn the_verifier_is_told_which_signatures_are_known() {
    let mut rig = Rig::new(2, &[1]);
    let [one, other] = [1, 2].map(transaction);
    rig.notice(ToFetch::PoolChanged { added: vec![one.clone(), other], removed: vec![] });
    let of = |actions: Vec<Action>| {
        actions.into_iter().find_map(|action| match action {
            Action::Tell(Notice::Verify(ToVerify::CheckBlock { checked, .. })) => Some(checked),
            _ => None,
        })
    };
    let first = of(rig.answer(1)).unwrap();
    rig.notice(ToFetch::PoolChanged { added: vec![], removed: vec![one.leaf] });
    let second = of(rig.answer(1)).unwrap();
    assert_eq!((first.len(), second.len()), (2, 1), "what was handed out does not change");
}
