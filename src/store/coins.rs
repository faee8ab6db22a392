//! The coins table: rows under 64-bit keys that others cannot predict, written in key order.
//!
//! A key is a hash of the outpoint and of a secret of this file. An integer key keeps the table a third smaller and
//! half as deep as one over whole outpoints; the secret keeps others from creating coins that share a key. If two coins
//! share one by chance, the outpoint in the row tells them apart, and the second goes to `coins_overflow`.

use std::{cell::Cell, collections::BTreeSet, sync::LazyLock};

use rusqlite::{CachedStatement, Connection, Statement, ToSql};

use crate::{
    base::hash::{Domain, Hash},
    chain::{
        archive::{CoinPlace, StoreError},
        coin::{Coin, CoinChange},
        transaction::OutPoint,
    },
    store::{check, error::corrupt, rows},
};

/// Coin changes that are written at a time if they come in key order.
const COIN_ROWS: usize = 1024;
/// Coin changes that are sorted and written at a time otherwise; about 6 MiB.
const COIN_SORT_ROWS: usize = 32_768;

/// Maps an outpoint to a key. A parameter, so that tests can make keys collide.
pub(super) type KeyFunction = fn(keys: &Keys, outpoint: &OutPoint) -> i64;

/// Computes keys.
#[derive(Debug)]
pub(super) struct Keys {
    secret: [u8; 32],
    /// The last txid with its hash: a coin is located and then read, and the coins of a transaction follow each other.
    last: Cell<Option<(Hash, i64)>>,
}

impl Keys {
    fn new(secret: [u8; 32]) -> Self {
        Self { secret, last: Cell::new(None) }
    }

    /// The first eight bytes of the keyed hash of secret and txid.
    fn of_transaction(&self, txid: &Hash) -> i64 {
        if let Some((_, hash)) = self.last.get().filter(|(last, _)| last == txid) {
            return hash;
        }
        let mut input = [0; 64];
        input[..32].copy_from_slice(&self.secret);
        input[32..].copy_from_slice(&txid.0);
        let hash = Domain::COIN_KEY.hash(&input).first_eight().cast_signed();
        self.last.set(Some((*txid, hash)));
        hash
    }
}

/// The coins of one database.
#[derive(Debug)]
pub(super) struct CoinTable {
    keys: Keys,
    key: KeyFunction,
    /// Keys that have rows in `coins_overflow`. While there are none, that table is not read.
    shared: BTreeSet<i64>,
}

/// A coin to insert, with its key.
type Made<'a> = (i64, &'a OutPoint, &'a Coin);

/// The bits of a key that are the output's position.
const POSITIONS: i64 = 0xfff;

/// Coins that one statement inserts: most of a short statement's time is its start and end.
const MAKE_ROWS: usize = 16;

/// Inserts a coin, or replaces it. Changes no row if the key is another coin's.
const MAKE_CONTESTED: &str = "INSERT INTO coins (key, txid, position, amount, address, height, coinbase) \
                              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                              ON CONFLICT (key) DO UPDATE SET amount = excluded.amount, address = excluded.address, \
                              height = excluded.height, coinbase = excluded.coinbase \
                              WHERE txid = excluded.txid AND position = excluded.position";

/// Inserts a coin, unless its key is taken.
static MAKE_ONE: LazyLock<String> = LazyLock::new(|| make_rows(1));

/// Inserts [`MAKE_ROWS`] coins, except those whose keys are taken.
static MAKE_MANY: LazyLock<String> = LazyLock::new(|| make_rows(MAKE_ROWS));

/// Inserts `rows` coins, except those whose keys are taken. For a statement that can fail, or can change a row, SQLite
/// would copy each page before it changes, to be able to roll back that statement alone.
fn make_rows(rows: usize) -> String {
    let values = rows::placeholders(rows, 7);
    format!("INSERT OR IGNORE INTO coins (key, txid, position, amount, address, height, coinbase) VALUES {values}")
}

