//! A ledger that takes its coins from a snapshot: first headers alone are applied, then the coins of a block deep below the last of
//! them take the place of those of genesis.
//!
//! The coins are loaded beside those of genesis, some at a time, and then the headers above the snapshot are removed, some at a time.
//! One last transaction changes what the ledger is. Up to then a kill leaves a ledger that is joining, with pages that no run
//! names and fewer headers.

use super::{Best, End, LedgerDb, adopting::Adopting, writes::misuse};
use crate::{
    base::hash::Hash,
    chain::{
        archive::{BlockStatus, StoreError, Tip},
        snapshot::{Adoption, BUCKETS, JoinState, Manifest, SnapshotFault},
    },
    store::{
        error::corrupt,
        rows::{self, StoredHeader},
    },
};

/// Pages of coins that are removed in one transaction.
const SWEPT_PAGES: usize = 1024;
/// Headers that are removed in one transaction.
const REMOVED_HEADERS: u32 = if cfg!(test) { 5 } else { 4096 };
/// About the bytes that the rows of an applied header take.
const HEADER_ROW_BYTES: usize = 64;

impl LedgerDb {
    pub(super) fn start_joining(&mut self) -> Result<(), StoreError> {
        if self.end.height > 0 || self.join != JoinState::History {
            return Err(misuse("only a ledger of nothing but genesis can join from a snapshot", &self.end.hash));
        }
        // Headers of an earlier run stay: whoever reads them stands on them by now.
        rows::run(&self.connection, "UPDATE state SET joining = 1, joined_best = NULL", [])?;
        self.join = JoinState::Joining;
        Ok(())
    }

    /// Removes all headers that are not applied, with their blocks. None that is applied follows one of them.
    fn forget_branches(&mut self) -> Result<(), StoreError> {
        self.forks.flush(&self.connection)?;
        rows::run(&self.connection, "DELETE FROM bodies WHERE id IN (SELECT id FROM side)", [])?;
        rows::run(&self.connection, "DELETE FROM headers WHERE id IN (SELECT id FROM side)", [])?;
        rows::run(&self.connection, "DELETE FROM side", [])?;
        self.set_best_to_end()?;
        self.forks = Default::default();
        Ok(())
    }

    fn set_best_to_end(&mut self) -> Result<(), StoreError> {
        let end = StoredHeader::with_id(&self.connection, self.end.id)?;
        self.best = Best { id: end.id, hash: end.hash, work: end.work };
        self.next_id = end.id.checked_add(1).ok_or_else(|| corrupt("no ids are left"))?;
        rows::run(&self.connection, "UPDATE state SET best = ?1", [end.id])?;
        Ok(())
    }

    pub(super) fn connect_header(&mut self, height: u32, hash: &Hash) -> Result<(), StoreError> {
        let row = self.forks.get(hash).filter(|row| row.status == BlockStatus::Header);
        let row = row.ok_or_else(|| misuse("only a stored header can be applied", hash))?;
        if self.join != JoinState::Joining {
            return Err(misuse("a header was applied without its block", hash));
        }
        if self.end.height.checked_add(1) != Some(height) || (row.height, row.parent) != (height, self.end.id) {
            return Err(misuse("the header does not follow the applied chain's last", hash));
        }
        let id = row.id;
        rows::run(&self.connection, "INSERT INTO applied (height, id, undo) VALUES (?1, ?2, NULL)", (height, id))?;
        self.uncommitted = self.uncommitted.saturating_add(HEADER_ROW_BYTES);
        self.forks.remove(hash);
        self.end = End { height, id, hash: *hash };
        self.kept_from = height.saturating_add(1);
        Ok(())
    }

