//! A node that joins, among honest peers.

use super::{
    fake::{HEIGHT, LATER, made_of},
    serving::moved,
    *,
};
use crate::{
    base::{
        ids::DialId,
        limits::{MANIFEST_GATHER, PIECE_STALL, PIECE_TIMEOUT, PIECES_PER_PEER},
    },
    chain::snapshot::SnapshotFault,
    node::{
        PeerFault, PeerInfo,
        fault::CloseReason,
        report::Report,
        snapshot::offered::{Depth, depth_by_work},
    },
};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn pieces_come_from_all_peers_and_the_ledger_takes_the_coins_once_all_are_right() {
    let files = FakeFiles::default();
    let mut rig = Rig::joining(&files);
    (1..=3).for_each(|link| rig.add_honest(link));
    rig.run(SECOND);
    assert!(rig.asked.is_empty(), "headers come first");
    rig.headers_known();
    rig.run(SECOND * 5);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    let asked: Vec<u32> = rig.asked.values().flatten().copied().collect();
    assert_eq!(asked.len(), made().pieces.len(), "each piece once");
    assert!(rig.asked.len() == 3 && rig.asked.values().all(|asked| asked.len() * 6 > made().pieces.len()));
    rig.driver.notice(ToSnapshot::Adopted(Ok(())));
    assert!(files.inner().staged.is_none() && files.inner().complete.is_empty(), "it serves none");
    assert!(rig.driver.run(SECOND * 100).0.is_empty());
}

#[test]
fn a_node_that_serves_keeps_what_it_joined_with() {
    let files = FakeFiles::default();
    let join = Some(Join { depth: Some(10), at: None, goes_on: false });
    let mut rig = Rig::of(&Setup { join, serve_snapshots: Some(10), ..testing::setup() }, &files);
    rig.driver.notice(ToSnapshot::Joining);
    rig.add_honest(1);
    rig.headers_known();
    rig.run(SECOND * 5);
    rig.driver.notice(ToSnapshot::Adopted(Ok(())));
    assert_eq!(files.inner().complete[0].pieces, made().pieces);
}

#[test]
fn no_more_is_asked_of_a_peer_than_it_may_owe_and_what_is_late_of_others() {
    let mut rig = Rig::joining(&FakeFiles::default());
    rig.add_peer(1, Peer { manifest: Some(made().manifest), piece: Box::new(|_| None), is_silent: true });
    rig.headers_known();
    rig.run(SECOND * 5);
    assert_eq!(rig.asked[&1].len(), PIECES_PER_PEER);
    rig.add_honest(2);
    rig.run(PIECE_TIMEOUT);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    assert!(rig.peers.contains_key(&1), "a slow line is no fault yet");
}

#[test]
fn a_peer_that_stalls_is_left_if_there_is_another() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let silent = || Peer { manifest: Some(made().manifest), piece: Box::new(|_| None), is_silent: true };
    rig.add_peer(1, silent());
    rig.headers_known();
    rig.run(PIECE_STALL * 2);
    assert!(rig.peers.contains_key(&1), "nobody else has the pieces");
    rig.add_peer(2, silent());
    rig.run(PIECE_STALL * 2);
    assert!(!rig.peers.contains_key(&1));
    assert_eq!(rig.did.fault(1).map(|fault| fault.points()), Some(0));
}

/// Found by seed 9100001304: the other one was chosen only when something else happened.
#[test]
fn a_snapshot_that_the_chain_has_left_before_it_is_begun_makes_room_for_another_at_once() {
    let later = made_of(LATER, |_| ());
    let mut rig = Rig::joining(&FakeFiles::default());
    (1..=2).for_each(|link| rig.add(link, &later, |_| None));
    rig.add_honest(3);
    let mut info = testing::inbound_peer("9.9.9.9:4130");
    info.services |= SERVICE_SNAPSHOT;
    rig.driver.up(4, info);
    rig.headers_known();
    rig.run(SECOND);
    assert!(rig.asked.is_empty(), "the last peer may have a better one");
    rig.chain.0.lock().unwrap().left_from = LATER;
    rig.run(MANIFEST_GATHER);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let files = FakeFiles::default();
    let mut rig = Rig::joining(&files);
    let pieces = made().pieces;
    rig.add(1, &made(), move |number| pieces.get(number as usize).filter(|_| number % 2 == 0).cloned());
    rig.headers_known();
    rig.run(SECOND * 2);
    assert_eq!(rig.adopts(), None);
    let here = files.inner().staged.as_ref().map(|(_, pieces)| pieces.iter().flatten().count()).unwrap();
    assert!(here > 0);
    let mut rig = Rig::joining(&files);
    rig.add_honest(2);
    rig.headers_known();
    rig.run(SECOND * 5);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    assert_eq!(rig.asked[&2].len(), made().pieces.len() - here, "only what was missing");
}

