//! The coins beside a model, with tiny pages and runs, so that merges are always under way, and with keys that collide.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    base::hash::Hash,
    chain::address::{Address, Prefix},
    store::{migrate, rows},
};

/// Coins that a model test knows.
const COINS: u16 = 300;
/// Two or three entries a page, two runs a merge, and a page or two a step.
const TINY: Sizes = Sizes { page_bytes: 170, fan: 2, step_bytes: 150 };

/// How the keys of a test are made.
type KeyFunction = fn(&OutPoint) -> CoinKey;

fn outpoint(n: u16) -> OutPoint {
    OutPoint { txid: Hash([(n / 3 % 256) as u8; 32]), index: u32::from(n) }
}

fn coin(amount: u64) -> Coin {
    Coin { amount, address: Address([amount as u8; 20]), height: amount as u32 / 2, coinbase: amount.is_multiple_of(3) }
}

/// Keys as they are, cut to 16 and to 2 bits, and all equal.
const KEYS: [KeyFunction; 4] = [
    CoinKey::of,
    |outpoint| CoinKey { order: (CoinKey::of(outpoint).order & 0xffff << 48).max(1), outpoint: *outpoint },
    |outpoint| CoinKey { order: (CoinKey::of(outpoint).order & 0b11 << 62).max(1), outpoint: *outpoint },
    |outpoint| CoinKey { order: u64::MAX >> 12, outpoint: *outpoint },
];

fn connection() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate::LEDGER.migrate(&mut connection).unwrap();
    connection
}

fn table(connection: &Connection, sizes: Sizes, filter_bytes: usize) -> CoinTable {
    let mut table = CoinTable::open(connection, [3; 32], filter_bytes).unwrap();
    table.sizes = sizes;
    table
}

fn all(table: &CoinTable, connection: &Connection) -> BTreeMap<OutPoint, u64> {
    let mut all = BTreeMap::new();
    let visit = |outpoint: &OutPoint, found: Coin| {
        assert_eq!(found, coin(found.amount));
        assert_eq!(all.insert(*outpoint, found.amount), None, "a coin is visited once");
        Ok(())
    };
    table.each_coin(connection, visit).unwrap();
    all
}

/// Merges under way.
fn merges(table: &CoinTable) -> usize {
    table.layers.iter().filter(|layer| matches!(layer, Layer::Merge(_))).count()
}

#[derive(Clone, Debug)]
enum Op {
    /// Creates coins that are not there and removes those that are, in this order.
    Toggle(Vec<(u16, u64)>),
    /// The same in the order of keys.
    ToggleSorted(Vec<(u16, u64)>),
    /// Writes the same changes again.
    Repeat,
    Merge,
    Commit,
    /// Drops what is not committed, as a kill does.
    Rollback,
    Reopen,
    LoseFilters,
}

fn op() -> impl Strategy<Value = Op> {
    let some = || proptest::collection::vec((0..COINS, 1..1000u64), 1..90);
    prop_oneof![
        4 => some().prop_map(Op::Toggle),
        4 => some().prop_map(Op::ToggleSorted),
        1 => Just(Op::Repeat),
        8 => Just(Op::Merge),
        3 => Just(Op::Commit),
        1 => Just(Op::Rollback),
        2 => Just(Op::Reopen),
        1 => Just(Op::LoseFilters),
    ]
}

/// A table with its model.
struct Beside {
    connection: Connection,
    table: CoinTable,
    key: KeyFunction,
    filter_bytes: usize,
    model: BTreeMap<OutPoint, u64>,
    committed: BTreeMap<OutPoint, u64>,
    last: Vec<CoinChange>,
}

impl Beside {
    fn new(key: KeyFunction, filter_bytes: usize) -> Self {
        let connection = connection();
        let table = table(&connection, TINY, filter_bytes);
        view::add(&connection, Prefix::new("test").unwrap()).unwrap();
        connection.execute_batch("BEGIN").unwrap();
        let (model, committed, last) = Default::default();
        Self { connection, table, key, filter_bytes, model, committed, last }
    }

