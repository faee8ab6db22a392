//! How links begin and end.

use std::{net::SocketAddr, time::Duration};

use super::*;
use crate::base::ids::DialId;

#[test]
fn a_link_shakes_hands_one_frame_at_a_time_and_comes_up() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept();
    let both: Vec<u8> =
        [Message::Verack(1), Message::GetPeers].iter().flat_map(|m| Frame::new(m).to_bytes(MAGIC)).collect();
    peer.write_bytes(&both);
    assert_eq!(rig.message(RoleId::Handshake), (link, Message::Verack(1)));
    assert_eq!((rig.heard(RoleId::Handshake), rig.heard(RoleId::Peers)), (0, 0), "the second frame waits");
    rig.link(LinkAction::Resume(link));
    assert_eq!(rig.message(RoleId::Handshake), (link, Message::GetPeers), "before promotion all go to the handshake");
    peer.write(&Message::GetPeers);
    rig.promote(link);
    for role in hearers(true) {
        assert!(matches!(rig.event(*role), LinkEvent::Up { link: up, .. } if up == link), "{role:?}");
    }
    assert_eq!(rig.message(RoleId::Peers), (link, Message::GetPeers), "afterwards by their kind");
}

#[test]
fn a_dial_completes_exactly_once() {
    let rig = Rig::new();
    let address = SocketAddr::from(([5, 6, 7, 8], 4130));
    let failed = |dial: u64, why: &str| {
        let event = rig.event(RoleId::Peers);
        let LinkEvent::DialFailed { dial: failed, reason, .. } = &event else { panic!("heard {event:?}") };
        assert_eq!((*failed, reason.to_string().as_str(), rig.heard(RoleId::Peers)), (DialId(dial), why, 0));
    };
    let link = rig.dial(1, address).unwrap();
    rig.connected(link);
    let opened = LinkEvent::Opened { link, direction: Direction::Outbound(DialId(1)), remote: address };
    assert_eq!((rig.event(RoleId::Handshake), rig.event(RoleId::Peers)), (opened.clone(), opened));
    let refused = rig.dial(2, address).unwrap();
    rig.disconnected(refused, "connection refused");
    failed(2, "connection refused");
    rig.connected(refused);
    let slow = rig.dial(3, address).unwrap();
    assert_eq!(rig.sleeps(), Some(limits::DIAL_TIMEOUT));
    rig.pass(limits::DIAL_TIMEOUT.as_secs());
    failed(3, "timed out");
    rig.connected(slow);
    for dial in 0..limits::MAX_DIALS as u64 {
        assert!(rig.dial(10 + dial, address).is_some());
    }
    assert_eq!(rig.dial(4, address), None);
    failed(4, "too many connection attempts under way");
    rig.order(Order::Retire);
    assert_eq!(rig.heard(RoleId::Peers), limits::MAX_DIALS);
    (0..limits::MAX_DIALS).for_each(|_| drop(rig.event(RoleId::Peers)));
    assert_eq!(rig.dial(5, address), None);
    failed(5, "the node is stopping");
    assert_eq!(rig.heard(RoleId::Handshake), 0);
}

#[test]
fn wrong_magic_and_oversize_cost_the_connection_and_nobody_elses() {
    let rig = Rig::new();
    let (honest, mut honest_peer) = rig.accept_up();
    let mut oversize = Frame::new(&Message::Verack(1)).to_bytes(MAGIC);
    oversize[8] = 0x7f;
    let length = FrameFault::Length { kind: Kind::Verack, length: 0x7f00_0008 };
    for (bytes, expected) in [(b"GET / HTTP/1.1\r\n".to_vec(), FrameFault::Magic), (oversize, length)] {
        let (link, mut peer) = rig.accept();
        peer.write_bytes(&bytes);
        let expected = fault(PeerFault::Frame(expected));
        assert_eq!(rig.closed(RoleId::Handshake), (link, expected.clone()));
        assert_eq!(rig.closed(RoleId::Peers), (link, expected));
        assert_eq!(peer.try_read(), Some(goodbye(GoodbyeCode::Fault)));
        assert!(peer.sees_end());
        assert_eq!(rig.heard(RoleId::Gossip), 0, "a role that never heard of a link does not hear of its end");
    }
    assert_eq!(rig.meter(Limit::Frame).hits, 1);
    honest_peer.write(&Message::GetPeers);
    assert_eq!(rig.message(RoleId::Peers), (honest, Message::GetPeers));
}

