//! A ledger that takes its coins from a snapshot, and what kills and power failures make of it.

use super::*;
use crate::{
    chain::{
        archive::HeaderRow,
        snapshot::{Adoption, BUCKETS, JoinState, Manifest, SnapshotFault, SnapshotName, SnapshotStore as _, Writing},
    },
    store::{LedgerReader, SnapshotDb, coins::load, compact, copy, verify},
};

/// The snapshot's height.
pub(super) const HEIGHT: u32 = 30;
/// Blocks of the chain.
const BLOCKS: u32 = 45;

/// A chain whose ledger has a snapshot.
pub(super) struct Provider {
    rows: Vec<HeaderRow>,
    pub(super) blocks: Vec<HashedBlock>,
    pub(super) makers: Vec<BlockMaker>,
    manifest: Manifest,
    pieces: Vec<Bytes>,
}

impl Provider {
    pub(super) fn new() -> Self {
        let mut maker = dev_maker();
        let mut ledger = SharedLedger::in_memory(maker.spec()).unwrap();
        let (mut rows, mut blocks, mut makers) = (vec![maker.header_row()], vec![], vec![maker.fork()]);
        for _ in 0..BLOCKS {
            blocks.extend(extend(&mut ledger, &mut maker, 1));
            rows.push(maker.header_row());
            makers.push(maker.fork());
        }
        testkit::commit(&mut ledger, &maker).unwrap();
        let mut snapshots = ledger.snapshots().unwrap();
        let block = makers[HEIGHT as usize].hash();
        snapshots.begin(SnapshotName { height: HEIGHT, block }).unwrap();
        while !matches!(snapshots.step().unwrap(), Writing::Done(_)) {}
        let manifest = snapshots.manifest(&block).unwrap().unwrap();
        let pieces = (0..manifest.pieces()).map(|number| snapshots.piece(&block, number).unwrap().unwrap()).collect();
        Self { rows, blocks, makers, manifest, pieces }
    }

    pub(super) fn spec(&self) -> &ChainSpec {
        self.makers[0].spec()
    }

    fn supply(&self) -> u128 {
        self.spec().supply(HEIGHT)
    }

    /// Stores and applies the headers that are missing.
    pub(super) fn give_headers(&self, ledger: &mut dyn LedgerStore) {
        if ledger.join_state().unwrap() == JoinState::History {
            ledger.begin_join().unwrap();
        }
        let from = ledger.tip().unwrap().height + 1;
        let Some(rows) = self.rows.get(from as usize..).filter(|rows| !rows.is_empty()) else { return };
        ledger.put_headers(rows).unwrap();
        rows.iter().for_each(|row| ledger.apply_header(row.header.height, &row.hash).unwrap());
        self.commit_header(ledger, BLOCKS);
    }

    fn commit_header(&self, ledger: &mut dyn LedgerStore, height: u32) {
        let tip = &self.makers[height as usize].tip();
        let tip = crate::chain::archive::Tip { digest: self.spec().genesis_digest, ..tip.clone() };
        ledger.commit(&tip, &self.spec().genesis_sum(), false).unwrap();
    }

    pub(super) fn give_pieces(&self, snapshots: &mut SnapshotDb) {
        let staged = snapshots.stage(&self.manifest).unwrap();
        for (number, _) in (0..).zip(staged.here).filter(|(_, here)| !here) {
            snapshots.put_piece(number, &self.pieces[number as usize]).unwrap();
        }
    }

    pub(super) fn adopt(&self, ledger: &mut dyn LedgerStore) -> Adoption {
        loop {
            match ledger.adopt_snapshot(&self.manifest, self.supply()).unwrap() {
                Adoption::More { done, all } => assert!(done <= all),
                other => return other,
            }
        }
    }

