//! What arrives: deadlines of frames, full inboxes, leases.

use super::*;
use crate::base::codec::List;

/// The first bytes of a message's frame.
fn part(message: &Message, bytes: usize) -> Vec<u8> {
    Frame::new(message).to_bytes(MAGIC)[..bytes].to_vec()
}

#[test]
fn frames_come_out_of_pieces_of_any_size() {
    let rig = Rig::new();
    let (_, mut peer) = rig.accept_up();
    let messages = [Message::GetPeers, block(100_000), Message::Verack(3), block(700_000)];
    let stream: Vec<u8> = messages.iter().flat_map(|m| Frame::new(m).to_bytes(MAGIC)).collect();
    let (first, rest) = stream.split_at(40);
    first.iter().for_each(|byte| peer.write_bytes(&[*byte]));
    rest.chunks(9_999).for_each(|piece| peer.write_bytes(piece));
    assert_eq!(rig.message(RoleId::Peers).1, messages[0]);
    assert_eq!(rig.message(RoleId::Fetch).1, messages[1]);
    assert_eq!(rig.message(RoleId::Handshake).1, messages[2]);
    assert_eq!(rig.message(RoleId::Fetch).1, messages[3]);
}

#[test]
fn a_frame_that_does_not_become_complete_in_time_ends_the_link() {
    let rig = Rig::new();
    let (slow, mut slow_peer) = rig.accept_up();
    let (large, mut large_peer) = rig.accept_up();
    slow_peer.write(&Message::GetPeers);
    slow_peer.write_bytes(&part(&Message::Verack(1), 15));
    large_peer.write(&Message::GetPeers);
    large_peer.write_bytes(&part(&block(500_000), 1000));
    for _ in 0..2 {
        assert_eq!(rig.message(RoleId::Peers).1, Message::GetPeers);
    }
    rig.pass(29);
    assert_eq!(rig.heard(RoleId::Peers), 0);
    rig.pass(2);
    assert_eq!(rig.closed(RoleId::Peers), (slow, fault(PeerFault::PartialFrame)));
    assert_eq!(slow_peer.read(), goodbye(GoodbyeCode::TimedOut));
    rig.pass(88);
    assert_eq!((rig.heard(RoleId::Peers), rig.meter(Limit::FrameTime).used), (0, 119));
    rig.pass(1);
    assert_eq!(rig.closed(RoleId::Peers), (large, fault(PeerFault::PartialFrame)));
    assert_eq!((rig.meter(Limit::FrameTime).hits, rig.usage().leased), (2, 0));
}

#[test]
fn a_full_inbox_holds_back_its_links_and_nothing_is_lost() {
    let rig = Rig::new();
    rig.set_room(RoleId::Fetch, Some(4)); // The two `Up`s and two frames.
    let (one, mut one_peer) = rig.accept_up();
    let (two, mut two_peer) = rig.accept_up();
    let answer = |number: u8| Message::Absent(Hash([number; 32]));
    for number in 0..100 {
        one_peer.write(&answer(number));
    }
    let first = |number| assert_eq!(rig.message(RoleId::Fetch), (one, answer(number)));
    first(0);
    first(1);
    two_peer.write(&answer(200));
    // Much later: a peer that we do not read is not to blame for anything.
    rig.pass(500);
    assert_eq!((rig.heard(RoleId::Fetch), rig.heard(RoleId::Peers)), (0, 0));

    rig.set_room(RoleId::Fetch, None);
    let mut expected = 2;
    let mut seen_two = false;
    while expected < 100 || !seen_two {
        match rig.message(RoleId::Fetch) {
            (link, message) if link == two => {
                assert_eq!((message, seen_two), (answer(200), false));
                seen_two = true;
                assert!(expected < 100, "two had its turn before one was through");
            }
            (_, message) => {
                assert_eq!(message, answer(expected));
                expected += 1;
            }
        }
    }
}

#[test]
fn large_bodies_wait_for_the_pool_and_a_silent_holder_loses_its_lease() {
    let rig = Rig::with(|config| config.receive_budget = 100_000);
    let (silent, mut silent_peer) = rig.accept_up();
    let (waiting, mut waiting_peer) = rig.accept_up();
    let bytes = Frame::new(&block(80_000)).to_bytes(MAGIC);
    silent_peer.write_bytes(&bytes[..1000]);
    waiting_peer.write_bytes(&bytes);
    waiting_peer.write(&Message::GetPeers);
    assert_eq!((rig.heard(RoleId::Fetch), rig.heard(RoleId::Peers)), (0, 0));
    assert_eq!((rig.usage().leased, rig.meter(Limit::Receive).hits), (80_000, 1));
    // Its pace counts from when others wait.
    rig.pass(4);
    assert_eq!(rig.heard(RoleId::Peers), 0);
    rig.pass(4);
    assert_eq!(rig.closed(RoleId::Peers), (silent, fault(PeerFault::PartialFrame)));
    // Its memory is free although its side of the connection stays open.
    assert!(!silent_peer.is_dropped());
    assert_eq!(rig.closed(RoleId::Fetch).0, silent);
    assert_eq!(rig.message(RoleId::Fetch), (waiting, block(80_000)));
    assert_eq!(rig.message(RoleId::Peers), (waiting, Message::GetPeers));
    assert_eq!(rig.usage().leased, 0);
}

