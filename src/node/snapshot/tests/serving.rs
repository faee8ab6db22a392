//! A node that makes and serves snapshots.

use super::{fake::HEIGHT, *};
use crate::{
    base::limits::{SNAPSHOT_HELD, SNAPSHOT_HELD_MOST},
    chain::{archive::Tip, target::Work},
    node::{ChainMove, PeerFault, SyncState, fault::CloseReason},
};

const SECOND: Duration = Duration::from_secs(1);

fn serving(interval: Option<u32>) -> Rig {
    let files = FakeFiles::default();
    files.inner().complete.push(made());
    let mut rig = Rig::of(&Setup { serve_snapshots: interval, ..testing::setup() }, &files);
    rig.driver.up(1, testing::inbound_peer("9.9.1.1:4130"));
    rig
}

pub(super) fn moved(height: u32) -> ToSnapshot {
    let tip = Tip { hash: block(height), height, time: 0, work: Work::ZERO, digest: Hash::ZERO };
    ToSnapshot::ChainMoved(Arc::new(ChainMove { tip, removed: Vec::new(), added: Vec::new(), news: None }))
}

#[test]
fn manifests_and_pieces_are_given_to_whoever_asks() {
    let mut rig = serving(Some(10));
    let mut ask = |block, most| rig.driver.receive(1, &Message::GetSnapshot { block, most }).sent(1);
    let manifest = Message::Snapshot(codec::encode(&made().manifest).into());
    let none = Message::Snapshot(Bytes::default());
    let cases = [
        (Hash::ZERO, HEIGHT, &manifest),
        (Hash::ZERO, HEIGHT - 1, &none),
        (block(HEIGHT), u32::MAX, &manifest),
        (block(HEIGHT + 1), u32::MAX, &none),
    ];
    for (block, most, answer) in cases {
        assert_eq!(ask(block, most), std::slice::from_ref(answer));
    }
    let mut ask = |block, number| rig.driver.receive(1, &Message::GetPiece(block, number)).sent(1);
    let piece = |number: u32| {
        let bytes = made().pieces.get(number as usize).cloned().unwrap_or_default();
        Message::Piece { block: block(HEIGHT), number, bytes }
    };
    assert_eq!(ask(block(HEIGHT), 2), [piece(2)]);
    assert_eq!(ask(block(HEIGHT), u32::MAX), [piece(u32::MAX)]);
}

/// A node that keeps so many bytes of blocks, as few as those may be.
#[test]
fn a_snapshot_whose_following_blocks_were_let_go_is_not_offered() {
    let mut rig = serving(Some(10));
    let offers = |rig: &mut Rig| {
        let did = rig.driver.receive(1, &Message::GetSnapshot { block: block(HEIGHT), most: u32::MAX });
        did.sent(1) != [Message::Snapshot(Bytes::default())]
    };
    rig.driver.notice(ToSnapshot::KeptFrom(HEIGHT + 1));
    assert!(offers(&mut rig));
    rig.driver.notice(ToSnapshot::KeptFrom(HEIGHT + 2));
    assert!(!offers(&mut rig));
    let did = rig.driver.receive(1, &Message::GetPiece(block(HEIGHT), 2));
    assert_ne!(
        did.sent(1),
        [Message::Piece { block: block(HEIGHT), number: 2, bytes: Bytes::default() }],
        "who has begun"
    );
    rig.driver.notice(ToSnapshot::KeptFrom(1));
    assert!(offers(&mut rig));
}

#[test]
fn a_node_that_serves_none_answers_all_the_same() {
    let mut rig = serving(None);
    let did = rig.driver.receive(1, &Message::GetSnapshot { block: Hash::ZERO, most: u32::MAX });
    assert_eq!(did.sent(1), [Message::Snapshot(Bytes::default())]);
    let did = rig.driver.receive(1, &Message::GetPiece(block(HEIGHT), 0));
    assert_eq!(did.sent(1), [Message::Piece { block: block(HEIGHT), number: 0, bytes: Bytes::default() }]);
}

#[test]
fn many_questions_for_manifests_are_a_flood() {
    let mut rig = serving(Some(10));
    let mut ask = || rig.driver.receive(1, &Message::GetSnapshot { block: Hash::ZERO, most: u32::MAX }).fault(1);
    assert!((0..10).all(|_| ask().is_none()));
    assert_eq!(ask(), Some(PeerFault::Flood("GetSnapshot")));
}

