//! The index against the ledger that it follows.

use super::*;
use crate::{
    chain::{archive::LedgerStore, key::SecretKey, testkit::BlockMaker},
    store::{
        LedgerDb, LedgerOptions,
        testing::{TempDir, account, dev_maker},
        testkit,
    },
};

struct Setup {
    dir: TempDir,
    maker: BlockMaker,
    ledger: LedgerDb,
    reader: LedgerReader,
    index: IndexDb,
}

fn setup() -> Setup {
    let dir = TempDir::new();
    let maker = dev_maker();
    let path = dir.join("ledger.db");
    let ledger = LedgerDb::open(&path, maker.spec(), &LedgerOptions::default()).unwrap();
    let reader = LedgerReader::open(&path).unwrap();
    let index = IndexDb::open(&dir.join("index.db"), &reader.genesis(), &maker.spec().prefix).unwrap();
    Setup { dir, maker, ledger, reader, index }
}

/// Commits blocks in which account 0 pays `amount` to account `to`, by two transfers that chain.
fn pay(ledger: &mut LedgerDb, maker: &mut BlockMaker, blocks: usize, to: u32, amount: u64) -> Vec<HashedBlock> {
    let made = (0..blocks).map(|_| {
        let transfers = (0..2).map(|_| maker.transfer(&SecretKey::well_known(0), account(to), amount, 1)).collect();
        let block = maker.next_block(transfers, account(9));
        testkit::append(ledger, maker, &block).unwrap();
        block
    });
    let made = made.collect();
    testkit::commit(ledger, maker).unwrap();
    made
}

/// An account's balance by the ledger's coins and by its history. Checks that the index has the ledger's coins.
fn balances(setup: &Setup, number: u32) -> (u128, u128) {
    let ledger = setup.reader.coins_of(&account(number), 100).unwrap();
    let tip = setup.reader.tip().unwrap().0.hash;
    let mut indexed = setup.index.coins_of(&tip, &account(number), 100).unwrap().expect("the index is at the tip");
    assert_eq!(setup.index.coins_of(&Hash([7; 32]), &account(number), 1), Ok(None));
    assert!(indexed.coins.is_sorted_by_key(|(_, coin)| std::cmp::Reverse(coin.height)), "the youngest come first");
    let mut expected = ledger.clone();
    expected.coins.sort_by_key(|(outpoint, _)| *outpoint);
    indexed.coins.sort_by_key(|(outpoint, _)| *outpoint);
    assert_eq!(indexed, expected, "account {number}");
    let history = setup.index.history(&account(number), None, 1000).unwrap();
    let received: u128 = history.iter().map(|entry| u128::from(entry.received)).sum();
    let sent: u128 = history.iter().map(|entry| u128::from(entry.sent)).sum();
    (setup.reader.coins_of(&account(number), 0).unwrap().balance, received - sent)
}

#[test]
fn transactions_and_histories_are_found_and_add_up() {
    let mut setup = setup();
    let blocks = pay(&mut setup.ledger, &mut setup.maker, 5, 1, 100);
    let progress = setup.index.catch_up(&setup.reader, 4).unwrap();
    assert_eq!((progress.indexed, progress.total, progress.is_complete()), (4, 6, false));
    assert!(setup.index.catch_up(&setup.reader, 100).unwrap().is_complete());
    let wanted = &blocks[4].transactions[2];
    let found = setup.index.tx(&setup.reader, &wanted.txid).unwrap().unwrap();
    assert_eq!((found.block, found.height, found.position), (blocks[4].hash, 5, 2));
    assert_eq!(&found.transaction, wanted);
    assert_eq!(setup.index.tx(&setup.reader, &Hash([1; 32])), Ok(None));
    for number in [0, 1, 2, 9] {
        let (coins, history) = balances(&setup, number);
        assert_eq!(coins, history, "account {number}");
    }
    let page = setup.index.history(&account(1), None, 3).unwrap();
    assert_eq!(page.iter().map(|entry| (entry.height, entry.position)).collect::<Vec<_>>(), [(5, 2), (5, 1), (4, 2)]);
    assert_eq!(page[0], HistoryEntry { height: 5, position: 2, txid: wanted.txid, received: 100, sent: 0 });
    let next = setup.index.history(&account(1), Some((4, 2)), 100).unwrap();
    assert_eq!((next[0].height, next[0].position), (4, 1));
    assert_eq!(next.len(), 2 * 5 + 1 - 3, "two a block and the allocation");
}

