//! What the ledger promises to the role that uses it.

mod crash;
mod damage;
mod joining;
mod pages;
mod past;
mod postponed;
mod prune;
mod sealed;
mod sums;

use std::path::Path;

use rusqlite::{Connection, StatementStatus};

use super::{LedgerDb, LedgerOptions, Opened, SharedLedger};
use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        archive::{BlockStatus, HeaderArchive, LedgerStore, StoreError},
        block::HashedBlock,
        coin::CoinChanges,
        coin_key::CoinKey,
        key::SecretKey,
        spec::ChainSpec,
        testkit::BlockMaker,
    },
    store::{
        rows::select_headers,
        testing::{TempDir, account, dev_maker},
        testkit,
    },
};

fn open(path: &Path, spec: &ChainSpec) -> Result<LedgerDb, StoreError> {
    // So few that tests with some blocks meet stored sums.
    LedgerDb::open(path, spec, &LedgerOptions { save_sums_after: 100, ..LedgerOptions::default() })
}

/// A block with two transfers.
fn busy_block(maker: &mut BlockMaker) -> HashedBlock {
    let (from, to) = (SecretKey::well_known(1), account(2));
    let transfers = (0..2).map(|n| maker.transfer(&from, to, 1000 + n, 5)).collect();
    maker.next_block(transfers, account(3))
}

fn extend(ledger: &mut dyn LedgerStore, maker: &mut BlockMaker, count: usize) -> Vec<HashedBlock> {
    let block = |_| {
        let block = busy_block(maker);
        testkit::append(ledger, maker, &block).unwrap();
        block
    };
    (0..count).map(block).collect()
}

/// Disconnects the last block and flushes its coin changes.
fn undo(ledger: &mut dyn LedgerStore, block: &HashedBlock) -> CoinChanges {
    let changes = ledger.unapply(block.header.height, &block.hash).unwrap();
    ledger.flush_coins(&mut changes.backward()).unwrap();
    changes
}

fn assert_coins(ledger: &dyn LedgerStore, maker: &BlockMaker) {
    for (outpoint, coin) in maker.coins() {
        assert_eq!(ledger.coin(&CoinKey::of(outpoint)).unwrap().as_ref(), Some(coin));
    }
}

fn sql(path: &Path, text: &str) {
    Connection::open(path).unwrap().execute_batch(text).unwrap();
}

#[test]
fn a_new_ledger_holds_genesis_and_opens_again() {
    let dir = TempDir::new();
    let (path, spec) = (dir.join("ledger.db"), ChainSpec::local());
    let ledger = open(&path, &spec).unwrap();
    assert_eq!(ledger.opened(), Opened { created: true, ..Opened::default() });
    let (tip, sum) = (ledger.tip().unwrap(), ledger.state_sum().unwrap());
    assert_eq!((tip.hash, tip.height, &sum), (spec.genesis_hash(), 0, &spec.genesis_sum()));
    assert_eq!(ledger.body(&tip.hash).unwrap(), Some(spec.genesis.bytes.clone()));
    assert_eq!(ledger.best_header().unwrap().hash, tip.hash);
    assert_coins(&ledger, &BlockMaker::new(std::sync::Arc::new(spec.clone())));
    ledger.close().unwrap();
    let ledger = open(&path, &spec).unwrap();
    assert_eq!(ledger.opened(), Opened::default());
    assert_eq!((ledger.tip().unwrap(), ledger.state_sum().unwrap()), (tip, sum));
}

