//! Joins to which nothing comes from the peers that are linked.

use super::{
    fake::{LATER, made_of},
    *,
};
use crate::{
    base::{ids::LinkId, limits::SNAPSHOT_SOUGHT_AFTER},
    node::{hindrance::HindranceId, notice::ToPeers, report::Report},
};

const SECOND: Duration = Duration::from_secs(1);

/// The manifest of these coins whose last piece seems to be shorter than it is.
fn cut(made: &Made) -> Manifest {
    let lengths = std::array::from_fn(|bucket| {
        let mut lengths = made.manifest.lengths_of(bucket).to_vec();
        if bucket == 63 {
            lengths.last_mut().into_iter().for_each(|length| *length -= 1);
        }
        lengths
    });
    let (height, block) = (made.manifest.height(), made.manifest.block());
    Manifest::new(height, block, *made.manifest.leaves(), &lengths).expect("few pieces")
}

/// A peer that gives what it has, whatever its manifest says.
fn cutter(made: &Made) -> Peer {
    let pieces = made.pieces.clone();
    Peer {
        manifest: Some(cut(made)),
        piece: Box::new(move |number| pieces.get(number as usize).cloned()),
        is_silent: false,
    }
}

/// What the role has said of peers that give nothing.
fn said(rig: &Rig) -> Vec<(bool, Vec<LinkId>)> {
    let told = rig.did.told::<ToPeers>().into_iter();
    told.filter_map(|notice| match notice {
        ToPeers::LacksSnapshot { lacks, idle } => Some((lacks, idle)),
        _ => None,
    })
    .collect()
}

/// Each comes back a second after it was closed, on a new link: an operator wants it kept.
fn return_for(rig: &mut Rig, seconds: u32, mut next: u64, made: &Made) {
    for _ in 0..seconds {
        rig.run(SECOND);
        if !rig.peers.keys().any(|link| (100..200).contains(link)) {
            rig.add_peer(next, cutter(made));
            next += 1;
        }
    }
}

#[test]
fn while_no_snapshot_comes_further_peers_are_looked_for_and_those_that_give_nothing_make_room() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let silent = || Peer { manifest: Some(made().manifest), piece: Box::new(|_| None), is_silent: true };
    rig.add_peer(1, silent());
    rig.add_peer(2, Peer { manifest: None, ..silent() });
    rig.run(SECOND * 60);
    assert_eq!(said(&rig), [], "headers come first");
    rig.headers_known();
    rig.run(SNAPSHOT_SOUGHT_AFTER - SECOND);
    assert_eq!(said(&rig), []);
    rig.run(SECOND);
    assert_eq!(said(&rig).len(), 1);
    rig.run(SECOND * 10);
    let both = vec![LinkId(1), LinkId(2)];
    assert_eq!(said(&rig).last(), Some(&(true, both.clone())));
    rig.run(SECOND * 19);
    assert_eq!(said(&rig).len(), 2, "each time it waits longer");
    rig.add_honest(3);
    rig.run(SECOND * 20);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    assert_eq!(said(&rig).last(), Some(&(false, both)), "who has given something stays");
}

#[test]
fn a_join_that_comes_nearer_to_its_end_needs_no_further_peers() {
    let mut rig = Rig::joining(&FakeFiles::default());
    rig.add_honest(1);
    rig.headers_known();
    rig.run(SECOND * 60);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    rig.driver.notice(ToSnapshot::Adopted(Ok(())));
    rig.run(SECOND * 60);
    assert_eq!(said(&rig), []);
}

/// What was last told of the missing snapshot, and what to do about it; empty: it is over.
fn hindrance(rig: &Rig) -> Option<(String, String)> {
    let found = rig.did.reports().into_iter().filter_map(|report| match report {
        Report::Hindrance { id: HindranceId::NoSnapshot, finding, .. } => Some(finding),
        _ => None,
    });
    found.last().map(|finding| finding.map_or_else(Default::default, |finding| (finding.text, finding.advice)))
}

fn joining_with(join: Join) -> Rig {
    let mut rig = Rig::of(&Setup { join: Some(join), ..testing::setup() }, &FakeFiles::default());
    rig.driver.notice(ToSnapshot::Joining);
    rig
}

