//! Chains that authorities seal: a snapshot's block must be final, however few blocks are above it.

use super::{fake::HEIGHT, serving::moved, *};
use crate::{chain::testkit::sealed_spec, node::SyncState};

const SECOND: Duration = Duration::from_secs(1);

fn setup() -> Setup {
    Setup::bare(Arc::new(sealed_spec(4)))
}

fn last_final(height: u32) -> ToSnapshot {
    ToSnapshot::Final { height, hash: block(height) }
}

/// The heights up to which peers were asked for a snapshot.
fn asked_for(did: &Actions) -> Vec<u32> {
    let most = |message| match message {
        Message::GetSnapshot { most, .. } => Some(most),
        _ => None,
    };
    did.sent(1).into_iter().filter_map(most).collect()
}

#[test]
fn a_newcomer_takes_the_snapshot_of_a_final_block_and_no_other() {
    let join = Some(Join::default());
    let mut rig = Rig::of(&Setup { join, ..setup() }, &FakeFiles::default());
    rig.driver.notice(ToSnapshot::Joining);
    rig.add_honest(1);
    rig.headers_known();
    rig.run(SECOND * 30);
    assert_eq!((asked_for(&rig.did), rig.asked.len()), (vec![], 0), "nothing is known to be final");
    // Its snapshot is above what is final, whatever it was asked for.
    let did = rig.driver.notice(last_final(HEIGHT - 1));
    assert_eq!(asked_for(&did), [HEIGHT - 1]);
    rig.answer(did);
    rig.run(SECOND * 5);
    assert_eq!(rig.asked.len(), 0);
    // Twenty blocks are above it: no depth is asked of a chain that leaves nothing final.
    let did = rig.driver.notice(last_final(HEIGHT));
    rig.answer(did);
    rig.run(SECOND * 30);
    assert_eq!(rig.asked[&1].len(), made().pieces.len());
    assert!(asked_for(&rig.did).contains(&HEIGHT));
}

#[test]
fn the_best_header_s_coins_are_not_asked_for_even_if_it_is_final() {
    // No header above it commits to them.
    let mut rig = Rig::of(&Setup { join: Some(Join::default()), ..setup() }, &FakeFiles::default());
    rig.driver.notice(ToSnapshot::Joining);
    rig.add_honest(1);
    rig.driver.notice(last_final(BEST));
    rig.headers_known();
    assert_eq!(asked_for(&rig.did)[0], BEST - 1);
}

/// The sealer tells what is final once it has heard where that stands, which may be after all headers are here.
#[test]
fn what_was_fetched_before_a_restart_is_kept_until_it_is_known_what_is_final() {
    let files = FakeFiles::default();
    let begin = || {
        let mut rig = Rig::of(&Setup { join: Some(Join::default()), ..setup() }, &files);
        rig.driver.notice(ToSnapshot::Joining);
        rig
    };
    let mut rig = begin();
    let pieces = made().pieces;
    rig.add(1, &made(), move |number| pieces.get(number as usize).filter(|_| number % 2 == 0).cloned());
    rig.driver.notice(last_final(HEIGHT));
    rig.headers_known();
    rig.run(SECOND * 2);
    let here = files.inner().staged.as_ref().map(|(_, pieces)| pieces.iter().flatten().count()).unwrap();
    assert!(here > 0 && here < made().pieces.len());
    let mut rig = begin();
    rig.add_honest(2);
    rig.headers_known();
    rig.run(SECOND * 2);
    let did = rig.driver.notice(last_final(HEIGHT));
    rig.answer(did);
    rig.run(SECOND * 5);
    assert_eq!(rig.asked[&2].len(), made().pieces.len() - here, "only what was missing");
}

#[test]
fn a_provider_makes_snapshots_of_final_blocks_only() {
    let files = FakeFiles::default();
    let mut rig = Rig::of(&Setup { serve_snapshots: Some(20), ..setup() }, &files);
    rig.driver.notice(ToSnapshot::State(SyncState::Synced));
    let names = |rig: &Rig| rig.files.snapshots().iter().map(|name| name.height).collect::<Vec<_>>();
    rig.driver.notice(moved(59));
    rig.driver.run(SECOND * 20);
    assert_eq!(names(&rig), [], "nothing is known to be final");
    rig.driver.notice(last_final(39));
    rig.driver.run(SECOND * 20);
    assert_eq!(names(&rig), [20]);
    rig.driver.notice(last_final(40));
    rig.driver.run(SECOND * 20);
    assert_eq!(names(&rig), [20, 40]);
}