#[test]
fn another_chain_a_newer_version_and_a_foreign_file_are_refused_by_name() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    open(&path, &ChainSpec::local()).unwrap().close().unwrap();
    let Err(StoreError::Mismatch(text)) = open(&path, &ChainSpec::dev()) else { panic!("another chain taken") };
    assert!(text.contains("\"local\"") && text.contains("\"dev\""), "{text}");
    sql(&path, "PRAGMA user_version = 99");
    let Err(StoreError::Mismatch(text)) = open(&path, &ChainSpec::local()) else { panic!("newer version taken") };
    assert!(text.contains("version 99") && text.contains("versions up to "), "{text}");
    let foreign = dir.join("foreign.db");
    sql(&foreign, "CREATE TABLE notes (x)");
    assert!(matches!(open(&foreign, &ChainSpec::local()), Err(StoreError::Mismatch(_))));
    let text = dir.join("text");
    std::fs::write(&text, "not a database at all, but long enough to look at".repeat(100)).unwrap();
    assert!(matches!(open(&text, &ChainSpec::local()), Err(StoreError::Corrupt(_))));
}

#[test]
fn connecting_and_disconnecting_keeps_coins_and_digest() {
    let mut maker = dev_maker();
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    extend(&mut ledger, &mut maker, 3);
    testkit::commit(&mut ledger, &maker).unwrap();
    let before = maker.fork();
    let blocks = extend(&mut ledger, &mut maker, 4);
    testkit::commit(&mut ledger, &maker).unwrap();
    assert_coins(&ledger, &maker);
    assert_eq!(ledger.applied_at(7).unwrap().unwrap().hash, maker.hash());
    let hash = |height| ledger.applied_at(height).unwrap().unwrap().hash;
    assert_eq!(ledger.applied_hashes(1, 3, 9).unwrap(), [hash(1), hash(4), hash(7)]);
    assert_eq!(ledger.applied_hashes(2, 3, 1).unwrap(), [hash(2)]);
    assert_eq!(ledger.applied_hashes(u32::MAX, 100, 9).unwrap(), []);
    assert_eq!(ledger.applied_from(5, 100).unwrap(), blocks[1..].iter().map(|b| b.header.clone()).collect::<Vec<_>>());

    let mut sum = ledger.state_sum().unwrap();
    let last = maker.last_changes().clone();
    for (at, block) in blocks.iter().enumerate().rev() {
        let changes = undo(&mut ledger, block);
        if at == 3 {
            assert_eq!(changes, last);
        }
        changes.created.iter().for_each(|(outpoint, coin)| sum.remove(&CoinKey::of(outpoint), coin));
        changes.spent.iter().for_each(|(outpoint, coin)| sum.add(&CoinKey::of(outpoint), coin));
        assert_eq!(sum.digest(), block.header.state_digest);
    }
    ledger.commit(&before.tip(), &sum, false).unwrap();
    assert_coins(&ledger, &before);
    let gone = maker.coins().keys().filter(|outpoint| !before.coins().contains_key(outpoint));
    gone.for_each(|outpoint| assert_eq!(ledger.coin(&CoinKey::of(outpoint)), Ok(None)));
    assert_eq!((ledger.tip().unwrap(), ledger.state_sum().unwrap()), (before.tip(), before.sum().clone()));
    assert_eq!(ledger.applied_at(4).unwrap(), None);
    // The blocks are still stored and can be applied again.
    assert_eq!(ledger.fork_headers(), Ok(4));
    let stored: Vec<Hash> = ledger.stored_above(3).unwrap().into_iter().map(|row| row.hash).collect();
    assert_eq!(stored, blocks.iter().map(|block| block.hash).collect::<Vec<_>>());
    assert_eq!(ledger.best_header().unwrap().hash, maker.hash());
}

#[test]
fn rollback_forgets_in_memory_too() {
    let mut maker = dev_maker();
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    extend(&mut ledger, &mut maker, 2);
    testkit::commit(&mut ledger, &maker).unwrap();
    let committed = maker.fork();
    let blocks = extend(&mut ledger, &mut maker, 2);
    undo(&mut ledger, &blocks[1]);
    ledger.mark_invalid(&blocks[1].hash).unwrap();
    ledger.rollback().unwrap();
    assert_eq!(ledger.tip().unwrap(), committed.tip());
    assert_eq!(ledger.best_header().unwrap().hash, committed.hash());
    assert_eq!((ledger.fork_headers(), ledger.header(&blocks[1].hash)), (Ok(0), Ok(None)));
    let mut again = committed.fork();
    extend(&mut ledger, &mut again, 2);
    testkit::commit(&mut ledger, &again).unwrap();
    assert_coins(&ledger, &again);
}

