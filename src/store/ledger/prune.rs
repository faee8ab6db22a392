//! Pruning: bodies and undo data of old blocks go, in small steps, and free pages with them.
//!
//! `state.kept_from` moves in the transaction that removes what is below it. What it leaves is enough for a start: the sums
//! behind the state digest are brought forward from the height at which they were saved, so their blocks stay, and the sums are
//! saved again when they hold up pruning.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use log::info;

use super::{LedgerDb, pruning::block_bytes};
use crate::{
    chain::archive::{BlockStatus, Keep, StoreError},
    store::{rows, vacuum},
};

/// Most blocks that one step removes.
const STEP_BLOCKS: u32 = 256;
/// Bytes of them after which a step ends.
const STEP_BYTES: u64 = 4 * 1024 * 1024;
/// Blocks that may be too many before a commit removes some; up to then the ledger's idle moments do.
const SLACK_BLOCKS: u32 = 64;
impl LedgerDb {
    /// The lowest height whose body others still read: nothing from there on is pruned. `u32::MAX`: nobody does.
    pub fn hold(&mut self, lowest: Arc<AtomicU32>) {
        self.pruning.held = lowest;
    }

    /// A commit of many blocks takes some of the old ones with it: during a sync the ledger is never idle.
    pub(super) fn prune_with_commit(&mut self) -> Result<(), StoreError> {
        let connected = std::mem::take(&mut self.pruning.connected);
        let tip = self.end.height;
        if self.pruning.keep == Keep::All || tip.saturating_sub(self.kept_from) < Keep::FEWEST + SLACK_BLOCKS {
            return Ok(());
        }
        if self.prunable(tip)?.is_some_and(|to| to.saturating_sub(self.kept_from) >= SLACK_BLOCKS) {
            self.prune_below_tip(tip, connected.saturating_mul(2).max(SLACK_BLOCKS), u64::MAX)?;
        }
        Ok(())
    }

    /// Removes a few blocks, or gives a few pages back, in a transaction of its own. Returns whether there is more to do.
    pub(super) fn prune_idle(&mut self) -> Result<bool, StoreError> {
        if self.pruning.keep == Keep::All {
            return Ok(false);
        }
        let tip = self.end.height;
        let Some(to) = self.watch_prunable(tip)? else { return Ok(true) };
        if to <= self.kept_from {
            let more = vacuum::step(&self.connection);
            return Ok(self.watch(more)? || self.pruning.is_held);
        }
        self.change(|db| {
            db.prune_below_tip(tip, STEP_BLOCKS, STEP_BYTES)?;
            rows::run(&db.connection, "COMMIT", []).map(|_| ())
        })?;
        self.uncommitted = 0;
        Ok(true)
    }

    fn watch_prunable(&mut self, tip: u32) -> Result<Option<u32>, StoreError> {
        let found = self.prunable(tip);
        self.watch(found)
    }

    /// The height up to which blocks may go, which then is the lowest; `None`: not known yet.
    fn prunable(&mut self, tip: u32) -> Result<Option<u32>, StoreError> {
        let Some(wanted) = self.pruning.wanted(&self.connection, self.kept_from, tip)? else { return Ok(None) };
        let held = self.pruning.held.load(Ordering::Acquire);
        let wanted = self.sums.lets_go_below(wanted);
        self.pruning.is_held = held <= self.kept_from && held < wanted;
        Ok(Some(wanted.min(held)))
    }

    /// Removes what is to go below the block at `tip`, at most so much, in the open transaction.
    fn prune_below_tip(&mut self, tip: u32, most_blocks: u32, most_bytes: u64) -> Result<(), StoreError> {
        let Some(to) = self.prunable(tip)? else { return Ok(()) };
        let (from, mut bytes) = (self.kept_from, 0);
        while self.kept_from < to && self.kept_from - from < most_blocks && bytes < most_bytes {
            if most_bytes != u64::MAX {
                bytes += block_bytes(&self.connection, self.kept_from)?;
            }
            self.kept_from += 1;
        }
        if self.kept_from == from {
            return Ok(());
        }
        let (low, end) = (from.max(1), self.kept_from);
        let sql = "DELETE FROM bodies WHERE id IN (SELECT id FROM applied WHERE height >= ?1 AND height < ?2)";
        rows::run(&self.connection, sql, (low, end))?;
        let sql = "UPDATE applied SET undo = NULL WHERE height >= ?1 AND height < ?2 AND undo IS NOT NULL";
        rows::run(&self.connection, sql, (low, end))?;
        self.prune_branches(end)?;
        rows::run(&self.connection, "UPDATE state SET kept_from = ?1", [end])?;
        if from <= 1 {
            info!("store: pruning, blocks are no longer kept below height={end}");
        }
        Ok(())
    }

    /// Removes the bodies of branches below this height. Without its body, a stored block is a header again; an invalid one
    /// stays invalid.
    fn prune_branches(&mut self, end: u32) -> Result<(), StoreError> {
        let old = self.forks.iter().filter(|(_, row)| row.height < end && row.status != BlockStatus::Header);
        let old: Vec<_> = old.map(|(hash, row)| (*hash, row.id, row.status)).collect();
        for (hash, id, status) in old {
            let gone = rows::run(&self.connection, "DELETE FROM bodies WHERE id = ?1", [id])?;
            if status == BlockStatus::Stored && gone > 0 {
                self.forks.set_status(&hash, BlockStatus::Header);
            }
        }
        self.forks.flush(&self.connection)
    }

    /// Whether the file gives room back that pruning frees.
    pub fn gives_room_back(&self) -> Result<bool, StoreError> {
        vacuum::is_enabled(&self.connection)
    }
}
