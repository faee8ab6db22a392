//! How fast SQLite can insert a ledger's rows: the ceiling that a sync's figures are compared with.

use std::path::Path;

use rusqlite::{Connection, params_from_iter, types::Value};

use crate::{
    chain::archive::StoreError,
    store::{
        connect::{self, Tuning},
        ledger::{LEDGER_LOG_BYTES, LedgerOptions},
        migrate, rows,
    },
};

/// Each table's rows of a range of heights. The id of a `headers` row is its height plus one if only one chain was ever
/// stored.
const TABLES: [(&str, &str); 3] = [
    (
        "SELECT h.* FROM headers h JOIN applied a ON a.id = h.id WHERE a.height BETWEEN ?1 AND ?2 ORDER BY h.id",
        "INSERT INTO headers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    ),
    (
        "SELECT b.* FROM bodies b JOIN applied a ON a.id = b.id WHERE a.height BETWEEN ?1 AND ?2 ORDER BY b.id",
        "INSERT INTO bodies VALUES (?1, ?2, ?3)",
    ),
    ("SELECT * FROM applied WHERE height BETWEEN ?1 AND ?2 ORDER BY height", "INSERT INTO applied VALUES (?1, ?2, ?3)"),
];
/// Pages of coins, in the order in which a flush writes them.
const COIN_PAGES: (&str, &str) =
    ("SELECT * FROM coin_pages WHERE id > ?1 ORDER BY id LIMIT ?2", "INSERT INTO coin_pages VALUES (?1, ?2)");

/// Puts a ledger's rows into a new file of the same schema and settings, with one prepared statement a row and nothing
/// else: no hashing, checks or lookups. Each block gets an equal share of the pages of coins, so coins that were spent again
/// are left out. The caller measures the time, without that of [`RawInsertion::read`].
pub struct RawInsertion {
    source: Connection,
    target: Connection,
    next: u32,
    height: u32,
    /// The page of coins read last, and the number of all.
    last_page: i64,
    pages: u64,
}

/// The rows of some blocks, with the statement that inserts each.
pub struct Rows(Vec<(&'static str, Vec<Vec<Value>>)>);

impl RawInsertion {
    /// Copies from the ledger `from` up to `height` into the new file `to`.
    pub fn new(from: &Path, to: &Path, height: u32) -> Result<Self, StoreError> {
        let source = connect::open_reader(from)?;
        let mut target = connect::open_file(to)?;
        let LedgerOptions { cache_bytes, checkpoint_pages, .. } = LedgerOptions::default();
        let log_bytes = LEDGER_LOG_BYTES;
        connect::tune_writer(&target, Tuning { cache_bytes, checkpoint_pages, log_bytes })?;
        migrate::LEDGER.migrate(&mut target)?;
        let pages = rows::one(&source, "SELECT count(*) FROM coin_pages", [], |row| rows::integer(row, 0))?;
        Ok(Self { source, target, next: 1, height, last_page: -1, pages: pages.unwrap_or(0) })
    }

    /// Reads the rows of the next `blocks` blocks; `None` at the end.
    pub fn read(&mut self, blocks: u32) -> Result<Option<Rows>, StoreError> {
        if self.next > self.height {
            return Ok(None);
        }
        let last = self.height.min(self.next.saturating_add(blocks.max(1) - 1));
        let table = |(select, insert)| {
            let range = (i64::from(self.next), i64::from(last));
            read(&self.source, select, range).map(|rows| (insert, rows))
        };
        let mut tables = TABLES.into_iter().map(table).collect::<Result<Vec<_>, StoreError>>()?;
        let up_to = |height: u32| self.pages * u64::from(height) / u64::from(self.height);
        let share = (up_to(last) - up_to(self.next - 1)).cast_signed();
        let pages = read(&self.source, COIN_PAGES.0, (self.last_page, share))?;
        if let Some(Value::Integer(id)) = pages.last().and_then(|page| page.first()) {
            self.last_page = *id;
        }
        tables.push((COIN_PAGES.1, pages));
        self.next = last + 1;
        Ok(Some(Rows(tables)))
    }

    /// Inserts them in one commit.
    pub fn insert(&mut self, rows: Rows) -> Result<(), StoreError> {
        rows::run(&self.target, "BEGIN IMMEDIATE", [])?;
        for (insert, rows) in rows.0 {
            let mut statement = self.target.prepare_cached(insert)?;
            for row in rows {
                statement.execute(params_from_iter(row))?;
            }
        }
        rows::run(&self.target, "COMMIT", [])?;
        Ok(())
    }
}

fn read(source: &Connection, sql: &str, range: (i64, i64)) -> Result<Vec<Vec<Value>>, StoreError> {
    rows::all(source, sql, range, |row| {
        let columns = row.as_ref().column_count();
        Ok((0..columns).map(|column| row.get(column)).collect::<Result<Vec<Value>, _>>()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        LedgerDb,
        testing::{TempDir, account, dev_maker},
        testkit,
    };

    #[test]
    fn all_rows_of_the_applied_chain_are_inserted() {
        let dir = TempDir::new();
        let (from, to) = (dir.join("from.db"), dir.join("to.db"));
        let mut maker = dev_maker();
        let mut ledger = LedgerDb::open(&from, maker.spec(), &LedgerOptions::default()).unwrap();
        for _ in 0..5 {
            let block = maker.next_block(Vec::new(), account(0));
            testkit::append(&mut ledger, &maker, &block).unwrap();
        }
        testkit::commit(&mut ledger, &maker).unwrap();
        ledger.close().unwrap();
        let mut raw = RawInsertion::new(&from, &to, 5).unwrap();
        while let Some(rows) = raw.read(2).unwrap() {
            raw.insert(rows).unwrap();
        }
        drop(raw);
        let count = |path: &Path, table: &str| -> i64 {
            let connection = connect::open_reader(path).unwrap();
            let above = if table == "bodies" { "id > 1" } else { "height > 0" };
            connection.query_row(&format!("SELECT count(*) FROM {table} WHERE {above}"), [], |row| row.get(0)).unwrap()
        };
        for table in ["headers", "bodies", "applied"] {
            assert_eq!((count(&from, table), count(&to, table)), (5, 5), "{table}");
        }
        let pages = |path: &Path| -> i64 {
            let connection = connect::open_reader(path).unwrap();
            connection.query_row("SELECT count(*) FROM coin_pages", [], |row| row.get(0)).unwrap()
        };
        assert!(pages(&from) > 0);
        assert_eq!(pages(&to), pages(&from));
    }
}
