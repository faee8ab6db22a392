//! What the writer does besides changes: it has the log moved, waits for the disk or not, and merges coins.

use super::LedgerDb;
use crate::{
    chain::archive::StoreError,
    store::{checkpointer::LogPages, connect, rows},
};

/// Bytes that merges of coins may write while the ledger is idle, before they let others have the disk.
const TIDY_BYTES: usize = 2 * 1024 * 1024;

impl LedgerDb {
    /// Has the log moved into the database once it is long: by the thread what is committed now, and by the next call what
    /// was committed meanwhile. Then it begins again, unless a reader still needs what is in it.
    pub(super) fn move_log(&mut self) -> Result<(), StoreError> {
        let Some(checkpointer) = &mut self.checkpointer else { return Ok(()) };
        let Some(pages) = LogPages::of(&self.connection)? else { return Ok(()) };
        if pages.logged < self.checkpoint_pages {
            self.is_log_long = false;
        } else if !self.is_log_long {
            checkpointer.begin();
            self.is_log_long = true;
        } else {
            checkpointer.wait();
            let left = LogPages::checkpoint(&self.connection)?;
            self.is_log_long = left.is_some_and(|left| left.waiting() > 0);
        }
        Ok(())
    }

    /// Switches between `synchronous=FULL` and `NORMAL`. The pragma cannot change inside a transaction, so an empty commit
    /// follows the first durable one and syncs the log with both.
    pub(super) fn set_durable(&mut self, durable: bool) -> Result<(), StoreError> {
        if self.durable == durable {
            return Ok(());
        }
        connect::set_durable(&self.connection, durable)?;
        self.durable = durable;
        if durable {
            rows::run(&self.connection, "UPDATE state SET clean = 0", [])?;
        }
        Ok(())
    }

    /// Merges coins for some milliseconds, each step in a transaction of its own.
    pub(super) fn merge_coins(&mut self) -> Result<(), StoreError> {
        while self.coins.has_merges_due() && self.uncommitted < TIDY_BYTES {
            self.change(|db| {
                db.coins.merge(&db.connection)?;
                db.count_coins_written();
                rows::run(&db.connection, "COMMIT", []).map(|_| ())
            })?;
        }
        self.uncommitted = 0;
        Ok(())
    }
}