    fn toggle(&mut self, some: Vec<(u16, u64)>) -> Vec<CoinChange> {
        let mut changes = Vec::new();
        for (n, amount) in some {
            let at = outpoint(n);
            let is_there = self.model.remove(&at).is_some();
            if !is_there {
                self.model.insert(at, amount);
            }
            changes.push(CoinChange { key: (self.key)(&at), coin: (!is_there).then(|| coin(amount)) });
        }
        changes
    }

    fn write(&mut self, changes: Vec<CoinChange>) {
        self.table.write(&self.connection, &mut changes.iter().cloned()).unwrap();
        self.last = changes;
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Toggle(some) => {
                let changes = self.toggle(some);
                self.write(changes);
            }
            Op::ToggleSorted(some) => {
                let mut changes = self.toggle(some);
                sort(&mut changes);
                self.write(changes);
            }
            Op::Repeat => self.write(self.last.clone()),
            Op::Merge => self.table.merge(&self.connection).unwrap(),
            Op::Commit => {
                self.connection.execute_batch("COMMIT; BEGIN").unwrap();
                self.committed = self.model.clone();
            }
            Op::Rollback => {
                self.connection.execute_batch("ROLLBACK; BEGIN").unwrap();
                self.model = self.committed.clone();
                self.last.clear();
                self.table.reload(&self.connection).unwrap();
            }
            Op::Reopen => self.table = table(&self.connection, TINY, self.filter_bytes),
            Op::LoseFilters => drop(self.connection.execute("DELETE FROM coin_filters", []).unwrap()),
        }
    }

    fn check(&self) {
        let mut reader = self.table.reader(&self.connection).unwrap();
        for n in 0..COINS + 3 {
            let found = reader.get(&(self.key)(&outpoint(n))).unwrap();
            assert_eq!(found.map(|coin| coin.amount), self.model.get(&outpoint(n)).copied(), "coin {n}");
        }
        assert_eq!(all(&self.table, &self.connection), self.model);
        let other = CoinTable::open_to_read(&self.connection).unwrap();
        assert_eq!(all(&other, &self.connection), self.model);
        let sql = "SELECT count(*), coalesce(sum(amount), 0) FROM v_packed_coins";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
        let seen = self.connection.query_row(sql, [], read).unwrap();
        assert_eq!(seen, (self.model.len() as i64, self.model.values().sum::<u64>() as i64));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_coins_are_those_of_a_plain_map(
        ops in proptest::collection::vec(op(), 1..60),
        key in 0..KEYS.len(),
        filter_bytes in prop_oneof![Just(0), Just(300), Just(1 << 20)],
    ) {
        let mut beside = Beside::new(KEYS[key], filter_bytes);
        for op in ops {
            beside.apply(op);
            beside.check();
        }
        beside.table.merge_all(&beside.connection).unwrap();
        beside.check();
        let pages = "SELECT count(*) FROM coin_pages WHERE id >> 55 NOT IN (SELECT slot FROM coin_runs)";
        prop_assert_eq!(rows::one(&beside.connection, pages, [], |row| Ok(row.get::<_, i64>(0)?)).unwrap(), Some(0));
    }
}

#[test]
fn merges_stop_at_every_place_and_end() {
    let (connection, mut halves) = (connection(), 0);
    let mut table = table(&connection, TINY, 1 << 20);
    let mut model = BTreeMap::new();
    for round in 0..40u16 {
        let created = (round * 7..round * 7 + 7).map(|n| CoinChange::of(&outpoint(n), Some(coin(u64::from(n)))));
        let removed = (round * 7).checked_sub(4).map(|n| CoinChange::of(&outpoint(n), None));
        let mut changes: Vec<_> = created.chain(removed).collect();
        changes.iter().for_each(|change| match &change.coin {
            Some(coin) => drop(model.insert(change.key.outpoint, coin.amount)),
            None => drop(model.remove(&change.key.outpoint)),
        });
        sort(&mut changes);
        table.write(&connection, &mut changes.into_iter()).unwrap();
        while table.has_merges_due() {
            assert!(table.step(&connection).unwrap());
            halves += merges(&table);
            assert_eq!(all(&table, &connection), model);
        }
    }
    assert!(halves > 100, "merges were seen half-made {halves} times");
    assert!(table.layers.len() < 8, "{:?}", table.layers);
}

