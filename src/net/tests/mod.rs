//! The poll loop over loopback sockets.

mod rig;
mod sending;

use std::net::{SocketAddr, TcpListener};

use super::{Order, hearers};
use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::{DialId, LinkId},
    },
    node::{CloseReason, Direction, LinkAction, LinkEvent, PeerFault, RoleId, limit::Limit},
    wire::{
        frame::{Frame, FrameFault},
        message::{GoodbyeCode, Kind, Message},
    },
};
use rig::{MAGIC, Peer, Rig};

fn block(bytes: usize) -> Message {
    Message::Block(vec![5; bytes].into())
}

fn goodbye(code: GoodbyeCode) -> Message {
    Message::Goodbye { code: code as u8, retry_after: 0 }
}

fn fault(fault: PeerFault) -> CloseReason {
    CloseReason::Fault(fault)
}

#[test]
fn a_link_opens_shakes_hands_one_frame_at_a_time_and_comes_up() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept();
    let both: Vec<u8> =
        [Message::Verack(1), Message::GetPeers].iter().flat_map(|m| Frame::new(m).to_bytes(MAGIC)).collect();
    peer.write_bytes(&both);
    assert_eq!(rig.message(RoleId::Handshake), (link, Message::Verack(1)));
    let (other, mut honest) = rig.accept_up();
    rig.settle(other, &mut honest);
    assert_eq!((rig.heard(RoleId::Handshake), rig.heard(RoleId::Peers)), (0, 0), "the second frame waits");

    rig.order(Order::Link(LinkAction::Resume(link)));
    assert_eq!(rig.message(RoleId::Handshake), (link, Message::GetPeers), "before promotion all go to the handshake");
    peer.write(&Message::GetPeers);
    rig.order(Order::Link(LinkAction::Promote { link, peer: rig::info(rig.address) }));
    for role in hearers(true) {
        assert!(matches!(rig.event(*role), LinkEvent::Up { link: up, .. } if up == link), "{role:?}");
    }
    assert_eq!(rig.message(RoleId::Peers), (link, Message::GetPeers), "afterwards by their kind");
}

#[test]
fn frames_pass_both_ways_in_pieces_of_any_size() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    let messages = [Message::GetPeers, block(100_000), Message::Verack(3), block(700_000)];
    let stream: Vec<u8> = messages.iter().flat_map(|m| Frame::new(m).to_bytes(MAGIC)).collect();
    let (first, rest) = stream.split_at(40);
    first.iter().for_each(|byte| peer.write_bytes(&[*byte]));
    rest.chunks(9_999).for_each(|piece| peer.write_bytes(piece));
    assert_eq!(rig.message(RoleId::Peers).1, messages[0]);
    assert_eq!(rig.message(RoleId::Fetch).1, messages[1]);
    assert_eq!(rig.message(RoleId::Handshake).1, messages[2]);
    assert_eq!(rig.message(RoleId::Fetch).1, messages[3]);
    for message in &messages {
        rig.send(link, message);
        assert_eq!(peer.read(), *message);
    }
    // A byte is counted when the socket has taken it, which its reader may see first.
    let (other, mut other_peer) = rig.accept_up();
    rig.settle(other, &mut other_peer);
    let bytes = stream.len() as u64;
    assert_eq!(rig.traffic.totals().get(&link), Some(&(bytes, bytes)));
}

#[test]
fn a_dial_completes_exactly_once() {
    let rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    rig.order(Order::Link(LinkAction::Dial { dial: DialId(1), address }));
    let opened = rig.event(RoleId::Handshake);
    let LinkEvent::Opened { link, direction: Direction::Outbound(DialId(1)), remote } = opened else {
        panic!("heard {opened:?}")
    };
    assert_eq!((rig.event(RoleId::Peers), remote), (opened, address));
    let mut peer = Peer::over(listener.accept().unwrap().0);
    rig.settle(link, &mut peer);

    drop(listener);
    rig.order(Order::Link(LinkAction::Dial { dial: DialId(2), address }));
    let failed = rig.event(RoleId::Peers);
    let LinkEvent::DialFailed { dial: DialId(2), address: to, reason } = failed else { panic!("heard {failed:?}") };
    assert_eq!(to, address);
    assert!(reason.contains("refused"), "{reason}");
    rig.settle(link, &mut peer);
    assert_eq!((rig.heard(RoleId::Peers), rig.heard(RoleId::Handshake)), (0, 0));
}