#[test]
fn a_closed_link_says_goodbye_once_lingers_and_ignores_what_follows() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    rig.send(link, &Message::Verack(1));
    rig.close(link, CloseReason::Local(GoodbyeCode::Full));
    rig.close(link, CloseReason::Local(GoodbyeCode::Banned));
    rig.send(link, &Message::Verack(2));
    rig.promote(link);
    for role in hearers(true) {
        assert_eq!(rig.closed(*role), (link, CloseReason::Local(GoodbyeCode::Full)));
    }
    peer.write(&Message::GetPeers);
    assert_eq!(peer.read(), Message::Verack(1));
    assert_eq!(peer.read(), Message::Goodbye { code: GoodbyeCode::Full as u8, retry_after: 7 });
    assert!(peer.sees_end() && !peer.is_dropped());
    assert_eq!(rig.sleeps(), Some(limits::GOODBYE_LINGER));
    rig.pass(limits::GOODBYE_LINGER.as_secs());
    assert!(peer.is_dropped());
    assert_eq!((rig.sleeps(), rig.usage().accepted), (None, 0));
    let (next, _) = rig.accept_up();
    assert!(next > link, "ids are never reused");
    assert!(hearers(true).iter().all(|role| rig.heard(*role) == 0));
}

#[test]
fn the_peers_goodbye_is_the_reason_and_is_not_answered() {
    let rig = Rig::new();
    let last = Message::Goodbye { code: 6, retry_after: 30 };
    let remote = CloseReason::Remote { code: 6, retry_after: 30 };
    let (link, mut peer) = rig.accept_up();
    peer.write(&last);
    peer.hang_up();
    assert_eq!(rig.message(RoleId::Peers), (link, last.clone()));
    assert_eq!(rig.closed(RoleId::Peers), (link, remote));
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    peer.write(&last);
    rig.close(link, CloseReason::Local(GoodbyeCode::Evicted));
    assert_eq!(peer.try_read(), None);
    assert!(peer.is_dropped());
}

#[test]
fn connections_beyond_the_maximum_are_refused_unless_one_only_lingers() {
    let rig = Rig::with(|config| config.max_accepted = 2);
    let (_one, _one_peer) = rig.accept();
    let (two, two_peer) = rig.accept();
    assert!(rig.try_accept().is_none());
    assert_eq!(rig.heard(RoleId::Handshake), 0);
    rig.close(two, CloseReason::Local(GoodbyeCode::Evicted));
    assert_eq!((rig.closed(RoleId::Handshake).0, rig.closed(RoleId::Peers).0), (two, two));
    assert!(!two_peer.is_dropped());
    let (three, three_peer) = rig.accept();
    assert!(three > two && two_peer.is_dropped());
    let accepted = rig.meter(Limit::Accepted);
    assert_eq!((accepted.used, accepted.cap, accepted.hits), (2, 2, 2));
    three_peer.hang_up();
    assert_eq!(rig.closed(RoleId::Handshake).0, three);
    assert_eq!(rig.closed(RoleId::Peers).0, three);
    rig.accept();
}

/// One that was banned cost two roles four events for each of as many connections as it liked.
#[test]
fn too_many_connections_of_one_address_are_closed_before_a_role_hears_of_them() {
    let rig = Rig::new();
    let (_, at_once) = limits::ARRIVALS_OF_ADDRESS;
    let taken = |ip| (0..400).filter(|_| rig.try_accept_from(ip).is_some()).count();
    assert_eq!(taken([66, 1, 1, 1]), at_once as usize);
    rig.forget_events();
    assert_eq!(taken([66, 1, 1, 1]), 0);
    assert_eq!((rig.heard(RoleId::Handshake), rig.heard(RoleId::Peers)), (0, 0));
    assert!(rig.try_accept_from([66, 1, 1, 2]).is_some(), "its neighbour comes in");
    rig.pass(1);
    assert_eq!(taken([66, 1, 1, 1]), limits::ARRIVALS_OF_ADDRESS.0 as usize);
}

/// One address, or a few, kept everybody else out until the handshake role had heard of their links.
#[test]
fn a_connection_without_keys_makes_room_the_oldest_of_the_network_and_address_with_most() {
    let rig = Rig::with(|config| config.max_accepted = 8);
    let accept = |ip| rig.try_accept_from(ip).expect("a silent one makes room");
    let from = |net: u8, host: u8| accept([66, net, host, 1]);
    let (linked, linked_peer) = rig.accept_up();
    rig.set_room(RoleId::Handshake, Some(0));
    let (honest, mut honest_peer) = accept([77, 1, 1, 1]);
    let crowd = [from(1, 1), from(1, 1), from(2, 1), from(2, 2), from(2, 2), from(2, 3)].map(|(_, peer)| peer);
    let gone = |at: &[usize]| (0..crowd.len()).all(|n| crowd[n].is_dropped() == at.contains(&n));
    from(1, 2);
    assert!(gone(&[3]), "66.2.0.0/16 has four, 66.2.2.1 two of them");
    from(1, 3);
    assert!(gone(&[3, 0]));
    for ip in 0..200 {
        from(1, ip);
    }
    assert!(!linked_peer.is_dropped() && !honest_peer.is_dropped());
    assert_eq!(rig.usage().accepted, 8);
    honest_peer.introduce();
    rig.set_room(RoleId::Handshake, None);
    rig.promote(honest);
    assert!(matches!(rig.event(RoleId::Gossip), LinkEvent::Up { link, .. } if link == honest && honest > linked));
}

