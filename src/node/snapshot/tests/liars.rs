//! Peers that lie.

use super::{
    fake::{HEIGHT, LATER, made_of},
    *,
};
use crate::{
    base::{
        ids::LinkId,
        limits::{PIECE_STALL, PIECES_PER_PEER, PLAN_TRIAL},
        time::Time,
    },
    chain::snapshot::{CheckedBucket, Staged},
    node::{
        PeerFault,
        outbox::Action,
        snapshot::{contest::Contest, plan::Plan},
    },
};

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
fn leaves_that_the_header_does_not_name_cost_their_sender_once_the_coins_are_here() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let wrong = made_of(HEIGHT, |coins| coins[0].1.amount += 1);
    rig.add(1, &wrong, |_| panic!("it is asked for no piece"));
    rig.add_honest(2);
    rig.headers_known();
    rig.run(SECOND * 10);
    assert!(refuted(&rig, 1) && !refuted(&rig, 2));
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

/// Somebody's header above the block names other coins: no coins that any honest peer has are those.
#[test]
fn who_has_the_true_leaves_pays_nothing_where_the_header_above_them_is_the_one_that_lies() {
    let mut rig = Rig::joining(&FakeFiles::default());
    rig.chain.0.lock().unwrap().digest = Hash([66; 32]);
    rig.add_honest(1);
    rig.add_honest(2);
    rig.headers_known();
    rig.run(SECOND * 60);
    assert_eq!((rig.did.fault(1), rig.did.fault(2), rig.adopts()), (None, None, None));
    // The chain of those with more work comes.
    rig.chain.0.lock().unwrap().digest = made().manifest.digest();
    let did = rig.driver.notice(ToSnapshot::HeadersKnown { height: BEST, hash: block(BEST) });
    rig.answer(did);
    rig.run(SECOND * 30);
    assert_eq!((rig.did.fault(1), rig.did.fault(2)), (None, None));
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

/// The manifest with another cut of the first bucket: its first piece is this much shorter. So it ends within a coin: a whole one less
/// would be too little for a piece that others follow.
fn cut_otherwise(less: usize) -> Made {
    cut(made(), less)
}

pub(super) fn cut(Made { manifest, mut pieces }: Made, less: usize) -> Made {
    let (first, second) = (pieces[0].to_vec(), pieces[1].to_vec());
    let (first, moved) = first.split_at(first.len() - less);
    (pieces[0], pieces[1]) = (first.to_vec().into(), [moved, &second].concat().into());
    let lengths = std::array::from_fn(|bucket| {
        let numbers = manifest.pieces_of(bucket);
        numbers.map(|number| pieces[number as usize].len() as u32).collect()
    });
    let manifest = Manifest::new(manifest.height(), manifest.block(), *manifest.leaves(), &lengths);
    Made { manifest: manifest.expect("few pieces"), pieces }
}

#[test]
fn a_later_snapshot_whose_peers_send_nothing_is_left_for_one_that_comes() {
    for (silent, liars) in [(true, 1), (false, 1), (true, 5), (false, 5)] {
        let mut rig = Rig::joining(&FakeFiles::default());
        let later = made_of(LATER, |_| ());
        for link in 1..=liars {
            let peer = Peer { manifest: Some(later.manifest.clone()), piece: Box::new(|_| None), is_silent: silent };
            rig.add_peer(link, peer);
        }
        (11..=13).for_each(|link| rig.add_honest(link));
        rig.headers_known();
        rig.run(SECOND * 10);
        assert_eq!(rig.adopts(), Some(made().manifest.id()), "silent {silent}, {liars} liars");
    }
}

#[test]
fn a_later_snapshot_that_comes_is_taken_though_fewer_have_it() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let later = made_of(LATER, |_| ());
    let pieces = later.pieces.clone();
    rig.add(1, &later, move |number| pieces.get(number as usize).cloned());
    rig.add_honest(2);
    rig.headers_known();
    rig.run(SECOND * 5);
    assert_eq!(rig.asked[&1].len(), later.pieces.len(), "of as many, the higher");
    // Its coins are too few by the schedule: the other one is asked for at once.
    assert_eq!((rig.asked[&2].len(), rig.adopts()), (made().pieces.len(), Some(made().manifest.id())));
}

#[test]
fn another_cut_of_the_same_coins_is_refuted_by_the_first_bucket_in_which_it_differs() {
    for (liars, honest) in [(5, 3), (3, 5), (1, 1)] {
        let mut rig = Rig::joining(&FakeFiles::default());
        for link in 1..=liars {
            let other = cut_otherwise(5);
            let pieces = other.pieces.clone();
            rig.add(link, &other, move |number| pieces.get(number as usize).cloned());
        }
        (11..11 + honest).for_each(|link| rig.add_honest(link));
        rig.headers_known();
        rig.run(SECOND * 10);
        assert_eq!(rig.adopts(), Some(made().manifest.id()), "{liars} liars");
        assert!((1..=liars).all(|link| refuted(&rig, link)), "{liars} liars: all are found out");
        assert!((11..11 + honest).all(|link| !refuted(&rig, link)));
    }
}