#[test]
fn a_dial_after_the_listener_retired_fails_and_nobody_is_accepted() {
    let rig = Rig::new();
    rig.order(Order::Retire);
    let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
    rig.order(Order::Link(LinkAction::Dial { dial: DialId(5), address }));
    assert!(matches!(rig.event(RoleId::Peers), LinkEvent::DialFailed { dial: DialId(5), .. }));
    assert!(std::net::TcpStream::connect(rig.address).is_err());
}

#[test]
fn wrong_magic_and_oversize_cost_the_connection_and_nobody_elses() {
    let rig = Rig::new();
    let (honest, mut honest_peer) = rig.accept_up();
    let oversize = {
        let mut bytes = Frame::new(&Message::Verack(1)).to_bytes(MAGIC);
        bytes[8] = 0x7f;
        bytes
    };
    let length = FrameFault::Length { kind: Kind::Verack, length: 0x7f00_0008 };
    for (bytes, expected) in [(b"GET / HTTP/1.1\r\n".to_vec(), FrameFault::Magic), (oversize, length)] {
        let (link, mut peer) = rig.accept();
        peer.write_bytes(&bytes);
        let expected = fault(PeerFault::Frame(expected));
        assert_eq!(rig.closed(RoleId::Handshake), (link, expected.clone()));
        assert_eq!(rig.closed(RoleId::Peers), (link, expected));
        assert_eq!(peer.try_read(), Some(goodbye(GoodbyeCode::Fault)));
        assert_eq!(peer.try_read(), None);
        assert_eq!(rig.heard(RoleId::Gossip), 0, "who never heard of a link does not hear of its end");
    }
    honest_peer.write(&Message::GetPeers);
    assert_eq!(rig.message(RoleId::Peers), (honest, Message::GetPeers));
}

#[test]
fn a_frame_that_does_not_become_complete_in_time_ends_the_link() {
    let rig = Rig::new();
    let (slow, mut slow_peer) = rig.accept_up();
    let (large, mut large_peer) = rig.accept_up();
    let (idle, mut idle_peer) = rig.accept_up();
    let part = |message: &Message, bytes| Frame::new(message).to_bytes(MAGIC)[..bytes].to_vec();
    slow_peer.write(&Message::GetPeers);
    slow_peer.write_bytes(&part(&Message::Verack(1), 15));
    large_peer.write(&Message::GetPeers);
    large_peer.write_bytes(&part(&block(500_000), 1000));
    for _ in 0..2 {
        assert_eq!(rig.message(RoleId::Peers).1, Message::GetPeers);
    }
    // The first bytes may still be on their way; received bytes say when they are not.
    let bytes = [(slow, 13 + 15), (large, 13 + 1000)];
    while bytes.iter().any(|(link, bytes)| rig.traffic.totals()[link].1 < *bytes) {
        rig.settle(idle, &mut idle_peer);
    }
    rig.settle(idle, &mut idle_peer);
    rig.pass(29);
    rig.settle(idle, &mut idle_peer);
    assert_eq!(rig.heard(RoleId::Peers), 0);
    rig.pass(2);
    assert_eq!(rig.closed(RoleId::Peers), (slow, fault(PeerFault::PartialFrame)));
    rig.pass(90);
    assert_eq!(rig.closed(RoleId::Peers), (large, fault(PeerFault::PartialFrame)));
    rig.settle(idle, &mut idle_peer);
}

