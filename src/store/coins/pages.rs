//! The pages of runs: rows of `coin_pages`, written and read in order.

use rusqlite::{CachedStatement, Connection, Row};

use super::entry::{self, Entry, Found};
use crate::{
    chain::{archive::StoreError, coin::Coin, coin_key::CoinKey},
    store::{
        rows,
        runs::{self, Entries, RowNumbers, RowRange, Table},
    },
};

/// Bytes of entries in a row: with them the row fills a database page of 4,096 bytes.
pub(super) const PAGE_BYTES: usize = 4040;

/// Bits of a row's number below the run's slot: leading bits of the last key's order.
const ORDER_BITS: u32 = 55;

const COIN_PAGES: Table = Table {
    last: "SELECT max(id) FROM coin_pages WHERE id BETWEEN ?1 AND ?2",
    next: "SELECT id, entries FROM coin_pages WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT 1",
    delete: "DELETE FROM coin_pages WHERE id BETWEEN ?1 AND ?2",
    what: "coins",
};

/// The rows that a run's pages can have.
fn range(slot: u8) -> RowRange {
    RowRange::new(i64::from(slot), ORDER_BITS)
}

/// The leading bits of an order that are in a row's number.
fn row_order(order: u64) -> u64 {
    order >> (u64::BITS - ORDER_BITS)
}

/// Appends entries to a run, in the order of their keys.
pub(super) struct PageWriter<'a> {
    connection: &'a Connection,
    page_bytes: usize,
    page: Vec<u8>,
    /// Order of the last entry.
    last: u64,
    numbers: RowNumbers,
    /// Entries and bytes written.
    pub(super) entries: u64,
    pub(super) bytes: u64,
}

impl<'a> PageWriter<'a> {
    /// A writer behind the rows that the run has.
    pub(super) fn new(connection: &'a Connection, slot: u8, page_bytes: usize) -> Result<Self, StoreError> {
        let numbers = RowNumbers::new(connection, &COIN_PAGES, range(slot))?;
        let page = Vec::with_capacity(page_bytes);
        Ok(Self { connection, page_bytes, page, last: 0, numbers, entries: 0, bytes: 0 })
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
        let row = self.numbers.next(row_order(self.last))?;
        rows::run(self.connection, "INSERT INTO coin_pages (id, entries) VALUES (?1, ?2)", (row, &self.page))?;
        self.page.clear();
        Ok(())
    }
}

/// The entries of a page, with a place among them.
#[derive(Default)]
pub(super) struct CoinEntries {
    page: Vec<u8>,
    /// The current entry begins and ends here.
    at: usize,
    end: usize,
    key: Option<CoinKey>,
    is_coin: bool,
}

impl CoinEntries {
    /// The current entry.
    pub(super) fn entry(&self) -> Option<Entry<'_>> {
        Some(Entry { key: self.key?, is_coin: self.is_coin, bytes: &self.page[self.at..self.end] })
    }
}

impl Entries for CoinEntries {
    type Key = CoinKey;
    const TABLE: Table = COIN_PAGES;
    const UNIQUE: bool = true;

    fn read(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        self.page.extend_from_slice(rows::slice(row, 1)?);
        self.step()
    }

    fn clear(&mut self) {
        self.page.clear();
        (self.at, self.end, self.key) = (0, 0, None);
    }

    fn key(&self) -> Option<CoinKey> {
        self.key
    }

    fn step(&mut self) -> Result<(), StoreError> {
        self.at = self.end;
        let mut rest = &self.page[self.at..];
        if rest.is_empty() {
            self.key = None;
            return Ok(());
        }
        let entry = Entry::take(&mut rest)?;
        (self.key, self.is_coin) = (Some(entry.key), entry.is_coin);
        self.end = self.page.len() - rest.len();
        Ok(())
    }
}

/// Reads a run in order.
pub(super) type Cursor = runs::Cursor<CoinEntries>;

/// A cursor at the first entry of a run behind `passed`.
pub(super) fn cursor(connection: &Connection, slot: u8, passed: Option<&CoinKey>) -> Result<Cursor, StoreError> {
    let range = range(slot);
    let row = passed.map_or(range.first, |passed| range.row_of(row_order(passed.order)));
    let is_passed = |key: &CoinKey| passed.is_some_and(|passed| key <= passed);
    Cursor::seek(connection, range, row, CoinEntries::default(), is_passed)
}

/// Replaces all pages of a run by one. Its row has the last possible number, which is right for any last key, so that
/// the next replacement finds it.
pub(super) fn replace_run(connection: &Connection, slot: u8, page: &[u8]) -> Result<(), StoreError> {
    let range = range(slot);
    let sql = "UPDATE coin_pages SET entries = ?2 WHERE id = ?1";
    if rows::run(connection, sql, (range.last, page))? == 0 {
        rows::run(connection, "INSERT INTO coin_pages (id, entries) VALUES (?1, ?2)", (range.last, page))?;
    }
    range.delete_before(connection, &COIN_PAGES, range.last)
}

/// Deletes all pages of a run.
pub(super) fn delete_all(connection: &Connection, slot: u8) -> Result<(), StoreError> {
    range(slot).delete(connection, &COIN_PAGES)
}

/// Deletes up to `most` pages of a run; returns how many.
pub(super) fn delete_some(connection: &Connection, slot: u8, most: usize) -> Result<usize, StoreError> {
    let (range, most) = (range(slot), i64::try_from(most).unwrap_or(i64::MAX));
    let sql = "DELETE FROM coin_pages WHERE id IN \
               (SELECT id FROM coin_pages WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3)";
    rows::run(connection, sql, (range.first, range.last, most))
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
        let range = range(slot);
        let mut pages = self.0.query((range.row_of(row_order(key.order)), range.last))?;
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
