//! The sums behind the state digest: stored by some commits, right after all.

use super::*;
use crate::store::verify;

/// The height of the block whose sums are stored.
fn saved(path: &Path) -> Option<u32> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT height FROM state_sums").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().next().transpose().unwrap()
}

fn assert_sum(ledger: &LedgerDb, maker: &BlockMaker) {
    let mut sum = ledger.state_sum().unwrap();
    assert_eq!((&sum, sum.clone().digest()), (maker.sum(), ledger.tip().unwrap().digest));
    assert_eq!(sum.digest(), maker.digest());
}

#[test]
fn some_commits_store_the_sums_and_a_start_brings_them_forward() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let mut ledger = open(&path, maker.spec()).unwrap();
    let (mut stored, mut behind) = (0, 0);
    for round in 0..24 {
        let before = saved(&path);
        extend(&mut ledger, &mut maker, 1 + round % 2);
        testkit::commit(&mut ledger, &maker).unwrap();
        let after = saved(&path);
        if after == before {
            behind += 1;
        } else {
            assert_eq!(after, Some(maker.height()));
            stored += 1;
        }
        assert_sum(&ledger, &maker);
        // What is not committed is lost, also to the count of changes.
        extend(&mut ledger, &mut maker.fork(), 2);
        ledger.crash();
        ledger = open(&path, maker.spec()).unwrap();
        assert_sum(&ledger, &maker);
    }
    assert!(stored >= 5 && behind >= 10, "{stored} and {behind}");
}

#[test]
fn a_reorganisation_below_the_stored_sums_stores_others() {
    for depth in 1..=8 {
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        let mut maker = dev_maker();
        let mut ledger = open(&path, maker.spec()).unwrap();
        let mut makers = vec![maker.fork()];
        let mut blocks = Vec::new();
        for _ in 0..10 {
            blocks.extend(extend(&mut ledger, &mut maker, 1));
            testkit::commit(&mut ledger, &maker).unwrap();
            makers.push(maker.fork());
        }
        let before = saved(&path).unwrap();
        blocks.iter().rev().take(depth).for_each(|block| drop(undo(&mut ledger, block)));
        let mut branch = makers[10 - depth].fork();
        let first = branch.next_block(vec![], account(8));
        testkit::append(&mut ledger, &branch, &first).unwrap();
        extend(&mut ledger, &mut branch, depth);
        testkit::commit(&mut ledger, &branch).unwrap();
        let after = saved(&path).unwrap();
        let is_kept = after == before && before <= 10 - depth as u32;
        assert!(is_kept || after == branch.height(), "depth {depth}: {before} and {after}");
        ledger.crash();
        let ledger = open(&path, branch.spec()).unwrap();
        assert_sum(&ledger, &branch);
        assert_coins(&ledger, &branch);
        drop(ledger);
        assert!(verify::deep(&path, branch.spec(), &mut |_, _| {}).unwrap().ok);
    }
}

#[test]
fn sums_that_are_missing_or_damaged_are_built_again_from_all_coins() {
    for (damage, is_damage) in [
        ("DELETE FROM state_sums", false),
        ("UPDATE state_sums SET sums = zeroblob(131072)", true),
        ("UPDATE state_sums SET sums = zeroblob(5)", true),
        ("UPDATE state_sums SET height = height - 1", true),
        ("UPDATE state_sums SET height = height + 1000", true),
        ("UPDATE state_sums SET height = -1", true),
        ("UPDATE state_sums SET hash = zeroblob(32)", true),
    ] {
        let dir = TempDir::new();
        let path = dir.join("ledger.db");
        let mut maker = dev_maker();
        let mut ledger = open(&path, maker.spec()).unwrap();
        while saved(&path).is_none() {
            extend(&mut ledger, &mut maker, 1);
            testkit::commit(&mut ledger, &maker).unwrap();
        }
        extend(&mut ledger, &mut maker, 1);
        testkit::commit(&mut ledger, &maker).unwrap();
        ledger.crash();
        sql(&path, damage);
        assert_eq!(verify::quick(&path, maker.spec()).unwrap().ok, !is_damage, "{damage}");
        let mut ledger = open(&path, maker.spec()).unwrap();
        assert_sum(&ledger, &maker);
        extend(&mut ledger, &mut maker, 1);
        testkit::commit(&mut ledger, &maker).unwrap();
        assert_sum(&ledger, &maker);
        // Damaged ones are replaced by the next commit.
        assert!(!is_damage || saved(&path) == Some(maker.height()), "{damage}");
        drop(ledger);
        assert!(verify::quick(&path, maker.spec()).unwrap().ok, "{damage}");
    }
}

#[test]
fn coins_that_are_not_those_of_the_digest_are_no_sums() {
    let dir = TempDir::new();
    let path = dir.join("ledger.db");
    let mut maker = dev_maker();
    let mut ledger = open(&path, maker.spec()).unwrap();
    extend(&mut ledger, &mut maker, 3);
    testkit::commit(&mut ledger, &maker).unwrap();
    sql(&path, "DELETE FROM state_sums; DELETE FROM coin_pages");
    assert!(matches!(ledger.state_sum(), Err(StoreError::Corrupt(_))));
}