#[test]
fn a_frame_that_lacks_its_last_byte_holds_its_lease_no_longer_than_an_empty_one() {
    let rig = Rig::with(|config| config.receive_budget = 100_000);
    let (holder, mut holder_peer) = rig.accept_up();
    let (waiting, mut waiting_peer) = rig.accept_up();
    let bytes = Frame::new(&block(90_000)).to_bytes(MAGIC);
    holder_peer.write_bytes(&bytes[..90_000]);
    waiting_peer.write_bytes(&bytes);
    rig.pass(4);
    rig.pass(4);
    assert_eq!(rig.closed(RoleId::Peers), (holder, fault(PeerFault::PartialFrame)));
    assert_eq!(rig.closed(RoleId::Fetch).0, holder);
    assert_eq!(rig.message(RoleId::Fetch), (waiting, block(90_000)));
}

#[test]
fn a_frame_that_we_do_not_read_on_is_never_late() {
    let rig = Rig::with(|config| config.receive_budget = 100_000);
    rig.set_room(RoleId::Fetch, Some(2)); // The two `Up`s.
    let (full, mut full_peer) = rig.accept_up();
    let (waiting, mut waiting_peer) = rig.accept_up();
    full_peer.write(&block(80_000));
    let bytes = Frame::new(&block(80_001)).to_bytes(MAGIC);
    let (most, last) = bytes.split_at(80_000);
    waiting_peer.write_bytes(most);
    for _ in 0..10 {
        rig.pass(100);
    }
    assert_eq!((rig.heard(RoleId::Peers), rig.heard(RoleId::Fetch)), (0, 0));
    rig.set_room(RoleId::Fetch, None);
    assert_eq!(rig.message(RoleId::Fetch), (full, block(80_000)));
    assert_eq!(rig.heard(RoleId::Peers), 0, "the time during which we did not read does not count afterwards either");
    waiting_peer.write_bytes(last);
    assert_eq!(rig.message(RoleId::Fetch), (waiting, block(80_001)));
    assert_eq!(rig.usage().leased, 0);
}

/// Found by seed 750000095: a peer that does not read its answers kept memory in which others' frames were to arrive.
#[test]
fn a_question_that_is_held_back_needs_no_lease() {
    let rig = Rig::with(|config| (config.lease_free_bytes, config.send_soft) = (600, 500));
    let (link, mut peer) = rig.accept_up();
    rig.set_window(0);
    rig.link(LinkAction::Answer { link, request: Kind::GetBlock, frames: vec![Frame::new(&block(1_000))] });
    let question = Message::GetSync(List::truncated(vec![Hash::ZERO; 40]));
    let bytes = Frame::new(&question).to_bytes(MAGIC);
    let (first, rest) = bytes.split_at(700);
    peer.write_bytes(first);
    assert!(rig.usage().leased > 0);
    peer.write_bytes(rest);
    assert_eq!((rig.heard(RoleId::Headers), rig.usage().leased), (0, 0));
    rig.set_window(usize::MAX);
    peer.write_bytes(&[]);
    assert_eq!(peer.read(), block(1_000));
    assert_eq!(rig.message(RoleId::Headers), (link, question));
    assert_eq!(rig.usage().leased, 0);
}

#[test]
fn a_stranger_cannot_have_a_large_frame_read() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept();
    peer.write_bytes(&part(&block(500_000), 1000));
    let reason = fault(PeerFault::Flood("a large frame before the handshake"));
    assert_eq!(rig.closed(RoleId::Handshake), (link, reason));
}

#[test]
fn a_kind_that_has_no_place_on_the_chain_ends_the_link() {
    for out_of_place in [&[][..], &Kind::VOTING] {
        let rig = Rig::with(|config| config.out_of_place = out_of_place);
        let (link, mut peer) = rig.accept_up();
        let body = crate::base::bytes::Bytes::from(vec![0; 100]);
        let vote = Frame { kind: Kind::Vote, checksum: crate::wire::frame::checksum(&body), body };
        peer.write_bytes(&vote.to_bytes(MAGIC));
        if out_of_place.is_empty() {
            assert_eq!(rig.event(RoleId::Sealer), LinkEvent::Frame { link, frame: vote });
        } else {
            assert_eq!(rig.closed(RoleId::Peers), (link, fault(PeerFault::Unexpected(Kind::Vote))));
        }
    }
}

#[test]
fn headers_and_fetch_hear_while_a_large_frame_goes_on_arriving() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    let bytes = Frame::new(&block(500_000)).to_bytes(MAGIC);
    let bring = |peer: &mut Peer, from: usize, each: usize| {
        for second in 0..5 {
            let at = from + second * each;
            peer.write_bytes(&bytes[at..at + each]);
            rig.pass(1);
        }
    };
    bring(&mut peer, 0, 25_000);
    // The first bytes begin the time.
    for role in [RoleId::Headers, RoleId::Fetch].repeat(4) {
        assert_eq!(rig.event(role), LinkEvent::Bringing { link });
    }
    bring(&mut peer, 125_000, 5_000);
    assert_eq!(rig.heard(RoleId::Headers), 0, "so slowly no large block can be whole in time");
    peer.write_bytes(&bytes[150_000..]);
    peer.write(&Message::GetPeers);
    assert_eq!(rig.message(RoleId::Peers), (link, Message::GetPeers));
}

/// A role that is busy for long would otherwise hear of it all, and nobody could link meanwhile.
#[test]
fn that_a_large_frame_goes_on_arriving_waits_for_no_inbox() {
    let rig = Rig::new();
    rig.set_room(RoleId::Fetch, Some(2)); // The `Up` and one more.
    let (link, mut peer) = rig.accept_up();
    for piece in Frame::new(&block(500_000)).to_bytes(MAGIC)[..400_000].chunks(20_000) {
        peer.write_bytes(piece);
        rig.pass(1);
    }
    rig.set_room(RoleId::Fetch, None);
    assert_eq!(rig.event(RoleId::Fetch), LinkEvent::Bringing { link });
    assert_eq!((rig.heard(RoleId::Fetch), rig.heard(RoleId::Headers)), (0, 19));
}