#[test]
fn a_failed_change_cannot_be_committed() {
    let mut maker = dev_maker();
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    let before = maker.fork();
    let block = busy_block(&mut maker);
    ledger.put_headers(&[maker.header_row()]).unwrap();
    let no_body = ledger.apply(1, &block.hash, maker.last_changes());
    assert!(matches!(no_body, Err(StoreError::Other(_))));
    assert!(testkit::commit(&mut ledger, &before).is_err());
    ledger.rollback().unwrap();
    testkit::commit(&mut ledger, &before).unwrap();
    assert_eq!(ledger.header(&block.hash), Ok(None));
}

#[test]
fn invalid_spreads_to_descendants_and_the_best_header_moves_to_the_next_best() {
    let mut maker = dev_maker();
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    extend(&mut ledger, &mut maker, 2);
    let (mut long, mut short) = (maker.fork(), maker.fork());
    let rows = |maker: &mut BlockMaker, count, to| {
        let row = |_| {
            maker.next_block(vec![], account(to));
            maker.header_row()
        };
        (0..count).map(row).collect::<Vec<_>>()
    };
    let (long_rows, short_rows) = (rows(&mut long, 3, 4), rows(&mut short, 2, 5));
    ledger.put_headers(&short_rows).unwrap();
    ledger.put_headers(&long_rows).unwrap();
    assert_eq!(ledger.best_header().unwrap().hash, long.hash());
    let invalid = ledger.mark_invalid(&long_rows[1].hash).unwrap();
    assert_eq!(invalid, [long_rows[1].hash, long_rows[2].hash]);
    // Two branches of equal work are left: the one that was stored first.
    assert_eq!(ledger.best_header().unwrap().hash, short.hash());
    let status = |ledger: &LedgerDb, at: usize| ledger.header(&long_rows[at].hash).unwrap().unwrap().status;
    assert_eq!(
        [0, 1, 2].map(|at| status(&ledger, at)),
        [BlockStatus::Header, BlockStatus::Invalid, BlockStatus::Invalid]
    );
    // A header that comes later on top of it is invalid at once.
    let after = rows(&mut long, 2, 4);
    ledger.put_headers(&after).unwrap();
    assert_eq!(ledger.header(&after[1].hash).unwrap().unwrap().status, BlockStatus::Invalid);
    assert_eq!(ledger.best_header().unwrap().hash, short.hash());
    assert_eq!(ledger.mark_invalid(&short_rows[0].hash).unwrap().len(), 2);
    assert_eq!(ledger.best_header().unwrap().hash, long_rows[0].hash);
    assert_eq!(ledger.mark_invalid(&Hash([7; 32])), Ok(vec![]));
    assert!(ledger.mark_invalid(&maker.hash()).is_err(), "an applied block");
}