impl CoinTable {
    /// The coins of the database behind `connection`.
    pub(super) fn open(connection: &Connection, secret: [u8; 32]) -> Result<Self, StoreError> {
        let sql = "SELECT value FROM meta WHERE name = 'coin_keys'";
        let key: KeyFunction = match rows::one(connection, sql, [], |row| Ok(row.get::<_, i64>(0)?))? {
            Some(1) => scattered,
            Some(2) => grouped,
            found => return Err(corrupt(format!("coins are said to have keys of the kind {found:?}"))),
        };
        let mut table = Self { keys: Keys::new(secret), key, shared: BTreeSet::new() };
        table.reload(connection)?;
        Ok(table)
    }

    /// The same with other keys, for tests.
    #[cfg(test)]
    pub(super) fn set_key_function(&mut self, key: KeyFunction) {
        self.key = key;
    }

    /// Forgets what is known about the database, after a rollback.
    pub(super) fn reload(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "SELECT txid, position, amount, address, height, coinbase FROM coins_overflow";
        let keys = rows::all(connection, sql, [], |row| Ok(self.key_of(&rows::coin(row, 0)?.0)))?;
        self.shared = keys.into_iter().collect();
        Ok(())
    }

    /// The place of a coin: rows lie in the order of their keys.
    pub(super) fn place_of(&self, outpoint: &OutPoint) -> CoinPlace {
        let order = self.key_of(outpoint);
        CoinPlace { order, alone: !self.shared.contains(&order) }
    }

    /// The key of a coin.
    fn key_of(&self, outpoint: &OutPoint) -> i64 {
        (self.key)(&self.keys, outpoint)
    }

    /// The coin at an outpoint.
    pub(super) fn get(&self, connection: &Connection, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError> {
        self.reader(connection)?.get(outpoint)
    }

    /// A reader of many coins. Preparing its statements takes a tenth as long as reading a coin.
    pub(super) fn reader<'a>(&'a self, connection: &'a Connection) -> Result<CoinReader<'a>, StoreError> {
        let sql = "SELECT txid, position, amount, address, height, coinbase FROM coins WHERE key = ?1";
        Ok(CoinReader { table: self, connection, find: connection.prepare_cached(sql)? })
    }

    /// Visits all coins like [`each_coin`], and checks that each is stored under its own key.
    pub(super) fn each(
        &self,
        connection: &Connection,
        mut visit: impl FnMut(OutPoint, Coin),
    ) -> Result<(), StoreError> {
        check::quick_of(connection, "coins")?;
        let sql = "SELECT txid, position, amount, address, height, coinbase, key FROM coins UNION ALL \
                   SELECT txid, position, amount, address, height, coinbase, NULL FROM coins_overflow";
        rows::each(connection, sql, [], |row| {
            let (outpoint, coin) = rows::coin(row, 0)?;
            let key: Option<i64> = row.get(6)?;
            if key.is_some_and(|key| key != self.key_of(&outpoint)) {
                return Err(corrupt(format!("the coin {}:{} lies under another key", outpoint.txid, outpoint.index)));
            }
            visit(outpoint, coin);
            Ok(())
        })
    }

    /// Creates and removes coins. A change that was made already may be repeated.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        changes: &mut dyn Iterator<Item = CoinChange>,
    ) -> Result<(), StoreError> {
        loop {
            let keyed = |change: CoinChange| match &change {
                CoinChange::Make(outpoint, _) | CoinChange::Remove(outpoint) => (self.key_of(outpoint), change),
                CoinChange::MakeAt(key, ..) | CoinChange::RemoveAt(key) => (*key, change),
            };
            let mut sorted: Vec<(i64, CoinChange)> = (&mut *changes).take(COIN_ROWS).map(keyed).collect();
            if sorted.is_empty() {
                return Ok(());
            }
            if !sorted.is_sorted_by_key(|(key, _)| *key) {
                sorted.extend((&mut *changes).take(COIN_SORT_ROWS - COIN_ROWS).map(keyed));
                // The sort is stable: of two changes to one coin the later one counts.
                sorted.sort_by_key(|(key, _)| *key);
            }
            self.write_sorted(connection, &sorted)?;
        }
    }

