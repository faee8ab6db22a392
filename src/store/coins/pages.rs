//! The pages of runs: rows of `coin_pages`, written and read in order.

use rusqlite::{CachedStatement, Connection};

use super::entry::{self, Entry, Found};
use crate::{
    chain::{archive::StoreError, coin::Coin, coin_key::CoinKey},
    store::{error::corrupt, rows},
};

/// Bytes of entries in a row: with them the row fills a database page of 4,096 bytes.
pub(super) const PAGE_BYTES: usize = 4040;

/// Bits of a row's number below the run's slot: leading bits of the last key's order.
const ORDER_BITS: u32 = 55;

/// The number of a run's first possible row.
fn first_row(slot: u8) -> i64 {
    i64::from(slot) << ORDER_BITS
}

/// The number of a run's last possible row.
fn last_row(slot: u8) -> i64 {
    first_row(slot) | ((1 << ORDER_BITS) - 1)
}

/// The least number of a row whose last key has this order or a larger one.
fn row_of(slot: u8, order: u64) -> i64 {
    first_row(slot) | (order >> (u64::BITS - ORDER_BITS)).cast_signed()
}

/// Appends entries to a run, in the order of their keys.
pub(super) struct PageWriter<'a> {
    connection: &'a Connection,
    slot: u8,
    page_bytes: usize,
    page: Vec<u8>,
    /// Order of the last entry.
    last: u64,
    /// Number of the row written last.
    row: i64,
    /// Entries and bytes written.
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

impl<'a> PageWriter<'a> {
    /// A writer behind the rows that the run has.
    pub(super) fn new(connection: &'a Connection, slot: u8, page_bytes: usize) -> Result<Self, StoreError> {
        let sql = "SELECT max(id) FROM coin_pages WHERE id BETWEEN ?1 AND ?2";
        let found = rows::one(connection, sql, [first_row(slot), last_row(slot)], |row| Ok(row.get(0)?))?;
        let row = found.flatten().unwrap_or_else(|| first_row(slot) - 1);
        let page = Vec::with_capacity(page_bytes);
        Ok(Self { connection, slot, page_bytes, page, last: 0, row, entries: 0, bytes: 0 })
    }

    /// Whether the page must be written before these bytes can be added.
    pub(super) fn is_full_for(&self, bytes: &[u8]) -> bool {
        !self.page.is_empty() && self.page.len() + bytes.len() > self.page_bytes
    }

