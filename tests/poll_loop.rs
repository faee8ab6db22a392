//! The poll loop over loopback sockets.

mod rig;

use std::{
    io::Read as _,
    net::{SocketAddr, TcpListener},
};

use rig::{ID_BYTES, MAGIC, Peer, Rig, THEM};
use socket2::{Domain, SockRef, Socket, Type};
use tussock::{
    base::ids::DialId,
    link::Order,
    node::{CloseReason, Direction, LinkAction, LinkEvent, PeerFault, RoleId},
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Message},
    },
};

fn block(bytes: usize) -> Message {
    Message::Block(vec![5; bytes].into())
}

#[test]
fn orders_and_room_in_an_inbox_interrupt_the_wait() {
    let rig = Rig::new();
    rig.set_room(2); // `Opened` and `Secured`.
    let (link, mut peer) = rig.accept();
    peer.write(&Message::Verack(1));
    peer.write(&Message::GetPeers);
    rig.set_room(usize::MAX);
    assert_eq!(rig.message(RoleId::Handshake), (link, Message::Verack(1)));
    rig.link(LinkAction::Resume(link));
    assert_eq!(rig.message(RoleId::Handshake), (link, Message::GetPeers));
}

#[test]
fn a_goodbye_arrives_although_the_peer_is_still_sending() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    let reason = Box::new(CloseReason::Local(GoodbyeCode::Full));
    rig.link(LinkAction::Close { link, reason, retry_after: 7 });
    (0..100).for_each(|_| peer.write(&block(10_000)));
    assert_eq!(peer.read(), Message::Goodbye { code: GoodbyeCode::Full as u8, retry_after: 7 });
    assert_eq!(peer.try_read(), None);
    drop(peer);
    while !rig.traffic.totals().is_empty() {
        std::thread::yield_now();
    }
    assert!(rig.traffic.total().1 > 0, "a closed link still counts");
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
    let bytes = (ID_BYTES + stream.len()) as u64;
    assert_eq!(rig.traffic.totals().get(&link), Some(&(bytes, bytes)));
    let (sent, received) = rig.traffic.total();
    assert!(sent >= bytes && received >= bytes, "{sent} {received}");
}

#[test]
fn a_dial_completes_exactly_once() {
    let rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    rig.link(LinkAction::Dial { dial: DialId(1), address, node: None });
    let opened = rig.event(RoleId::Handshake);
    let LinkEvent::Opened { link, direction: Direction::Outbound(DialId(1)), remote } = opened else {
        panic!("heard {opened:?}")
    };
    assert_eq!((rig.event(RoleId::Peers), remote), (opened, address));
    let mut peer = Peer::over(listener.accept().unwrap().0);
    assert_eq!(rig.event(RoleId::Handshake), LinkEvent::Secured { link, node: THEM });
    rig.settle(link, &mut peer);

    // Bound and not listening: refused for certain, while a port that was given back may be another test's by now.
    let unheard = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    unheard.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    let address = unheard.local_addr().unwrap().as_socket().unwrap();
    rig.link(LinkAction::Dial { dial: DialId(2), address, node: None });
    let failed = rig.event(RoleId::Peers);
    let LinkEvent::DialFailed { dial: DialId(2), address: to, reason } = failed else { panic!("heard {failed:?}") };
    assert_eq!(to, address);
    assert!(reason.to_string().contains("refused"), "{reason}");
    rig.settle(link, &mut peer);
    assert_eq!((rig.try_event(RoleId::Peers), rig.try_event(RoleId::Handshake)), (None, None));
}

#[test]
fn a_dial_after_the_listener_retired_fails_and_nobody_is_accepted() {
    let rig = Rig::new();
    rig.order(Order::Retire);
    let address: SocketAddr = "127.0.0.1:1".parse().unwrap();
    rig.link(LinkAction::Dial { dial: DialId(5), address, node: None });
    assert!(matches!(rig.event(RoleId::Peers), LinkEvent::DialFailed { dial: DialId(5), .. }));
    assert!(std::net::TcpStream::connect(rig.address).is_err());
}

#[test]
fn connections_beyond_the_maximum_are_closed_at_once() {
    let rig = Rig::with(|config| config.max_accepted = 2);
    let (_one, _one_peer) = rig.accept();
    let (two, mut two_peer) = rig.accept();
    assert_eq!(Peer::connect(rig.address).try_read(), None);
    rig.settle(two, &mut two_peer);
    assert_eq!(rig.try_event(RoleId::Handshake), None);
    drop(two_peer);
    assert_eq!(rig.closed(RoleId::Handshake).0, two);
    assert_eq!(rig.closed(RoleId::Peers).0, two);
    rig.accept();
}

#[test]
fn a_stop_says_goodbye_to_all() {
    let rig = Rig::new();
    let (_, mut one) = rig.accept();
    let (_, mut two) = rig.accept_up();
    rig.order(Order::Stop);
    for peer in [&mut one, &mut two] {
        assert_eq!(peer.try_read(), Some(Message::Goodbye { code: GoodbyeCode::Stopping as u8, retry_after: 0 }));
        assert_eq!(peer.try_read(), None);
    }
}