#[test]
fn what_was_marked_invalid_can_be_taken_back_with_its_ancestors_and_descendants() {
    let mut maker = dev_maker();
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    extend(&mut ledger, &mut maker, 2);
    let (applied, mut other) = (maker.tip(), maker.fork());
    let blocks = extend(&mut ledger, &mut maker, 4);
    other.next_block_at(vec![], account(5), other.next_time() + 1);
    ledger.put_headers(&[other.header_row()]).unwrap();
    blocks.iter().rev().for_each(|block| drop(undo(&mut ledger, block)));
    ledger.mark_invalid(&blocks[0].hash).unwrap();
    ledger.mark_invalid(&other.hash()).unwrap();
    assert_eq!(ledger.best_header().unwrap().hash, applied.hash);
    assert_eq!(ledger.mark_invalid(&blocks[1].hash), Ok(vec![]), "they are already");
    let only = [blocks[0].hash, blocks[1].hash];
    assert_eq!(ledger.unmark_invalid(&blocks[0].hash, Some(&only)).unwrap().len(), 2);
    assert_eq!(ledger.best_header().unwrap().hash, blocks[1].hash);
    assert_eq!(ledger.mark_invalid(&blocks[0].hash), Ok(only.to_vec()));
    let rows = ledger.unmark_invalid(&blocks[2].hash, None).unwrap();
    assert_eq!(rows.iter().map(|row| row.hash).collect::<Vec<_>>(), blocks.iter().map(|b| b.hash).collect::<Vec<_>>());
    assert!(rows.iter().all(|row| row.status == BlockStatus::Stored));
    assert_eq!(ledger.best_header().unwrap().hash, maker.hash());
    assert_eq!(ledger.status_of(&other.hash()), Ok(Some(BlockStatus::Invalid)), "another branch stays as it is");
    assert_eq!(ledger.unmark_invalid(&other.hash(), None).unwrap()[0].status, BlockStatus::Header, "it has no body");
    assert_eq!(
        (ledger.unmark_invalid(&applied.hash, None), ledger.unmark_invalid(&Hash([7; 32]), None)),
        (Ok(vec![]), Ok(vec![]))
    );
}

#[test]
fn reorganisations_back_and_forth_leave_the_same_ledger_as_a_reopened_one() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut one = dev_maker();
    let spec = one.spec().clone();
    let mut ledger = open(&path, &spec).unwrap();
    extend(&mut ledger, &mut one, 2);
    testkit::commit(&mut ledger, &one).unwrap();
    let mut makers = vec![one.fork()];
    let mut blocks = extend(&mut ledger, &mut one, 3);
    testkit::commit(&mut ledger, &one).unwrap();
    for round in 0..3 {
        let base = makers[0].fork();
        blocks.iter().rev().for_each(|block| {
            undo(&mut ledger, block);
        });
        if round == 1 {
            // A commit in the middle, with the branch disconnected.
            ledger.commit(&base.tip(), base.sum(), true).unwrap();
        }
        let mut other = base.fork();
        other.next_block_at(vec![], account(round), other.next_time() + 1);
        let block = {
            let mut again = base.fork();
            again.next_block_at(vec![], account(round), again.next_time() + 1)
        };
        testkit::append(&mut ledger, &other, &block).unwrap();
        blocks = vec![block];
        blocks.extend(extend(&mut ledger, &mut other, 3));
        testkit::commit(&mut ledger, &other).unwrap();
        makers.push(other);
    }
    let last = makers.last().unwrap();
    let picture = |ledger: &LedgerDb| {
        let side: Vec<_> = ledger.stored_above(0).unwrap();
        (ledger.tip().unwrap(), ledger.best_header().unwrap(), ledger.fork_headers().unwrap(), side)
    };
    let before = picture(&ledger);
    assert_eq!(before.2, 3 + 4 + 4);
    ledger.crash();
    let ledger = open(&path, &spec).unwrap();
    assert_eq!(picture(&ledger), before);
    assert_eq!(ledger.tip().unwrap(), last.tip());
    assert_coins(&ledger, last);
}

#[test]
fn the_mempool_is_kept_in_order_within_and_without_a_transaction() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let spec = maker.spec().clone();
    let pool = |from: u8| (from..from + 3).map(|n| Bytes::from(vec![n; 3])).collect::<Vec<_>>();
    let mut ledger = open(&path, &spec).unwrap();
    ledger.save_mempool(&mut pool(1).into_iter()).unwrap();
    ledger.close().unwrap();
    let mut ledger = open(&path, &spec).unwrap();
    assert_eq!(ledger.load_mempool(), Ok(pool(1)));
    extend(&mut ledger, &mut maker, 1);
    ledger.save_mempool(&mut pool(5).into_iter()).unwrap();
    testkit::commit(&mut ledger, &maker).unwrap();
    ledger.close().unwrap();
    assert_eq!(open(&path, &spec).unwrap().load_mempool(), Ok(pool(5)));
}