    pub(super) fn disconnect_header(&mut self, height: u32, hash: &Hash) -> Result<(), StoreError> {
        if self.join != JoinState::Joining || (self.end.height, self.end.hash) != (height, *hash) || height == 0 {
            return Err(misuse("only the applied chain's last header can be disconnected, while joining", hash));
        }
        let stored = StoredHeader::with_id(&self.connection, self.end.id)?;
        rows::run(&self.connection, "DELETE FROM applied WHERE height = ?1", [height])?;
        let parent = stored.parent.ok_or_else(|| corrupt(format!("block {height} has no parent")))?;
        self.forks.insert(*hash, (stored.id, parent), (height, stored.work, stored.paused), BlockStatus::Header);
        self.end = End { height: height - 1, id: parent, hash: stored.header.previous };
        self.kept_from = height;
        Ok(())
    }

    /// While joining, no block is kept but genesis.
    pub(super) fn save_kept_from(&self) -> Result<(), StoreError> {
        if self.join == JoinState::Joining {
            rows::run(&self.connection, "UPDATE state SET kept_from = ?1", [self.kept_from])?;
        }
        Ok(())
    }

    pub(super) fn stop_joining(&mut self) -> Result<Tip, StoreError> {
        self.adopting = None;
        self.only_while_joining()?;
        while self.remove_headers_above(0)? {}
        while self.sweep()? {}
        self.in_own_transaction(|db| {
            rows::run(&db.connection, "UPDATE state SET joining = 0, joined_best = NULL, kept_from = 1", []).map(|_| ())
        })?;
        self.reload()?;
        Ok(self.committed.clone())
    }

    fn only_while_joining(&self) -> Result<(), StoreError> {
        if self.join != JoinState::Joining || !self.connection.is_autocommit() {
            return Err(misuse(
                "only a ledger that is joining can do this, and in no open transaction",
                &self.end.hash,
            ));
        }
        Ok(())
    }

