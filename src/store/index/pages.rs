//! The pages of runs: rows of `pages`, written and read in order.

use rusqlite::{Connection, Row};

use super::entry::{Entry, Kind, NUMBERS, Shape};
use crate::{
    chain::archive::StoreError,
    store::{
        error::corrupt,
        rows::{self, bind_next},
    },
};

/// Bytes of entries in a row, the shared bytes of addresses included: with the other columns they fill a database page.
const PAGE_BYTES: usize = 4040;
/// Bits of a row's number below slot and kind.
const ORDER_BITS: u32 = 53;

/// The pages of one kind in one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) slot: u8,
    pub(super) kind: Kind,
}

impl Part {
    /// The number of the first possible row.
    fn first_row(self) -> i64 {
        (i64::from(self.slot) << 2 | self.kind as i64) << ORDER_BITS
    }

    /// The number of the last possible row.
    fn last_row(self) -> i64 {
        self.first_row() | ((1 << ORDER_BITS) - 1)
    }

    /// The least number of a row that has the entry or a later one.
    fn row_of(self, entry: &Entry) -> i64 {
        self.first_row() | self.kind.order(entry).cast_signed()
    }

    /// Reads a page: its number and entries.
    fn read(self, row: &Row<'_>, entries: &mut Vec<Entry>) -> Result<(i64, Shape), StoreError> {
        let shared = rows::slice(row, 1)?;
        let mut widths = [0; NUMBERS];
        for (width, column) in widths.iter_mut().zip(2..) {
            *width = rows::integer(row, column)?;
        }
        let shape = Shape::stored(self.kind, shared.len(), widths)?;
        shape.decode(shared, rows::slice(row, NUMBERS + 2)?, entries)?;
        Ok((row.get(0)?, shape))
    }
}

/// Appends entries to a part, in order.
pub(super) struct PageWriter<'a> {
    connection: &'a Connection,
    part: Part,
    page: Vec<Entry>,
    shape: Option<Shape>,
    /// The largest order of the page's entries.
    order: i64,
    /// Number of the row written last.
    row: i64,
    /// Bytes of entries written.
    pub(super) bytes: u64,
}

impl<'a> PageWriter<'a> {
    /// A writer behind the rows that the part has.
    pub(super) fn new(connection: &'a Connection, part: Part) -> Result<Self, StoreError> {
        let sql = "SELECT max(id) FROM pages WHERE id BETWEEN ?1 AND ?2";
        let found = rows::one(connection, sql, [part.first_row(), part.last_row()], |row| Ok(row.get(0)?))?;
        let row = found.flatten().unwrap_or_else(|| part.first_row() - 1);
        Ok(Self { connection, part, page: Vec::new(), shape: None, order: 0, row, bytes: 0 })
    }

    /// Appends an entry.
    pub(super) fn push(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let alone = || Shape::of(self.part.kind, entry);
        let mut shape = match (&self.shape, self.page.first()) {
            (Some(shape), Some(first)) => shape.with(first, entry),
            _ => alone(),
        };
        if shape.shared + shape.entry_bytes() * (self.page.len() + 1) > PAGE_BYTES {
            shape = alone();
            self.finish()?;
        }
        self.shape = Some(shape);
        self.order = self.order.max(self.part.row_of(entry));
        self.page.push(*entry);
        Ok(())
    }

    /// Writes what is left of the last page.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        let Some(shape) = self.shape.take() else { return Ok(()) };
        // A row's number may be above the orders of its entries, never below, so that a search that begins at an order and
        // reads on misses nothing.
        self.row = self.order.max(self.row + 1);
        if self.row > self.part.last_row() {
            return Err(corrupt("a run of the index has no row left"));
        }
        self.bytes += write(self.connection, self.row, &shape, &self.page)?;
        self.order = 0;
        self.page.clear();
        Ok(())
    }
}

/// Writes a page; returns the bytes of its entries.
fn write(connection: &Connection, row: i64, shape: &Shape, entries: &[Entry]) -> Result<u64, StoreError> {
    let mut bytes = Vec::with_capacity(PAGE_BYTES);
    entries.iter().for_each(|entry| shape.encode(entry, &mut bytes));
    let shared = entries.first().map_or(&[][..], |first| &first.address.0[..shape.shared]);
    let sql =
        "INSERT OR REPLACE INTO pages (id, shared, a, b, c, d, e, entries) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut statement = connection.prepare_cached(sql)?;
    let [a, b, c, d, e] = shape.widths.map(|width| i64::try_from(width).unwrap_or(i64::MAX));
    bind_next(&mut statement, &mut 0, &[&row, &shared, &a, &b, &c, &d, &e, &bytes])?;
    statement.raw_execute()?;
    Ok(bytes.len() as u64)
}

/// Reads a part in order.
pub(super) struct Cursor {
    part: Part,
    /// Number of the page's row; the least number that the next one can have.
    row: i64,
    page: Vec<Entry>,
    at: usize,
    /// Bytes of each entry of the page.
    pub(super) entry_bytes: u64,
}