    /// The ledger has the snapshot's coins and nothing above.
    fn assert_joined(&self, ledger: &LedgerDb) {
        let maker = &self.makers[HEIGHT as usize];
        assert_eq!(ledger.tip().unwrap(), maker.tip());
        assert_eq!(ledger.state_sum().unwrap(), *maker.sum());
        assert_eq!(ledger.coins_sum().unwrap(), *maker.sum());
        let snapshot = SnapshotName { height: HEIGHT, block: maker.hash() };
        let Ok(JoinState::Joined { snapshot: found, above }) = ledger.join_state() else { panic!("not joined") };
        assert_eq!((found, above), (snapshot, BLOCKS - HEIGHT));
        assert_eq!((ledger.kept_from(), ledger.best_header().unwrap().hash), (HEIGHT + 1, maker.hash()));
        assert_eq!((ledger.applied_at(HEIGHT + 1).unwrap(), ledger.fork_headers().unwrap()), (None, 0));
        assert_eq!(ledger.header(&self.rows[HEIGHT as usize + 1].hash).unwrap(), None);
        assert_eq!(load::unused_pages(&ledger.connection), 0);
        assert_coins(ledger, maker);
    }

    /// Applies the blocks above the snapshot.
    pub(super) fn go_on(&self, ledger: &mut dyn LedgerStore) {
        for height in HEIGHT + 1..=BLOCKS {
            let maker = &self.makers[height as usize];
            testkit::append(ledger, maker, &self.blocks[height as usize - 1]).unwrap();
            testkit::commit(ledger, maker).unwrap();
        }
        assert_coins(ledger, &self.makers[BLOCKS as usize]);
    }
}

pub(super) fn snapshots(path: &Path) -> SnapshotDb {
    SnapshotDb::open(path, LedgerReader::open(path).unwrap()).unwrap()
}

#[test]
fn a_ledger_joins_and_goes_on_from_there() {
    let provider = Provider::new();
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut ledger = open(&path, provider.spec()).unwrap();
    assert_eq!(ledger.join_state().unwrap(), JoinState::History);
    provider.give_headers(&mut ledger);
    assert_eq!((ledger.join_state().unwrap(), ledger.kept_from()), (JoinState::Joining, BLOCKS + 1));
    assert_eq!(ledger.best_header().unwrap().hash, provider.rows[BLOCKS as usize].hash);
    let mut staging = snapshots(&path);
    provider.give_pieces(&mut staging);
    assert!(
        matches!(provider.adopt(&mut ledger), Adoption::Done(tip) if tip == provider.makers[HEIGHT as usize].tip())
    );
    provider.assert_joined(&ledger);
    staging.keep_staged().unwrap();
    let reader = LedgerReader::open(&path).unwrap();
    assert_eq!(reader.join_state().unwrap(), ledger.join_state().unwrap());
    provider.go_on(&mut ledger);
    // It can serve what it joined from, and writes others.
    let block = provider.manifest.block();
    assert_eq!(staging.piece(&block, 3).unwrap(), Some(provider.pieces[3].clone()));
    let next = SnapshotName { height: BLOCKS - 2, block: provider.makers[BLOCKS as usize - 2].hash() };
    staging.begin(next).unwrap();
    assert_eq!(staging.step().unwrap(), Writing::Done(next));
    ledger.crash();
    let ledger = open(&path, provider.spec()).unwrap();
    assert_eq!(ledger.opened().checked_blocks, 6);
    assert_eq!(ledger.tip().unwrap(), provider.makers[BLOCKS as usize].tip());
    drop(ledger);
    assert!(verify::quick(&path, provider.spec()).unwrap().ok);
}

