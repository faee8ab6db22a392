//! The index against the ledger that it follows.

use super::*;
use crate::{
    base::rng::Rng,
    chain::{
        archive::{Keep, LedgerStore},
        key::SecretKey,
        testkit::BlockMaker,
    },
    store::{
        LedgerDb, LedgerOptions,
        testing::{TempDir, account, dev_maker},
        testkit,
    },
};

pub(super) struct Setup {
    pub(super) dir: TempDir,
    pub(super) maker: BlockMaker,
    pub(super) ledger: LedgerDb,
    pub(super) reader: LedgerReader,
    pub(super) index: IndexDb,
}

pub(super) fn setup() -> Setup {
    setup_with(&LedgerOptions::default())
}

pub(super) fn setup_with(options: &LedgerOptions) -> Setup {
    let dir = TempDir::new();
    let maker = dev_maker();
    let path = dir.join("ledger.db");
    let ledger = LedgerDb::open(&path, maker.spec(), options).unwrap();
    let reader = LedgerReader::open(&path).unwrap();
    let index = IndexDb::open(&dir.join("index.db"), &reader.genesis(), &maker.spec().prefix).unwrap();
    Setup { dir, maker, ledger, reader, index }
}

/// Commits blocks in which account 0 pays `amount` to account `to`, by two transfers that chain.
pub(super) fn pay(
    ledger: &mut LedgerDb,
    maker: &mut BlockMaker,
    blocks: usize,
    to: u32,
    amount: u64,
) -> Vec<HashedBlock> {
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
    let ledger = setup.reader.coins_of(&account(number), 1000).unwrap();
    let tip = setup.reader.tip().unwrap().hash;
    let mut indexed =
        setup.index.coins_of(&setup.reader, &tip, &account(number), 1000).unwrap().expect("the index is at the tip");
    assert_eq!(setup.index.coins_of(&setup.reader, &Hash([7; 32]), &account(number), 1), Ok(None));
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
fn payments_after_a_place_come_with_the_exact_amount_first_and_within_their_bounds() {
    let mut setup = setup();
    pay(&mut setup.ledger, &mut setup.maker, 4, 1, 100);
    setup.index.catch_up(&setup.reader, 100).unwrap();
    let payer = account(0);
    let all = setup.index.history(&payer, None, 100).unwrap();
    let after = |place, amount, mut scan: usize, most| {
        let found = setup.index.payments_after(&payer, place, amount, &mut scan, most).unwrap();
        (found.iter().map(|entry| (entry.height, entry.position)).collect::<Vec<_>>(), scan)
    };
    let sent =
        |height, position| all.iter().find(|entry| (entry.height, entry.position) == (height, position)).unwrap().sent;
    let in_order = [(1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2)];
    assert_eq!(after((1, 1), 1, 100, 100), (in_order.to_vec(), 92), "the last look finds another address, or nothing");
    assert_eq!(after((1, 1), 1, 100, 2).0, in_order[..2]);
    assert_eq!(after((1, 1), 1, 3, 100), (in_order[..3].to_vec(), 0));
    assert_eq!(after((1, 1), 1, 0, 100), (vec![], 0));
    // Each payment spends what is left of the one before.
    let exact = after((1, 1), sent(3, 1), 100, 100).0;
    assert_eq!((exact[0], exact.len()), ((3, 1), 4), "others that spend more follow");
    assert_eq!(after((4, 2), 1, 100, 100).0, []);
    assert_eq!(after((1, 1), u64::MAX, 100, 100).0, []);
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
    let sql =
        "SELECT (SELECT count(*) FROM v_txs WHERE height > 5) + (SELECT count(*) FROM v_outputs WHERE height > 5)";
    let orphans: i64 = setup.index.connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(orphans, 0);
}

/// Disconnecting the blocks that spent them must not need the pruned blocks that made them.
#[test]
fn coins_of_pruned_blocks_come_back_in_a_reorganisation() {
    let options = LedgerOptions { save_sums_after: 50, keep: Keep::Blocks(100), ..LedgerOptions::default() };
    let mut setup = setup_with(&options);
    pay(&mut setup.ledger, &mut setup.maker, 5, 1, 100_000);
    for _ in 0..120 {
        pay(&mut setup.ledger, &mut setup.maker, 1, 2, 70);
    }
    setup.index.catch_up(&setup.reader, 1000).unwrap();
    while setup.ledger.tidy().unwrap() {}
    assert_eq!(setup.reader.kept_from(), Ok(26));
    let base = setup.maker.fork();
    let spend = (0..3).map(|_| setup.maker.transfer(&SecretKey::well_known(1), account(3), 90_000, 1)).collect();
    let block = setup.maker.next_block(spend, account(9));
    testkit::append(&mut setup.ledger, &setup.maker, &block).unwrap();
    testkit::commit(&mut setup.ledger, &setup.maker).unwrap();
    assert!(setup.index.catch_up(&setup.reader, 1000).unwrap().is_complete());
    let changes = setup.ledger.unapply(block.header.height, &block.hash).unwrap();
    setup.ledger.flush_coins(&mut changes.backward()).unwrap();
    setup.maker = base;
    pay(&mut setup.ledger, &mut setup.maker, 2, 2, 30);
    assert!(setup.index.catch_up(&setup.reader, 1000).unwrap().is_complete());
    for number in [0, 1, 2, 3, 9] {
        let (coins, history) = balances(&setup, number);
        assert_eq!(coins, history, "account {number}");
    }
}

#[test]
fn histories_of_blocks_that_are_no_longer_kept_go_and_their_room_is_given_back() {
    let options = LedgerOptions { save_sums_after: 50, keep: Keep::Blocks(100), ..LedgerOptions::default() };
    let mut setup = setup_with(&options);
    let path = setup.dir.join("small.db");
    IndexDb::prepare_to_shrink(&path).unwrap();
    setup.index = IndexDb::open(&path, &setup.reader.genesis(), &setup.maker.spec().prefix).unwrap();
    assert!(crate::store::vacuum::is_enabled(&setup.index.connection).unwrap());
    let old = pay(&mut setup.ledger, &mut setup.maker, 5, 1, 100_000);
    let grow = |setup: &mut Setup, blocks: u32| {
        for _ in 0..blocks {
            pay(&mut setup.ledger, &mut setup.maker, 1, 2, 70);
            setup.index.catch_up(&setup.reader, 1000).unwrap();
            while setup.ledger.tidy().unwrap() {}
        }
        setup.index.catch_up(&setup.reader, 1000).unwrap();
    };
    let lowest = |setup: &Setup, number| {
        let all = setup.index.history(&account(number), None, 10_000).unwrap();
        all.iter().map(|entry| entry.height).min()
    };
    grow(&mut setup, 150);
    assert_eq!((setup.index.histories_from().unwrap(), lowest(&setup, 1)), (0, Some(0)), "too few for a pass");
    grow(&mut setup, 100);
    let from = setup.index.histories_from().unwrap();
    assert!((64..=156).contains(&from) && setup.reader.kept_from().unwrap() >= from, "{from}");
    assert_eq!(setup.index.pass, None);
    assert_eq!((lowest(&setup, 1), lowest(&setup, 2)), (None, Some(from)));
    assert_eq!(setup.index.catch_up(&setup.reader, 1000).unwrap().from, from, "whoever asks is told");
    let mut entries = 0;
    for slot in runs::slots(&setup.index.connection).unwrap() {
        let part = Part { slot, kind: Kind::History };
        let looked = pages::retain(&setup.index.connection, part, 0, usize::MAX >> 1, |entry| {
            assert!(entry.numbers[0] >= u64::from(from), "{entry:?}");
            true
        });
        entries += looked.unwrap().pages;
    }
    assert!(entries > 0);
    // Its coins are all there, and of an old transaction is said that its block is gone.
    for number in [0, 1, 2, 9] {
        let tip = setup.reader.tip().unwrap().hash;
        let found = setup.index.coins_of(&setup.reader, &tip, &account(number), 10_000).unwrap().unwrap();
        let expected = setup.reader.coins_of(&account(number), 10_000).unwrap();
        assert_eq!((found.count, found.balance), (expected.count, expected.balance), "account {number}");
    }
    let gone = setup.index.tx(&setup.reader, &old[0].transactions[1].txid);
    assert!(matches!(gone, Err(StoreError::Pruned { height: 1, .. })), "{gone:?}");
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
    assert_eq!(index.catch_up(&reader, 0).unwrap(), Progress { from: 0, indexed: 0, total: 3, done: 0 });
    drop(index);
    let mut index = IndexDb::open(&path, &Hash([5; 32]), &other.spec().prefix).unwrap();
    assert_eq!(index.catch_up(&reader, 100).unwrap().indexed, 3);
}

/// Disconnects some of the chain's last blocks and connects others. `chain`: each block with the chain before it.
fn grow(setup: &mut Setup, chain: &mut Vec<(BlockMaker, HashedBlock)>, rng: &mut Rng) {
    for _ in 0..rng.between(0, 3).min(chain.len() as u64) {
        let (before, block) = chain.pop().unwrap();
        let changes = setup.ledger.unapply(block.header.height, &block.hash).unwrap();
        setup.ledger.flush_coins(&mut changes.backward()).unwrap();
        setup.maker = before;
    }
    let mut below = |bound: u64| u32::try_from(rng.below(bound)).unwrap();
    for _ in 0..=below(4) {
        let before = setup.maker.fork();
        let pairs: Vec<_> = (0..below(5)).map(|_| (below(3), below(ACCOUNTS))).collect();
        let pay = |(from, to): (u32, u32)| {
            let payer = SecretKey::well_known(from);
            setup.maker.transfer(&payer, account(to), 1000 + u64::from(to), 1)
        };
        let transfers = pairs.into_iter().map(pay).collect();
        let block = setup.maker.next_block(transfers, account(below(2)));
        testkit::append(&mut setup.ledger, &setup.maker, &block).unwrap();
        chain.push((before, block));
    }
    testkit::commit(&mut setup.ledger, &setup.maker).unwrap();
}

/// Addresses that the blocks of [`grow`] pay.
const ACCOUNTS: u64 = 6;

/// The rows of all views, sorted.
fn all_views(index: &IndexDb) -> Vec<Vec<String>> {
    let rows = |sql| rows::all(&index.connection, sql, [], |row| Ok(row.get(0)?)).unwrap();
    let all = [
        "SELECT txid || height || ' ' || position FROM v_txs ORDER BY 1",
        "SELECT txid || height || ' ' || position || address || amount FROM v_outputs ORDER BY 1",
        "SELECT outpoint || ' ' || amount || address || height || coinbase FROM v_coins ORDER BY 1",
        "SELECT address || balance || ' ' || coins FROM v_balances ORDER BY 1",
        "SELECT address || blocks || ' ' || amount || ' ' || last_height FROM v_miners ORDER BY 1",
    ];
    all.map(rows).to_vec()
}

#[test]
fn the_index_is_that_of_the_ledger_through_merges_and_reorganisations() {
    let (mut setup, mut rng) = (setup(), Rng::from_number(28));
    let mut chain = Vec::new();
    let mut most_runs = 0;
    for round in 0..150 {
        grow(&mut setup, &mut chain, &mut rng);
        let limit = u32::try_from(rng.between(1, 5)).unwrap();
        if !setup.index.catch_up(&setup.reader, limit).unwrap().is_complete() && round % 10 > 0 {
            continue;
        }
        while !setup.index.catch_up(&setup.reader, limit).unwrap().is_complete() {}
        most_runs = most_runs.max(runs::slots(&setup.index.connection).unwrap().len());
        for number in 0..u32::try_from(ACCOUNTS).unwrap() {
            let (coins, history) = balances(&setup, number);
            assert_eq!(coins, history, "account {number} in round {round}");
        }
    }
    while !setup.index.catch_up(&setup.reader, 100).unwrap().is_complete() {}
    assert!((2..20).contains(&most_runs), "{most_runs} runs");
    let Setup { dir, maker, reader, index, .. } = setup;
    // An index that takes the final chain in at once.
    let mut other = IndexDb::open(&dir.join("other.db"), &reader.genesis(), &maker.spec().prefix).unwrap();
    assert!(other.catch_up(&reader, u32::MAX).unwrap().is_complete());
    let views = all_views(&index);
    assert!(views.iter().all(|rows| rows.len() > 1));
    assert_eq!(views, all_views(&other));
    for block in chain.iter().map(|(_, block)| block) {
        for (position, hashed) in (0..).zip(&block.transactions) {
            let found = index.tx(&reader, &hashed.txid).unwrap().map(|found| (found.height, found.position));
            assert_eq!(found, Some((block.header.height, position)));
        }
    }
}

/// A ledger that lacks its old blocks, as one that joined with a snapshot, or that was pruned, does.
#[test]
fn an_index_begins_where_the_ledger_does_and_again_once_it_has_all_blocks() {
    let mut setup = setup();
    let blocks = pay(&mut setup.ledger, &mut setup.maker, 8, 1, 500);
    // So far as kept_from goes: the bodies are gone, and the marks of spent coins are left without them.
    let connection = rusqlite::Connection::open(setup.dir.join("ledger.db")).unwrap();
    let keep_from = |height: u32| connection.execute("UPDATE state SET kept_from = ?1", [height]).unwrap();
    keep_from(5);
    // It had begun with genesis, before the ledger joined.
    let progress = setup.index.catch_up(&setup.reader, 100).unwrap();
    assert_eq!((progress.from, progress.indexed, progress.is_complete()), (5, 9, true));
    assert_eq!(setup.index.begins_at().unwrap(), Some(5));
    let history = setup.index.history(&account(1), None, 100).unwrap();
    assert!(!history.is_empty() && history.iter().all(|entry| entry.height >= 5), "{history:?}");
    let txid = |height: usize| blocks[height - 1].transactions[0].txid;
    assert!(setup.index.tx(&setup.reader, &txid(5)).unwrap().is_some());
    assert!(setup.index.tx(&setup.reader, &txid(4)).unwrap().is_none());
    // Coins from before are not in it, so the ledger is asked for them.
    let tip = setup.reader.tip().unwrap().hash;
    assert_eq!(setup.index.coins_of(&setup.reader, &tip, &account(1), 10), Ok(None));
    keep_from(3);
    assert_eq!(setup.index.catch_up(&setup.reader, 100).unwrap().from, 5, "not for each block that comes back");
    keep_from(1);
    let progress = setup.index.catch_up(&setup.reader, 100).unwrap();
    assert_eq!((progress.from, progress.indexed), (0, 9));
    assert!(setup.index.tx(&setup.reader, &txid(1)).unwrap().is_some());
    balances(&setup, 1);
    // It is behind what a pruned ledger still has.
    let mut index =
        IndexDb::open(&setup.dir.join("other.db"), &setup.reader.genesis(), &setup.maker.spec().prefix).unwrap();
    index.catch_up(&setup.reader, 2).unwrap();
    keep_from(6);
    assert_eq!(index.catch_up(&setup.reader, 100).unwrap().from, 6);
}

/// A node that joins knows all headers, and keeps no block. Its coins are then those of a block far below.
#[test]
fn an_index_that_found_no_block_yet_hides_none_of_those_that_come() {
    let mut setup = setup();
    pay(&mut setup.ledger, &mut setup.maker, 80, 1, 500);
    let connection = rusqlite::Connection::open(setup.dir.join("ledger.db")).unwrap();
    let keep_from = |height: u32| connection.execute("UPDATE state SET kept_from = ?1", [height]).unwrap();
    keep_from(81);
    assert_eq!(setup.index.catch_up(&setup.reader, 100).unwrap().from, 81);
    keep_from(5);
    let progress = setup.index.catch_up(&setup.reader, 100).unwrap();
    assert_eq!((progress.from, progress.indexed, progress.is_complete()), (5, 81, true));
    assert_eq!(setup.index.history(&account(1), None, 1000).unwrap().last().map(|entry| entry.height), Some(5));
}
