//! Lines that swallow large packets.

use super::*;

/// A link that we dialled, after its handshake.
fn dialled(rig: &Rig, number: u64) -> LinkId {
    let address = "1.2.3.4:5".parse().unwrap();
    let link = rig.dial(number, address).expect("the driver dials");
    rig.connected(link);
    rig.promote(link);
    rig.forget_events();
    link
}

/// Ends a link for want of any sign of life.
fn falls_silent(rig: &Rig, link: LinkId) {
    rig.pass(60);
    rig.close(link, fault(PeerFault::PingTimeout));
    rig.pass(5);
    rig.forget_events();
}

#[test]
fn an_address_that_falls_silent_twice_after_the_handshake_is_dialled_with_small_segments() {
    let rig = Rig::new();
    let limit = || rig.segment_limit("1.2.3.4:5");
    for number in 1..=2 {
        assert_eq!(limit(), None);
        let link = dialled(&rig, number);
        assert_eq!(rig.small_segment_links(), 0);
        falls_silent(&rig, link);
    }
    assert_eq!((limit(), rig.segment_limit("1.2.3.4:6")), (Some(1200), None));
    let link = dialled(&rig, 3);
    assert_eq!(rig.small_segment_links(), 1);
    // That it ends in another way says nothing of its line.
    rig.disconnected(link, "connection reset");
    assert_eq!((rig.small_segment_links(), limit()), (0, Some(1200)));
    let link = dialled(&rig, 4);
    falls_silent(&rig, link);
    assert_eq!(limit(), None, "small segments did not help");
}

#[test]
fn a_peer_that_talks_and_hears_nothing_of_ours_is_behind_such_a_line() {
    let rig = Rig::new();
    let link = dialled(&rig, 1);
    rig.pass(40);
    rig.hear(link);
    rig.pass(20);
    rig.close(link, fault(PeerFault::PingTimeout));
    assert_eq!(rig.segment_limit("1.2.3.4:5"), Some(1200));
    rig.pass(3600);
    rig.forget_events();
    let (inbound, _peer) = rig.accept_up();
    rig.close(inbound, fault(PeerFault::PingTimeout));
    assert_eq!(rig.segment_limit("1.2.3.4:5"), None, "for an hour");
}

#[test]
fn only_links_of_ours_that_were_up_and_fell_silent_count() {
    let rig = Rig::new();
    for number in 1..=4 {
        let link = dialled(&rig, number);
        rig.close(link, CloseReason::Local(GoodbyeCode::Evicted));
        rig.disconnected(link, "gone");
        rig.forget_events();
        let (inbound, _peer) = rig.accept_up();
        falls_silent(&rig, inbound);
    }
    assert_eq!((rig.segment_limit("1.2.3.4:5"), rig.segment_limit("1.2.3.4:2")), (None, None));
}

#[test]
fn a_line_that_is_only_slow_is_not_suspected() {
    let rig = Rig::new();
    for number in 1..=4 {
        let link = dialled(&rig, number);
        rig.pass(58);
        rig.hear(link);
        rig.pass(2);
        rig.close(link, fault(PeerFault::SyncStall));
        rig.forget_events();
    }
    assert_eq!(rig.segment_limit("1.2.3.4:5"), None, "something came");
    for number in 5..=6 {
        let link = dialled(&rig, number);
        rig.pass(12);
        rig.close(link, fault(PeerFault::SyncStall));
        rig.forget_events();
    }
    assert_eq!(rig.segment_limit("1.2.3.4:5"), Some(1200), "nothing at all came");
}
