//! Opening connections. Pragmas are read back after they are set, because a wrong one could lose data.

use std::{fs, path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use crate::{
    chain::archive::StoreError,
    store::{
        error::corrupt,
        sharing::{self, Sharing},
    },
};

/// SQLite page cache of each reader.
const SQLITE_READER_CACHE_BYTES: usize = 1024 * 1024;
/// Prepared statements kept per connection; the ledger uses about thirty.
const SQLITE_STATEMENTS: usize = 48;
/// Each connection belongs to one thread at a time.
pub(super) const NO_MUTEX: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
/// How long a connection waits for another's lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log of a small file (peer book) at which a commit moves them into the file.
pub(super) const SMALL_CHECKPOINT_PAGES: usize = 500;
/// Bytes of a small file's write-ahead log that stay allocated.
pub(super) const SMALL_LOG_BYTES: usize = 4 * 1024 * 1024;
/// Page cache of the small files.
pub(super) const SMALL_CACHE_BYTES: usize = 512 * 1024;

/// Settings of a file's writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    /// Page cache, bytes.
    pub(super) cache_bytes: usize,
    /// Pages in the write-ahead log at which a commit moves them into the database.
    pub(super) checkpoint_pages: usize,
    /// Bytes that the write-ahead log keeps on disk after that.
    pub(super) log_bytes: usize,
}

/// Refuses a file without bytes. SQLite would delete the log beside it, which may hold all that is left.
pub(super) fn refuse_empty(path: &Path) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(about) if about.is_file() && about.len() == 0 => Err(corrupt("the file is empty")),
        _ => Ok(()),
    }
}

/// Opens a file for writing, creating it if necessary. Changes nothing in it.
pub(super) fn open_file(path: &Path) -> Result<Connection, StoreError> {
    Ok(open_writer(path)?.0)
}

/// The same; also tells who can open the file beside this connection.
pub(super) fn open_writer(path: &Path) -> Result<(Connection, Sharing), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | NO_MUTEX;
    let (connection, sharing) = sharing::open_writer(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok((connection, sharing))
}

/// Sets a writer's pragmas. A file system on which the write-ahead log does not work is refused.
pub(super) fn tune_writer(connection: &Connection, tuning: Tuning) -> Result<(), StoreError> {
    keep_plans(connection)?;
    let in_memory = connection.path().is_none_or(str::is_empty);
    let mode = if in_memory { "MEMORY" } else { "WAL" };
    let found: String = connection.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |row| row.get(0))?;
    if !found.eq_ignore_ascii_case(mode) {
        return Err(StoreError::Other(format!(
            "journal_mode is {found}, not {mode}: the data directory must be on a local file system"
        )));
    }
    set(connection, "synchronous", 1)?;
    set_cache_bytes(connection, tuning.cache_bytes)?;
    set(connection, "mmap_size", 0)?;
    set(connection, "foreign_keys", 0)?; // references are documentation; the writing code keeps them
    // No `cell_size_check`, which readers have: it takes a thirtieth of a large sync. Without it, a cell that reaches beyond
    // its page is an error too, only later.
    set(connection, "trusted_schema", 0)?;
    if !in_memory {
        set_checkpoint_pages(connection, tuning.checkpoint_pages)?;
        set_log_bytes(connection, tuning.log_bytes)?;
    }
    Ok(())
}

/// Opens a file for reading only.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    refuse_empty(path)?;
    let mut connection = sharing::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY | NO_MUTEX, Sharing::Processes)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if sharing::of_reader(&connection)? == Sharing::OneProcess {
        // `query_only` below refuses changes. SQLite has no log in a process for files that are opened for reading.
        connection = sharing::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE | NO_MUTEX, Sharing::OneProcess)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
    }
    keep_plans(&connection)?;
    set(&connection, "query_only", 1)?;
    set_cache_bytes(&connection, SQLITE_READER_CACHE_BYTES)?;
    set(&connection, "mmap_size", 0)?;
    set(&connection, "cell_size_check", 1)?;
    set(&connection, "trusted_schema", 0)?;
    Ok(connection)
}

/// Sets the size of the page cache.
pub(super) fn set_cache_bytes(connection: &Connection, bytes: usize) -> Result<(), StoreError> {
    set(connection, "cache_size", -kibibytes(bytes))
}

/// Whether commits wait for the disk (`FULL`) or only stay in order (`NORMAL`). Not inside a transaction.
pub(super) fn set_durable(connection: &Connection, durable: bool) -> Result<(), StoreError> {
    set(connection, "synchronous", if durable { 2 } else { 1 })
}

/// Sets the length of the write-ahead log, in pages, at which a commit moves it into the database.
pub(super) fn set_checkpoint_pages(connection: &Connection, pages: usize) -> Result<(), StoreError> {
    set(connection, "wal_autocheckpoint", integer(pages))
}

/// Sets how many bytes of the write-ahead log stay on disk when it is reset.
pub(super) fn set_log_bytes(connection: &Connection, bytes: usize) -> Result<(), StoreError> {
    set(connection, "journal_size_limit", integer(bytes))
}

/// Caches prepared statements and their plans. By default SQLite plans a join again for each bound value. That costs ten
/// times as much as finding the row, and none of our plans depends on values.
fn keep_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(SQLITE_STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Sets a pragma and reads it back.
fn set(connection: &Connection, pragma: &str, value: i64) -> Result<(), StoreError> {
    // Some pragmas answer when they are set, some do not.
    connection.pragma_update_and_check(None, pragma, value, |_| Ok(())).or_else(|error| match error {
        rusqlite::Error::QueryReturnedNoRows => Ok(()),
        error => Err(error),
    })?;
    let found = connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    match found {
        Ok(found) if found == value => Ok(()),
        // A database in memory has nothing to map, so the pragma returns no row.
        Err(rusqlite::Error::QueryReturnedNoRows) => Ok(()),
        Ok(found) => Err(StoreError::Other(format!("PRAGMA {pragma} is {found} after it was set to {value}"))),
        Err(error) => Err(error.into()),
    }
}

fn kibibytes(bytes: usize) -> i64 {
    integer(bytes / 1024).max(64)
}

fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
