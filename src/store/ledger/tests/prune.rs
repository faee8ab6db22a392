//! Pruning: what goes, what stays, and what a kill leaves.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use super::*;
use crate::{
    chain::archive::Keep,
    store::{LedgerReader, verify},
};

const KEPT: u32 = Keep::FEWEST;

fn options(keep: Keep) -> LedgerOptions {
    LedgerOptions { save_sums_after: 300, keep, ..LedgerOptions::default() }
}

fn open_pruned(path: &Path, spec: &ChainSpec) -> LedgerDb {
    LedgerDb::open(path, spec, &options(Keep::Blocks(KEPT))).unwrap()
}

/// A ledger of so many blocks, one commit for each, whole.
fn filled(path: &Path, maker: &mut BlockMaker, blocks: usize) -> Vec<HashedBlock> {
    let mut ledger = open(path, maker.spec()).unwrap();
    let all = extend(&mut ledger, maker, blocks);
    testkit::commit(&mut ledger, maker).unwrap();
    all
}

/// Lets the ledger's idle moments pass.
fn idle(ledger: &mut LedgerDb) {
    for _ in 0..100 {
        if !ledger.tidy().unwrap() {
            return;
        }
    }
    panic!("there is no end to it");
}

fn assert_pruned(path: &Path, blocks: &[HashedBlock], kept_from: u32) {
    let reader = LedgerReader::open(path).unwrap();
    assert_eq!(reader.kept_from(), Ok(kept_from));
    for block in blocks {
        let is_kept = block.header.height >= kept_from;
        assert_eq!(reader.body(&block.hash).unwrap().is_some(), is_kept, "{}", block.header.height);
        assert_eq!(reader.header(&block.hash).unwrap().unwrap().status, BlockStatus::Applied);
        let height = block.header.height;
        assert_eq!(
            reader.require_kept(height),
            if is_kept { Ok(()) } else { Err(StoreError::Pruned { height, kept_from }) }
        );
    }
    assert!(reader.body_at(0).unwrap().is_some(), "genesis stays");
}

#[test]
fn blocks_below_what_is_kept_go_and_all_others_stay() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let mut blocks = filled(&path, &mut maker, 180);
    let mut ledger = open_pruned(&path, maker.spec());
    idle(&mut ledger);
    assert_pruned(&path, &blocks, 81);
    blocks.extend(extend(&mut ledger, &mut maker, 20));
    testkit::commit(&mut ledger, &maker).unwrap();
    idle(&mut ledger);
    assert_pruned(&path, &blocks, 101);
    assert_coins(&ledger, &maker);
    drop(ledger);
    let report = verify::deep(&path, maker.spec(), &mut |_, _| {}).unwrap();
    assert_eq!(
        (report.ok, report.kept_from, report.checked_blocks, report.height),
        (true, 101, 100, 200),
        "{report:?}"
    );
    assert!(verify::quick(&path, maker.spec()).unwrap().ok);
    // Without the flag it goes on with what it has.
    let mut ledger = open(&path, maker.spec()).unwrap();
    assert_eq!(ledger.kept_from(), 101);
    blocks.extend(extend(&mut ledger, &mut maker, 20));
    testkit::commit(&mut ledger, &maker).unwrap();
    idle(&mut ledger);
    assert_pruned(&path, &blocks, 101);
}

#[test]
fn a_sync_prunes_with_its_commits_and_never_what_the_sums_or_others_need() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let mut ledger =
        LedgerDb::open(&path, maker.spec(), &LedgerOptions { save_sums_after: 1_000_000, ..options(Keep::Blocks(1)) })
            .unwrap();
    let held = Arc::new(AtomicU32::new(80));
    ledger.hold(Arc::clone(&held));
    let mut blocks = Vec::new();
    let mut grow = |ledger: &mut LedgerDb, rounds: usize| {
        for _ in 0..rounds {
            blocks.extend(extend(ledger, &mut maker, 40));
            testkit::commit(ledger, &maker).unwrap();
            assert!(ledger.kept_from() <= maker.height().saturating_sub(KEPT - 1).max(1));
        }
        ledger.kept_from()
    };
    assert_eq!(grow(&mut ledger, 8), 80, "the index reads block 80 still");
    held.store(u32::MAX, Ordering::Release);
    let kept_from = grow(&mut ledger, 4);
    assert!(kept_from + KEPT + 64 + 40 > 480, "{kept_from}");
    ledger.crash();
    // The sums are those of a block that is here, or there are none.
    let ledger = open_pruned(&path, maker.spec());
    assert_eq!(ledger.state_sum().unwrap().digest(), ledger.tip().unwrap().digest);
    drop(ledger);
    assert_pruned(&path, &blocks, kept_from);
}

#[test]
fn a_limit_of_bytes_keeps_the_last_blocks_that_fit_and_never_too_few() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let blocks = filled(&path, &mut maker, 220);
    let size = (blocks[200].bytes.len() - blocks[200].header.size()) as u64;
    let mut kept_from = 1;
    for (bytes, most) in [(size * 1000, 220), (size * 150, 165), (10, KEPT)] {
        let mut ledger = LedgerDb::open(&path, maker.spec(), &options(Keep::Bytes(bytes))).unwrap();
        idle(&mut ledger);
        let kept = 221 - ledger.kept_from();
        assert!(ledger.kept_from() >= kept_from && kept <= most && kept + 30 > most, "{kept} of {most}");
        kept_from = ledger.kept_from();
        drop(ledger);
        assert_pruned(&path, &blocks, kept_from);
    }
}