#[test]
fn a_full_inbox_holds_back_its_links_and_nothing_is_lost() {
    let rig = Rig::new();
    rig.set_room(RoleId::Ledger, Some(4)); // The two `Up`s and two frames.
    let (one, mut one_peer) = rig.accept_up();
    let (two, mut two_peer) = rig.accept_up();
    let question = |number: u8| Message::GetMemoryPool(List::truncated([Hash([number; 32])]));
    for number in 0..100 {
        one_peer.write(&question(number));
    }
    let first = |number| assert_eq!(rig.message(RoleId::Ledger), (one, question(number)));
    first(0);
    first(1);
    two_peer.write(&question(200));
    rig.settle(two, &mut two_peer);
    // Much later: a peer that we do not read is not to blame for anything.
    rig.pass(500);
    rig.settle(two, &mut two_peer);
    assert_eq!((rig.heard(RoleId::Ledger), rig.heard(RoleId::Peers)), (0, 0));

    rig.set_room(RoleId::Ledger, None);
    let mut expected = 2;
    let mut seen_two = false;
    while expected < 100 || !seen_two {
        match rig.message(RoleId::Ledger) {
            (link, message) if link == two => {
                assert_eq!((message, seen_two), (question(200), false));
                seen_two = true;
                assert!(expected < 100, "two had its turn before one was through");
            }
            (_, message) => {
                assert_eq!(message, question(expected));
                expected += 1;
            }
        }
    }
}

#[test]
fn what_happens_to_links_waits_in_order_for_a_role_that_is_behind() {
    let rig = Rig::new();
    rig.set_room(RoleId::Gossip, Some(0));
    let (link, peer) = rig.accept();
    rig.order(Order::Link(LinkAction::Promote { link, peer: rig::info(rig.address) }));
    assert!(matches!(rig.event(RoleId::Peers), LinkEvent::Up { .. }));
    drop(peer);
    assert!(matches!(rig.closed(RoleId::Peers), (_, CloseReason::Lost(_))));
    assert_eq!(rig.heard(RoleId::Gossip), 0);
    rig.set_room(RoleId::Gossip, None);
    assert!(matches!(rig.event(RoleId::Gossip), LinkEvent::Up { .. }));
    assert_eq!(rig.closed(RoleId::Gossip).0, link);
}

#[test]
fn a_closed_link_says_goodbye_once_and_ignores_what_follows() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    rig.send(link, &Message::Verack(1));
    rig.close(link, CloseReason::Local(GoodbyeCode::Full));
    rig.close(link, CloseReason::Local(GoodbyeCode::Banned));
    rig.send(link, &Message::Verack(2));
    rig.order(Order::Link(LinkAction::Promote { link, peer: rig::info(rig.address) }));
    for role in hearers(true) {
        assert_eq!(rig.closed(*role), (link, CloseReason::Local(GoodbyeCode::Full)));
    }
    peer.write(&Message::GetPeers);
    assert_eq!(peer.read(), Message::Verack(1));
    assert_eq!(peer.read(), Message::Goodbye { code: GoodbyeCode::Full as u8, retry_after: 7 });
    assert_eq!(peer.try_read(), None);
    let (next, mut next_peer) = rig.accept_up();
    assert!(next > link, "ids are never reused");
    rig.settle(next, &mut next_peer);
    assert!(hearers(true).iter().all(|role| rig.heard(*role) == 0));
    assert!(!rig.traffic.totals().contains_key(&link));
}

#[test]
fn the_peers_goodbye_is_the_reason_not_the_end_of_the_connection() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    let last = Message::Goodbye { code: 6, retry_after: 30 };
    peer.write(&last);
    drop(peer);
    assert_eq!(rig.message(RoleId::Peers), (link, last));
    assert_eq!(rig.closed(RoleId::Peers), (link, CloseReason::Remote { code: 6, retry_after: 30 }));
}

