//! The coins table: rows under 64-bit keys that others cannot predict, written in key order.
//!
//! A key is a hash of the outpoint and of a secret of this file. An integer key keeps the table a third smaller and
//! half as deep as one over whole outpoints; the secret keeps others from creating coins that share a key. If two coins
//! share one by chance, the outpoint in the row tells them apart, and the second goes to `coins_overflow`.

#[cfg(test)]
mod tests;

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
type NewCoin<'a> = (i64, &'a OutPoint, &'a Coin);

/// The bits of a key that are the output's position.
const POSITIONS: i64 = 0xfff;

/// Coins that one statement inserts: most of a short statement's time is its start and end.
const INSERT_ROWS: usize = 16;

/// Inserts a coin, or replaces it. Changes no row if the key is another coin's.
const UPSERT_ONE: &str = "INSERT INTO coins (key, txid, position, amount, address, height, coinbase) \
                              VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                              ON CONFLICT (key) DO UPDATE SET amount = excluded.amount, address = excluded.address, \
                              height = excluded.height, coinbase = excluded.coinbase \
                              WHERE txid = excluded.txid AND position = excluded.position";

/// Inserts a coin, unless its key is taken.
static INSERT_ONE: LazyLock<String> = LazyLock::new(|| insert_sql(1));

/// Inserts [`INSERT_ROWS`] coins, except those whose keys are taken.
static INSERT_MANY: LazyLock<String> = LazyLock::new(|| insert_sql(INSERT_ROWS));

/// Inserts `rows` coins, except those whose keys are taken. For a statement that can fail, or can change a row, SQLite
/// would copy each page before it changes, to be able to roll back that statement alone.
fn insert_sql(rows: usize) -> String {
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
                CoinChange::Create(outpoint, _) | CoinChange::Remove(outpoint) => (self.key_of(outpoint), change),
                CoinChange::CreateAt(key, ..) | CoinChange::RemoveAt(key) => (*key, change),
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
        let mut insert_many = connection.prepare_cached(&INSERT_MANY)?;
        let mut created: Vec<NewCoin<'_>> = Vec::with_capacity(INSERT_ROWS);
        for (key, change) in changes {
            if let CoinChange::Create(outpoint, coin) | CoinChange::CreateAt(_, outpoint, coin) = change {
                created.push((*key, outpoint, coin));
                if created.len() == INSERT_ROWS {
                    self.insert(connection, &mut insert_many, &created)?;
                    created.clear();
                }
                continue;
            }
            // The coin may be one of those that are not written yet.
            if created.last().is_some_and(|(last, ..)| last == key) {
                self.insert_singly(connection, &created)?;
                created.clear();
            }
            if let CoinChange::Remove(outpoint) = change {
                if remove.execute((key, outpoint.txid.0.as_slice(), outpoint.index))? == 0 {
                    self.remove_overflow(connection, outpoint)?;
                }
            } else {
                remove_at.execute([key])?;
            }
        }
        self.insert_singly(connection, &created)
    }

    /// Inserts coins, one statement each.
    fn insert_singly(&mut self, connection: &Connection, created: &[NewCoin<'_>]) -> Result<(), StoreError> {
        let mut insert_one = connection.prepare_cached(&INSERT_ONE)?;
        created.chunks(1).try_for_each(|created| self.insert(connection, &mut insert_one, created))
    }

    /// Inserts the coins with `statement`, which has as many rows.
    fn insert(
        &mut self,
        connection: &Connection,
        statement: &mut Statement<'_>,
        created: &[NewCoin<'_>],
    ) -> Result<(), StoreError> {
        if !self.shared.is_empty() {
            return self.insert_contested(connection, created);
        }
        let mut at = 0;
        for (key, outpoint, coin) in created {
            let (txid, address) = (outpoint.txid.0.as_slice(), coin.address.0.as_slice());
            let amount = amount(coin)?;
            let row: [&dyn ToSql; 7] = [key, &txid, &outpoint.index, &amount, &address, &coin.height, &coin.coinbase];
            rows::bind_next(statement, &mut at, &row)?;
        }
        // If a key is taken, all are inserted again: that changes nothing in the rows that were written.
        if statement.raw_execute()? == created.len() { Ok(()) } else { self.insert_contested(connection, created) }
    }

    /// Inserts coins whose keys may be taken by others.
    fn insert_contested(&mut self, connection: &Connection, created: &[NewCoin<'_>]) -> Result<(), StoreError> {
        let mut upsert = connection.prepare_cached(UPSERT_ONE)?;
        for (key, outpoint, coin) in created {
            // A coin is in one of the two tables: one that is in the overflow table must not get a second row.
            self.remove_overflow(connection, outpoint)?;
            let (txid, address) = (outpoint.txid.0.as_slice(), coin.address.0.as_slice());
            if upsert.execute((key, txid, outpoint.index, amount(coin)?, address, coin.height, coin.coinbase))? == 0 {
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