#[test]
fn a_disconnected_block_must_be_one_that_is_kept_and_branches_go_with_the_chain() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let mut branches = Vec::new();
    let mut ledger = open_pruned(&path, maker.spec());
    let mut blocks = Vec::new();
    for height in 1..=160u32 {
        if [20, 140].contains(&height) {
            let mut branch = maker.fork();
            let block = branch.next_block(vec![], account(5));
            ledger.put_headers(&[branch.header_row()]).unwrap();
            ledger.put_body(&block.hash, &block.bytes).unwrap();
            branches.push(block);
        }
        blocks.extend(extend(&mut ledger, &mut maker, 1));
    }
    testkit::commit(&mut ledger, &maker).unwrap();
    idle(&mut ledger);
    assert_eq!(ledger.kept_from(), 61);
    let status = |ledger: &LedgerDb, at: usize| ledger.header(&branches[at].hash).unwrap().unwrap().status;
    assert_eq!((status(&ledger, 0), status(&ledger, 1)), (BlockStatus::Header, BlockStatus::Stored));
    assert_eq!(ledger.body(&branches[0].hash), Ok(None));
    while let Some(block) = blocks.pop_if(|block| block.header.height >= 61) {
        undo(&mut ledger, &block);
    }
    let last = blocks.last().unwrap();
    let refused = ledger.unapply(60, &last.hash);
    assert_eq!(refused, Err(StoreError::Pruned { height: 60, kept_from: 61 }));
}

/// What a kill leaves: the file, and some of the log.
fn killed(from: &Path, to: &Path, log_bytes: usize) {
    fs::copy(from, to).unwrap();
    let log = fs::read(from.with_file_name("ledger.db-wal")).unwrap();
    let name = format!("{}-wal", to.file_name().unwrap().to_str().unwrap());
    fs::write(to.with_file_name(name), &log[..log_bytes.min(log.len())]).unwrap();
}

fn log_bytes(path: &Path) -> usize {
    usize::try_from(fs::metadata(path.with_file_name("ledger.db-wal")).unwrap().len()).unwrap()
}

#[test]
fn a_kill_at_any_write_of_a_step_leaves_the_ledger_before_or_after_it_and_it_goes_on() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    filled(&path, &mut maker, 140);
    let mut ledger = open_pruned(&path, maker.spec());
    let (before, start) = (ledger.kept_from(), log_bytes(&path));
    idle(&mut ledger);
    let (after, end) = (ledger.kept_from(), log_bytes(&path));
    assert_eq!((before, after), (1, 41));
    let frame = 4096 + 24;
    let (mut seen, lost) = (Vec::new(), dir.join("lost.db"));
    for bytes in (start..=end).step_by(frame / 2) {
        killed(&path, &lost, bytes);
        let mut survivor = open_pruned(&lost, maker.spec());
        assert_eq!(survivor.tip().unwrap(), maker.tip());
        seen.push(survivor.kept_from());
        idle(&mut survivor);
        assert_eq!(survivor.kept_from(), after, "it goes on");
        drop(survivor);
        let report = verify::deep(&lost, maker.spec(), &mut |_, _| {}).unwrap();
        assert!(report.ok, "{report:?}");
        for left in ["lost.db", "lost.db-wal", "lost.db-shm"] {
            drop(fs::remove_file(dir.join(left)));
        }
    }
    assert!(seen.is_sorted() && seen.first() == Some(&1) && seen.last() == Some(&41), "{seen:?}");
}

#[test]
fn free_room_is_given_back_in_steps_where_the_file_allows_it_and_by_a_rewrite_elsewhere() {
    let bulk =
        "CREATE TABLE bulk (x) STRICT; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
                INSERT INTO bulk SELECT zeroblob(40000) FROM n; DROP TABLE bulk"
            .replace("(x)", "(x BLOB)");
    for makes_room in [true, false] {
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        let mut maker = dev_maker();
        let keep = if makes_room { Keep::Blocks(KEPT) } else { Keep::All };
        let mut ledger = LedgerDb::open(&path, maker.spec(), &options(keep)).unwrap();
        extend(&mut ledger, &mut maker, 130);
        testkit::commit(&mut ledger, &maker).unwrap();
        drop(ledger);
        sql(&path, &bulk);
        let size = || fs::metadata(&path).unwrap().len();
        let large = size();
        assert!(large > 12_000_000, "{large}");
        let mut ledger = open_pruned(&path, maker.spec());
        assert_eq!(ledger.gives_room_back(), Ok(makes_room));
        idle(&mut ledger);
        assert_coins(&ledger, &maker);
        drop(ledger);
        assert_eq!(size() < 6_000_000, makes_room, "{}", size());
        if !makes_room {
            crate::store::compact::compact(&path, maker.spec(), 1000).unwrap();
            assert!(size() < 1_000_000, "{}", size());
            assert_eq!(open_pruned(&path, maker.spec()).gives_room_back(), Ok(true));
        }
        assert!(verify::deep(&path, maker.spec(), &mut |_, _| {}).unwrap().ok);
    }
}
