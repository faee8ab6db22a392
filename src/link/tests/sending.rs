//! What waits to be sent: to one peer, and to all of them.

use super::*;
use crate::base::limits;

#[test]
fn a_peer_for_whom_too_much_is_queued_is_closed_without_a_word() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    let frame = Frame::new(&block(900_000));
    rig.orders((0..3).map(|_| Order::Link(LinkAction::Send { link, frame: frame.clone() })));
    assert_eq!(rig.closed(RoleId::Peers), (link, fault(PeerFault::SendStall)));
    assert!(peer.is_dropped());
    assert_eq!((peer.try_read(), rig.usage().queued), (None, 0));
}

#[test]
fn a_peer_that_asks_for_sixteen_large_blocks_at_once_gets_them() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    rig.set_window(0);
    (0..15).for_each(|byte| peer.write(&Message::GetBlock(Hash([byte; 32]))));
    peer.write(&Message::Pong(7));
    assert_eq!(rig.message(RoleId::Peers), (link, Message::Pong(7)), "before any of them is answered");
    peer.write(&Message::GetBlock(Hash([15; 32])));
    let mut answers = 0;
    while answers < 16 {
        // All that the ledger has heard of is queued before the peer reads on.
        let questions = rig.heard(RoleId::Ledger);
        assert!(questions > 0);
        for _ in 0..questions {
            assert_eq!(rig.message(RoleId::Ledger), (link, Message::GetBlock(Hash([answers; 32]))));
            rig.send(link, &block(90_000));
            answers += 1;
        }
        rig.set_window(usize::MAX);
        peer.write_bytes(&[]);
        (0..questions).for_each(|_| assert_eq!(peer.read(), block(90_000)));
        rig.set_window(0);
    }
    assert_eq!(rig.heard(RoleId::Peers), 0, "it has done nothing wrong");
}

#[test]
fn many_peers_that_ask_for_blocks_and_do_not_read_them_yet_stay() {
    const SIZE: usize = 200_000;
    const PEERS: usize = 8;
    // Each queue may be as long as the soft limit, and a block longer; all of them may not.
    let budget = PEERS * SIZE + limits::SEND_SOFT_BYTES + 50_000;
    assert!(PEERS * limits::SEND_SOFT_BYTES > budget);
    let rig = Rig::with(|config| config.send_budget = budget);
    rig.set_window(1000);
    let mut peers: Vec<_> = (0..PEERS).map(|_| rig.accept_up()).collect();
    for (_, peer) in &mut peers {
        (0..8).for_each(|byte| peer.write(&Message::GetBlock(Hash([byte; 32]))));
    }
    let mut answers = 0;
    while rig.heard(RoleId::Ledger) > 0 {
        let (link, _) = rig.message(RoleId::Ledger);
        rig.send(link, &block(SIZE));
        answers += 1;
    }
    assert_eq!(rig.heard(RoleId::Peers), 0, "nobody was closed");
    assert_eq!(answers, PEERS);
    // They get all of it once they read.
    rig.set_window(usize::MAX);
    for (_, peer) in &mut peers {
        assert_eq!(peer.read(), block(SIZE));
    }
    assert!(rig.heard(RoleId::Ledger) > 0);
    assert_eq!(rig.usage().queued, 0);
}

#[test]
fn the_longest_queue_pays_for_all() {
    let rig = Rig::with(|config| config.send_budget = 120_000);
    let (short, mut short_peer) = rig.accept_up();
    let (long, _long_peer) = rig.accept_up();
    let send = |link, bytes| Order::Link(LinkAction::Send { link, frame: Frame::new(&block(bytes)) });
    rig.orders([send(short, 50_000), send(long, 90_000)]);
    assert_eq!(rig.closed(RoleId::Peers), (long, fault(PeerFault::SendStall)));
    assert_eq!(short_peer.read(), block(50_000));
    assert_eq!(rig.meter(Limit::Send).hits, 1);
}

#[test]
fn a_link_that_only_lingers_pays_before_others() {
    let rig = Rig::with(|config| config.send_budget = 120_000);
    let ((gone, gone_peer), (stays, mut stays_peer)) = (rig.accept_up(), rig.accept_up());
    rig.set_window(0);
    rig.send(gone, &block(90_000));
    rig.close(gone, CloseReason::Local(GoodbyeCode::Evicted));
    assert_eq!(rig.closed(RoleId::Peers).0, gone);
    rig.send(stays, &block(50_000));
    assert!(gone_peer.is_dropped());
    assert_eq!(rig.heard(RoleId::Peers), 0);
    rig.set_window(usize::MAX);
    stays_peer.write_bytes(&[]);
    assert_eq!(stays_peer.try_read(), Some(block(50_000)));
}

#[test]
fn a_peer_that_reads_nothing_for_a_minute_is_closed() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    rig.set_window(1000);
    rig.send(link, &block(10_000));
    rig.pass(59);
    rig.set_window(2000);
    peer.write_bytes(&[]);
    rig.pass(59);
    assert_eq!(rig.heard(RoleId::Peers), 0, "it has taken some of it");
    rig.pass(1);
    assert_eq!(rig.closed(RoleId::Peers), (link, fault(PeerFault::SendStall)));
}
