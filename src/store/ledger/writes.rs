//! The writer's changes. Each checks that it fits the applied chain. One that does not is a bug of the caller and stops the
//! node.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use super::{Best, COMMIT_BYTES, End, LedgerDb, SHORT_COMMIT_BYTES};
use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        archive::{
            BlockStatus, FindCoin, HeaderArchive as _, HeaderRow, Keep, LedgerStore, StoreError, Submission, Tip,
        },
        checked::CheckedBlock,
        coin::{Coin, CoinChange, CoinChanges},
        coin_key::CoinKey,
        digest::StateSum,
        past::PastBlock,
        snapshot::{Adoption, JoinState, Manifest},
    },
    store::{
        bodies,
        error::corrupt,
        rows::{self, NewHeader, StoredHeader},
        state_sums::{self, Loaded},
        undo,
    },
};

impl LedgerStore for LedgerDb {
    fn tip(&self) -> Result<Tip, StoreError> {
        Ok(self.committed.clone())
    }

    fn kept_from(&self) -> u32 {
        self.kept_from
    }

    fn state_sum(&self) -> Result<StateSum, StoreError> {
        let Loaded { sum, damaged } = self.watch(state_sums::load(&self.connection, &self.committed))?;
        if damaged {
            self.sums.make_due();
        }
        Ok(sum)
    }

    fn put_headers(&mut self, rows: &[HeaderRow]) -> Result<(), StoreError> {
        self.change(|db| {
            let mut new = Vec::with_capacity(rows.len());
            for row in rows {
                new.extend(db.new_header(row)?);
            }
            StoredHeader::insert(&db.connection, &new)
        })
    }

    fn put_body(&mut self, hash: &Hash, body: &Bytes) -> Result<(), StoreError> {
        self.change(|db| db.store_body(hash, body))
    }

    fn body(&self, hash: &Hash) -> Result<Option<Bytes>, StoreError> {
        self.watch(bodies::find(&self.connection, hash))
    }

    fn served_body(&self, hash: &Hash, is_disconnected: bool) -> Result<Option<Bytes>, StoreError> {
        if self.forks.get(hash).is_some_and(|row| row.status != BlockStatus::Stored || !is_disconnected) {
            return Ok(None);
        }
        self.body(hash)
    }

    fn row_of(&self, block: &CheckedBlock) -> Result<Option<HeaderRow>, StoreError> {
        match self.forks.get(&block.hash) {
            Some(row) => {
                let (hash, header) = (block.hash, block.header.clone());
                Ok(Some(HeaderRow { hash, header, work: row.work, paused: row.paused, status: row.status }))
            }
            None => self.header(&block.hash),
        }
    }

    fn status_of(&self, hash: &Hash) -> Result<Option<BlockStatus>, StoreError> {
        match self.forks.get(hash) {
            Some(row) => Ok(Some(row.status)),
            None => Ok(self.watch(self.id_of(hash))?.map(|_| BlockStatus::Applied)),
        }
    }

    fn has_body(&self, hash: &Hash) -> Result<bool, StoreError> {
        match self.forks.get(hash).map(|row| (row.status, row.id)) {
            Some((BlockStatus::Header, _)) => Ok(false),
            Some((BlockStatus::Invalid, id)) => self.watch(bodies::exists(&self.connection, id)),
            Some(_) => Ok(true),
            None => Ok(self.watch(StoredHeader::find(&self.connection, hash))?.is_some()),
        }
    }

    fn apply(&mut self, height: u32, hash: &Hash, undo: &CoinChanges) -> Result<(), StoreError> {
        self.change(|db| db.connect_block(height, hash, undo))
    }

    fn unapply(&mut self, height: u32, hash: &Hash) -> Result<CoinChanges, StoreError> {
        self.change(|db| db.disconnect_block(height, hash))
    }

    fn changes_of(&self, height: u32, hash: &Hash) -> Result<CoinChanges, StoreError> {
        self.watch(self.changes_at(height, hash))
    }

    fn mark_invalid(&mut self, hash: &Hash) -> Result<Vec<Hash>, StoreError> {
        self.change(|db| db.invalidate(hash))
    }

