//! Reading runs in order.

use rusqlite::{Connection, Row};

use super::rows::{RowRange, Table};
use crate::{
    chain::archive::StoreError,
    store::{error::corrupt, rows},
};

/// The entries of one page, with a place among them.
pub(in crate::store) trait Entries {
    /// What the entries are ordered by.
    type Key: Copy + Ord;
    /// Where their pages are.
    const TABLE: Table;
    /// Whether a run has each key once at most.
    const UNIQUE: bool;

    /// Replaces the entries by those of a row, and stands at the first.
    fn read(&mut self, row: &Row<'_>) -> Result<(), StoreError>;
    /// Forgets all entries.
    fn clear(&mut self);
    /// The current entry's key; `None` behind the last.
    fn key(&self) -> Option<Self::Key>;
    /// Goes to the next entry.
    fn step(&mut self) -> Result<(), StoreError>;
}

/// Reads a run in order.
pub(in crate::store) struct Cursor<E> {
    pub(in crate::store) range: RowRange,
    /// Number of the page's row; the least number that the next one can have.
    pub(in crate::store) row: i64,
    pub(in crate::store) entries: E,
}

impl<E: Entries> Cursor<E> {
    /// At the first entry that is not `before` what is looked for, which no row below `row` has.
    pub(in crate::store) fn seek(
        connection: &Connection,
        range: RowRange,
        row: i64,
        entries: E,
        before: impl Fn(&E::Key) -> bool,
    ) -> Result<Self, StoreError> {
        let mut cursor = Self { range, row, entries };
        cursor.load(connection)?;
        while cursor.key().is_some_and(|key| before(&key)) {
            cursor.step(connection)?;
        }
        Ok(cursor)
    }

    /// The current key; `None` at the end.
    pub(in crate::store) fn key(&self) -> Option<E::Key> {
        self.entries.key()
    }

    /// Goes to the next entry. Keys must ascend.
    pub(in crate::store) fn step(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let Some(last) = self.key() else { return Ok(()) };
        self.entries.step()?;
        if self.key().is_none() {
            self.next_page(connection)?;
        }
        if self.key().is_some_and(|next| next < last || E::UNIQUE && next == last) {
            return Err(corrupt(format!("the entries of a run of {} are out of order", E::TABLE.what)));
        }
        Ok(())
    }

    /// Goes to the first entry of the next page.
    pub(in crate::store) fn next_page(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.row += 1;
        self.load(connection)
    }

    /// Reads the page at the row or behind it; nothing at the end.
    fn load(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.entries.clear();
        let Self { row, entries, range } = self;
        rows::one(connection, E::TABLE.next, (*row, range.last), |found| {
            *row = found.get(0)?;
            entries.read(found)
        })?;
        Ok(())
    }

    /// Deletes the pages whose entries are all behind the cursor; at the end, all pages.
    pub(in crate::store) fn delete_passed(&self, connection: &Connection) -> Result<(), StoreError> {
        match self.key() {
            Some(_) => self.range.delete_before(connection, &E::TABLE, self.row),
            None => self.range.delete(connection, &E::TABLE),
        }
    }
}

/// The cursor with the least key; of several the first.
pub(in crate::store) fn least<E: Entries>(cursors: &[Cursor<E>]) -> Option<usize> {
    let keys = cursors.iter().enumerate().filter_map(|(at, cursor)| Some((cursor.key()?, at)));
    keys.min().map(|(_, at)| at)
}