    /// Appends an entry.
    pub(super) fn push(&mut self, order: u64, bytes: &[u8]) -> Result<(), StoreError> {
        if self.is_full_for(bytes) {
            self.write()?;
        }
        self.page.extend_from_slice(bytes);
        self.last = order;
        self.entries += 1;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Writes what is left of the last page.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        if self.page.is_empty() { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> Result<(), StoreError> {
        // Pages whose last keys agree in the leading bits get numbers that follow each other. A row's number may then be
        // above its last key's, never below, so that a search that begins there and reads on misses nothing.
        let row = row_of(self.slot, self.last).max(self.row + 1);
        if row > last_row(self.slot) {
            return Err(corrupt("a run of coins has no row left"));
        }
        rows::run(self.connection, "INSERT INTO coin_pages (id, entries) VALUES (?1, ?2)", (row, &self.page))?;
        self.row = row;
        self.page.clear();
        Ok(())
    }
}

/// Reads a run in order.
pub(super) struct Cursor {
    slot: u8,
    /// Number of the page's row; the least number that the next one can have.
    row: i64,
    page: Vec<u8>,
    /// The current entry begins and ends here; both are 0 before the first.
    at: usize,
    end: usize,
    key: Option<CoinKey>,
    is_coin: bool,
}

impl Cursor {
    /// At the first entry of a run behind `passed`.
    pub(super) fn new(connection: &Connection, slot: u8, passed: Option<&CoinKey>) -> Result<Self, StoreError> {
        let row = passed.map_or_else(|| first_row(slot), |passed| row_of(slot, passed.order));
        let mut cursor = Self { slot, row, page: Vec::new(), at: 0, end: 0, key: None, is_coin: false };
        cursor.load(connection)?;
        cursor.step(connection)?;
        while passed.is_some_and(|passed| cursor.key.is_some_and(|key| key <= *passed)) {
            cursor.step(connection)?;
        }
        Ok(cursor)
    }

    /// The current key; `None` at the end.
    pub(super) fn key(&self) -> Option<CoinKey> {
        self.key
    }

    /// The current entry, which there must be.
    pub(super) fn entry(&self) -> Option<Entry<'_>> {
        Some(Entry { key: self.key?, is_coin: self.is_coin, bytes: &self.page[self.at..self.end] })
    }

    /// Goes to the next entry. Keys must ascend.
    pub(super) fn step(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.at = self.end;
        if self.at == self.page.len() {
            if !self.page.is_empty() {
                self.row += 1;
                self.load(connection)?;
            }
            if self.page.is_empty() {
                self.key = None;
                return Ok(());
            }
        }
        let mut rest = &self.page[self.at..];
        let entry = Entry::take(&mut rest)?;
        if self.key.is_some_and(|last| last >= entry.key) {
            return Err(corrupt("the coins of a run are out of order"));
        }
        (self.key, self.is_coin) = (Some(entry.key), entry.is_coin);
        self.end = self.page.len() - rest.len();
        Ok(())
    }

    /// Reads the next page; an empty one at the end.
    fn load(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "SELECT id, entries FROM coin_pages WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT 1";
        let Self { row: number, page, .. } = self;
        (self.at, self.end) = (0, 0);
        page.clear();
        rows::one(connection, sql, (*number, last_row(self.slot)), |row| {
            *number = row.get(0)?;
            page.extend_from_slice(rows::slice(row, 1)?);
            Ok(())
        })?;
        Ok(())
    }

    /// Deletes the pages whose entries are all behind the cursor; at the end, all pages.
    pub(super) fn delete_passed(&self, connection: &Connection) -> Result<(), StoreError> {
        match self.key {
            Some(_) => delete(connection, first_row(self.slot), self.row - 1),
            None => delete_run(connection, self.slot),
        }
    }
}

/// Replaces all pages of a run by one. Its row has the last possible number, which is right for any last key, so that
/// the next replacement finds it.
pub(super) fn replace_run(connection: &Connection, slot: u8, page: &[u8]) -> Result<(), StoreError> {
    let row = last_row(slot);
    if rows::run(connection, "UPDATE coin_pages SET entries = ?2 WHERE id = ?1", (row, page))? == 0 {
        rows::run(connection, "INSERT INTO coin_pages (id, entries) VALUES (?1, ?2)", (row, page))?;
    }
    delete(connection, first_row(slot), row - 1)
}

/// Deletes all pages of a run.
pub(super) fn delete_run(connection: &Connection, slot: u8) -> Result<(), StoreError> {
    delete(connection, first_row(slot), last_row(slot))
}

fn delete(connection: &Connection, first: i64, last: i64) -> Result<(), StoreError> {
    if first <= last {
        rows::run(connection, "DELETE FROM coin_pages WHERE id BETWEEN ?1 AND ?2", (first, last))?;
    }
    Ok(())
}

/// Finds entries by key with one prepared statement.
pub(super) struct PageFinder<'a>(CachedStatement<'a>);

impl<'a> PageFinder<'a> {
    pub(super) fn new(connection: &'a Connection) -> Result<Self, StoreError> {
        let sql = "SELECT entries FROM coin_pages WHERE id >= ?1 AND id <= ?2 ORDER BY id";
        Ok(Self(connection.prepare_cached(sql)?))
    }

    /// What a run says about a key: `None` if nothing, `Some(None)` if the coin is spent.
    pub(super) fn find(&mut self, slot: u8, key: &CoinKey) -> Result<Option<Option<Coin>>, StoreError> {
        let mut pages = self.0.query((row_of(slot, key.order), last_row(slot)))?;
        // Nearly always the first page: rows are numbered by their last keys.
        while let Some(page) = pages.next()? {
            match entry::search(rows::slice(page, 0)?, key)? {
                Found::Here(coin) => return Ok(Some(coin)),
                Found::Nowhere => return Ok(None),
                Found::Beyond => {}
            }
        }
        Ok(None)
    }
}
