//! The numbers of the rows that pages of a run have.

use rusqlite::Connection;

use crate::{
    chain::archive::StoreError,
    store::{error::corrupt, rows},
};

/// A table of pages.
#[derive(Debug)]
pub(in crate::store) struct Table {
    /// `SELECT max(id)` of the rows from `?1` to `?2`.
    pub(in crate::store) last: &'static str,
    /// Reads the first row from `?1` to `?2`: its number, then the columns that [`super::Entries::read`] reads.
    pub(in crate::store) next: &'static str,
    /// Deletes the rows from `?1` to `?2`.
    pub(in crate::store) delete: &'static str,
    /// What its entries are, for errors.
    pub(in crate::store) what: &'static str,
}

/// The rows that a run's pages can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct RowRange {
    pub(in crate::store) first: i64,
    pub(in crate::store) last: i64,
}

impl RowRange {
    /// The rows whose numbers begin with `prefix`, above `bits` bits of orders.
    pub(in crate::store) fn new(prefix: i64, bits: u32) -> Self {
        let first = prefix << bits;
        Self { first, last: first | ((1 << bits) - 1) }
    }

    /// The least number of a row that has an entry of this order or a larger one.
    pub(in crate::store) fn row_of(self, order: u64) -> i64 {
        self.first | order.cast_signed()
    }

    /// Deletes all rows.
    pub(in crate::store) fn delete(self, connection: &Connection, table: &Table) -> Result<(), StoreError> {
        self.delete_before(connection, table, self.last.saturating_add(1))
    }

    /// Deletes the rows before this number.
    pub(in crate::store) fn delete_before(
        self,
        connection: &Connection,
        table: &Table,
        row: i64,
    ) -> Result<(), StoreError> {
        if self.first < row {
            rows::run(connection, table.delete, (self.first, row - 1))?;
        }
        Ok(())
    }
}

/// Numbers the pages that are appended to a run.
#[derive(Debug)]
pub(in crate::store) struct RowNumbers {
    range: RowRange,
    what: &'static str,
    /// Number of the row written last.
    last: i64,
}

impl RowNumbers {
    /// Numbers behind the rows that the run has.
    pub(in crate::store) fn new(connection: &Connection, table: &Table, range: RowRange) -> Result<Self, StoreError> {
        let found = rows::one(connection, table.last, (range.first, range.last), |row| Ok(row.get(0)?))?;
        Ok(Self { range, what: table.what, last: found.flatten().unwrap_or(range.first - 1) })
    }

    /// The number of the next page, whose last entry has this order. Pages whose orders are equal get numbers that follow
    /// each other. So a number may be above its page's order, never below: a search that begins there and reads on misses
    /// nothing.
    pub(in crate::store) fn next(&mut self, order: u64) -> Result<i64, StoreError> {
        let row = self.range.row_of(order).max(self.last + 1);
        if row > self.range.last {
            return Err(corrupt(format!("a run of {} has no row left", self.what)));
        }
        self.last = row;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Table = Table {
        last: "SELECT max(id) FROM t WHERE id BETWEEN ?1 AND ?2",
        next: "",
        delete: "DELETE FROM t WHERE id BETWEEN ?1 AND ?2",
        what: "things",
    };

    #[test]
    fn numbers_ascend_within_the_range_and_go_on_where_they_ended() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY)").unwrap();
        let range = RowRange::new(3, 4);
        assert_eq!((range.first, range.last, range.row_of(5)), (48, 63, 53));
        let numbers = || RowNumbers::new(&connection, &TABLE, range).unwrap();
        let mut first = numbers();
        assert_eq!([0, 0, 9, 9].map(|order| first.next(order).unwrap()), [48, 49, 57, 58]);
        connection.execute_batch("INSERT INTO t VALUES (47), (48), (58), (64)").unwrap();
        let mut then = numbers();
        assert_eq!([2, 15].map(|order| then.next(order).unwrap()), [59, 63]);
        assert!(then.next(15).is_err());
        range.delete_before(&connection, &TABLE, 58).unwrap();
        let left = || -> i64 { connection.query_row("SELECT sum(id) FROM t", [], |row| row.get(0)).unwrap() };
        assert_eq!(left(), 47 + 58 + 64);
        range.delete(&connection, &TABLE).unwrap();
        assert_eq!(left(), 47 + 64);
    }
}
