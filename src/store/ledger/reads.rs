//! Headers as the writer sees them, uncommitted ones included.

use super::{Best, LedgerDb};
use crate::{
    base::hash::Hash,
    chain::{
        archive::{BlockStatus, HeaderArchive, HeaderRow, StoreError},
        coin::CoinChanges,
        header::Header,
    },
    store::{bodies, error::corrupt, kept, rows::StoredHeader},
};

impl HeaderArchive for LedgerDb {
    fn header(&self, hash: &Hash) -> Result<Option<HeaderRow>, StoreError> {
        let found = self.watch(StoredHeader::find(&self.connection, hash))?;
        Ok(found.map(|stored| self.with_status(stored)))
    }

    fn applied_at(&self, height: u32) -> Result<Option<HeaderRow>, StoreError> {
        let found = self.watch(StoredHeader::applied_at(&self.connection, height))?;
        Ok(found.map(|stored| stored.with_status(BlockStatus::Applied)))
    }

    fn applied_from(&self, from: u32, count: usize) -> Result<Vec<Header>, StoreError> {
        self.watch(StoredHeader::applied_from(&self.connection, from, count))
    }

    fn applied_hashes(&self, from: u32, step: u32, count: usize) -> Result<Vec<Hash>, StoreError> {
        self.watch(StoredHeader::applied_hashes(&self.connection, from, step, count))
    }

    fn best_header(&self) -> Result<HeaderRow, StoreError> {
        let stored = self.watch(StoredHeader::with_id(&self.connection, self.best.id))?;
        Ok(self.with_status(stored))
    }

    fn fork_headers(&self) -> Result<usize, StoreError> {
        Ok(self.forks.len())
    }

    fn replaceable_from(&self) -> Result<u32, StoreError> {
        self.watch(kept::replaceable_from(&self.connection))
    }
}

impl LedgerDb {
    pub(super) fn with_status(&self, stored: StoredHeader) -> HeaderRow {
        let status = self.forks.get(&stored.hash).map_or(BlockStatus::Applied, |row| row.status);
        stored.with_status(status)
    }
}

impl LedgerDb {
    /// What the applied block with this hash did to the coins.
    pub(super) fn changes_at(&self, height: u32, hash: &Hash) -> Result<CoinChanges, StoreError> {
        match StoredHeader::applied_at(&self.connection, height)?.filter(|stored| stored.hash == *hash) {
            Some(stored) => bodies::changes(&self.connection, &stored),
            None => Err(corrupt(format!("block {hash} is not applied at height {height}"))),
        }
    }

    /// The valid header with the most work; of equals the one stored first, which has the smallest id.
    pub(super) fn find_best(&self) -> Result<Best, StoreError> {
        let end = StoredHeader::with_id(&self.connection, self.end.id)?;
        let end = Best { id: end.id, hash: end.hash, work: end.work };
        let valid = self.forks.iter().filter(|(_, row)| row.status != BlockStatus::Invalid);
        let candidates = valid.map(|(hash, row)| Best { id: row.id, hash: *hash, work: row.work });
        Ok(candidates.fold(end, |best, next| {
            let better = next.work > best.work || (next.work == best.work && next.id < best.id);
            if better { next } else { best }
        }))
    }
}