#[test]
fn a_dial_that_is_taken_and_closed_without_a_word_is_no_lost_connection() {
    let rig = Rig::new();
    let ended = |number, is_answered| {
        let link = rig.dial(number, SocketAddr::from(([5, 6, 7, 8], 4130))).unwrap();
        rig.connected(link);
        if is_answered {
            rig.hear(link);
        }
        rig.disconnected(link, "closed by the other side");
        assert!(matches!(rig.event(RoleId::Peers), LinkEvent::Opened { .. }));
        rig.closed(RoleId::Peers).1
    };
    assert_eq!(ended(1, false), CloseReason::Unanswered);
    assert_eq!(ended(2, true), CloseReason::Lost("closed by the other side".to_owned()));
}

#[test]
fn what_happens_to_links_waits_in_order_for_a_role_that_is_behind() {
    let rig = Rig::new();
    rig.set_room(RoleId::Gossip, Some(0));
    let (link, peer) = rig.accept();
    rig.promote(link);
    assert!(matches!(rig.event(RoleId::Peers), LinkEvent::Up { .. }));
    peer.hang_up();
    assert!(matches!(rig.closed(RoleId::Peers), (_, CloseReason::Lost(_))));
    assert_eq!(rig.heard(RoleId::Gossip), 0);
    rig.set_room(RoleId::Gossip, None);
    assert!(matches!(rig.event(RoleId::Gossip), LinkEvent::Up { .. }));
    assert_eq!(rig.closed(RoleId::Gossip).0, link);
}

#[test]
fn a_stop_says_goodbye_to_all_and_waits_a_moment_for_those_that_do_not_read() {
    let rig = Rig::new();
    let ((_, mut one), (_, mut two)) = (rig.accept(), rig.accept_up());
    rig.set_window(5);
    rig.order(Order::Stop);
    assert!(rig.try_accept().is_none());
    assert_eq!(one.try_read(), Some(goodbye(GoodbyeCode::Stopping)));
    assert!(one.sees_end() && !one.is_dropped());
    one.hang_up();
    assert!(one.is_dropped() && rig.sleeps() > Some(Duration::ZERO));
    rig.pass(limits::STOP_FLUSH.as_secs() + 1);
    assert!(two.is_dropped());
    assert_eq!(two.try_read(), None);
}

#[test]
fn dead_links_and_unknown_ids_are_ignored() {
    let rig = Rig::new();
    for id in [0, 1, 99, u64::MAX] {
        let link = LinkId(id);
        rig.send(link, &Message::GetPeers);
        rig.close(link, CloseReason::Local(GoodbyeCode::Full));
        rig.link(LinkAction::Resume(link));
        rig.promote(link);
        rig.connected(link);
        rig.disconnected(link, "unknown");
    }
    rig.accept_up();
    assert!(hearers(true).iter().all(|role| rig.heard(*role) == 0));
}

/// A sender that left before its fault was found was charged nothing.
#[test]
fn a_fault_that_is_found_after_its_link_has_ended_is_told_to_the_role_that_charges_for_it() {
    let rig = Rig::new();
    let (lost, peer) = rig.accept_up();
    peer.hang_up();
    assert!(matches!(rig.closed(RoleId::Peers), (_, CloseReason::Lost(_))));
    rig.close(lost, fault(PeerFault::InvalidBranch));
    let late = |link, fault| LinkEvent::LateFault { link, fault };
    assert_eq!(rig.event(RoleId::Peers), late(lost, PeerFault::InvalidBranch));
    // Nobody is told of what costs nothing.
    rig.close(lost, fault(PeerFault::BlockStall));
    assert_eq!(rig.heard(RoleId::Peers), 0);
    // The second fault of a link that still waits for its goodbye.
    let rig = Rig::new();
    let (lingering, _peer) = rig.accept_up();
    rig.set_window(0);
    rig.close(lingering, fault(PeerFault::UnlinkedHeaders));
    rig.close(lingering, fault(PeerFault::InvalidBranch));
    assert_eq!(rig.closed(RoleId::Peers), (lingering, fault(PeerFault::UnlinkedHeaders)));
    assert_eq!(rig.event(RoleId::Peers), late(lingering, PeerFault::InvalidBranch));
}