#[test]
fn few_changes_share_a_page() {
    let connection = connection();
    let mut table = table(&connection, Sizes::default(), 1 << 20);
    for n in 0..50 {
        table.write(&connection, &mut [CoinChange::of(&outpoint(n), Some(coin(u64::from(n))))].into_iter()).unwrap();
    }
    assert_eq!(table.layers.len(), 1);
    table.write(&connection, &mut [CoinChange::of(&outpoint(7), None)].into_iter()).unwrap();
    assert_eq!(table.get(&connection, &CoinKey::of(&outpoint(7))), Ok(None));
    assert_eq!(all(&table, &connection).len(), 49);
}

#[test]
fn spent_coins_leave_nothing_behind_in_the_oldest_run() {
    let connection = connection();
    let mut table = table(&connection, TINY, 1 << 20);
    for round in 0..30u16 {
        let changes = (0..40).map(|n| CoinChange::of(&outpoint(n), round.is_multiple_of(2).then(|| coin(5))));
        table.write(&connection, &mut changes.collect::<Vec<_>>().into_iter()).unwrap();
        table.merge_all(&connection).unwrap();
    }
    assert_eq!(all(&table, &connection).len(), 0);
    let left: u64 = table.layers.iter().flat_map(Layer::runs).map(|run| run.entries).sum();
    assert!(left <= 3 * 40, "{left} entries");
}

#[test]
fn a_look_up_reads_about_one_page_and_a_missing_coin_none_in_upper_runs() {
    let connection = connection();
    let mut table = table(&connection, Sizes { page_bytes: 400, fan: 4, step_bytes: 2000 }, 1 << 20);
    for round in 0..60u16 {
        let changes = (round * 200..round * 200 + 200).map(|n| CoinChange::of(&outpoint(n), Some(coin(u64::from(n)))));
        table.write(&connection, &mut changes.collect::<Vec<_>>().into_iter()).unwrap();
        table.merge(&connection).unwrap();
    }
    let runs: Vec<&Run> = table.layers.iter().flat_map(Layer::runs).collect();
    assert!(runs.len() > 2);
    let mut passed = 0;
    for n in 20_000..21_000 {
        let order = CoinKey::of(&outpoint(n)).order;
        passed += runs.iter().filter(|run| run.filter.as_ref().is_some_and(|filter| filter.may_have(order))).count();
    }
    assert!(passed < 60 * runs.len(), "{passed} of {}", 1000 * runs.len());
}

#[test]
fn a_coin_that_cannot_be_found_is_damage() {
    let connection = connection();
    let mut table = table(&connection, Sizes::default(), 1 << 20);
    table.write(&connection, &mut (0..9).map(|n| CoinChange::of(&outpoint(n), Some(coin(5))))).unwrap();
    assert_eq!(table.check_each(&connection, |_, _| {}), Ok(()));
    for damage in [
        "UPDATE coin_pages SET entries = CAST(x'0000000000000001' || substr(entries, 9) AS BLOB)",
        "UPDATE coin_pages SET entries = substr(entries, 2)",
        "UPDATE coin_pages SET entries = CAST(entries || entries AS BLOB)",
        "UPDATE coin_pages SET id = id + (1 << 40)",
    ] {
        connection.execute_batch("SAVEPOINT whole").unwrap();
        connection.execute_batch(damage).unwrap();
        let found = table.check_each(&connection, |_, _| {});
        let is_lost = damage.contains("1 << 40");
        assert!(matches!(found, Err(StoreError::Corrupt(_))) || is_lost, "{damage}: {found:?}");
        connection.execute_batch("ROLLBACK TO whole; RELEASE whole").unwrap();
    }
}
