//! Histories and memos of blocks that the ledger no longer keeps: they go, some pages at a time, and free pages of the file with them.
//!
//! Which blocks transactions are in stays, and their ids: the ids of coins are found there.

use super::{
    IndexDb,
    entry::{Entry, Kind},
    pages::{self, Part},
    runs,
};
use crate::{
    chain::archive::StoreError,
    store::{connect, rows, vacuum},
};

/// Pages that are looked at in one transaction.
const STEP_PAGES: usize = 64;
/// Such transactions in one call: with each batch of blocks as much is looked at as the batch adds at most.
const STEPS: usize = 6;
/// Blocks that must have gone since the last pass over all histories, or a quarter of those that are kept.
const EVERY_BLOCKS: u32 = 64;

impl IndexDb {
    /// Has the file that [`IndexDb::open`] is about to make give room back. Does nothing if there is a file.
    pub fn prepare_to_shrink(path: &std::path::Path) -> Result<(), StoreError> {
        if path.exists() {
            return Ok(());
        }
        let connection = connect::open_file(path)?;
        vacuum::enable(&connection)?;
        // Writes the first page, which says so.
        Ok(connection.execute_batch("VACUUM")?)
    }

    /// The lowest height whose payments are in histories; 0: all are.
    pub fn histories_from(&self) -> Result<u32, StoreError> {
        let sql = "SELECT value FROM meta WHERE name = 'histories_from'";
        Ok(rows::one(&self.connection, sql, [], |row| rows::integer(row, 0))?.unwrap_or(0))
    }

    /// Forgets some of the histories below the lowest block that is kept whole, or gives some room back.
    pub(super) fn forget_old(&mut self, kept_from: u32, tip: u32) -> Result<(), StoreError> {
        let mut below = self.histories_from()?;
        let kept = tip.saturating_sub(kept_from);
        if self.pass.is_none() && kept_from > 1 && kept_from.saturating_sub(below) >= EVERY_BLOCKS.max(kept / 4) {
            below = kept_from;
            let sql = "INSERT OR REPLACE INTO meta (name, value) VALUES ('histories_from', ?1)";
            rows::run(&self.connection, sql, [below])?;
            self.pass = Some(i64::MIN);
        }
        for _ in 0..STEPS {
            match self.pass {
                Some(from) => self.pass = self.forget_some(from, below)?,
                None if vacuum::step(&self.connection)? => {}
                None => break,
            }
        }
        Ok(())
    }

    /// Looks at some pages from this row on. Returns the row with which to go on; `None`: those were the last.
    fn forget_some(&mut self, from: i64, below: u32) -> Result<Option<i64>, StoreError> {
        let transaction = self.connection.transaction()?;
        let (mut left, mut next) = (STEP_PAGES, None);
        let slots = runs::slots(&transaction)?;
        for (slot, kind) in slots.into_iter().flat_map(|slot| [Kind::History, Kind::Memo].map(|kind| (slot, kind))) {
            let stays = |entry: &Entry| entry.height(kind) >= u64::from(below);
            let looked = pages::retain(&transaction, Part { slot, kind }, from, left, stays)?;
            runs::shrink(&transaction, slot, looked.freed)?;
            left -= looked.pages;
            next = looked.last.map(|row| row.saturating_add(1)).or(next);
            if left == 0 {
                transaction.commit()?;
                return Ok(next);
            }
        }
        transaction.commit()?;
        Ok(None)
    }
}
