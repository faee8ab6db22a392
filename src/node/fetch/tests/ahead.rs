//! Bodies that are checked while `headers` decides on their block.

use super::*;
use crate::node::notice::{ToGossip, ToHeaders};

const PEER: Origin = Origin::Link(LinkId(1));

/// A block that a peer told of, whose header was found valid, and which then came whole.
fn ahead() -> (Rig, Bytes) {
    let mut rig = Rig::new(0, &[1, 2]);
    let news = block(1, 0, 0);
    let header = Header::peek(&news).unwrap();
    rig.receive(1, &Message::BlockHeader(Box::new(header.clone())));
    rig.notice(ToFetch::HeaderJudged { hash: hash(1), is_wanted: true });
    let actions = rig.send(1, &news);
    let told: Vec<&Action> = actions.iter().filter(|action| matches!(action, Action::Tell(_))).collect();
    let offered = ToHeaders::Offered { origin: PEER, hash: hash(1), header: Box::new(header) };
    let (shown, offered) = (ToGossip::Shown { link: LinkId(1), hash: hash(1) }.into(), offered.into());
    let (shown, offered) = (Action::Tell(shown), Action::Tell(offered));
    assert_eq!(told[..2], [&shown, &offered]);
    assert_eq!(checked(&actions), [(PEER, hash(1))]);
    (rig, news)
}

fn is_quiet(actions: &[Action]) -> bool {
    checked(actions).is_empty() && requests(actions).is_empty() && faults(actions).is_empty()
}

#[test]
fn a_wanted_block_is_checked_once_and_taken_once() {
    let (mut rig, news) = ahead();
    assert!(is_quiet(&rig.want(0, vec![hash(1)])));
    assert_eq!(rig.role.window.held(), news.len());
    rig.taken(1..=1);
    assert_eq!((rig.role.window.base(), rig.role.window.held()), (2, 0));
}

#[test]
fn what_the_ledger_takes_sooner_than_it_is_wanted_is_not_asked_for() {
    let (mut rig, _) = ahead();
    rig.taken(1..=1);
    rig.moved(&[(hash(1), 1)]);
    let actions = rig.want(0, vec![hash(1)]);
    assert!(is_quiet(&actions));
    assert_eq!(told(&actions, |notice| matches!(notice, Notice::Headers(ToHeaders::Delivered))), 1);
    assert_eq!((rig.role.window.base(), rig.role.window.held()), (2, 0));
}

#[test]
fn what_is_refused_before_it_is_wanted_is_asked_for() {
    let (mut rig, _) = ahead();
    let fault = Box::new(BlockFault::MerkleRoot);
    rig.notice(ToFetch::BodyRefused { hash: hash(1), origin: Origin::Miner, fault: fault.clone() });
    assert!(rig.role.offers.contains(&hash(1)), "that was another body");
    rig.notice(ToFetch::BodyRefused { hash: hash(1), origin: PEER, fault });
    assert_eq!(requests(&rig.want(0, vec![hash(1)])).len(), 1);
}

#[test]
fn a_block_that_passes_is_checked_once() {
    let (mut rig, _) = ahead();
    assert!(is_quiet(&rig.notice(ToFetch::OfferPasses { hash: hash(1) })));
    assert!(is_quiet(&rig.want(0, vec![hash(1)])), "not while it is with the verifier");
}

#[test]
fn a_peer_whose_block_was_of_use_pays_nothing_for_it() {
    for is_taken in [true, false] {
        let (mut rig, _) = ahead();
        let peer = rig.role.peers.get_mut(LinkId(1)).unwrap();
        // All that it may waste is gone.
        while peer.wasted(rig.now.mono, 1000) {}
        if is_taken {
            rig.taken(1..=1);
        }
        let actions = rig.notice(ToFetch::OfferDropped { hash: hash(1), reason: None });
        assert_eq!(faults(&actions).is_empty(), is_taken);
    }
}

#[test]
fn the_node_s_own_block_is_checked_at_once_and_one_of_a_command_is_not() {
    let mut rig = Rig::new(0, &[]);
    assert_eq!(checked(&rig.notice(ToFetch::Produced { block: block(1, 0, 0) })), [(Origin::Miner, hash(1))]);
    let command = FetchCommand::SubmitBlock(block(1, 1, 0));
    assert_eq!(checked(&rig.event(Event::Command(Ticket(1), command.into()))), []);
}
