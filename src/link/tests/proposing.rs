//! Proposed blocks: they find room whatever else waits.

use super::{rig::Peer, *};
use crate::base::limits;

/// A rig whose links may hold 300,000 bytes of proposals, and 200,000 of other news.
fn small() -> Rig {
    Rig::with(|config| config.send_budget = 800_000)
}

fn proposal(number: u8, bytes: usize) -> Message {
    Message::Proposal { signature: [number; 64], block: vec![number; bytes].into() }
}

fn transaction(bytes: usize) -> Message {
    Message::Transaction(vec![7; bytes].into())
}

/// A peer that reads nothing.
fn stuck(rig: &Rig) -> (LinkId, Peer) {
    rig.set_window(usize::MAX);
    let accepted = rig.accept_up();
    rig.set_window(10);
    accepted
}

#[test]
fn unread_transactions_keep_neither_proposals_nor_transactions_from_who_reads() {
    let rig = small();
    let (slow, _slow_peer) = stuck(&rig);
    (0..200).for_each(|_| rig.relay(slow, &transaction(2_000)));
    assert!(rig.usage().queued > 190_000, "{:?}", rig.usage());
    let (link, mut peer) = rig.accept_up();
    rig.set_window(usize::MAX);
    rig.relay(link, &transaction(2_000));
    assert_eq!(peer.read(), transaction(2_000));
    rig.relay(link, &proposal(1, 250_000));
    assert_eq!((peer.read(), peer.try_read()), (proposal(1, 250_000), None));
    let queued = rig.usage().queued;
    rig.set_window(10);
    (0..100).for_each(|_| rig.relay(link, &transaction(2_000)));
    assert!(rig.usage().queued - queued <= limits::SEND_CROWDED_BYTES, "no more than a little");
}

#[test]
fn a_proposal_counts_once_however_many_links_it_waits_on_and_goes_with_them() {
    let rig = small();
    let (mut first, others) = (stuck(&rig), [stuck(&rig), stuck(&rig)]);
    let news = Frame::new(&proposal(1, 150_000));
    for link in [first.0, others[0].0, others[1].0, first.0] {
        rig.link(LinkAction::Relay { link, frame: news.clone() });
    }
    assert_eq!(rig.usage().pushed, 150_064);
    assert!(rig.usage().queued < 100);
    rig.set_window(usize::MAX);
    first.1.write_bytes(&[]);
    assert_eq!((first.1.read(), first.1.try_read()), (proposal(1, 150_000), None));
    assert_eq!(rig.usage().pushed, 150_064);
    others.iter().for_each(|(link, _)| rig.close(*link, CloseReason::Fault(PeerFault::SendStall)));
    assert_eq!((rig.usage().pushed, rig.usage().queued), (0, 0));
}

#[test]
fn of_the_proposals_that_a_link_has_not_begun_to_send_only_the_newest_stays() {
    let rig = small();
    let (link, mut peer) = stuck(&rig);
    (1..=4).for_each(|number| rig.relay(link, &proposal(number, 100_000)));
    assert_eq!(rig.usage().pushed, 2 * 100_064);
    rig.set_window(usize::MAX);
    peer.write_bytes(&[]);
    assert_eq!((peer.read(), peer.read(), peer.try_read()), (proposal(1, 100_000), proposal(4, 100_000), None));
    assert_eq!((rig.usage().pushed, rig.usage().queued), (0, 0));
}

#[test]
fn who_leaves_an_old_proposal_unread_makes_room_for_a_new_one() {
    let rig = small();
    let slow = [1, 2, 3].map(|number| {
        let (link, peer) = stuck(&rig);
        rig.relay(link, &proposal(number, 90_000));
        rig.pass_ms(100);
        (link, peer)
    });
    rig.relay(slow[0].0, &proposal(9, 20_000));
    assert_eq!(rig.usage().pushed, 3 * 90_064 + 20_064);
    let (link, mut peer) = rig.accept_up();
    rig.set_window(usize::MAX);
    rig.relay(link, &proposal(4, 90_000));
    assert_eq!(rig.closed(RoleId::Peers), (slow[0].0, CloseReason::Local(GoodbyeCode::Evicted)));
    assert!(slow[0].1.is_dropped() && rig.heard(RoleId::Peers) == 0);
    assert_eq!(peer.read(), proposal(4, 90_000));
    assert_eq!(rig.usage().pushed, 2 * 90_064);
    // However large it is, compared with the budget.
    rig.relay(link, &proposal(5, 600_000));
    assert_eq!(peer.read(), proposal(5, 600_000));
    assert!(slow.iter().all(|(_, peer)| peer.is_dropped()));
}
