//! Commits that are postponed: who sees the blocks, and what a crash costs.

use super::*;
use crate::store::LedgerReader;

#[test]
fn an_archive_shows_what_a_postponed_commit_would_and_a_crash_loses_only_that() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let mut ledger = SharedLedger::new(open(&path, maker.spec()).unwrap());
    let archive = ledger.archive(LedgerReader::open(&path).unwrap()).unwrap();
    let reader = LedgerReader::open(&path).unwrap();
    extend(&mut ledger, &mut maker, 2);
    testkit::commit(&mut ledger, &maker).unwrap();
    let committed = maker.fork();
    let blocks = extend(&mut ledger, &mut maker, 3);
    assert_eq!(archive.best_header().unwrap().hash, committed.hash(), "nobody was told yet");
    ledger.postpone_commit();
    assert_eq!(archive.best_header().unwrap().hash, maker.hash());
    assert_eq!(archive.applied_at(5).unwrap().map(|row| row.hash), Some(maker.hash()));
    assert_eq!(archive.applied_from(3, 9).unwrap(), blocks.iter().map(|b| b.header.clone()).collect::<Vec<_>>());
    assert_eq!(archive.header(&maker.hash()).unwrap().map(|row| row.status), Some(BlockStatus::Applied));
    assert_eq!((archive.fork_headers(), reader.applied_at(3)), (Ok(0), Ok(None)));
    assert_eq!(ledger.tidy(), Ok(false), "nothing is tidied in between");
    testkit::commit(&mut ledger, &maker).unwrap();
    assert_eq!(reader.applied_at(5).unwrap().map(|row| row.hash), Some(maker.hash()));
    let saved = maker.fork();
    extend(&mut ledger, &mut maker, 1);
    ledger.postpone_commit();
    drop(ledger);
    assert_eq!(archive.best_header().unwrap().hash, saved.hash(), "the writer has ended");
    let ledger = open(&path, maker.spec()).unwrap();
    assert_eq!(ledger.tip().unwrap(), saved.tip());
    assert_coins(&ledger, &saved);
}