#[test]
fn connections_beyond_the_maximum_are_closed_at_once() {
    let rig = Rig::with(|config| config.max_accepted = 2);
    let (_one, _one_peer) = rig.accept();
    let (two, mut two_peer) = rig.accept();
    assert_eq!(Peer::connect(rig.address).try_read(), None);
    rig.settle(two, &mut two_peer);
    assert_eq!(rig.heard(RoleId::Handshake), 0);
    drop(two_peer);
    assert_eq!(rig.closed(RoleId::Handshake).0, two);
    assert_eq!(rig.closed(RoleId::Peers).0, two);
    rig.accept();
}

#[test]
fn a_link_that_only_lingers_makes_room_for_a_newcomer() {
    let rig = Rig::with(|config| config.max_accepted = 2);
    let (_one, _one_peer) = rig.accept();
    let (two, _two_peer) = rig.accept();
    rig.close(two, CloseReason::Local(GoodbyeCode::Evicted));
    assert_eq!((rig.closed(RoleId::Handshake).0, rig.closed(RoleId::Peers).0), (two, two));
    // The other side of `two` does not close, and the loop's clock stands still.
    let (three, _three_peer) = rig.accept();
    assert_ne!(three, two);
    let accepted = rig.traffic.limits().into_iter().find(|(limit, _)| *limit == Limit::Accepted).unwrap().1;
    assert!(accepted.used <= 2 && accepted.cap == 2 && accepted.hits >= 1, "{accepted:?}");
}

#[test]
fn large_bodies_wait_for_the_pool_and_a_silent_holder_loses_its_lease() {
    let rig = Rig::with(|config| config.receive_budget = 100_000);
    let (silent, mut silent_peer) = rig.accept_up();
    let (waiting, mut waiting_peer) = rig.accept_up();
    let (idle, mut idle_peer) = rig.accept_up();
    let bytes = Frame::new(&block(80_000)).to_bytes(MAGIC);
    silent_peer.write_bytes(&bytes[..1000]);
    while rig.traffic.totals()[&silent].1 < 1000 {
        rig.settle(idle, &mut idle_peer);
    }
    rig.settle(idle, &mut idle_peer);
    waiting_peer.write_bytes(&bytes);
    waiting_peer.write(&Message::GetPeers);
    while rig.traffic.totals()[&waiting].1 < 1000 {
        rig.settle(idle, &mut idle_peer);
    }
    rig.settle(idle, &mut idle_peer);
    assert_eq!((rig.heard(RoleId::Fetch), rig.heard(RoleId::Peers)), (0, 0));
    // Its pace counts from when others wait.
    rig.pass(4);
    rig.settle(idle, &mut idle_peer);
    assert_eq!(rig.heard(RoleId::Peers), 0);
    rig.pass(4);
    assert_eq!(rig.closed(RoleId::Peers), (silent, fault(PeerFault::PartialFrame)));
    // Its memory is free although its side of the connection stays open.
    while rig.heard(RoleId::Fetch) < 2 {
        rig.settle(idle, &mut idle_peer);
    }
    assert_eq!(rig.closed(RoleId::Fetch).0, silent);
    assert_eq!(rig.message(RoleId::Fetch), (waiting, block(80_000)));
    assert_eq!(rig.message(RoleId::Peers), (waiting, Message::GetPeers));
    drop(silent_peer);
}