#[test]
fn a_synced_node_makes_one_at_each_interval() {
    let mut rig = serving(Some(20));
    let names = |rig: &Rig| rig.files.snapshots().iter().map(|name| name.height).collect::<Vec<_>>();
    rig.driver.notice(moved(59));
    rig.driver.run(SECOND * 20);
    assert_eq!(names(&rig), [HEIGHT], "it is not synced");
    rig.driver.notice(ToSnapshot::State(SyncState::Synced));
    rig.driver.run(SECOND * 20);
    assert_eq!(names(&rig), [HEIGHT], "it has the newest");
    rig.driver.notice(moved(60));
    rig.driver.run(SECOND * 20);
    assert_eq!(names(&rig), [HEIGHT, 60]);
    rig.driver.closed(1, CloseReason::Lost("reset".to_owned()));
}

#[test]
fn one_that_is_found_to_be_damaged_is_made_again() {
    let mut rig = serving(Some(20));
    let names = |rig: &Rig| rig.files.snapshots().iter().map(|name| name.height).collect::<Vec<_>>();
    rig.driver.notice(ToSnapshot::State(SyncState::Synced));
    rig.driver.notice(moved(60));
    rig.driver.run(SECOND * 20);
    assert_eq!(names(&rig), [HEIGHT, 60]);
    // The store removes what it cannot read.
    rig.files.inner().complete.retain(|made| made.manifest.height() != 60);
    rig.driver.receive(1, &Message::GetPiece(block(60), 0));
    rig.driver.run(SECOND * 20);
    assert_eq!(names(&rig), [HEIGHT, 60]);
}

/// Those of the newest block are of use only once many blocks have come above it.
#[test]
fn whoever_begins_to_serve_makes_first_the_newest_that_newcomers_can_use() {
    let files = FakeFiles::default();
    let setup = Setup { serve_snapshots: Some(5), snapshot_depth: 12, ..testing::setup() };
    let mut rig = Rig::of(&setup, &files);
    let names = |rig: &Rig| rig.files.snapshots().iter().map(|name| name.height).collect::<Vec<_>>();
    rig.driver.notice(ToSnapshot::State(SyncState::Synced));
    rig.driver.notice(moved(59));
    rig.driver.run(Duration::from_millis(100));
    assert_eq!(names(&rig), [45]);
    rig.driver.run(SECOND * 20);
    assert_eq!(names(&rig), [45, 55]);
    rig.driver.notice(moved(60));
    rig.driver.run(SECOND * 20);
    assert_eq!(names(&rig), [55, 60], "and then each new one");
}

#[test]
fn a_snapshot_that_somebody_fetches_is_kept_while_newer_ones_come_for_a_bounded_time() {
    let mut rig = serving(Some(1));
    let names = |rig: &Rig| rig.files.snapshots().iter().map(|name| name.height).collect::<Vec<_>>();
    rig.driver.notice(ToSnapshot::State(SyncState::Synced));
    let grow = |rig: &mut Rig, height| {
        rig.driver.notice(moved(height));
        rig.driver.run(SECOND * 10);
    };
    for (at, height) in (51..=56).enumerate() {
        let did = rig.driver.receive(1, &Message::GetPiece(block(HEIGHT), at as u32));
        assert_ne!(did.sent(1), [Message::Piece { block: block(HEIGHT), number: at as u32, bytes: Bytes::default() }]);
        grow(&mut rig, height);
    }
    assert_eq!(names(&rig), [HEIGHT, 55, 56]);
    rig.driver.run(SNAPSHOT_HELD);
    assert_eq!(names(&rig), [55, 56]);
    // Nobody keeps one for ever.
    let mut passed = Duration::ZERO;
    while names(&rig)[0] == 55 && passed < SNAPSHOT_HELD_MOST * 2 {
        rig.driver.receive(1, &Message::GetPiece(block(55), 0));
        grow(&mut rig, 57 + (passed.as_secs() / 10) as u32);
        passed += SECOND * 10;
    }
    assert!(passed >= SNAPSHOT_HELD_MOST && passed < SNAPSHOT_HELD_MOST + SNAPSHOT_HELD * 2, "{passed:?}");
}