#[test]
fn another_cut_that_is_offered_late_takes_nothing_from_what_is_here() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let pieces = made().pieces;
    // The last piece is missing.
    let last = pieces.len() as u32 - 1;
    rig.add(1, &made(), move |number| pieces.get(number as usize).filter(|_| number != last).cloned());
    rig.headers_known();
    rig.run(SECOND * 2);
    rig.add(2, &cut_otherwise(5), |_| panic!("it is asked for nothing"));
    rig.run(SECOND * 2);
    assert!(refuted(&rig, 2));
    rig.add_honest(3);
    rig.run(SECOND * 15);
    assert_eq!((rig.adopts(), rig.asked[&3].len()), (Some(made().manifest.id()), 1));
}

/// What was under way when the other cut came was not taken, as its bucket was to come from another peer by then, and nobody was asked
/// for it any more.
#[test]
fn pieces_that_are_under_way_when_another_cut_is_offered_are_asked_of_who_is_to_prove_their_bucket() {
    let mut rig = Rig::joining(&FakeFiles::default());
    rig.add_peer(5, Peer { manifest: Some(made().manifest), piece: Box::new(|_| None), is_silent: true });
    rig.headers_known();
    let under_way = rig.asked[&5].clone();
    assert!(made().manifest.pieces_of(0).all(|number| under_way.contains(&number)), "{under_way:?}");
    // Others have to send all the rest, and prove the first bucket once it is contested.
    rig.add_honest(1);
    assert!(under_way.iter().all(|number| !rig.asked[&1].contains(number)), "{:?}", rig.asked);
    rig.add(9, &cut_otherwise(5), |_| panic!("it is asked for nothing"));
    let (block, pieces) = (made().manifest.block(), made().pieces);
    for number in under_way {
        let bytes = pieces[number as usize].clone();
        let did = rig.driver.receive(5, &Message::Piece { block, number, bytes });
        rig.answer(did);
    }
    rig.run(SECOND * 60);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    assert!(refuted(&rig, 9) && !refuted(&rig, 5) && !refuted(&rig, 1));
}

#[test]
fn another_cut_whose_peers_are_silent_gives_way() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let other = cut_otherwise(5);
    for link in 1..=5 {
        let peer = Peer { manifest: Some(other.manifest.clone()), piece: Box::new(|_| None), is_silent: true };
        rig.add_peer(link, peer);
    }
    rig.add_honest(11);
    rig.headers_known();
    rig.run(SECOND * 10);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

#[test]
fn what_is_no_piece_costs_its_sender_at_once() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let lengths: Vec<usize> = made().pieces.iter().map(|piece| piece.len()).collect();
    rig.add(1, &made(), move |number| Some(vec![0xa5; lengths[number as usize]].into()));
    rig.headers_known();
    rig.run(SECOND);
    assert!(refuted(&rig, 1) && rig.asked[&1].len() <= PIECES_PER_PEER);
    assert!(rig.files.inner().staged.as_ref().unwrap().1.iter().all(Option::is_none), "nothing of it is kept");
}

#[test]
fn a_snapshot_that_is_too_large_for_the_disk_gives_way_to_a_smaller_one_or_leaves_nothing_behind() {
    let later = || {
        let mut lengths = [const { Vec::new() }; 64];
        lengths
            .iter_mut()
            .enumerate()
            .for_each(|(bucket, lengths)| *lengths = made().manifest.lengths_of(bucket).into());
        lengths[0].insert(0, lengths[0][0]);
        Manifest::new(LATER, block(LATER), *made().manifest.leaves(), &lengths).expect("few pieces")
    };
    for has_other in [true, false] {
        let files = FakeFiles::default();
        let mut rig = Rig::joining(&files);
        files.inner().room = Some(made().manifest.bytes() as usize);
        let pieces = made().pieces;
        let piece = move |number: u32| pieces.get(number.saturating_sub(1) as usize).cloned();
        for link in 1..=2 {
            rig.add_peer(link, Peer { manifest: Some(later()), piece: Box::new(piece.clone()), is_silent: false });
        }
        if has_other {
            rig.add_honest(11);
        }
        rig.headers_known();
        assert!(files.inner().staged.is_none() || has_other, "its room is given back");
        assert_eq!(rig.did.0.iter().any(|one| matches!(one, Action::Halt(_))), !has_other);
        if has_other {
            rig.run(SECOND * 10);
            assert_eq!(rig.adopts(), Some(made().manifest.id()));
        }
    }
}