/// Runs a join with a crash before one of its steps; returns how many it took.
fn crash_at(provider: &Provider, at: usize) -> usize {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut ledger = open(&path, provider.spec()).unwrap();
    let mut staging = snapshots(&path);
    let mut step = 0;
    loop {
        if step == at {
            ledger.crash();
            ledger = open(&path, provider.spec()).unwrap();
            staging = snapshots(&path);
            let report = verify::quick(&path, provider.spec()).unwrap();
            assert!(report.ok, "{report:?}");
        }
        step += 1;
        match ledger.join_state().unwrap() {
            JoinState::History => ledger.begin_join().unwrap(),
            JoinState::Joining if ledger.tip().unwrap().height < BLOCKS && step < 12 => {
                let next = ledger.end.height + 1;
                let row = provider.rows[next as usize].clone();
                ledger.put_headers(std::slice::from_ref(&row)).unwrap();
                ledger.apply_header(next, &row.hash).unwrap();
                if next.is_multiple_of(4) {
                    provider.commit_header(&mut ledger, next);
                }
            }
            JoinState::Joining => {
                if ledger.connection.is_autocommit() && staging.staged().unwrap().is_some() {
                    let adoption = ledger.adopt_snapshot(&provider.manifest, provider.supply()).unwrap();
                    assert!(!matches!(adoption, Adoption::Refused { .. }), "{adoption:?}");
                } else {
                    ledger.rollback().unwrap();
                    provider.give_headers(&mut ledger);
                    provider.give_pieces(&mut staging);
                }
            }
            JoinState::Joined { .. } => break,
        }
    }
    provider.assert_joined(&ledger);
    match staging.staged().unwrap() {
        Some(_) => staging.keep_staged().unwrap(),
        None => panic!("its pieces are gone"),
    }
    provider.go_on(&mut ledger);
    drop(ledger);
    let report = verify::quick(&path, provider.spec()).unwrap();
    assert!(report.ok, "{report:?}");
    step
}

#[test]
fn killed_before_any_step_it_joins_all_the_same() {
    let provider = Provider::new();
    let steps = crash_at(&provider, usize::MAX);
    assert!(steps > 75, "{steps} steps");
    // In the middle, pieces are loaded one like the other.
    let points = (0..16).chain((16..steps - 10).step_by(17)).chain(steps - 10..steps);
    assert!(points.map(|at| crash_at(&provider, at)).all(|steps| steps > 75));
}

#[test]
fn after_a_power_failure_it_is_joining_or_joined_and_goes_on() {
    let provider = Provider::new();
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut ledger = open(&path, provider.spec()).unwrap();
    provider.give_headers(&mut ledger);
    provider.give_pieces(&mut snapshots(&path));
    provider.adopt(&mut ledger);
    let (file, log) = (std::fs::read(&path).unwrap(), std::fs::read(dir.join("ledger.db-wal")).unwrap());
    let mut seen = [0; 3];
    for part in 0..=30 {
        let lost = dir.join(&format!("lost-{part}"));
        std::fs::create_dir(&lost).unwrap();
        let path = lost.join("ledger.db");
        std::fs::write(&path, &file).unwrap();
        std::fs::write(lost.join("ledger.db-wal"), &log[..log.len() * part / 30]).unwrap();
        let mut ledger = open(&path, provider.spec()).unwrap();
        let state = ledger.join_state().unwrap();
        seen[match state {
            JoinState::History => 0,
            JoinState::Joining => 1,
            JoinState::Joined { .. } => 2,
        }] += 1;
        if !matches!(state, JoinState::Joined { .. }) {
            provider.give_headers(&mut ledger);
            provider.give_pieces(&mut snapshots(&path));
            assert!(matches!(provider.adopt(&mut ledger), Adoption::Done(_)));
        }
        provider.assert_joined(&ledger);
        provider.go_on(&mut ledger);
    }
    assert!(seen[0] > 0 && seen[1] > 0 && seen[2] > 0, "{seen:?}");
}

