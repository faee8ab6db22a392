//! Which of several snapshots is fetched, and when one is left for another.

use super::{
    fake::{LATER, LATEST, made_of},
    liars::cut,
    *,
};

const SECOND: Duration = Duration::from_secs(1);

/// Found by seed 9100009139: pieces of a liar came now and then. What all others had was tried once, when they had just let it go.
#[test]
fn what_peers_have_by_now_is_tried_where_they_no_longer_have_what_they_offered() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let slow = made_of(LATEST, |_| ());
    rig.add_peer(1, Peer { manifest: Some(slow.manifest.clone()), piece: Box::new(|_| None), is_silent: true });
    rig.headers_known();
    let (asked, started) = (rig.asked[&1].clone(), rig.driver.now.mono);
    let send = |rig: &mut Rig, numbers: &[u32]| {
        for number in numbers {
            let bytes = slow.pieces[*number as usize].clone();
            let did = rig.driver.receive(1, &Message::Piece { block: slow.manifest.block(), number: *number, bytes });
            rig.answer(did);
        }
    };
    send(&mut rig, &asked[2..3]);
    rig.run(SECOND * 5);
    let (later, pieces) = (made_of(LATER, |_| ()), made().pieces);
    rig.add(2, &later, |_| None);
    send(&mut rig, &asked[3..]);
    while !rig.asked.contains_key(&2) {
        assert!(rig.driver.now.mono < started + SECOND * 40, "it is tried");
        rig.run(SECOND / 10);
    }
    let peer = rig.peers.get_mut(&2).expect("that it has it no more is no fault");
    peer.manifest = Some(made().manifest);
    peer.piece = Box::new(move |number| pieces.get(number as usize).cloned());
    rig.run(SECOND * 4);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

/// The time of the one before counted: a true manifest was blamed for proving nothing at the very moment at which it was begun.
#[test]
fn a_contested_snapshot_has_its_own_time_though_another_was_left_while_it_was_contested() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let (later, other) = (made_of(LATER, |_| ()), cut(made_of(LATER, |_| ()), 5));
    let silent =
        |manifest: &Manifest| Peer { manifest: Some(manifest.clone()), piece: Box::new(|_| None), is_silent: true };
    (1..=3).for_each(|link| rig.add_peer(link, silent(&later.manifest)));
    (4..=5).for_each(|link| rig.add_peer(link, silent(&other.manifest)));
    (11..=12).for_each(|link| rig.add_honest(link));
    rig.add_peer(21, silent(&cut(made(), 5).manifest));
    rig.headers_known();
    rig.run(SECOND * 5);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}