#[test]
fn a_piece_that_the_disk_lost_is_fetched_again() {
    let files = FakeFiles::default();
    let mut rig = Rig::joining(&files);
    rig.add_honest(1);
    rig.headers_known();
    rig.run(SECOND * 5);
    let all = rig.asked[&1].len();
    let did = rig.driver.notice(ToSnapshot::Adopted(Err((Some(0), SnapshotFault::Leaf(0)))));
    rig.did = Actions(Vec::new());
    rig.answer(did);
    rig.run(SECOND * 5);
    assert_eq!(rig.asked[&1].len() - all, made().manifest.pieces_of(0).len());
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

#[test]
fn while_nobody_is_linked_nothing_that_was_fetched_is_thrown_away() {
    let files = FakeFiles::default();
    let mut rig = Rig::joining(&files);
    let pieces = made().pieces;
    rig.add(1, &made(), move |number| pieces.get(number as usize).filter(|_| number % 2 == 0).cloned());
    rig.headers_known();
    rig.run(SECOND * 2);
    let here = |files: &FakeFiles| {
        files.inner().staged.as_ref().map(|(_, pieces)| pieces.iter().flatten().count()).unwrap_or(0)
    };
    let before = here(&files);
    assert!(before > 0 && before < made().pieces.len());
    // The line is down for an hour.
    let did = rig.driver.closed(1, CloseReason::Lost("reset".to_owned()));
    rig.peers.remove(&1);
    rig.answer(did);
    rig.run(SECOND * 3600);
    // Then somebody is there who has no snapshot, for longer than one is waited for.
    rig.add_peer(2, Peer { manifest: None, piece: Box::new(|_| None), is_silent: false });
    rig.run(SECOND * 100);
    assert_eq!(here(&files), before);
    rig.add_honest(3);
    rig.run(SECOND * 30);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    assert_eq!(rig.asked[&3].len(), made().pieces.len() - before, "only what was missing");
}

#[test]
fn a_snapshot_whose_block_the_chain_has_left_gives_way_to_another() {
    let files = FakeFiles::default();
    let mut rig = Rig::joining(&files);
    let pieces = made().pieces;
    rig.add(1, &made(), move |number| pieces.get(number as usize).filter(|_| number < 3).cloned());
    rig.headers_known();
    rig.run(SECOND * 2);
    rig.chain.0.lock().unwrap().left_from = HEIGHT;
    let did = rig.driver.closed(1, CloseReason::Lost("reset".to_owned()));
    rig.peers.remove(&1);
    rig.answer(did);
    let did = rig.driver.notice(moved(BEST));
    rig.answer(did);
    assert!(files.inner().staged.is_none(), "its coins are no longer those of this chain");
    rig.chain.0.lock().unwrap().left_from = u32::MAX;
    rig.add_honest(2);
    rig.run(SECOND * 15);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
}

#[test]
fn coins_beyond_the_supply_are_never_taken() {
    let files = FakeFiles::default();
    let mut rig = Rig::joining(&files);
    let minted = made_of(HEIGHT, |coins| coins[0].1.amount += 1);
    rig.chain.0.lock().unwrap().digest = minted.manifest.digest();
    let pieces = minted.pieces.clone();
    rig.add(1, &minted, move |number| pieces.get(number as usize).cloned());
    rig.headers_known();
    rig.run(SECOND * 60);
    assert_eq!(rig.asked[&1].len(), minted.pieces.len(), "once");
    assert_eq!(rig.adopts(), None);
    assert!(rig.peers.contains_key(&1), "its peer cannot know");
    let warnings = |did: &Actions| did.reports().iter().filter(|one| matches!(one, Report::Warning { .. })).count();
    assert!(warnings(&rig.did) > 0);
    // The chain with the right coins comes later.
    rig.chain.0.lock().unwrap().digest = made().manifest.digest();
    rig.add_honest(2);
    rig.run(SECOND * 30);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    let did = rig.driver.notice(ToSnapshot::Adopted(Ok(())));
    assert!(did.reports().contains(&Report::Warning { key: "snapshot", text: None }), "it is over");
}

#[test]
fn a_block_that_no_snapshot_can_be_of_is_said_at_once() {
    for (at, said) in [
        (Hash([99; 32]), "no block of this chain, up to height 60, is 6363"),
        (block(0), "--join-at names genesis"),
        (block(BEST), "waiting for a block above 60"),
        (block(30), "looking for a snapshot of block 30, "),
    ] {
        let join = Some(Join { depth: None, at: Some(at), goes_on: false });
        let mut rig = Rig::of(&Setup { join, ..testing::setup() }, &FakeFiles::default());
        rig.driver.notice(ToSnapshot::Joining);
        rig.headers_known();
        assert!(rig.progress().unwrap().starts_with(said), "{:?}", rig.progress());
    }
}

#[test]
fn peers_are_asked_again_at_once_when_much_more_of_the_chain_is_known() {
    let mut rig = Rig::joining(&FakeFiles::default());
    rig.chain.0.lock().unwrap().best = 20;
    let did = rig.driver.notice(ToSnapshot::HeadersKnown { height: 20, hash: block(20) });
    rig.answer(did);
    rig.add_peer(1, Peer { manifest: None, piece: Box::new(|_| None), is_silent: false });
    rig.run(SECOND);
    let pieces = made().pieces;
    rig.peers.insert(
        1,
        Peer {
            manifest: Some(made().manifest),
            piece: Box::new(move |number| pieces.get(number as usize).cloned()),
            is_silent: false,
        },
    );
    rig.chain.0.lock().unwrap().best = BEST;
    rig.headers_known();
    rig.run(SECOND);
    assert_eq!(rig.adopts(), Some(made().manifest.id()), "and not only after ten seconds");
}

#[test]
fn a_chain_too_short_for_a_snapshot_is_verified_from_its_start() {
    let join = Some(Join { depth: Some(BEST), at: None, goes_on: false });
    let mut rig = Rig::of(&Setup { join, ..testing::setup() }, &FakeFiles::default());
    rig.driver.notice(ToSnapshot::Joining);
    rig.headers_known();
    rig.run(SECOND * 2);
    assert_eq!(rig.did.told::<ToLedger>(), [], "a longer one may come");
    let said = "no block up to the best, 60, is deep enough for a snapshot: if no longer chain comes within 30 s, all are verified";
    assert_eq!(rig.progress().as_deref(), Some(said));
    rig.run(SECOND * 27);
    assert_eq!(rig.did.told::<ToLedger>(), [], "nobody else was heard");
    rig.run(SECOND * 2);
    assert_eq!(rig.did.told::<ToLedger>(), [ToLedger::AbandonJoin]);
}

/// The first peer's short chain made a join a full sync for good after eight seconds, whoever came later.
#[test]
fn the_short_chain_of_one_peer_ends_no_join_while_few_were_heard() {
    let join = Some(Join { depth: Some(10), at: None, goes_on: false });
    let mut rig = Rig::of(&Setup { join, ..testing::setup() }, &FakeFiles::default());
    rig.driver.notice(ToSnapshot::Joining);
    rig.driver.notice(ToSnapshot::HeadersKnown { height: 5, hash: block(5) });
    let dialled = |link: u64| {
        let remote = testing::address(&format!("9.9.{link}.1:4130"));
        PeerInfo { height: 5, ..testing::outbound_peer(DialId(link), remote) }
    };
    let inbound = |link: u64| PeerInfo { height: 5, ..testing::inbound_peer(&format!("9.9.{link}.1:4130")) };
    [dialled(1), dialled(2)].into_iter().zip(1..).for_each(|(info, link)| drop(rig.driver.up(link, info)));
    (3..9).for_each(|link| drop(rig.driver.up(link, inbound(link))));
    rig.run(SECOND * 20);
    assert_eq!(rig.did.told::<ToLedger>(), [], "those that dialled us do not count");
    // The whole chain comes with another one.
    rig.add_honest(9);
    rig.headers_known();
    rig.run(SECOND * 20);
    assert_eq!(rig.adopts(), Some(made().manifest.id()));
    // Three that we dialled have told.
    let mut rig = Rig::of(&Setup { join, ..testing::setup() }, &FakeFiles::default());
    rig.driver.notice(ToSnapshot::Joining);
    rig.driver.notice(ToSnapshot::HeadersKnown { height: 5, hash: block(5) });
    (1..4).for_each(|link| drop(rig.driver.up(link, dialled(link))));
    rig.run(SECOND * 6);
    assert_eq!(rig.did.told::<ToLedger>(), [ToLedger::AbandonJoin]);
}

#[test]
fn a_snapshot_is_deep_by_blocks_and_by_a_day() {
    let rig = Rig::joining(&FakeFiles::default());
    let depth = |depth| depth_by_work(&rig.chain, BEST, &Join { depth, at: None, goes_on: false }).unwrap();
    assert_eq!(
        [Some(1), Some(0), Some(10), Some(BEST)].map(depth),
        [Depth::UpTo(BEST - 1), Depth::UpTo(BEST - 1), Depth::UpTo(BEST - 10), Depth::Nowhere]
    );
    assert_eq!(depth(None), Depth::Nowhere, "fewer than a thousand blocks");
    rig.chain.0.lock().unwrap().best = 1_010;
    let depth = |best| depth_by_work(&rig.chain, best, &Join::default()).unwrap();
    // An hour a block.
    assert_eq!(depth(1_010), Depth::UpTo(10));
    assert_eq!(depth(1_000), Depth::Nowhere);
}

#[test]
fn progress_is_told_in_words() {
    let mut rig = Rig::joining(&FakeFiles::default());
    rig.headers_known();
    let looks = "looking for a snapshot of block 50 or below";
    assert_eq!(rig.progress().unwrap(), format!("{looks}; no linked peer serves any (--serve-snapshots)"));
    rig.add_peer(2, Peer { manifest: None, piece: Box::new(|_| None), is_silent: false });
    rig.run(SECOND);
    assert_eq!(rig.progress().unwrap(), format!("{looks}; the one linked peer that serves snapshots has none"));
    assert_eq!(crate::node::Role::deadline(&rig.driver.role).map(|at| at > rig.driver.now.mono), Some(true));
    rig.add_peer(1, Peer { manifest: Some(made().manifest), piece: Box::new(|_| None), is_silent: true });
    rig.run(SECOND * 5);
    let all = made().pieces.len();
    assert_eq!(rig.progress().unwrap(), format!("fetching the coins after block 40: 0 of {all} pieces"));
}

#[test]
fn what_nobody_asked_for_is_a_fault() {
    let mut rig = Rig::joining(&FakeFiles::default());
    rig.add_honest(1);
    rig.add_honest(2);
    rig.headers_known();
    rig.run(SECOND * 5);
    let did = rig.driver.receive(1, &Message::Piece { block: block(HEIGHT), number: 0, bytes: Bytes::default() });
    assert!(matches!(did.fault(1), Some(PeerFault::Unexpected(_))));
    assert!(matches!(
        rig.driver.receive(2, &Message::Snapshot(Bytes::default())).fault(2),
        Some(PeerFault::Unexpected(_))
    ));
}

/// Its provider has newer ones by now: the next is taken at once, and not after half a minute.
#[test]
fn once_nobody_has_the_snapshot_any_more_the_next_is_taken_at_once() {
    let mut rig = Rig::joining(&FakeFiles::default());
    let (first, second) = (made(), made_of(LATER, |_| {}));
    rig.add_peer(1, Peer { manifest: Some(first.manifest.clone()), piece: Box::new(|_| None), is_silent: true });
    rig.headers_known();
    rig.run(SECOND * 15);
    let pieces = second.pieces.clone();
    let peer = rig.peers.get_mut(&1).unwrap();
    (peer.manifest, peer.is_silent) = (Some(second.manifest.clone()), false);
    peer.piece = Box::new(|_| None);
    // It answers what it was asked for.
    let open: Vec<u32> = rig.asked[&1].clone();
    let asked = open.len();
    for number in open {
        let answer = Message::Piece { block: first.manifest.block(), number, bytes: Bytes::default() };
        let did = rig.driver.receive(1, &answer);
        rig.peers.get_mut(&1).unwrap().piece = Box::new({
            let pieces = pieces.clone();
            move |number| pieces.get(number as usize).cloned()
        });
        rig.answer(did);
    }
    assert_eq!(rig.asked[&1].len(), asked + second.pieces.len(), "all of the other one, with no time in between");
}

/// Whoever starts the node again need not say once more how deep the block may be.
#[test]
fn a_join_that_goes_on_takes_the_block_that_was_chosen_before() {
    let files = FakeFiles::default();
    let mut rig = Rig::joining(&files);
    rig.add_honest(1);
    rig.peers.get_mut(&1).unwrap().is_silent = true;
    rig.headers_known();
    rig.run(SECOND * 5);
    assert!(files.inner().staged.is_some());
    for (goes_on, adopts) in [(false, None), (true, Some(made().manifest.id()))] {
        let join = Some(Join { depth: None, at: None, goes_on });
        let before = files.inner().staged.clone();
        let mut rig = Rig::of(&Setup { join, ..testing::setup() }, &files);
        rig.driver.notice(ToSnapshot::Joining);
        rig.add_honest(1);
        rig.headers_known();
        rig.run(SECOND * 5);
        assert_eq!(rig.adopts(), adopts);
        files.inner().staged = before;
    }
}
