//! A node that makes and serves snapshots.

use super::{fake::HEIGHT, *};
use crate::{
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
