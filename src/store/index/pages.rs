//! The pages of runs: rows of `pages`, written and read in order.

use rusqlite::{Connection, Row};

use super::entry::{Entry, Kind, NUMBERS, Shape};
use crate::{
    chain::archive::StoreError,
    store::{
        rows::{self, bind_next},
        runs::{self, Entries, RowNumbers, RowRange, Table},
    },
};

/// Bytes of entries in a row, the shared bytes of addresses included: with the other columns they fill a database page.
const PAGE_BYTES: usize = 4040;
/// Bits of a row's number below slot and kind.
const ORDER_BITS: u32 = 53;

const PAGES: Table = Table {
    last: "SELECT max(id) FROM pages WHERE id BETWEEN ?1 AND ?2",
    next: "SELECT id, shared, a, b, c, d, e, entries FROM pages WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT 1",
    delete: "DELETE FROM pages WHERE id BETWEEN ?1 AND ?2",
    what: "the index",
};

/// The pages of one kind in one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) slot: u8,
    pub(super) kind: Kind,
}

impl Part {
    /// The rows that the part's pages can have.
    fn range(self) -> RowRange {
        RowRange::new(i64::from(self.slot) << 2 | self.kind as i64, ORDER_BITS)
    }

    /// The least number of a row that has the entry or a later one.
    fn row_of(self, entry: &Entry) -> i64 {
        self.range().row_of(self.kind.order(entry))
    }

    /// A cursor at the first entry that is not before `from`.
    pub(super) fn seek(self, connection: &Connection, from: Option<&Entry>) -> Result<Cursor, StoreError> {
        let row = from.map_or_else(|| self.range().first, |from| self.row_of(from));
        let is_before = |key: &Entry| from.is_some_and(|from| key < from);
        Cursor::seek(connection, self.range(), row, PageEntries::of(self.kind), is_before)
    }
}

/// Reads the entries of a row.
fn read(kind: Kind, row: &Row<'_>, entries: &mut Vec<Entry>) -> Result<Shape, StoreError> {
    let shared = rows::slice(row, 1)?;
    let mut widths = [0; NUMBERS];
    for (width, column) in widths.iter_mut().zip(2..) {
        *width = rows::integer(row, column)?;
    }
    let shape = Shape::stored(kind, shared.len(), widths)?;
    shape.decode(shared, rows::slice(row, NUMBERS + 2)?, entries)?;
    Ok(shape)
}

/// Appends entries to a part, in order.
pub(super) struct PageWriter<'a> {
    connection: &'a Connection,
    part: Part,
    page: Vec<Entry>,
    shape: Option<Shape>,
    /// The largest order of the page's entries.
    order: u64,
    numbers: RowNumbers,
    /// Bytes of entries written.
    pub(super) bytes: u64,
}

impl<'a> PageWriter<'a> {
    /// A writer behind the rows that the part has.
    pub(super) fn new(connection: &'a Connection, part: Part) -> Result<Self, StoreError> {
        let numbers = RowNumbers::new(connection, &PAGES, part.range())?;
        Ok(Self { connection, part, page: Vec::new(), shape: None, order: 0, numbers, bytes: 0 })
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
        self.order = self.order.max(self.part.kind.order(entry));
        self.page.push(*entry);
        Ok(())
    }

    /// Writes what is left of the last page.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        let Some(shape) = self.shape.take() else { return Ok(()) };
        let row = self.numbers.next(self.order)?;
        self.bytes += write(self.connection, row, &shape, &self.page)?;
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

/// The entries of a page, with a place among them.
pub(super) struct PageEntries {
    kind: Kind,
    page: Vec<Entry>,
    at: usize,
    /// Bytes of each entry.
    pub(super) entry_bytes: u64,
}

impl PageEntries {
    fn of(kind: Kind) -> Self {
        Self { kind, page: Vec::new(), at: 0, entry_bytes: 0 }
    }
}

impl Entries for PageEntries {
    type Key = Entry;
    const TABLE: Table = PAGES;
    const UNIQUE: bool = false;

    fn read(&mut self, row: &Row<'_>) -> Result<(), StoreError> {
        self.entry_bytes = read(self.kind, row, &mut self.page)?.entry_bytes() as u64;
        Ok(())
    }

    fn clear(&mut self) {
        self.page.clear();
        self.at = 0;
    }

