//! Copies of a ledger in memory: what its disk has after a power loss.

use rusqlite::{Connection, backup::Backup};

use super::LedgerDb;
use crate::chain::archive::StoreError;

impl LedgerDb {
    /// Copies what is committed.
    pub(super) fn copy_to(&self, copy: &mut Connection) -> Result<(), StoreError> {
        copy_all(&self.connection, copy)
    }

    /// Goes back to a copy.
    pub(super) fn restore(&mut self, copy: &Connection) -> Result<(), StoreError> {
        self.rollback()?;
        copy_all(copy, &mut self.connection)?;
        self.rollback()
    }
}

fn copy_all(from: &Connection, to: &mut Connection) -> Result<(), StoreError> {
    const ALL_PAGES: i32 = -1;
    Ok(Backup::new(from, to)?.step(ALL_PAGES).map(|_| ())?)
}