#[test]
fn headers_alone_come_and_go_and_nothing_else_is_applied() {
    let provider = Provider::new();
    let mut ledger = LedgerDb::in_memory(provider.spec()).unwrap();
    let row = |height: u32| &provider.rows[height as usize];
    assert!(ledger.apply_header(1, &row(1).hash).is_err(), "not joining");
    ledger.rollback().unwrap();
    provider.give_headers(&mut ledger);
    for height in (BLOCKS - 4..=BLOCKS).rev() {
        ledger.unapply_header(height, &row(height).hash).unwrap();
    }
    assert_eq!(ledger.status_of(&row(BLOCKS).hash).unwrap(), Some(BlockStatus::Header));
    provider.commit_header(&mut ledger, BLOCKS - 5);
    assert_eq!((ledger.kept_from(), ledger.fork_headers().unwrap()), (BLOCKS - 4, 5));
    assert_eq!(ledger.best_header().unwrap().hash, row(BLOCKS).hash, "it is still known");
    assert_eq!(ledger.state_sum().unwrap(), provider.spec().genesis_sum());
    ledger.rollback().unwrap();
    assert_eq!(ledger.kept_from(), BLOCKS - 4);
    let tip = ledger.abandon_join().unwrap();
    assert_eq!((tip.hash, tip.height, tip.digest), (provider.spec().genesis_hash(), 0, provider.spec().genesis_digest));
    assert_eq!((ledger.join_state().unwrap(), ledger.kept_from()), (JoinState::History, 1));
    assert_eq!((ledger.header(&row(3).hash).unwrap(), ledger.fork_headers().unwrap()), (None, 0));
    // All blocks can be applied now.
    for height in 1..=BLOCKS {
        let maker = &provider.makers[height as usize];
        testkit::append(&mut ledger, maker, &provider.blocks[height as usize - 1]).unwrap();
    }
    testkit::commit(&mut ledger, &provider.makers[BLOCKS as usize]).unwrap();
    assert!(ledger.begin_join().is_err(), "it has blocks");
    ledger.rollback().unwrap();
    assert!(ledger.abandon_join().is_err() && ledger.adopt_snapshot(&provider.manifest, 0).is_err());
}

/// A node that was to verify the history was stopped before it had a block. The role `headers` reads them when it starts, and what it sends
/// stands on them.
#[test]
fn a_join_goes_on_with_the_headers_of_an_earlier_run() {
    let provider = Provider::new();
    let mut ledger = SharedLedger::in_memory(provider.spec()).unwrap();
    let (earlier, later) = provider.rows[1..].split_at(20);
    ledger.put_headers(earlier).unwrap();
    provider.commit_header(&mut ledger, 0);
    ledger.begin_join().unwrap();
    assert_eq!(ledger.best_header().unwrap().hash, earlier[19].hash);
    ledger.put_headers(later).unwrap();
    provider.rows[1..].iter().for_each(|row| ledger.apply_header(row.header.height, &row.hash).unwrap());
    provider.commit_header(&mut ledger, BLOCKS);
    provider.give_pieces(&mut ledger.snapshots().unwrap());
    assert!(matches!(provider.adopt(&mut ledger), Adoption::Done(tip) if tip.height == HEIGHT));
}