    fn key(&self) -> Option<Entry> {
        self.page.get(self.at).copied()
    }

    fn step(&mut self) -> Result<(), StoreError> {
        self.at += 1;
        Ok(())
    }
}

/// Reads a part in order.
pub(super) type Cursor = runs::Cursor<PageEntries>;

/// Deletes the entries before the cursor. A page that is passed in part is written again without them.
pub(super) fn delete_passed(connection: &Connection, cursor: &Cursor) -> Result<(), StoreError> {
    cursor.delete_passed(connection)?;
    let PageEntries { kind, page, at, .. } = &cursor.entries;
    match page.get(*at..) {
        Some(rest) if *at > 0 => write_all(connection, cursor.row, *kind, rest),
        _ => Ok(()),
    }
}

/// Writes a page with these entries; none if there are none.
fn write_all(connection: &Connection, row: i64, kind: Kind, entries: &[Entry]) -> Result<(), StoreError> {
    let Some(first) = entries.first() else { return Ok(()) };
    let shape = entries.iter().fold(Shape::of(kind, first), |shape, entry| shape.with(first, entry));
    write(connection, row, &shape, entries).map(|_| ())
}

/// The last entries from `low` on that are before `end`, in descending order; at least `limit` if there are as many.
pub(super) fn last_before(
    connection: &Connection,
    part: Part,
    low: &Entry,
    end: &Entry,
    limit: usize,
) -> Result<Vec<Entry>, StoreError> {
    let cursor = part.seek(connection, Some(end))?;
    let highest = if cursor.key().is_some() { cursor.row } else { part.range().last };
    let sql = "SELECT id, shared, a, b, c, d, e, entries FROM pages WHERE id >= ?1 AND id <= ?2 ORDER BY id DESC";
    let mut statement = connection.prepare_cached(sql)?;
    let mut pages = statement.query((part.row_of(low), highest))?;
    let (mut found, mut page) = (Vec::new(), Vec::new());
    while found.len() < limit
        && let Some(row) = pages.next()?
    {
        page.clear();
        read(part.kind, row, &mut page)?;
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
    let mut cursor = part.seek(connection, Some(low))?;
    let mut removed = 0;
    while removed < most && cursor.key().is_some_and(|entry| entry <= *high) {
        let mut left = cursor.entries.page.clone();
        left.retain(|entry| {
            let goes = removed < most && (low..=high).contains(&entry);
            removed += usize::from(goes);
            !goes
        });
        if left.is_empty() {
            rows::run(connection, "DELETE FROM pages WHERE id = ?1", [cursor.row])?;
        } else {
            write_all(connection, cursor.row, part.kind, &left)?;
        }
        cursor.next_page(connection)?;
    }
    Ok(removed)
}

/// What [`retain`] has done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    /// Pages that it looked at.
    pub(super) pages: usize,
    /// The last of them.
    pub(super) last: Option<i64>,
    /// Bytes of entries that it removed.
    pub(super) freed: u64,
}

/// Removes the entries that are not to stay from the pages of a part from row `from` on, `most` pages at most.
pub(super) fn retain(
    connection: &Connection,
    part: Part,
    from: i64,
    most: usize,
    stays: impl Fn(&Entry) -> bool,
) -> Result<Looked, StoreError> {
    let RowRange { first, last, .. } = part.range();
    let sql = "SELECT id, shared, a, b, c, d, e, entries FROM pages WHERE id >= ?1 AND id <= ?2 ORDER BY id LIMIT ?3";
    let pages = rows::all(connection, sql, (from.max(first), last, i64::try_from(most).unwrap_or(i64::MAX)), |row| {
        let mut entries = Vec::new();
        let bytes = read(part.kind, row, &mut entries)?.entry_bytes();
        Ok((row.get::<_, i64>(0)?, bytes, entries))
    })?;
    let mut looked = Looked { pages: pages.len(), last: pages.last().map(|(row, ..)| *row), freed: 0 };
    for (row, bytes, mut entries) in pages {
        let before = entries.len();
        entries.retain(&stays);
        looked.freed += (bytes * (before - entries.len())) as u64;
        if entries.is_empty() {
            rows::run(connection, "DELETE FROM pages WHERE id = ?1", [row])?;
        } else if entries.len() < before {
            write_all(connection, row, part.kind, &entries)?;
        }
    }
    Ok(looked)
}
