//! Giving free pages of a file back to the file system, a few at a time. SQLite can do so only in files that keep track of
//! what points at each page, as those do in which [`enable`] was called before their first table. In others free pages are used
//! again; `tussock prune` rewrites these.

use rusqlite::Connection;

use crate::{chain::archive::StoreError, store::rows};

/// Free pages that stay, for what comes next: 4 MiB.
const SLACK_PAGES: u32 = 1024;
/// Pages in one step; each is a page that moves, and what points at it.
const STEP_PAGES: u32 = 128;

/// Has a file that is empty, or about to be rewritten, keep track.
pub(super) fn enable(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?)
}

/// Whether the file can give pages back.
pub(super) fn is_enabled(connection: &Connection) -> Result<bool, StoreError> {
    const INCREMENTAL: u32 = 2;
    Ok(number(connection, "PRAGMA auto_vacuum")? == INCREMENTAL)
}

/// Gives some pages back in a transaction of its own if many are free. Returns whether more are to go.
pub(super) fn step(connection: &Connection) -> Result<bool, StoreError> {
    let free = number(connection, "PRAGMA freelist_count")?;
    if free < SLACK_PAGES + STEP_PAGES || !is_enabled(connection)? {
        return Ok(false);
    }
    // Each row is a page that moved.
    rows::each(connection, &format!("PRAGMA incremental_vacuum({STEP_PAGES})"), [], |_| Ok(()))?;
    Ok(free >= SLACK_PAGES + 2 * STEP_PAGES)
}

fn number(connection: &Connection, pragma: &str) -> Result<u32, StoreError> {
    Ok(rows::one(connection, pragma, [], |row| rows::integer(row, 0))?.unwrap_or(0))
}
