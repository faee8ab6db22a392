//! What crashes and power failures leave, and when commits reach the disk.

use super::*;

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
    assert_eq!(ledger.tip().unwrap(), (committed.tip(), committed.sum().clone()));
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
        let (tip, sum) = survivor.tip().unwrap();
        // Without its log the file is as the last checkpoint left it: empty, so a new ledger is created.
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
fn the_log_is_moved_when_the_ledger_is_idle_and_otherwise_by_a_commit() {
    let dir = TempDir::new();
    let mut maker = dev_maker();
    let options = LedgerOptions { checkpoint_pages: 40, ..LedgerOptions::default() };
    let mut ledger = LedgerDb::open(&dir.join("ledger.db"), maker.spec(), &options).unwrap();
    let waiting = |ledger: &LedgerDb| {
        let row = |row: &rusqlite::Row<'_>| Ok(row.get::<_, i64>(1)? - row.get::<_, i64>(2)?);
        ledger.connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], row).unwrap()
    };
    let mut grow = |ledger: &mut LedgerDb| {
        extend(ledger, &mut maker, 1);
        ledger.tidy().unwrap();
        testkit::commit(ledger, &maker).unwrap();
        waiting(ledger)
    };
    while grow(&mut ledger) < 40 {}
    assert!(grow(&mut ledger) > 40, "neither within a transaction nor by a commit");
    ledger.tidy().unwrap();
    assert_eq!(waiting(&ledger), 0);
    let few = grow(&mut ledger);
    ledger.tidy().unwrap();
    assert!(few > 0 && waiting(&ledger) == few, "not for a few pages");
    let longest = (0..60).map(|_| grow(&mut ledger)).max().unwrap();
    assert!((41..=100).contains(&longest), "without a quiet moment it does not grow for ever: {longest}");
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