#[test]
fn what_is_not_this_ledger_s_snapshot_is_refused_and_changes_nothing() {
    let provider = Provider::new();
    let shared = SharedLedger::in_memory(provider.spec()).unwrap();
    let mut ledger = shared.clone();
    provider.give_headers(&mut ledger);
    let mut staging = shared.snapshots().unwrap();
    let adopt = |ledger: &mut SharedLedger, manifest: &Manifest, supply: u128| loop {
        match ledger.adopt_snapshot(manifest, supply).unwrap() {
            Adoption::More { .. } => {}
            other => return other,
        }
    };
    let refused = |bucket, fault| Adoption::Refused { bucket, fault };
    let manifest = &provider.manifest;
    assert_eq!(
        adopt(&mut ledger, manifest, provider.supply()),
        refused(None, SnapshotFault::Count),
        "nothing is staged"
    );
    let lengths: [Vec<u32>; 64] = std::array::from_fn(|bucket| {
        manifest.pieces_of(bucket).map(|number| manifest.length_of(number).unwrap() as u32).collect()
    });
    let other = |height: u32, block, leaves| Manifest::new(height, block, leaves, &lengths).unwrap();
    let leaves = *manifest.leaves();
    for (height, block) in [
        (HEIGHT, Hash([9; 32])),
        (HEIGHT + 1, manifest.block()),
        (BLOCKS, provider.rows[BLOCKS as usize].hash),
        (0, provider.rows[0].hash),
        (u32::MAX, manifest.block()),
    ] {
        let forged = other(height, block, leaves);
        assert_eq!(adopt(&mut ledger, &forged, provider.supply()), refused(None, SnapshotFault::Block(block)));
    }
    let mut swapped = leaves;
    swapped.swap(3, 4);
    let digest = provider.rows[HEIGHT as usize + 1].header.state_digest;
    let forged = other(HEIGHT, manifest.block(), swapped);
    assert_eq!(adopt(&mut ledger, &forged, provider.supply()), refused(None, SnapshotFault::Root(digest)));
    provider.give_pieces(&mut staging);
    let found = provider.supply();
    let fault = SnapshotFault::Supply { found, supply: found + 1 };
    assert_eq!(adopt(&mut ledger, manifest, found + 1), refused(None, fault));
    let bucket = manifest.bucket_of(7).unwrap();
    let mut wrong = provider.pieces[7].to_vec();
    wrong[0] ^= 1;
    staging.put_piece(7, &wrong).unwrap();
    assert!(matches!(adopt(&mut ledger, manifest, found), Adoption::Refused { bucket: Some(at), .. } if at == bucket));
    staging.drop_bucket(bucket).unwrap();
    assert_eq!(adopt(&mut ledger, manifest, found), refused(Some(bucket), SnapshotFault::Count));
    assert_eq!(ledger.join_state().unwrap(), JoinState::Joining);
    assert_eq!(ledger.coins_sum().unwrap(), provider.spec().genesis_sum());
    provider.give_pieces(&mut staging);
    let row = provider.rows[BLOCKS as usize].clone();
    ledger.unapply_header(BLOCKS, &row.hash).unwrap();
    assert!(ledger.adopt_snapshot(manifest, found).is_err(), "in the middle of a transaction");
    ledger.rollback().unwrap();
    assert!(matches!(adopt(&mut ledger, manifest, found), Adoption::Done(_)));
}

/// Sums that were found when the pieces came are those of these very bytes, or are found again.
#[test]
fn a_bucket_that_was_proven_is_not_added_up_again_and_no_other_bytes_are_taken_for_it() {
    let provider = Provider::new();
    let prove_all = |path: &Path| {
        let mut staging = snapshots(path);
        provider.give_pieces(&mut staging);
        (0..BUCKETS).for_each(|bucket| drop(staging.check_bucket(bucket).unwrap().unwrap()));
        staging
    };
    let joins = |change: &dyn Fn(&Path, &mut SnapshotDb)| {
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        let mut ledger = open(&path, provider.spec()).unwrap();
        provider.give_headers(&mut ledger);
        let mut staging = prove_all(&path);
        change(&dir.join("snapshots/staging.proofs"), &mut staging);
        let adoption = provider.adopt(&mut ledger);
        if let Adoption::Done(_) = adoption {
            provider.assert_joined(&ledger);
        }
        adoption
    };
    assert!(matches!(joins(&|_, _| {}), Adoption::Done(_)));
    // Proofs that are lost, cut or changed are none.
    assert!(matches!(joins(&|proofs, _| std::fs::remove_file(proofs).unwrap()), Adoption::Done(_)));
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        joins(&|proofs, _| {
            let mut bytes = std::fs::read(proofs).unwrap();
            change(&mut bytes);
            std::fs::write(proofs, bytes).unwrap();
        })
    };
    assert!(matches!(with(&|bytes| bytes.truncate(5000)), Adoption::Done(_)));
    assert!(matches!(with(&|bytes| bytes.iter_mut().step_by(97).for_each(|byte| *byte ^= 1)), Adoption::Done(_)));
    // Those of one bucket in the place of another's.
    assert!(matches!(with(&|bytes| bytes.rotate_left(2048 + 32 + 32 + 16 + 8)), Adoption::Done(_)));
    // A coin of another amount, in a piece that is whole: it came after the proof.
    let other = |number: u32| {
        let mut piece = provider.pieces[number as usize].to_vec();
        let last = piece.len() - 1;
        piece[last] ^= 1; // its address
        piece
    };
    let bucket = provider.manifest.bucket_of(1).unwrap();
    let adoption = joins(&|_, staging| staging.put_piece(1, &other(1)).unwrap());
    let Adoption::Refused { bucket: refused, fault } = adoption else { panic!("{adoption:?}") };
    assert_eq!((refused, fault), (Some(bucket), SnapshotFault::Leaf(bucket)));
}