    fn write_sorted(&mut self, connection: &Connection, changes: &[(i64, CoinChange)]) -> Result<(), StoreError> {
        let mut remove_at = connection.prepare_cached("DELETE FROM coins WHERE key = ?1")?;
        let mut remove =
            connection.prepare_cached("DELETE FROM coins WHERE key = ?1 AND txid = ?2 AND position = ?3")?;
        let mut make_many = connection.prepare_cached(&MAKE_MANY)?;
        let mut made: Vec<Made<'_>> = Vec::with_capacity(MAKE_ROWS);
        for (key, change) in changes {
            if let CoinChange::Make(outpoint, coin) | CoinChange::MakeAt(_, outpoint, coin) = change {
                made.push((*key, outpoint, coin));
                if made.len() == MAKE_ROWS {
                    self.make(connection, &mut make_many, &made)?;
                    made.clear();
                }
                continue;
            }
            // The coin may be one of those that are not written yet.
            if made.last().is_some_and(|(last, ..)| last == key) {
                self.make_singly(connection, &made)?;
                made.clear();
            }
            if let CoinChange::Remove(outpoint) = change {
                if remove.execute((key, outpoint.txid.0.as_slice(), outpoint.index))? == 0 {
                    self.remove_overflow(connection, outpoint)?;
                }
            } else {
                remove_at.execute([key])?;
            }
        }
        self.make_singly(connection, &made)
    }