#[test]
fn a_join_that_is_deeper_than_every_snapshot_says_which_there_are_and_what_to_do() {
    let mut rig = joining_with(Join { depth: Some(30), at: None, goes_on: false });
    rig.add_honest(1);
    let later = made_of(LATER, |_| ());
    rig.add(2, &later, |_| None);
    rig.headers_known();
    rig.run(SNAPSHOT_SOUGHT_AFTER - SECOND);
    assert_eq!(hindrance(&rig), None, "another peer may come");
    rig.run(SECOND * 2);
    let (text, advice) = hindrance(&rig).expect("it is told");
    let told = "the newest snapshots that linked peers have shown (they are asked once a minute) are of blocks 40 to 45, and of 60 \
                blocks --join-depth 30 takes one of block 30 or below";
    assert_eq!(text, told);
    assert!(advice.contains("or wait: from block 70 on block 40 will do, if a peer still has it then"), "{advice}");
    assert!(advice.contains("--join-depth 20:") && advice.contains("--join history"), "{advice}");
    let said = "looking for a snapshot of block 30 or below; the newest that a linked peer offers is of block 45";
    assert_eq!(rig.progress().as_deref(), Some(said));
    // With more blocks one of them is deep enough.
    rig.chain.0.lock().unwrap().best = 75;
    let did = rig.driver.notice(ToSnapshot::HeadersKnown { height: 75, hash: block(75) });
    rig.answer(did);
    rig.run(SECOND * 15);
    assert!(rig.adopts().is_some());
    assert_eq!(hindrance(&rig), Some(Default::default()), "it is over");
}

#[test]
fn a_peer_without_a_snapshot_of_use_is_asked_for_its_newest_now_and_then() {
    let mut rig = joining_with(Join { depth: Some(30), at: None, goes_on: false });
    rig.add_peer(1, Peer { manifest: None, piece: Box::new(|_| None), is_silent: false });
    rig.headers_known();
    let asked = |rig: &Rig| {
        let most = |message| match message {
            Message::GetSnapshot { block, most } => (block == Hash::ZERO).then_some(most),
            _ => None,
        };
        rig.did.sent(1).into_iter().filter_map(most).collect::<Vec<u32>>()
    };
    assert_eq!(asked(&rig), [30, u32::MAX]);
    rig.run(SECOND * 59);
    assert_eq!(asked(&rig), [&[30, u32::MAX][..], &[30; 5]].concat());
    rig.run(SECOND * 10);
    assert_eq!(asked(&rig)[7..], [30, u32::MAX]);
    let (text, advice) = hindrance(&rig).expect("it is told");
    assert_eq!(text, "no linked peer that serves snapshots has made one yet");
    assert!(advice.contains("--snapshot-interval"), "{advice}");
}

#[test]
fn a_join_among_peers_that_serve_none_or_not_the_named_block_says_so() {
    let mut rig = joining_with(Join { depth: Some(10), at: None, goes_on: false });
    let did = rig.driver.up(1, testing::inbound_peer("9.9.1.1:4130"));
    rig.answer(did);
    rig.headers_known();
    rig.run(SECOND * 11);
    let (text, advice) = hindrance(&rig).expect("it is told");
    assert_eq!(text, "no linked peer serves snapshots");
    assert!(advice.contains("--serve-snapshots"), "{advice}");
    let mut rig = joining_with(Join { depth: None, at: Some(block(30)), goes_on: false });
    rig.add_honest(1);
    rig.headers_known();
    rig.run(SECOND * 11);
    let (text, advice) = hindrance(&rig).expect("it is told");
    let told = "the newest snapshots that linked peers have shown (they are asked once a minute) are of block 40, and none of the \
                block that --join-at names";
    assert!(text == told && advice.contains("--join-at"), "{text}: {advice}");
}

/// What the liar gives is right but for its end, again and again: that is no progress.
#[test]
fn liars_that_come_back_are_not_all_that_a_join_asks() {
    let mut rig = Rig::joining(&FakeFiles::default());
    rig.add_peer(100, cutter(&made()));
    rig.headers_known();
    return_for(&mut rig, 30, 101, &made());
    assert_eq!(rig.adopts(), None);
    assert!(said(&rig).iter().any(|(lacks, _)| *lacks), "{:?}", said(&rig));
    rig.add_honest(1);
    return_for(&mut rig, 20, 150, &made());
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    assert_eq!(said(&rig).last().map(|(lacks, _)| *lacks), Some(false));
}

/// The liar's snapshot was waited for each time it came back, since the rest of it was here.
#[test]
fn a_snapshot_of_which_only_a_liar_gives_the_last_piece_is_left_at_once() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let later = made_of(LATER, |_| ());
    rig.add_peer(100, cutter(&later));
    rig.add_honest(1);
    rig.headers_known();
    return_for(&mut rig, 6, 101, &later);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}
