//! Headers as the writer sees them, uncommitted ones included.

use super::LedgerDb;
use crate::{
    base::hash::Hash,
    chain::{
        archive::{BlockStatus, HeaderArchive, HeaderRow, StoreError},
        header::Header,
    },
    store::rows::StoredHeader,
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
}

impl LedgerDb {
    pub(super) fn with_status(&self, stored: StoredHeader) -> HeaderRow {
        let status = self.forks.get(&stored.hash).map_or(BlockStatus::Applied, |row| row.status);
        stored.with_status(status)
    }
}