#[test]
fn a_reorganisation_is_followed() {
    let mut setup = setup();
    pay(&mut setup.ledger, &mut setup.maker, 3, 1, 100);
    let base = setup.maker.fork();
    let lost = pay(&mut setup.ledger, &mut setup.maker, 4, 1, 100);
    setup.index.catch_up(&setup.reader, 100).unwrap();
    for block in lost.iter().rev() {
        let changes = setup.ledger.unapply(block.header.height, &block.hash).unwrap();
        setup.ledger.flush_coins(&mut changes.backward()).unwrap();
    }
    setup.maker = base;
    let kept = pay(&mut setup.ledger, &mut setup.maker, 2, 2, 70);
    assert!(setup.index.catch_up(&setup.reader, 100).unwrap().is_complete());
    let height = |setup: &Setup, block: &HashedBlock| {
        let found = setup.index.tx(&setup.reader, &block.transactions[1].txid).unwrap();
        found.map(|found| found.height)
    };
    assert_eq!((height(&setup, &lost[0]), height(&setup, &kept[1])), (None, Some(5)));
    for number in [0, 1, 2, 9] {
        let (coins, history) = balances(&setup, number);
        assert_eq!(coins, history, "account {number}");
    }
    let orphans: i64 =
        setup.index.connection.query_row("SELECT count(*) FROM txs WHERE id >> 20 > 5", [], |row| row.get(0)).unwrap();
    assert_eq!(orphans, 0);
}

#[test]
fn an_index_of_another_ledger_or_a_damaged_one_is_rebuilt() {
    let mut setup = setup();
    pay(&mut setup.ledger, &mut setup.maker, 3, 1, 100);
    setup.index.catch_up(&setup.reader, 100).unwrap();
    // The ledger is deleted and synced again, on another branch.
    let other = dev_maker();
    let path = setup.dir.join("again.db");
    let mut again = LedgerDb::open(&path, other.spec(), &LedgerOptions::default()).unwrap();
    let mut other = other;
    pay(&mut again, &mut other, 2, 3, 50);
    let reader = LedgerReader::open(&path).unwrap();
    assert!(setup.index.catch_up(&reader, 100).unwrap().is_complete());
    assert_eq!(setup.index.history(&account(3), None, 9).unwrap().len(), 5);
    assert_eq!(setup.index.history(&account(1), None, 9).unwrap().len(), 1);

    let path = setup.dir.join("index.db");
    drop(setup.index);
    std::fs::write(&path, [9; 5000]).unwrap();
    let mut index = IndexDb::open(&path, &reader.genesis(), &other.spec().prefix).unwrap();
    assert_eq!(index.catch_up(&reader, 0).unwrap(), Progress { indexed: 0, total: 3 });
    drop(index);
    let mut index = IndexDb::open(&path, &Hash([5; 32]), &other.spec().prefix).unwrap();
    assert_eq!(index.catch_up(&reader, 100).unwrap().indexed, 3);
}

#[test]
fn rows_are_added_in_any_number_and_none_twice() {
    let Setup { index, .. } = setup();
    let owners: Vec<Address> = (0..50).map(account).collect();
    let rows = |to| owners[..to].iter().zip(1..).map(|(owner, tx)| (owner, [tx, 2, 3]));
    for count in [0, 1, 15, 16, 17, 50] {
        index.connection.execute_batch("DELETE FROM coins; SAVEPOINT begun").unwrap();
        batch::insert_all(&index.connection, batch::COINS, &mut rows(count)).unwrap();
        let sum = "SELECT count(*), coalesce(sum(tx), 0), count(DISTINCT address) FROM coins";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found: (i64, i64, i64) = index.connection.query_row(sum, [], read).unwrap();
        assert_eq!(found, (count as i64, (1..=count as i64).sum(), count as i64));
        let again = batch::insert_all(&index.connection, batch::COINS, &mut rows(count));
        assert_eq!(matches!(again, Err(StoreError::Corrupt(_))), count > 0, "{again:?}");
        index.connection.execute_batch("ROLLBACK TO begun; RELEASE begun").unwrap();
    }
}
