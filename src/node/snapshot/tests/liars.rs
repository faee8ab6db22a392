//! Peers that lie.

use super::{
    fake::{HEIGHT, made_of},
    *,
};
use crate::{base::limits::PIECES_PER_PEER, node::PeerFault};

const SECOND: Duration = Duration::from_secs(1);

/// Changes a byte of an address: the piece still decodes, and its coins ascend.
fn other(piece: &Bytes) -> Bytes {
    let mut bytes = piece.to_vec();
    *bytes.last_mut().expect("pieces are not empty") ^= 1;
    bytes.into()
}

fn refuted(rig: &Rig, link: u64) -> bool {
    matches!(rig.did.fault(link), Some(fault @ PeerFault::Snapshot(_)) if fault.points() == 100)
}

#[test]
fn leaves_that_the_header_does_not_name_cost_their_sender_before_a_piece_is_asked_for() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let wrong = made_of(HEIGHT, |coins| coins[0].1.amount += 1);
    rig.add(1, &wrong, |_| panic!("it is asked for no piece"));
    rig.add_honest(2);
    rig.headers_known();
    rig.run(SECOND * 10);
    assert!(refuted(&rig, 1) && !refuted(&rig, 2));
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

#[test]
fn a_wrong_bucket_of_one_peer_costs_that_peer_and_is_fetched_again_alone() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let pieces = made().pieces;
    // Every bucket but the first has one piece.
    let last = u32::try_from(pieces.len()).unwrap() - 1;
    rig.add(1, &made(), move |number| {
        let piece = pieces.get(number as usize)?;
        Some(if number == last { other(piece) } else { piece.clone() })
    });
    rig.headers_known();
    rig.run(SECOND * 2);
    assert!(refuted(&rig, 1));
    assert_eq!(rig.adopts(), None);
    rig.add_honest(2);
    rig.run(SECOND * 20);
    let asked = &rig.asked[&2];
    assert!(asked.contains(&last) && asked.len() <= PIECES_PER_PEER, "{asked:?}: nothing else that was here");
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

#[test]
fn of_several_senders_of_a_wrong_bucket_only_the_liar_pays() {
    for liars in [vec![2], vec![1, 2], vec![1, 3]] {
        let mut rig = Rig::joining(&FakeFiles::default());
        for link in 1..=4 {
            let (pieces, lies) = (made().pieces, liars.contains(&link));
            rig.add(link, &made(), move |number| {
                let piece = pieces.get(number as usize)?;
                Some(if lies && number < 2 { other(piece) } else { piece.clone() })
            });
        }
        rig.headers_known();
        rig.run(SECOND * 60);
        assert_eq!(rig.adopts(), Some(made().manifest.id()), "{liars:?}");
        let shares = made().manifest.pieces_of(0).filter(|number| *number < 2).count();
        assert!(shares > 1, "the first bucket has several pieces");
        for link in 1..=4 {
            let sent_wrong = liars.contains(&link) && rig.asked[&link].iter().any(|number| *number < 2);
            assert_eq!(refuted(&rig, link), sent_wrong, "{liars:?}: {link}");
        }
    }
}

#[test]
fn a_liar_that_is_asked_alone_is_found_out() {
    let mut rig = Rig::joining(&FakeFiles::default());
    // All lie about the first bucket, in different pieces of it, but the last of them.
    for link in 1..=4u64 {
        let pieces = made().pieces;
        rig.add(link, &made(), move |number| {
            let piece = pieces.get(number as usize)?;
            Some(if link < 4 && number < 2 { other(piece) } else { piece.clone() })
        });
    }
    rig.headers_known();
    rig.run(SECOND * 60);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    assert!(!refuted(&rig, 4));
}

#[test]
fn swapped_and_repeated_pieces_of_the_right_manifest_cost_their_sender() {
    let (first, pieces) = (0u32, made().pieces);
    let swapped = move |number: u32| match number {
        0 | 1 => pieces.get(1 - number as usize).cloned(),
        _ => pieces.get(number as usize).cloned(),
    };
    let pieces = made().pieces;
    let repeated = move |number: u32| pieces.get(number.min(first) as usize).cloned();
    let lies: [Answers; 2] = [Box::new(swapped), Box::new(repeated)];
    for lie in lies {
        let mut rig = Rig::joining(&FakeFiles::default());
        rig.add_peer(1, Peer { manifest: Some(made().manifest), piece: lie, is_silent: false });
        rig.headers_known();
        rig.run(SECOND * 5);
        assert!(refuted(&rig, 1));
        rig.add_honest(2);
        rig.run(SECOND * 30);
        assert_eq!(rig.adopts(), Some(made().manifest.id()));
        assert!(!refuted(&rig, 2));
    }
}

#[test]
fn an_older_or_a_higher_snapshot_is_no_fault_and_not_taken() {
    let mut rig = Rig::joining(&FakeFiles::default());
    rig.add(1, &made_of(BEST - 1, |_| ()), |_| panic!("it is not deep enough"));
    rig.headers_known();
    rig.run(SECOND * 20);
    assert!(rig.did.fault(1).is_none() && rig.adopts().is_none());
    rig.add_honest(2);
    rig.run(SECOND * 20);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

#[test]
fn a_manifest_that_is_none_is_a_malformed_message() {
    let mut rig = Rig::joining(&FakeFiles::default());
    rig.headers_known();
    let mut info = testing::inbound_peer("9.9.1.1:4130");
    info.services |= SERVICE_SNAPSHOT;
    let did = rig.driver.up(1, info);
    assert_eq!(did.sent(1), [Message::GetSnapshot { block: Hash::ZERO, most: 50 }]);
    let did = rig.driver.receive(1, &Message::Snapshot(vec![1, 2, 3].into()));
    assert!(matches!(did.fault(1), Some(PeerFault::Frame(_))));
}
