//! How quickly SQLite takes a ledger's rows at best: the ceiling that a sync's figures stand beside.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use rusqlite::{Connection, params_from_iter, types::Value};

use crate::{
    chain::archive::StoreError,
    store::{
        connect::{self, Tuning},
        ledger::LedgerOptions,
        migrate, rows,
    },
};

/// Each table's rows of a range of heights, coins in the order of their keys as a flush has them. A `headers` row's id
/// is its height plus one where nothing but one chain was ever stored.
const TABLES: [(&str, &str); 4] = [
    (
        "SELECT h.* FROM headers h JOIN applied a ON a.id = h.id WHERE a.height BETWEEN ?1 AND ?2 ORDER BY h.id",
        "INSERT INTO headers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    ),
    (
        "SELECT b.* FROM bodies b JOIN applied a ON a.id = b.id WHERE a.height BETWEEN ?1 AND ?2 ORDER BY b.id",
        "INSERT INTO bodies VALUES (?1, ?2, ?3)",
    ),
    ("SELECT * FROM applied WHERE height BETWEEN ?1 AND ?2 ORDER BY height", "INSERT INTO applied VALUES (?1, ?2, ?3)"),
    (
        "SELECT * FROM coins WHERE height BETWEEN ?1 AND ?2 ORDER BY key",
        "INSERT INTO coins VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    ),
];

/// Puts the rows of the ledger `from` up to `height` into a new file `to` of the same schema and settings, with one
/// prepared statement a row and `blocks` blocks a commit, and nothing else: no hashing, no checking, no looking up.
/// Coins that were spent again are left out. Returns how long it took; reading the rows does not count.
pub fn insert_raw(from: &Path, to: &Path, height: u32, blocks: u32) -> Result<Duration, StoreError> {
    let source = connect::open_reader(from)?;
    let mut target = connect::open_file(to)?;
    let LedgerOptions { cache_bytes, checkpoint_pages } = LedgerOptions::default();
    let log_bytes = crate::base::limits::LEDGER_LOG_BYTES;
    connect::tune_writer(&target, Tuning { cache_bytes, checkpoint_pages, log_bytes })?;
    migrate::LEDGER.migrate(&mut target)?;
    let mut time = Duration::ZERO;
    let mut first = 1;
    while first <= height {
        let last = height.min(first.saturating_add(blocks.max(1) - 1));
        let tables = TABLES.map(|(select, insert)| read(&source, select, first, last).map(|rows| (insert, rows)));
        let start = Instant::now();
        rows::run(&target, "BEGIN IMMEDIATE", [])?;
        for table in tables {
            let (insert, rows) = table?;
            let mut statement = target.prepare_cached(insert)?;
            for row in rows {
                statement.execute(params_from_iter(row))?;
            }
        }
        rows::run(&target, "COMMIT", [])?;
        time += start.elapsed();
        first = last + 1;
    }
    Ok(time)
}

fn read(source: &Connection, sql: &str, first: u32, last: u32) -> Result<Vec<Vec<Value>>, StoreError> {
    rows::all(source, sql, (first, last), |row| {
        let columns = row.as_ref().column_count();
        Ok((0..columns).map(|column| row.get(column)).collect::<Result<Vec<Value>, _>>()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        LedgerDb, fill,
        testing::{TempDir, account, dev_maker},
    };

    #[test]
    fn all_rows_of_the_applied_chain_are_put_in() {
        let dir = TempDir::new();
        let (from, to) = (dir.join("from.db"), dir.join("to.db"));
        let mut maker = dev_maker();
        let mut ledger = LedgerDb::open(&from, maker.spec(), &LedgerOptions::default()).unwrap();
        for _ in 0..5 {
            let block = maker.next_block(Vec::new(), account(0));
            fill::append(&mut ledger, &maker, &block).unwrap();
        }
        fill::commit(&mut ledger, &maker).unwrap();
        ledger.close().unwrap();
        insert_raw(&from, &to, 5, 2).unwrap();
        let count = |path: &Path, table: &str| -> i64 {
            let connection = connect::open_reader(path).unwrap();
            let above = if table == "bodies" { "id > 1" } else { "height > 0" };
            connection.query_row(&format!("SELECT count(*) FROM {table} WHERE {above}"), [], |row| row.get(0)).unwrap()
        };
        for table in ["headers", "bodies", "applied", "coins"] {
            assert_eq!((count(&from, table), count(&to, table)), (5, 5), "{table}");
        }
    }
}