#[test]
fn a_frame_that_lacks_its_last_byte_holds_its_lease_no_longer_than_an_empty_one() {
    let rig = Rig::with(|config| config.receive_budget = 100_000);
    let (holder, mut holder_peer) = rig.accept_up();
    let (waiting, mut waiting_peer) = rig.accept_up();
    let (idle, mut idle_peer) = rig.accept_up();
    let bytes = Frame::new(&block(90_000)).to_bytes(MAGIC);
    let mut arrives = |link, peer: &mut Peer, bytes: &[u8], at_least: u64| {
        peer.write_bytes(bytes);
        while rig.traffic.totals()[&link].1 < at_least {
            rig.settle(idle, &mut idle_peer);
        }
    };
    arrives(holder, &mut holder_peer, &bytes[..90_000], 90_000);
    arrives(waiting, &mut waiting_peer, &bytes, 1000);
    for _ in 0..2 {
        rig.settle(idle, &mut idle_peer);
        rig.pass(4);
    }
    assert_eq!(rig.closed(RoleId::Peers), (holder, fault(PeerFault::PartialFrame)));
    while rig.heard(RoleId::Fetch) < 2 {
        rig.settle(idle, &mut idle_peer);
    }
    assert_eq!(rig.closed(RoleId::Fetch).0, holder);
    assert_eq!(rig.message(RoleId::Fetch), (waiting, block(90_000)));
}

#[test]
fn a_frame_that_we_do_not_read_on_is_never_late() {
    let rig = Rig::with(|config| config.receive_budget = 100_000);
    rig.set_room(RoleId::Fetch, Some(3)); // The three `Up`s.
    let (full, mut full_peer) = rig.accept_up();
    let (waiting, mut waiting_peer) = rig.accept_up();
    let (idle, mut idle_peer) = rig.accept_up();
    full_peer.write(&block(80_000));
    while rig.traffic.totals()[&full].1 < 80_000 {
        rig.settle(idle, &mut idle_peer);
    }
    let bytes = Frame::new(&block(80_001)).to_bytes(MAGIC);
    let (most, last) = bytes.split_at(80_000);
    waiting_peer.write_bytes(most);
    while rig.traffic.totals()[&waiting].1 < 1000 {
        rig.settle(idle, &mut idle_peer);
    }
    for _ in 0..10 {
        rig.settle(idle, &mut idle_peer);
        rig.pass(100);
    }
    rig.settle(idle, &mut idle_peer);
    assert_eq!((rig.heard(RoleId::Peers), rig.heard(RoleId::Fetch)), (0, 0));
    rig.set_room(RoleId::Fetch, None);
    assert_eq!(rig.message(RoleId::Fetch), (full, block(80_000)));
    while rig.traffic.totals()[&waiting].1 < 80_000 {
        rig.settle(idle, &mut idle_peer);
    }
    rig.settle(idle, &mut idle_peer);
    assert_eq!(rig.heard(RoleId::Peers), 0, "the time during which we did not read does not count afterwards either");
    waiting_peer.write_bytes(last);
    assert_eq!(rig.message(RoleId::Fetch), (waiting, block(80_001)));
}

#[test]
fn a_stranger_cannot_have_a_large_frame_read() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept();
    peer.write_bytes(&Frame::new(&block(500_000)).to_bytes(MAGIC)[..1000]);
    let reason = fault(PeerFault::Flood("a large frame before the handshake"));
    assert_eq!(rig.closed(RoleId::Handshake), (link, reason));
}

#[test]
fn a_stop_says_goodbye_to_all() {
    let rig = Rig::new();
    let (_, mut one) = rig.accept();
    let (_, mut two) = rig.accept_up();
    rig.order(Order::Stop);
    for peer in [&mut one, &mut two] {
        assert_eq!(peer.try_read(), Some(goodbye(GoodbyeCode::Stopping)));
        assert_eq!(peer.try_read(), None);
    }
    drop((one, two));
    rig.stop();
}

#[test]
fn dead_links_and_unknown_ids_are_ignored() {
    let rig = Rig::new();
    for id in [0, 1, 99, u64::MAX] {
        let link = LinkId(id);
        rig.send(link, &Message::GetPeers);
        rig.close(link, CloseReason::Local(GoodbyeCode::Full));
        rig.orders([
            Order::Link(LinkAction::Resume(link)),
            Order::Link(LinkAction::Promote { link, peer: rig::info(rig.address) }),
        ]);
    }
    let (link, mut peer) = rig.accept_up();
    rig.settle(link, &mut peer);
    assert!(hearers(true).iter().all(|role| rig.heard(*role) == 0));
}
