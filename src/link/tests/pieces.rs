//! Pieces of snapshots that wait to be sent.

use super::*;

const PIECE_BYTES: usize = 262_144;
/// As many as may link.
const PEERS: usize = 46;
/// Pieces that may wait on all links.
const MOST: usize = 8;

fn rig() -> Rig {
    Rig::with(|config| config.max_accepted = 64)
}

fn ask(peer: &mut Peer, pieces: u32) {
    (0..pieces).for_each(|number| peer.write(&Message::GetPiece(Hash([7; 32]), number)));
}

/// Answers all requests for pieces that the role has; how many.
fn serve(rig: &Rig) -> usize {
    let mut answered = 0;
    while rig.heard(RoleId::Snapshot) > 0 {
        match rig.event(RoleId::Snapshot) {
            LinkEvent::Frame { link, frame } => {
                let Message::GetPiece(block, number) = frame.open().unwrap() else { panic!("{frame:?}") };
                let piece = Message::Piece { block, number, bytes: vec![1; PIECE_BYTES].into() };
                rig.link(LinkAction::Answer { link, request: Kind::GetPiece, frames: vec![Frame::new(&piece)] });
                answered += 1;
            }
            LinkEvent::Closed { .. } | LinkEvent::Up { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    answered
}

fn evicted(rig: &Rig) -> usize {
    let mut count = 0;
    while rig.heard(RoleId::Peers) > 0 {
        let (_, reason) = rig.closed(RoleId::Peers);
        assert_eq!(reason, CloseReason::Local(GoodbyeCode::Evicted));
        count += 1;
    }
    count
}

#[test]
fn pieces_on_all_links_together_are_bounded_and_who_reads_nothing_keeps_them_from_nobody() {
    let rig = rig();
    let mut silent: Vec<_> = (0..PEERS).map(|_| rig.accept_up().1).collect();
    let (honest, mut newcomer) = rig.accept_up();
    rig.set_window(4096);
    silent.iter_mut().for_each(|peer| ask(peer, 10));
    assert_eq!(serve(&rig), MOST, "and the others wait");
    ask(&mut newcomer, 4);
    let most = (MOST + 1) * PIECE_BYTES;
    let (mut got, mut seconds, mut first) = (0, 0, None);
    while got < 4 && seconds < 60 {
        rig.pass(1);
        seconds += 1;
        serve(&rig);
        assert!(rig.usage().queued < most, "{:?}", rig.usage());
        // It reads 64 KiB a second, as over a slow line.
        for _ in 0..16 {
            while let Some(message) = newcomer.try_read_within(4096) {
                assert!(matches!(message, Message::Piece { number, .. } if number == got));
                (got, first) = (got + 1, first.or(Some(seconds)));
            }
            serve(&rig);
        }
    }
    assert_eq!(got, 4, "{seconds} s");
    assert!(first.unwrap() < 40, "behind all strangers that came before: {first:?}");
    assert!(evicted(&rig) > 0 && rig.is_up(honest), "and nobody is to blame for more");
}

#[test]
fn whoever_waits_for_nobody_has_its_next_piece_at_once() {
    let rig = rig();
    let (_, mut peer) = rig.accept_up();
    ask(&mut peer, 5);
    let mut served = 0;
    while served < 5 {
        served += serve(&rig);
        while peer.try_read().is_some() {}
    }
    // A slow one is no trouble as long as nobody else waits.
    let (slow, mut slow_peer) = rig.accept_up();
    rig.set_window(1000);
    ask(&mut slow_peer, 2);
    assert_eq!(serve(&rig), 2, "one, and the next at hand");
    for _ in 0..50 {
        rig.pass(1);
        slow_peer.take_bytes();
    }
    assert!(rig.is_up(slow));
}

#[test]
fn a_link_in_line_that_got_something_else_to_read_holds_up_nobody() {
    let rig = rig();
    rig.set_window(usize::MAX);
    let mut holders: Vec<_> = (0..MOST).map(|_| rig.accept_up().1).collect();
    let (busy, mut busy_peer) = rig.accept_up();
    let (_, mut other) = rig.accept_up();
    rig.set_window(4096);
    holders.iter_mut().for_each(|peer| ask(peer, 1));
    assert_eq!(serve(&rig), MOST);
    ask(&mut busy_peer, 1);
    ask(&mut other, 1);
    assert_eq!(serve(&rig), 0);
    busy_peer.write(&Message::GetBlock(Hash([1; 32])));
    let _ = rig.message(RoleId::Ledger);
    rig.answer(busy, &block(300_000));
    // One holder reads its piece.
    while holders[0].try_read().is_none() {}
    assert_eq!(serve(&rig), 1, "the other one has its turn");
    let mut got = None;
    while got.is_none() {
        got = other.try_read();
    }
    while busy_peer.try_read().is_none() {}
    busy_peer.take_bytes();
    assert_eq!(serve(&rig), 1, "and the first as soon as it has read");
}