impl Cursor {
    /// At the first entry that is not before `from`.
    pub(super) fn seek(connection: &Connection, part: Part, from: Option<&Entry>) -> Result<Self, StoreError> {
        let row = from.map_or_else(|| part.first_row(), |from| part.row_of(from));
        let mut cursor = Self { part, row, page: Vec::new(), at: 0, entry_bytes: 0 };
        cursor.load(connection)?;
        // Nearly always the first page.
        while let (Some(from), Some(last)) = (from, cursor.page.last()) {
            if last >= from {
                cursor.at = cursor.page.partition_point(|entry| entry < from);
                break;
            }
            cursor.row += 1;
            cursor.load(connection)?;
        }
        Ok(cursor)
    }

    /// The current entry; `None` at the end.
    pub(super) fn entry(&self) -> Option<&Entry> {
        self.page.get(self.at)
    }

    /// Goes to the next entry.
    pub(super) fn step(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.at += 1;
        if self.at >= self.page.len() && !self.page.is_empty() {
            self.row += 1;
            self.load(connection)?;
        }
        Ok(())
    }

    /// Reads the next page; an empty one at the end.
    fn load(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let sql =
            "SELECT id, shared, a, b, c, d, e, entries FROM pages WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT 1";
        let last = self.page.last().copied();
        self.page.clear();
        self.at = 0;
        let part = self.part;
        let found = rows::one(connection, sql, (self.row, part.last_row()), |row| part.read(row, &mut self.page))?;
        if let Some((row, shape)) = found {
            (self.row, self.entry_bytes) = (row, shape.entry_bytes() as u64);
        }
        if !last.iter().chain(&self.page).is_sorted() {
            return Err(corrupt("the entries of a run are out of order"));
        }
        Ok(())
    }

    /// Deletes the entries before the cursor.
    pub(super) fn delete_passed(&self, connection: &Connection) -> Result<(), StoreError> {
        let rest = self.page.get(self.at..).unwrap_or_default();
        let Some(first) = rest.first() else { return delete_part(connection, self.part) };
        let sql = "DELETE FROM pages WHERE id >= ?1 AND id < ?2";
        rows::run(connection, sql, (self.part.first_row(), self.row))?;
        if self.at > 0 {
            let alone = Shape::of(self.part.kind, first);
            let shape = rest.iter().fold(alone, |shape, entry| shape.with(first, entry));
            write(connection, self.row, &shape, rest)?;
        }
        Ok(())
    }
}

/// Deletes all pages of a part.
fn delete_part(connection: &Connection, part: Part) -> Result<(), StoreError> {
    let sql = "DELETE FROM pages WHERE id BETWEEN ?1 AND ?2";
    rows::run(connection, sql, [part.first_row(), part.last_row()]).map(|_| ())
}

/// The last entries from `low` on that are before `end`, in descending order; at least `limit` if there are as many.
pub(super) fn last_before(
    connection: &Connection,
    part: Part,
    low: &Entry,
    end: &Entry,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let cursor = Cursor::seek(connection, part, Some(end))?;
    let highest = if cursor.entry().is_some() { cursor.row } else { part.last_row() };
    let sql = "SELECT id, shared, a, b, c, d, e, entries FROM pages WHERE id >= ?1 AND id <= ?2 ORDER BY id DESC";
    let mut statement = connection.prepare_cached(sql)?;
    let mut pages = statement.query((part.row_of(low), highest))?;
    let (mut found, mut page) = (Vec::new(), Vec::new());
    while found.len() < limit
        && let Some(row) = pages.next()?
    {
        page.clear();
        part.read(row, &mut page)?;
        found.extend(page.iter().rev().filter(|entry| (low..end).contains(entry)));
        if page.first().is_none_or(|first| first < low) {
            break;
        }
    }
    Ok(found)
}

/// Removes the entries from `low` to `high` from a part, `most` of them at most. Returns how many.
pub(super) fn remove(
    connection: &Connection,
    part: Part,
    low: &Entry,
    high: &Entry,
    most: usize,
) -> Result<usize, StoreError> {
    let mut cursor = Cursor::seek(connection, part, Some(low))?;
    let mut removed = 0;
    while removed < most && cursor.entry().is_some_and(|entry| entry <= high) {
        let mut left = cursor.page.clone();
        left.retain(|entry| {
            let goes = removed < most && (low..=high).contains(&entry);
            removed += usize::from(goes);
            !goes
        });
        if let Some(first) = left.first() {
            let shape = left.iter().fold(Shape::of(part.kind, first), |shape, entry| shape.with(first, entry));
            write(connection, cursor.row, &shape, &left)?;
        } else {
            rows::run(connection, "DELETE FROM pages WHERE id = ?1", [cursor.row])?;
        }
        cursor.row += 1;
        cursor.load(connection)?;
    }
    Ok(removed)
}
