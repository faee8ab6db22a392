//! Blocks of the past that come back, the highest first, so that at each moment the ledger is whole from `kept_from` on.

use super::{LedgerDb, writes::misuse};
use crate::{
    chain::{
        archive::{Keep, StoreError},
        past::PastBlock,
        snapshot::JoinState,
    },
    store::{
        bodies,
        rows::{self, StoredHeader},
        undo,
    },
};

impl LedgerDb {
    /// Keeps the block below the lowest one that is kept, in the open transaction.
    pub(super) fn keep_below(&mut self, block: &PastBlock) -> Result<(), StoreError> {
        let (height, hash) = (block.height, &block.hash);
        let is_next = height > 0 && height.checked_add(1) == Some(self.kept_from);
        if !is_next || self.join == JoinState::Joining || self.pruning.keep != Keep::All {
            return Err(misuse("a block of the past is not the next one that the ledger lacks", hash));
        }
        let stored = StoredHeader::applied_at(&self.connection, height)?.filter(|stored| stored.hash == *hash);
        let stored = stored.ok_or_else(|| misuse("a block of the past is not on the applied chain", hash))?;
        bodies::insert(&self.connection, stored.id, hash, &block.body)?;
        let undo = undo::encode(&block.spent);
        let written = block.body.len().saturating_add(undo.as_ref().map_or(0, Vec::len));
        rows::run(&self.connection, "UPDATE applied SET undo = ?2 WHERE height = ?1", (height, undo))?;
        rows::run(&self.connection, "UPDATE state SET kept_from = ?1", [height])?;
        self.uncommitted = self.uncommitted.saturating_add(written);
        self.kept_from = height;
        if height == 1 && self.join != JoinState::History {
            let sql = "UPDATE state SET joined = NULL, joined_block = NULL, joined_best = NULL";
            rows::run(&self.connection, sql, [])?;
            self.join = JoinState::History;
        }
        Ok(())
    }
}