    fn unmark_invalid(&mut self, hash: &Hash, only: Option<&[Hash]>) -> Result<Vec<HeaderRow>, StoreError> {
        self.change(|db| db.revalidate(hash, only))
    }

    fn coin(&self, key: &CoinKey) -> Result<Option<Coin>, StoreError> {
        self.watch(self.coins.get(&self.connection, key))
    }

    fn lend_coins(&self, borrow: &mut dyn FnMut(&mut FindCoin<'_>)) -> Result<(), StoreError> {
        // Many blocks spend nothing that is stored.
        let mut reader = None;
        borrow(&mut |key| {
            let reader = match &mut reader {
                Some(reader) => reader,
                none => none.insert(self.watch(self.coins.reader(&self.connection))?),
            };
            self.watch(reader.get(key))
        });
        Ok(())
    }

    fn coins_sum(&self) -> Result<StateSum, StoreError> {
        let mut sum = StateSum::default();
        let added = self.coins.check_each(&self.connection, |outpoint, coin| sum.add(&CoinKey::of(outpoint), &coin));
        self.watch(added.map(|()| sum))
    }

    fn flush_coins(&mut self, changes: &mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError> {
        self.change(|db| {
            db.coins.write(&db.connection, changes)?;
            db.count_coins_written();
            Ok(())
        })
    }

    fn is_commit_due(&self) -> bool {
        self.uncommitted >= if self.is_log_long { SHORT_COMMIT_BYTES } else { COMMIT_BYTES }
    }

    fn commit(&mut self, tip: &Tip, sum: &StateSum, durable: bool) -> Result<(), StoreError> {
        self.change(|db| db.end_transaction(tip, sum))?;
        let moved = self.move_log();
        self.watch(moved)?;
        let settings = self.set_durable(durable);
        self.watch(settings)
    }

    fn postpone_commit(&mut self) {
        self.postponed.store(true, Ordering::Release);
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        if !self.connection.is_autocommit() {
            return Ok(false);
        }
        self.merge_coins()?;
        let is_pruning = self.prune_idle()?;
        let moved = self.move_log();
        self.watch(moved)?;
        Ok(self.coins.has_merges_due() || is_pruning)
    }

    fn prunes(&self) -> bool {
        self.pruning.keep != Keep::All
    }

    fn is_held(&self) -> bool {
        self.pruning.is_held()
    }

    fn save_mempool(&mut self, transactions: &mut dyn Iterator<Item = Bytes>) -> Result<(), StoreError> {
        let alone = self.connection.is_autocommit();
        self.change(|db| {
            rows::run(&db.connection, "DELETE FROM mempool", [])?;
            for bytes in transactions {
                rows::run(&db.connection, "INSERT INTO mempool (bytes) VALUES (?1)", [&bytes[..]])?;
            }
            // No transaction is open, so it gets its own.
            if alone {
                rows::run(&db.connection, "COMMIT", [])?;
            }
            Ok(())
        })
    }

    fn load_mempool(&self) -> Result<Vec<Bytes>, StoreError> {
        let sql = "SELECT bytes FROM mempool ORDER BY position";
        self.watch(rows::all(&self.connection, sql, [], |row| Ok(Bytes::from(rows::slice(row, 0)?.to_vec()))))
    }

    fn keep_submitted(&mut self, transactions: &[Submission]) -> Result<(), StoreError> {
        let Some(file) = &mut self.submitted else { return Ok(()) };
        file.append(transactions).map_err(|error| StoreError::Io(error.to_string()))
    }

    fn retain_submitted(&mut self, txids: &BTreeSet<Hash>) -> Result<(), StoreError> {
        let Some(file) = &mut self.submitted else { return Ok(()) };
        file.retain(txids).map_err(|error| StoreError::Io(error.to_string()))
    }

    fn load_submitted(&self) -> Result<Vec<Submission>, StoreError> {
        let Some(file) = &self.submitted else { return Ok(Vec::new()) };
        file.read().map_err(|error| StoreError::Io(error.to_string()))
    }

    fn stored_above(&self, height: u32) -> Result<Vec<HeaderRow>, StoreError> {
        let stored = self.forks.iter().filter(|(_, row)| row.status == BlockStatus::Stored && row.height > height);
        let mut found: Vec<_> = stored.map(|(_, row)| (row.height, row.id)).collect();
        found.sort_unstable();
        let read = |(_, id)| Ok(StoredHeader::with_id(&self.connection, id)?.with_status(BlockStatus::Stored));
        self.watch(found.into_iter().map(read).collect())
    }

    fn join_state(&self) -> Result<JoinState, StoreError> {
        Ok(self.join)
    }

    fn begin_join(&mut self) -> Result<(), StoreError> {
        self.change(Self::start_joining)
    }

    fn abandon_join(&mut self) -> Result<Tip, StoreError> {
        self.stop_joining()
    }

    fn apply_header(&mut self, height: u32, hash: &Hash) -> Result<(), StoreError> {
        self.change(|db| db.connect_header(height, hash))
    }

    fn unapply_header(&mut self, height: u32, hash: &Hash) -> Result<(), StoreError> {
        self.change(|db| db.disconnect_header(height, hash))
    }

    fn adopt_snapshot(&mut self, manifest: &Manifest, supply: u128) -> Result<Adoption, StoreError> {
        self.adopt(manifest, supply)
    }

    fn keep_past(&mut self, block: &PastBlock) -> Result<(), StoreError> {
        self.change(|db| db.keep_below(block))
    }
}

impl LedgerDb {
    /// Drops all changes since the last commit, as a crash does. Roles never call it: they undo a change by another change.
    pub fn rollback(&mut self) -> Result<(), StoreError> {
        if !self.connection.is_autocommit() {
            self.watch(rows::run(&self.connection, "ROLLBACK", []))?;
        }
        let reloaded = self.reload();
        self.broken.set(reloaded.is_err());
        self.watch(reloaded)
    }

    /// Runs a change inside the transaction. If it fails, the transaction can no longer be committed.
    pub(super) fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.broken.get() {
            return Err(StoreError::Other("an earlier change failed and was not rolled back".to_owned()));
        }
        let result = self.begin().and_then(|()| change(self));
        self.broken.set(result.is_err());
        self.watch(result)
    }

    /// Adds a header; `None` if it is already known.
    fn new_header<'a>(&mut self, row: &'a HeaderRow) -> Result<Option<NewHeader<'a>>, StoreError> {
        // A header above the applied chain's end is in memory, or new.
        let known = row.header.height <= self.end.height || self.forks.get(&row.hash).is_some();
        if known && self.id_of(&row.hash)?.is_some() {
            return Ok(None);
        }
        let parent = self.id_of(&row.header.previous)?;
        let parent = parent.ok_or_else(|| misuse("the parent of a header is not stored", &row.hash))?;
        let invalid = self.forks.get(&row.header.previous).is_some_and(|row| row.status == BlockStatus::Invalid);
        let status = if invalid { BlockStatus::Invalid } else { BlockStatus::Header };
        let id = self.next_id;
        self.next_id = id.checked_add(1).ok_or_else(|| misuse("no id is left for a header", &row.hash))?;
        self.forks.insert(row.hash, (id, parent), (row.header.height, row.work, row.paused), status);
        if !invalid && row.work > self.best.work {
            self.best = Best { id, hash: row.hash, work: row.work };
        }
        Ok(Some(NewHeader { id, parent: Some(parent), row }))
    }

    fn store_body(&mut self, hash: &Hash, body: &Bytes) -> Result<(), StoreError> {
        match self.forks.get(hash).map(|row| (row.status, row.id)) {
            Some((BlockStatus::Header, id)) => {
                bodies::insert(&self.connection, id, hash, body)?;
                self.uncommitted = self.uncommitted.saturating_add(body.len());
                self.forks.set_status(hash, BlockStatus::Stored);
                Ok(())
            }
            // Already stored, or invalid and not worth its room.
            Some(_) => Ok(()),
            None if self.id_of(hash)?.is_some() => Ok(()),
            None => Err(misuse("a body came before its header", hash)),
        }
    }

    fn connect_block(&mut self, height: u32, hash: &Hash, changes: &CoinChanges) -> Result<(), StoreError> {
        let row = self.forks.get(hash).filter(|row| row.status == BlockStatus::Stored);
        let row = row.ok_or_else(|| misuse("only a stored block can be applied", hash))?;
        let is_next =
            self.end.height.checked_add(1) == Some(height) && (row.height, row.parent) == (height, self.end.id);
        if !is_next || self.join == JoinState::Joining {
            return Err(misuse("the block does not follow the applied chain's last", hash));
        }
        let id = row.id;
        let sql = "INSERT INTO applied (height, id, undo) VALUES (?1, ?2, ?3)";
        let undo = undo::encode(&changes.spent);
        self.uncommitted = self.uncommitted.saturating_add(undo.as_ref().map_or(0, Vec::len));
        rows::run(&self.connection, sql, (height, id, undo))?;
        self.forks.remove(hash);
        self.end = End { height, id, hash: *hash };
        self.sums.connected(changes);
        self.pruning.connected();
        // A turn for each block: merges keep pace with flushes, and no single block waits for long.
        self.coins.merge(&self.connection)?;
        self.count_coins_written();
        Ok(())
    }

    fn disconnect_block(&mut self, height: u32, hash: &Hash) -> Result<CoinChanges, StoreError> {
        if (self.end.height, self.end.hash) != (height, *hash) || height == 0 {
            return Err(misuse("only the applied chain's last block can be disconnected", hash));
        }
        if height < self.kept_from {
            return Err(StoreError::Pruned { height, kept_from: self.kept_from });
        }
        let stored = StoredHeader::with_id(&self.connection, self.end.id)?;
        let changes = bodies::changes(&self.connection, &stored)?;
        rows::run(&self.connection, "DELETE FROM applied WHERE height = ?1", [height])?;
        let parent = stored.parent.ok_or_else(|| corrupt(format!("block {height} has no parent")))?;
        self.forks.insert(*hash, (stored.id, parent), (height, stored.work, stored.paused), BlockStatus::Stored);
        self.end = End { height: height - 1, id: parent, hash: stored.header.previous };
        self.sums.disconnected(height);
        self.pruning.forget();
        Ok(changes)
    }

    fn end_transaction(&mut self, tip: &Tip, sum: &StateSum) -> Result<(), StoreError> {
        if (tip.height, tip.hash) != (self.end.height, self.end.hash) {
            return Err(misuse("the tip to be committed is not the applied chain's last block", &tip.hash));
        }
        self.prune_with_commit()?;
        self.forks.flush(&self.connection)?;
        self.sums.save_if_due(&self.connection, tip, sum)?;
        let sql = "UPDATE state SET height = ?1, best = ?2, digest = ?3, changes = ?4";
        let values = (tip.height, self.best.id, tip.digest.0.as_slice(), self.sums.changes());
        rows::run(&self.connection, sql, values)?;
        self.save_kept_from()?;
        rows::run(&self.connection, "COMMIT", [])?;
        self.committed = tip.clone();
        self.postponed.store(false, Ordering::Release);
        self.uncommitted = 0;
        Ok(())
    }

    pub(super) fn count_coins_written(&mut self) {
        let written = self.coins.take_written();
        self.uncommitted = self.uncommitted.saturating_add(usize::try_from(written).unwrap_or(usize::MAX));
    }

    pub(super) fn id_of(&self, hash: &Hash) -> Result<Option<i64>, StoreError> {
        if *hash == self.end.hash {
            return Ok(Some(self.end.id));
        }
        if let Some(row) = self.forks.get(hash) {
            return Ok(Some(row.id));
        }
        let sql = "SELECT id, hash FROM headers WHERE key = ?1";
        let found = rows::all(&self.connection, sql, [rows::key_of(hash)], |row| {
            Ok((row.get::<_, i64>(0)?, Hash(rows::bytes(row, 1)?)))
        })?;
        Ok(found.into_iter().find(|(_, other)| other == hash).map(|(id, _)| id))
    }
}

pub(super) fn misuse(what: &str, hash: &Hash) -> StoreError {
    StoreError::Other(format!("{what} (block {hash})"))
}