#[test]
fn known_headers_and_bodies_are_left_as_they_are_and_strays_are_refused() {
    let mut maker = dev_maker();
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    let blocks = extend(&mut ledger, &mut maker, 2);
    ledger.put_headers(&[maker.header_row()]).unwrap();
    ledger.put_body(&blocks[0].hash, &blocks[0].bytes).unwrap();
    assert_eq!(ledger.header(&maker.hash()).unwrap().unwrap().status, BlockStatus::Applied);
    testkit::commit(&mut ledger, &maker).unwrap();
    let mut other = maker.fork();
    let stray = other.next_block(vec![], account(1));
    assert!(ledger.put_body(&stray.hash, &stray.bytes).is_err(), "a body without a header");
    ledger.rollback().unwrap();
    ledger.put_headers(&[other.header_row()]).unwrap();
    assert!(ledger.put_body(&stray.hash, &blocks[0].bytes).is_err(), "another block's body");
    ledger.rollback().unwrap();
    other.next_block(vec![], account(1));
    assert!(ledger.put_headers(&[other.header_row()]).is_err(), "a header without its parent");
}

#[test]
fn many_headers_at_once_are_stored_once_each_also_after_a_rollback() {
    let mut maker = dev_maker();
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    let next = |_| {
        maker.next_block(vec![], account(1));
        maker.header_row()
    };
    let mut rows: Vec<_> = (0..25).map(next).collect();
    rows.extend_from_within(3..8);
    for _ in 0..2 {
        ledger.put_headers(&rows).unwrap();
        for row in &rows {
            assert_eq!(ledger.header(&row.hash), Ok(Some(row.clone())));
            assert_eq!(ledger.status_of(&row.hash), Ok(Some(BlockStatus::Header)));
        }
        assert_eq!((ledger.fork_headers(), ledger.best_header().unwrap().hash), (Ok(25), rows[24].hash));
        ledger.rollback().unwrap();
        assert_eq!(ledger.status_of(&rows[0].hash), Ok(None));
    }
}

#[test]
fn clones_of_a_shared_ledger_see_the_same() {
    let mut maker = dev_maker();
    let mut ledger = SharedLedger::in_memory(maker.spec()).unwrap();
    let other = ledger.clone();
    extend(&mut ledger, &mut maker, 3);
    testkit::commit(&mut ledger, &maker).unwrap();
    assert_eq!(other.applied_at(3).unwrap().unwrap().hash, maker.hash());
    assert_eq!(other.tip(), ledger.tip());
}

#[test]
fn statements_are_planned_once() {
    let mut maker = dev_maker();
    let mut ledger = LedgerDb::in_memory(maker.spec()).unwrap();
    let blocks = extend(&mut ledger, &mut maker, 5);
    for block in &blocks {
        assert_eq!(ledger.header(&block.hash).unwrap().map(|row| row.hash), Some(block.hash));
    }
    assert_eq!(ledger.applied_from(1, 3).unwrap().len(), 3);
    assert_eq!(ledger.applied_from(2, 4).unwrap().len(), 4);
    let by_key = select_headers!("WHERE h.key = ?1");
    let by_height = select_headers!("JOIN applied a ON a.id = h.id WHERE a.height >= ?1 ORDER BY a.height LIMIT ?2");
    for sql in [by_key, by_height] {
        let statement = ledger.connection.prepare_cached(sql).unwrap();
        assert!(statement.get_status(StatementStatus::Run) >= 2, "used before: {sql}");
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{sql}");
    }
}
