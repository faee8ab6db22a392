//! What waits to be sent: to one peer, and to all of them.

use super::*;
use crate::base::limits;

#[test]
fn a_peer_for_whom_too_much_is_queued_is_closed() {
    let rig = Rig::new();
    let (link, _peer) = rig.accept_up();
    let frame = Frame::new(&block(900_000));
    rig.orders((0..3).map(|_| Order::Link(LinkAction::Send { link, frame: frame.clone() })));
    assert_eq!(rig.closed(RoleId::Peers), (link, fault(PeerFault::SendStall)));
}

#[test]
fn a_peer_that_asks_for_sixteen_large_blocks_at_once_gets_them() {
    let rig = Rig::new();
    let (link, mut peer) = rig.accept_up();
    (0..15).for_each(|byte| peer.write(&Message::GetBlock(Hash([byte; 32]))));
    peer.write(&Message::Pong(7));
    assert_eq!(rig.message(RoleId::Peers), (link, Message::Pong(7)), "before any of them is answered");
    peer.write(&Message::GetBlock(Hash([15; 32])));
    let mut answers = 0;
    while answers < 16 {
        rig.settle(link, &mut peer);
        // All that the ledger has heard of is queued before the peer reads on.
        let questions = rig.heard(RoleId::Ledger);
        assert!(questions > 0);
        for _ in 0..questions {
            assert_eq!(rig.message(RoleId::Ledger), (link, Message::GetBlock(Hash([answers; 32]))));
            rig.send(link, &block(900_000));
            answers += 1;
        }
        (0..questions).for_each(|_| assert_eq!(peer.read(), block(900_000)));
    }
    rig.settle(link, &mut peer);
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
    let (other, mut other_peer) = rig.accept_up();
    let mut peers: Vec<_> = (0..PEERS).map(|_| rig.accept_up()).collect();
    for (_, peer) in &mut peers {
        (0..8).for_each(|byte| peer.write(&Message::GetBlock(Hash([byte; 32]))));
    }
    // The host's own buffers take the first megabytes. Then a block waits for each, and a question behind it.
    let (mut quiet, mut answers) = (0, 0);
    while quiet < 20 {
        rig.settle(other, &mut other_peer);
        let heard = rig.heard(RoleId::Ledger);
        quiet = if heard == 0 { quiet + 1 } else { 0 };
        for _ in 0..heard {
            let (link, _) = rig.message(RoleId::Ledger);
            rig.send(link, &block(SIZE));
            let (_, peer) = peers.iter_mut().find(|(id, _)| *id == link).unwrap();
            peer.write(&Message::GetBlock(Hash([9; 32])));
            answers += 1;
        }
    }
    assert_eq!(rig.heard(RoleId::Peers), 0, "nobody was closed");
    assert!(answers > PEERS);
    // They get all of it once they read.
    for (_, peer) in &mut peers {
        assert_eq!(peer.read(), block(SIZE));
    }
}

#[test]
fn the_longest_queue_pays_for_all() {
    let rig = Rig::with(|config| config.send_budget = 1_200_000);
    let (short, mut short_peer) = rig.accept_up();
    let (long, _long_peer) = rig.accept_up();
    let send = |link, bytes| Order::Link(LinkAction::Send { link, frame: Frame::new(&block(bytes)) });
    rig.orders([send(short, 500_000), send(long, 900_000)]);
    assert_eq!(rig.closed(RoleId::Peers), (long, fault(PeerFault::SendStall)));
    assert_eq!(short_peer.read(), block(500_000));
}

#[test]
fn a_peer_that_reads_nothing_for_a_minute_is_closed() {
    let rig = Rig::new();
    let (link, _peer) = rig.accept_up();
    let (other, mut other_peer) = rig.accept_up();
    // The host's own buffers take the first megabytes.
    for _ in 0..64 {
        rig.send(link, &block(1_000_000));
        (0..20).for_each(|_| rig.settle(other, &mut other_peer));
        rig.pass(61);
        rig.settle(other, &mut other_peer);
        if rig.heard(RoleId::Peers) > 0 {
            break;
        }
    }
    assert_eq!(rig.closed(RoleId::Peers), (link, fault(PeerFault::SendStall)));
}