#[test]
fn in_a_simulated_power_loss_pieces_go_and_the_ledger_stays_whole() {
    let provider = Provider::new();
    let shared = SharedLedger::in_memory(provider.spec()).unwrap().with_power_losses().unwrap();
    let mut ledger = shared.clone();
    provider.give_headers(&mut ledger);
    provider.give_pieces(&mut shared.snapshots().unwrap());
    ledger.lose_power().unwrap();
    assert_eq!(ledger.tip().unwrap().height, 0, "nothing was durable");
    let mut staging = shared.snapshots().unwrap();
    provider.give_headers(&mut ledger);
    provider.give_pieces(&mut staging);
    assert!(matches!(provider.adopt(&mut ledger), Adoption::Done(_)));
    ledger.lose_power().unwrap();
    assert!(matches!(ledger.join_state().unwrap(), JoinState::Joined { .. }), "it was on the disk");
    assert_eq!(ledger.coins_sum().unwrap(), *provider.makers[HEIGHT as usize].sum());
}

#[test]
fn tools_know_a_ledger_that_joins_or_has_joined() {
    let provider = Provider::new();
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut ledger = open(&path, provider.spec()).unwrap();
    provider.give_headers(&mut ledger);
    drop(ledger);
    assert_tools(&path, &provider, BLOCKS, 0);
    let mut ledger = open(&path, provider.spec()).unwrap();
    assert_eq!(ledger.join_state().unwrap(), JoinState::Joining);
    provider.give_pieces(&mut snapshots(&path));
    assert!(matches!(provider.adopt(&mut ledger), Adoption::Done(_)));
    drop(ledger);
    assert_tools(&path, &provider, HEIGHT, HEIGHT);
    let mut ledger = open(&path, provider.spec()).unwrap();
    provider.go_on(&mut ledger);
    drop(ledger);
    assert_tools(&path, &provider, BLOCKS, BLOCKS);
}

/// Checks, copies, compacts and reads a ledger whose tip has this height, and whose coins are those after another.
fn assert_tools(path: &Path, provider: &Provider, height: u32, of: u32) {
    let spec = provider.spec();
    let assert_whole = |path: &Path| {
        let report = verify::quick(path, spec).unwrap();
        assert!(report.ok && report.height == height, "{report:?}");
        let report = verify::deep(path, spec, &mut |_, _| {}).unwrap();
        assert!(report.ok && report.height == height, "{report:?}");
    };
    assert_whole(path);
    let copied = path.with_file_name(format!("copy-{height}-{of}.db"));
    copy::copy(path, &copied, &mut |_, _| {}).unwrap();
    copy::check(&copied).unwrap();
    compact::compact(&copied, spec, 10).unwrap();
    assert_whole(&copied);
    sql(&copied, "DELETE FROM state_sums");
    let mut ledger = open(&copied, spec).unwrap();
    assert_eq!(ledger.state_sum().unwrap(), *provider.makers[of as usize].sum());
    assert_eq!(ledger.tip().unwrap().height, height);
    ledger.suspect.set(true);
    drop(ledger);
    ledger = open(&copied, spec).unwrap();
    assert!(ledger.opened().unclean);
    let count = |view: &str| -> i64 {
        ledger.connection.query_row(&format!("SELECT count(*) FROM {view}"), [], |row| row.get(0)).unwrap()
    };
    let blocks = of.saturating_sub(HEIGHT);
    // Genesis is a block.
    assert_eq!([count("v_headers"), count("v_blocks"), count("v_tip")], [height + 1, blocks + 1, 1].map(i64::from));
}