#[test]
fn a_peer_that_reads_nothing_for_a_minute_is_closed() {
    let rig = Rig::new();
    let (link, _peer) = rig.accept_up();
    let (other, mut other_peer) = rig.accept_up();
    // The host's own buffers take the first megabytes.
    let stalled = (0..64).find_map(|_| {
        rig.send(link, &block(1_000_000));
        (0..20).for_each(|_| rig.settle(other, &mut other_peer));
        rig.pass(61);
        rig.settle(other, &mut other_peer);
        rig.try_event(RoleId::Peers)
    });
    let reason = CloseReason::Fault(PeerFault::SendStall);
    assert_eq!(stalled, Some(LinkEvent::Closed { link, reason }));
}

/// Lets the loop's clock go on by milliseconds. In each the loop passes on a question of either peer: one is not enough, as
/// the loop reads a link until nothing is left, without another look at the clock.
fn go_on(rig: &Rig, peers: &mut [Peer; 2], milliseconds: u64) {
    for _ in 0..milliseconds {
        rig.pass_ms(1);
        for peer in &mut *peers {
            peer.write(&Message::GetPeers);
            assert_eq!(rig.message(RoleId::Peers).1, Message::GetPeers);
        }
    }
}

#[test]
fn over_an_emulated_line_bytes_arrive_after_its_delay_and_at_its_rate() {
    let rig = Rig::over_line("delay=80ms,rate=2mbit");
    let (link, mut peer) = rig.accept_up();
    let mut clock = [rig.accept_up().1, rig.accept_up().1];
    go_on(&rig, &mut clock, 90);
    rig.send(link, &Message::Pong(1));
    go_on(&rig, &mut clock, 78);
    // The introduction is there by now.
    let mut introduction = [0; ID_BYTES];
    peer.stream.read_exact(&mut introduction).unwrap();
    peer.before = 0;
    assert!(!peer.has_unread());
    go_on(&rig, &mut clock, 5);
    assert!(peer.has_unread());
    assert_eq!(peer.read(), Message::Pong(1));

    // 50 KB take 0.2 s at 250 KB/s.
    rig.send(link, &block(50_000));
    go_on(&rig, &mut clock, 270);
    let mut arrived = vec![0; 100_000];
    peer.stream.set_nonblocking(true).unwrap();
    let bytes = std::iter::from_fn(|| peer.stream.read(&mut arrived).ok()).sum::<usize>();
    assert!((42_000..48_000).contains(&bytes), "{bytes}");
    go_on(&rig, &mut clock, 40);
    let rest = std::iter::from_fn(|| peer.stream.read(&mut arrived).ok()).sum::<usize>();
    assert_eq!(bytes + rest, Frame::new(&block(50_000)).to_bytes(MAGIC).len());
}

#[test]
fn a_full_emulated_line_pushes_back_and_a_link_that_ends_still_sends_all() {
    let rig = Rig::over_line("delay=5ms,rate=80mbit");
    let (link, mut peer) = rig.accept_up();
    let mut clock = [rig.accept_up().1, rig.accept_up().1];
    rig.send(link, &block(400_000));
    go_on(&rig, &mut clock, 1);
    let taken = rig.traffic.totals()[&link].0;
    assert!(taken < 200_000, "{taken}: the rest waits in the endpoint");
    let reason = Box::new(CloseReason::Local(GoodbyeCode::Full));
    rig.link(LinkAction::Close { link, reason, retry_after: 7 });
    assert_eq!(rig.closed(RoleId::Peers).0, link);
    let reader = std::thread::spawn(move || (peer.read(), peer.read(), peer.try_read()));
    go_on(&rig, &mut clock, 80);
    let (first, goodbye, end) = reader.join().unwrap();
    assert_eq!((first, end), (block(400_000), None));
    assert_eq!(goodbye, Message::Goodbye { code: GoodbyeCode::Full as u8, retry_after: 7 });
}

#[test]
fn an_address_that_swallows_large_packets_is_dialled_with_small_segments() {
    let rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut segments = Vec::new();
    for dial in (1..=3).map(DialId) {
        rig.link(LinkAction::Dial { dial, address, node: None });
        let LinkEvent::Opened { link, .. } = rig.event(RoleId::Handshake) else { panic!("the link opens") };
        let mut peer = Peer::over(listener.accept().unwrap().0);
        assert_eq!(rig.event(RoleId::Handshake), LinkEvent::Secured { link, node: THEM });
        segments.push(SockRef::from(&peer.stream).tcp_mss().unwrap());
        rig.up(link, address);
        rig.settle(link, &mut peer);
        assert_eq!(rig.traffic.small_segment_links(), usize::from(dial == DialId(3)));
        rig.pass(60);
        let reason = Box::new(CloseReason::Fault(PeerFault::PingTimeout));
        rig.link(LinkAction::Close { link, reason, retry_after: 0 });
        assert!(matches!(rig.closed(RoleId::Handshake), (closed, _) if closed == link));
    }
    assert!(segments[0] > 1400 && segments[1] > 1400 && segments[2] <= 1200, "{segments:?}");
}