#[test]
fn whoever_is_asked_alone_and_says_nothing_does_not_hold_up_the_join() {
    let mut rig = Rig::joining(&FakeFiles::default());
    // Five lie about the first bucket and then are silent; they came first.
    for link in 1..=5u64 {
        let pieces = made().pieces;
        rig.add(link, &made(), move |number| {
            let piece = pieces.get(number as usize)?;
            if number < 2 { Some(other(piece)) } else { None }
        });
    }
    (11..=13).for_each(|link| rig.add_honest(link));
    rig.headers_known();
    rig.run(SECOND * 6);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

#[test]
fn silent_peers_do_not_take_all_places_of_what_is_under_way() {
    let mut rig = Rig::joining(&FakeFiles::default());
    for link in 1..=20 {
        let silent = Peer { manifest: Some(made().manifest), piece: Box::new(|_| None), is_silent: true };
        rig.add_peer(link, silent);
    }
    (31..=33).for_each(|link| rig.add_honest(link));
    rig.headers_known();
    rig.run(SECOND * 5);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

#[test]
fn a_manifest_whose_buckets_have_no_pieces_is_refused() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let empty = [const { Vec::new() }; 64];
    for (link, height) in [(1, HEIGHT), (2, LATER)] {
        let manifest = Manifest::new(height, block(height), *made().manifest.leaves(), &empty).expect("no pieces");
        let peer = Peer { manifest: Some(manifest), piece: Box::new(|_| None), is_silent: false };
        rig.add_peer(link, peer);
    }
    rig.headers_known();
    rig.run(SECOND * 5);
    assert!(refuted(&rig, 1) && refuted(&rig, 2));
    rig.add_honest(3);
    rig.run(SECOND * 15);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

/// Honest peers that come later do not have the snapshot that is being fetched: they are asked for any, so that it can be left.
#[test]
fn whoever_lacks_the_snapshot_that_does_not_come_is_asked_for_another() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let later = made_of(LATER, |_| ());
    rig.add_peer(1, Peer { manifest: Some(later.manifest), piece: Box::new(|_| None), is_silent: true });
    rig.headers_known();
    rig.run(SECOND * 5);
    rig.add_honest(2);
    rig.run(SECOND * 60);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

/// The manifest with another length of the last bucket, which has one piece.
fn last_cut_otherwise() -> Manifest {
    let manifest = made().manifest;
    let mut lengths: [Vec<u32>; 64] = std::array::from_fn(|bucket| manifest.lengths_of(bucket).into());
    lengths[63][0] -= 5;
    Manifest::new(HEIGHT, block(HEIGHT), *manifest.leaves(), &lengths).expect("few pieces")
}

/// One liar offers another cut of the bucket that is missing, and others, who offer the true one, send that bucket wrong.
#[test]
fn who_sends_a_contested_bucket_wrong_takes_nothing_from_what_is_here() {
    let Made { manifest, pieces } = made();
    let (block, last) = (manifest.block(), pieces.len() as u32 - 1);
    let mut rig = Rig::joining(&FakeFiles::default());
    let silent = |manifest| Peer { manifest: Some(manifest), piece: Box::new(|_| None), is_silent: true };
    rig.add_peer(1, silent(manifest.clone()));
    rig.headers_known();
    let mut at = 0;
    while let Some(number) = rig.asked[&1].get(at).copied() {
        at += 1;
        if number != last {
            let did = rig.driver.receive(1, &Message::Piece { block, number, bytes: pieces[number as usize].clone() });
            rig.answer(did);
        }
    }
    assert_eq!(at, pieces.len(), "all is here but the last bucket");
    (2..=4).for_each(|link| rig.add_peer(link, silent(manifest.clone())));
    rig.add_peer(30, silent(last_cut_otherwise()));
    rig.add_honest(20);
    for liar in 1..=4 {
        for _ in rig.asked.get(&liar).cloned().unwrap_or_default().iter().filter(|number| **number == last) {
            let wrong = other(&pieces[last as usize]);
            let did = rig.driver.receive(liar, &Message::Piece { block, number: last, bytes: wrong });
            rig.answer(did);
        }
        rig.run(Duration::from_millis(1));
    }
    rig.run(SECOND * 5);
    assert_eq!(rig.adopts(), Some(manifest.id()));
    assert_eq!(rig.asked[&20], [last], "nothing else that was here");
    assert!((1..=4).chain([30]).all(|link| refuted(&rig, link)) && !refuted(&rig, 20));
}

#[test]
fn a_plan_that_is_proven_elsewhere_is_not_late_before_all_who_offer_it_were_asked() {
    let Made { manifest, pieces } = made();
    let last = pieces.len() as u32 - 1;
    let here = (0..=last).map(|number| number < last).collect();
    let mut plan = Plan::new(Staged { manifest, here });
    let mut contest = Contest::default();
    contest.since = Some(Time(0));
    plan.contest(vec![63]);
    assert_eq!(contest.deadline(&plan), Some(Time(0) + PLAN_TRIAL));
    let right = CheckedBucket { bucket: 0, sum: Default::default(), coins: 1, amount: 5 };
    plan.judge(0, &Ok(right));
    let links = [LinkId(1), LinkId(2)];
    for _ in links {
        plan.assign_alone(&links);
        assert_eq!(contest.deadline(&plan), None);
        links.iter().for_each(|link| drop(plan.give_up_alone(*link)));
    }
    plan.assign_alone(&links);
    assert_eq!(contest.deadline(&plan), Some(Time(0) + PIECE_STALL));
}