    /// A change that is committed at once.
    fn in_own_transaction<T>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let done = self.change(|db| {
            let done = change(db)?;
            rows::run(&db.connection, "COMMIT", [])?;
            Ok(done)
        })?;
        self.uncommitted = 0;
        let moved = self.move_log();
        self.watch(moved)?;
        Ok(done)
    }

    fn sweep(&mut self) -> Result<bool, StoreError> {
        self.in_own_transaction(|db| db.coins.sweep(&db.connection, SWEPT_PAGES))
    }

    /// Removes some headers above this height, the last first, and all that are not applied. Returns whether there were any.
    fn remove_headers_above(&mut self, height: u32) -> Result<bool, StoreError> {
        if self.end.height <= height && self.forks.len() == 0 {
            return Ok(false);
        }
        self.in_own_transaction(|db| {
            db.forget_branches()?;
            let to = height.max(db.end.height.saturating_sub(REMOVED_HEADERS)).min(db.end.height);
            let end = StoredHeader::applied_at(&db.connection, to)?;
            let end = end.ok_or_else(|| corrupt(format!("block {to} is missing")))?;
            rows::run(&db.connection, "DELETE FROM applied WHERE height > ?1", [to])?;
            rows::run(&db.connection, "DELETE FROM headers WHERE id > ?1", [end.id])?;
            db.end = End { height: to, id: end.id, hash: end.hash };
            db.kept_from = to.saturating_add(1);
            db.set_best_to_end()?;
            rows::run(&db.connection, "UPDATE state SET height = ?1, kept_from = ?2", (to, db.kept_from))?;
            db.committed = Tip { hash: end.hash, height: to, time: end.header.time, work: end.work, ..db.committed };
            Ok(true)
        })
    }

    /// One step of [`crate::chain::archive::LedgerStore::adopt_snapshot`].
    pub(super) fn adopt(&mut self, manifest: &Manifest, supply: u128) -> Result<Adoption, StoreError> {
        self.only_while_joining()?;
        if self.sweep_before_load()? {
            return Ok(Adoption::More { done: 0, all: manifest.pieces() });
        }
        let adopting = match self.adopting.take().filter(|adopting| adopting.staging.manifest() == manifest) {
            Some(adopting) => adopting,
            None => match self.begin_adopting(manifest)? {
                Ok(adopting) => adopting,
                Err(fault) => return Ok(Adoption::Refused { bucket: None, fault }),
            },
        };
        self.go_on(adopting, supply)
    }

    /// Removes what an earlier load left.
    fn sweep_before_load(&mut self) -> Result<bool, StoreError> {
        if self.adopting.is_some() { Ok(false) } else { self.sweep() }
    }

    fn begin_adopting(&mut self, manifest: &Manifest) -> Result<Result<Adopting, SnapshotFault>, StoreError> {
        let (height, end) = (manifest.height(), self.end.height);
        let block = StoredHeader::applied_at(&self.connection, height)?;
        let next = StoredHeader::applied_at(&self.connection, height.saturating_add(1))?;
        let (Some(_), Some(next)) = (block.filter(|block| block.hash == manifest.block() && height > 0), next) else {
            return Ok(Err(SnapshotFault::Block(manifest.block())));
        };
        if manifest.digest() != next.header.state_digest {
            return Ok(Err(SnapshotFault::Root(next.header.state_digest)));
        }
        let load = self.coins.begin_load()?;
        let Some(adopting) = Adopting::new(self.snapshots.folder(), manifest, load)? else {
            return Ok(Err(SnapshotFault::Count));
        };
        self.in_own_transaction(|db| {
            let sql = "UPDATE state SET joined_best = max(coalesce(joined_best, 0), ?1)";
            rows::run(&db.connection, sql, [end]).map(|_| ())
        })?;
        Ok(Ok(adopting))
    }

    fn go_on(&mut self, mut adopting: Adopting, supply: u128) -> Result<Adoption, StoreError> {
        let all = adopting.staging.manifest().pieces();
        if adopting.bucket < BUCKETS {
            let bucket = adopting.bucket;
            if let Err(fault) = self.in_own_transaction(|db| adopting.load_piece(&db.connection))? {
                return Ok(Adoption::Refused { bucket: Some(bucket), fault });
            }
        } else if adopting.amount != supply {
            return Ok(Adoption::Refused {
                bucket: None,
                fault: SnapshotFault::Supply { found: adopting.amount, supply },
            });
        } else if !self.remove_headers_above(adopting.staging.manifest().height() + 1)? {
            return self.end_adopting(adopting).map(Adoption::Done);
        }
        let done = adopting.done;
        self.adopting = Some(adopting);
        Ok(Adoption::More { done, all })
    }

    /// Makes the loaded coins the ledger's.
    fn end_adopting(&mut self, adopting: Adopting) -> Result<Tip, StoreError> {
        let Adopting { staging, load, mut sum, .. } = adopting;
        let (height, block) = (staging.manifest().height(), staging.manifest().block());
        // Before anybody relies on it, and removes the pieces, it must be on the disk.
        let settings = self.set_durable(true);
        self.watch(settings)?;
        self.in_own_transaction(|db| {
            let end = StoredHeader::applied_at(&db.connection, height)?.filter(|end| end.hash == block);
            let end = end.ok_or_else(|| corrupt(format!("block {height} is missing")))?;
            db.coins.end_load(&db.connection, load)?;
            rows::run(&db.connection, "DELETE FROM applied WHERE height > ?1", [height])?;
            rows::run(&db.connection, "DELETE FROM headers WHERE id > ?1", [end.id])?;
            let tip = Tip { hash: end.hash, height, time: end.header.time, work: end.work, digest: sum.digest() };
            db.sums.make_due();
            db.sums.save_if_due(&db.connection, &tip, &sum)?;
            let sql = "UPDATE state SET height = ?1, best = ?2, digest = ?3, changes = 0, kept_from = ?4, joining = 0, \
                       joined = ?1, joined_block = ?5";
            let kept_from = height.saturating_add(1);
            rows::run(&db.connection, sql, (height, end.id, tip.digest.0.as_slice(), kept_from, block.0.as_slice()))
                .map(|_| ())
        })?;
        let reloaded = self.reload();
        self.watch(reloaded)?;
        Ok(self.committed.clone())
    }
}