    /// Inserts coins, one statement each.
    fn make_singly(&mut self, connection: &Connection, made: &[Made<'_>]) -> Result<(), StoreError> {
        let mut make_one = connection.prepare_cached(&MAKE_ONE)?;
        made.chunks(1).try_for_each(|made| self.make(connection, &mut make_one, made))
    }

    /// Inserts the coins with `statement`, which has as many rows.
    fn make(
        &mut self,
        connection: &Connection,
        statement: &mut Statement<'_>,
        made: &[Made<'_>],
    ) -> Result<(), StoreError> {
        if !self.shared.is_empty() {
            return self.make_contested(connection, made);
        }
        let mut at = 0;
        for (key, outpoint, coin) in made {
            let (txid, address) = (outpoint.txid.0.as_slice(), coin.address.0.as_slice());
            let amount = amount(coin)?;
            let row: [&dyn ToSql; 7] = [key, &txid, &outpoint.index, &amount, &address, &coin.height, &coin.coinbase];
            rows::bind_next(statement, &mut at, &row)?;
        }
        // If a key is taken, all are inserted again: that changes nothing in the rows that were written.
        if statement.raw_execute()? == made.len() { Ok(()) } else { self.make_contested(connection, made) }
    }

    /// Inserts coins whose keys may be taken by others.
    fn make_contested(&mut self, connection: &Connection, made: &[Made<'_>]) -> Result<(), StoreError> {
        let mut make = connection.prepare_cached(MAKE_CONTESTED)?;
        for (key, outpoint, coin) in made {
            // A coin is in one of the two tables: one that is in the overflow table must not get a second row.
            self.remove_overflow(connection, outpoint)?;
            let (txid, address) = (outpoint.txid.0.as_slice(), coin.address.0.as_slice());
            if make.execute((key, txid, outpoint.index, amount(coin)?, address, coin.height, coin.coinbase))? == 0 {
                self.put_overflow(connection, outpoint, coin)?;
            }
        }
        Ok(())
    }

    fn put_overflow(&mut self, connection: &Connection, outpoint: &OutPoint, coin: &Coin) -> Result<(), StoreError> {
        let sql = "INSERT INTO coins_overflow (txid, position, amount, address, height, coinbase) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (txid, address) = (outpoint.txid.0.as_slice(), coin.address.0.as_slice());
        rows::run(connection, sql, (txid, outpoint.index, amount(coin)?, address, coin.height, coin.coinbase))?;
        self.shared.insert(self.key_of(outpoint));
        Ok(())
    }

    fn remove_overflow(&mut self, connection: &Connection, outpoint: &OutPoint) -> Result<(), StoreError> {
        if !self.shared.is_empty() {
            let sql = "DELETE FROM coins_overflow WHERE txid = ?1 AND position = ?2";
            if rows::run(connection, sql, (outpoint.txid.0.as_slice(), outpoint.index))? > 0 {
                self.reload(connection)?;
            }
        }
        Ok(())
    }
}

/// Reads coins of one database with prepared statements.
pub(super) struct CoinReader<'a> {
    table: &'a CoinTable,
    connection: &'a Connection,
    find: CachedStatement<'a>,
}

impl CoinReader<'_> {
    /// The coin at an outpoint.
    pub(super) fn get(&mut self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError> {
        let key = self.table.key_of(outpoint);
        let found = rows::first(&mut self.find, [key], |row| rows::coin(row, 0))?;
        match found {
            Some((at, coin)) if at == *outpoint => Ok(Some(coin)),
            _ if !self.table.shared.is_empty() => {
                let sql = "SELECT txid, position, amount, address, height, coinbase FROM coins_overflow \
                           WHERE txid = ?1 AND position = ?2";
                let parameters = (outpoint.txid.0.as_slice(), outpoint.index);
                Ok(rows::one(self.connection, sql, parameters, |row| rows::coin(row, 0))?.map(|(_, coin)| coin))
            }
            _ => Ok(None),
        }
    }
}

/// Visits all coins, in no particular order.
pub(super) fn each_coin(
    connection: &Connection,
    mut visit: impl FnMut(OutPoint, Coin) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let sql = "SELECT txid, position, amount, address, height, coinbase FROM coins UNION ALL \
               SELECT txid, position, amount, address, height, coinbase FROM coins_overflow";
    rows::each(connection, sql, [], |row| {
        let (outpoint, coin) = rows::coin(row, 0)?;
        visit(outpoint, coin)
    })
}

/// The first eight bytes of the keyed hash of secret and outpoint: 'coin_keys' 1.
fn scattered(keys: &Keys, outpoint: &OutPoint) -> i64 {
    let mut input = [0; 68];
    input[..32].copy_from_slice(&keys.secret);
    input[32..64].copy_from_slice(&outpoint.txid.0);
    input[64..].copy_from_slice(&outpoint.index.to_le_bytes());
    Domain::COIN_KEY.hash(&input).first_eight().cast_signed()
}

/// The first 52 bits of the keyed hash of secret and txid, then the position: 'coin_keys' 2.
fn grouped(keys: &Keys, outpoint: &OutPoint) -> i64 {
    (keys.of_transaction(&outpoint.txid) & !POSITIONS) | i64::from(outpoint.index) & POSITIONS
}

fn amount(coin: &Coin) -> Result<i64, StoreError> {
    i64::try_from(coin.amount).map_err(|_| StoreError::Other(format!("an amount of {} cannot exist", coin.amount)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::hash::Hash, chain::address::Address, store::migrate};

    fn outpoint(n: u8) -> OutPoint {
        OutPoint { txid: Hash([n; 32]), index: u32::from(n) }
    }

    fn coin(n: u8) -> Coin {
        Coin { amount: u64::from(n), address: Address([n; 20]), height: 7, coinbase: n.is_multiple_of(2) }
    }

    fn table(key: KeyFunction) -> (Connection, CoinTable) {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate::LEDGER.migrate(&mut connection).unwrap();
        let mut table = CoinTable::open(&connection, [1; 32]).unwrap();
        table.set_key_function(key);
        (connection, table)
    }

    fn count(connection: &Connection) -> (i64, i64) {
        let sql = "SELECT (SELECT count(*) FROM coins), (SELECT count(*) FROM coins_overflow)";
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }

    #[test]
    fn coins_come_and_go_also_when_all_keys_collide() {
        for key in [grouped as KeyFunction, scattered, |_, _| 5, |_, outpoint| i64::from(outpoint.index % 3)] {
            let (connection, mut table) = table(key);
            let mut make = (1..=9).map(|n| CoinChange::Make(outpoint(n), coin(n)));
            table.write(&connection, &mut make).unwrap();
            // Repeated: nothing changes.
            table.write(&connection, &mut (1..=9).map(|n| CoinChange::Make(outpoint(n), coin(n)))).unwrap();
            for n in 1..=9 {
                assert_eq!(table.get(&connection, &outpoint(n)), Ok(Some(coin(n))), "coin {n}");
            }
            assert_eq!(table.get(&connection, &outpoint(10)), Ok(None));
            // Removing the coin that holds the key leaves the others. One of them, inserted again, takes its place.
            let (gone, made) =
                ([1, 4].map(|n| CoinChange::Remove(outpoint(n))), CoinChange::Make(outpoint(9), coin(9)));
            let mut change = gone.into_iter().chain([made]);
            table.write(&connection, &mut change).unwrap();
            for n in 1..=9 {
                let expected = (n != 1 && n != 4).then(|| coin(n));
                assert_eq!(table.get(&connection, &outpoint(n)), Ok(expected), "coin {n}");
            }
            let (plain, overflow) = count(&connection);
            assert_eq!(plain + overflow, 7);
            let mut seen = (0, 0);
            each_coin(&connection, |_, _| {
                seen.0 += 1;
                Ok(())
            })
            .unwrap();
            table.each(&connection, |_, _| seen.1 += 1).unwrap();
            assert_eq!(seen, (7, 7));
            table.write(&connection, &mut (1..=9).map(|n| CoinChange::Remove(outpoint(n)))).unwrap();
            assert_eq!(count(&connection), (0, 0));
            assert!(table.shared.is_empty());
        }
    }

    #[test]
    fn coins_that_are_inserted_many_at_a_time_are_those_that_were_given() {
        for key in [grouped as KeyFunction, scattered, |_, _| 5, |_, outpoint| i64::from(outpoint.index % 30)] {
            let (connection, mut table) = table(key);
            // A coin that is inserted and removed within the coins of one statement, with others around it.
            let all = (1..=50).map(|n| CoinChange::Make(outpoint(n), coin(n)));
            let more = [CoinChange::Remove(outpoint(40)), CoinChange::Make(outpoint(51), coin(51))];
            table.write(&connection, &mut all.chain(more)).unwrap();
            for n in 1..=52 {
                let expected = (n != 40 && n != 52).then(|| coin(n));
                assert_eq!(table.get(&connection, &outpoint(n)), Ok(expected), "coin {n}");
            }
            let (plain, overflow) = count(&connection);
            assert_eq!(plain + overflow, 50);
        }
    }

    #[test]
    fn a_coin_that_cannot_be_found_is_damage() {
        let (connection, mut table) = table(grouped);
        table.write(&connection, &mut (1..=9).map(|n| CoinChange::Make(outpoint(n), coin(n)))).unwrap();
        assert_eq!(table.each(&connection, |_, _| {}), Ok(()));
        connection.execute("UPDATE coins SET key = key + 1 WHERE amount = 4", []).unwrap();
        assert!(matches!(table.each(&connection, |_, _| {}), Err(StoreError::Corrupt(_))));
    }

    #[test]
    fn the_last_change_to_a_coin_counts_and_secrets_make_other_keys() {
        let (connection, mut table) = table(grouped);
        let changes = [Some(coin(1)), None, Some(coin(2))].map(|coin| CoinChange::of(outpoint(1), coin));
        table.write(&connection, &mut changes.into_iter()).unwrap();
        assert_eq!(table.get(&connection, &outpoint(1)), Ok(Some(coin(2))));
        assert_ne!(grouped(&Keys::new([1; 32]), &outpoint(1)), grouped(&Keys::new([2; 32]), &outpoint(1)));
    }

    #[test]
    fn a_coin_that_is_alone_at_its_place_is_removed_without_its_outpoint() {
        for key in [grouped as KeyFunction, scattered, |_, outpoint| i64::from(outpoint.index / 2)] {
            let (connection, mut table) = table(key);
            table.write(&connection, &mut (1..=9).map(|n| CoinChange::Make(outpoint(n), coin(n)))).unwrap();
            for n in 1..=9 {
                let sharers = (1..=9).filter(|other| table.key_of(&outpoint(*other)) == table.key_of(&outpoint(n)));
                let place = table.place_of(&outpoint(n));
                assert_eq!(place.alone, sharers.count() == 1, "coin {n}");
                if place.alone {
                    table.write(&connection, &mut [CoinChange::RemoveAt(place.order)].into_iter()).unwrap();
                    assert_eq!(table.get(&connection, &outpoint(n)), Ok(None));
                }
            }
            // Of two coins at a place one is removed: the other is then alone there, in either table.
            for gone in [2, 5] {
                table.write(&connection, &mut [CoinChange::Remove(outpoint(gone))].into_iter()).unwrap();
            }
            for n in [3, 4] {
                assert!(table.get(&connection, &outpoint(n)).unwrap().is_none_or(|found| found == coin(n)));
            }
        }
    }
}
