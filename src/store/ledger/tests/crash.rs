//! What crashes and power failures leave, and when commits reach the disk.

use super::*;
use crate::store::checkpointer::LogPages;

#[test]
fn a_crash_loses_what_was_not_committed_and_nothing_else() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let spec = maker.spec().clone();
    let mut ledger = open(&path, &spec).unwrap();
    extend(&mut ledger, &mut maker, 8);
    testkit::commit(&mut ledger, &maker).unwrap();
    let committed = maker.fork();
    let lost = extend(&mut ledger, &mut maker, 2);
    assert!(ledger.has_body(&lost[1].hash).unwrap());
    ledger.crash();

    let ledger = open(&path, &spec).unwrap();
    assert_eq!(ledger.opened(), Opened { unclean: true, checked_blocks: 6, ..Opened::default() });
    assert_eq!((ledger.tip().unwrap(), ledger.state_sum().unwrap()), (committed.tip(), committed.sum().clone()));
    assert_eq!(ledger.header(&lost[0].hash), Ok(None));
    assert!(!ledger.has_body(&lost[0].hash).unwrap());
    assert_coins(&ledger, &committed);
    drop(ledger);
    assert!(!open(&path, &spec).unwrap().opened().unclean, "dropping closes in order");
}

#[test]
fn after_a_power_failure_the_ledger_is_as_after_one_of_its_commits() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let spec = maker.spec().clone();
    let mut ledger = open(&path, &spec).unwrap();
    let mut commits = vec![maker.tip()];
    for round in 0..6 {
        extend(&mut ledger, &mut maker, 1 + round % 3);
        testkit::commit(&mut ledger, &maker).unwrap();
        commits.push(maker.tip());
    }
    extend(&mut ledger, &mut maker, 1);
    // What a power failure leaves: the file, and as much of the log as reached the disk.
    let (file, log) = (std::fs::read(&path).unwrap(), std::fs::read(dir.join("ledger.db-wal")).unwrap());
    let mut reached = 0;
    for part in 0..=40 {
        let lost = dir.join(&format!("lost-{part}.db"));
        std::fs::write(&lost, &file).unwrap();
        let kept = log.len() * part / 40;
        std::fs::write(dir.join(&format!("lost-{part}.db-wal")), &log[..kept]).unwrap();
        let survivor = open(&lost, &spec).unwrap();
        let (tip, mut sum) = (survivor.tip().unwrap(), survivor.state_sum().unwrap());
        // Without its log the file is as the last checkpoint left it, or as it was created.
        let at = commits.iter().position(|commit| *commit == tip).expect("a state that was never committed");
        assert!(at >= reached, "more of the log, and less of the ledger");
        assert_eq!(sum.digest(), tip.digest);
        reached = at;
        drop(survivor);
        let report = crate::store::verify::deep(&lost, &spec, &mut |_, _| {}).unwrap();
        assert!(report.ok, "{report:?}");
    }
    assert_eq!(reached, commits.len() - 1);
}

#[test]
fn a_thread_moves_the_log_once_enough_waits_and_a_commit_what_is_left_of_a_long_one() {
    let dir = TempDir::new();
    let mut maker = dev_maker();
    let options = LedgerOptions { checkpoint_pages: 40, ..LedgerOptions::default() };
    let mut ledger = LedgerDb::open(&dir.join("ledger.db"), maker.spec(), &options).unwrap();
    let mut grow = |ledger: &mut LedgerDb| {
        let before = LogPages::of(&ledger.connection).unwrap().unwrap();
        extend(ledger, &mut maker, 1);
        testkit::commit(ledger, &maker).unwrap();
        ledger.checkpointer.as_mut().unwrap().wait();
        (before, LogPages::of(&ledger.connection).unwrap().unwrap())
    };
    let (mut left, mut moved, mut longest) = (0, 0, 0);
    for _ in 0..60 {
        let (before, after) = grow(&mut ledger);
        longest = longest.max(after.logged);
        if after.waiting() == 0 {
            moved += 1;
        } else {
            left += 1;
            assert!(after.waiting() < 40 && after.waiting() >= before.waiting(), "{before:?} {after:?}");
        }
    }
    assert!(left > 0 && moved > 0, "neither for a few pages nor for none: {left} {moved}");
    assert!((40..=200).contains(&longest), "without a quiet moment it does not grow for ever: {longest}");
}

#[test]
fn durable_commits_wait_for_the_disk() {
    let dir = TempDir::new();
    let mut maker = dev_maker();
    let mut ledger = open(&dir.join("ledger.db"), maker.spec()).unwrap();
    let level =
        |ledger: &LedgerDb| -> i64 { ledger.connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap() };
    for (durable, expected) in [(false, 1), (true, 2), (true, 2), (false, 1)] {
        extend(&mut ledger, &mut maker, 1);
        ledger.commit(&maker.tip(), maker.sum(), durable).unwrap();
        assert_eq!(level(&ledger), expected);
    }
    let mode: String = ledger.connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}
