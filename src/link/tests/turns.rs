//! Large blocks that peers ask for, in turns.

use super::{
    pushing::{carry, measured, turns},
    *,
};
use crate::link::send_queue::block_of;

/// Another block for each number.
fn body(number: u8, bytes: usize) -> Message {
    let mut body = vec![0; bytes];
    body[0] = number;
    Message::Block(body.into())
}

fn hash(number: u8) -> Hash {
    block_of(&Frame::new(&body(number, 200))).unwrap()
}

/// Peers that ask for a block each at once, and get it from the ledger.
fn asked(peers: usize, bytes: usize, block: impl Fn(usize) -> u8) -> (Rig, Vec<(LinkId, Peer)>) {
    let (rig, mut peers) = measured(peers);
    for (at, (link, peer)) in peers.iter_mut().enumerate() {
        peer.write(&Message::GetBlock(hash(block(at))));
        assert_eq!(rig.message(RoleId::Ledger).0, *link);
    }
    let answers = peers.iter().enumerate().map(|(at, (link, _))| {
        let frames = vec![Frame::new(&body(block(at), bytes))];
        Order::Link(LinkAction::Answer { link: *link, request: Kind::GetBlock, frames })
    });
    rig.orders(answers.collect::<Vec<_>>());
    (rig, peers)
}

/// Lets the line carry 100,000 bytes a second to each peer that there are some for, until all have a body of 150,000 bytes.
/// Returns the peers in the order in which they got theirs.
fn order(rig: &Rig, peers: &mut [(LinkId, Peer)]) -> Vec<usize> {
    let (mut got, mut order) = (vec![0; peers.len()], Vec::new());
    for _ in 0..10 {
        rig.set_window(100_000);
        // Twice, since the next one may come before the one whose turn is over.
        (0..2).for_each(|_| peers.iter_mut().for_each(|(_, peer)| peer.write_bytes(&[])));
        rig.set_window(0);
        for (at, (_, peer)) in peers.iter_mut().enumerate() {
            got[at] += peer.take_bytes().len();
            if got[at] == 150_013 && !order.contains(&at) {
                order.push(at);
            }
        }
        assert!(got.iter().filter(|bytes| (1..150_013).contains(*bytes)).count() <= 1, "{got:?}: one at a time");
        rig.pass_ms(950);
    }
    order
}

#[test]
fn on_a_full_line_one_peer_gets_a_block_that_it_asked_for_after_the_other() {
    let (rig, mut peers) = asked(3, 150_000, |_| 7);
    assert_eq!(order(&rig, &mut peers).len(), 3);
    assert_eq!((rig.usage().queued, rig.heard(RoleId::Peers)), (0, 0), "all have it");
}

#[test]
fn small_answers_go_before_large_ones_that_have_not_begun() {
    let (rig, mut peers) = asked(2, 200_000, |_| 7);
    for (link, _) in &peers {
        rig.send(*link, &Message::Sync(List::EMPTY));
        rig.send(*link, &Message::Pong(1));
    }
    carry(&rig, &mut peers, 0);
    let first = peers.iter_mut().map(|(_, peer)| {
        rig.set_window(1_000);
        peer.write_bytes(&[]);
        (peer.try_read(), peer.try_read())
    });
    let told = first.filter(|read| *read == (Some(Message::Sync(List::EMPTY)), Some(Message::Pong(1)))).count();
    assert_eq!(told, 1, "the other one's body has begun");
}

#[test]
fn what_nobody_has_yet_goes_first() {
    let (rig, mut peers) = asked(4, 150_000, |at| if at < 3 { 7 } else { 8 });
    assert_eq!(order(&rig, &mut peers).iter().position(|peer| *peer == 3), Some(1), "after the one that had begun");
}

#[test]
fn a_peer_that_tells_of_a_block_has_withdrawn_its_question() {
    for header in [true, false] {
        let (rig, mut peers) = measured(3);
        let maker = body(7, 200_000);
        let Message::Block(bytes) = &maker else { unreachable!() };
        let known = Header::peek(bytes).unwrap();
        for (link, peer) in &mut peers {
            peer.write(&Message::GetBlock(known.hash()));
            assert_eq!(rig.message(RoleId::Ledger).0, *link);
            rig.answer(*link, &maker);
        }
        assert_eq!(turns(&rig), 600_039 / limits::FRAME_HEAD_BYTES, "one of them has begun, and all take memory");
        for (_, peer) in &mut peers {
            match header {
                true => peer.write(&Message::BlockHeader(Box::new(known.clone()))),
                false => peer.write(&maker),
            }
        }
        assert_eq!(rig.usage().queued, 200_013, "only the one that has begun");
        rig.pass_ms(950);
        assert_eq!(carry(&rig, &mut peers, usize::MAX), 200_013);
    }
}

#[test]
fn requests_that_wait_are_withdrawn_too() {
    let (rig, mut peers) = measured(1);
    let (link, peer) = &mut peers[0];
    peer.write(&Message::GetBlock(hash(7)));
    assert_eq!(rig.message(RoleId::Ledger).0, *link);
    let Message::Block(bytes) = body(8, 300) else { unreachable!() };
    let header = Header::peek(&bytes).unwrap();
    (0..3).for_each(|_| peer.write(&Message::GetBlock(header.hash())));
    peer.write(&Message::BlockHeader(Box::new(header)));
    rig.answer(*link, &body(7, 300_000));
    assert_eq!(rig.heard(RoleId::Ledger), 0);
    rig.set_window(usize::MAX);
    peer.write(&Message::GetBlock(hash(9)));
    assert_eq!(rig.message(RoleId::Ledger), (*link, Message::GetBlock(hash(9))), "those between are gone");
    assert_eq!((peer.read(), rig.heard(RoleId::Ledger)), (body(7, 300_000), 0));
}

#[test]
fn a_large_frame_is_told_of_while_it_arrives_and_not_if_it_drips() {
    for (second, heard) in [(100_000, 3), (limits::ARRIVAL_RATE as usize - 1, 0)] {
        let rig = Rig::new();
        let (link, mut peer) = rig.accept_up();
        let bytes = Frame::new(&block(400_000)).to_bytes(MAGIC);
        for (at, part) in bytes.chunks(second).take(4).enumerate() {
            rig.pass(u64::from(at > 0));
            peer.write_bytes(part);
        }
        for role in [RoleId::Headers, RoleId::Fetch] {
            assert_eq!(rig.heard(role), heard);
            (0..heard).for_each(|_| assert_eq!(rig.event(role), LinkEvent::Arrives { link }));
        }
    }
}
