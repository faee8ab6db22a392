//! The headers for another thread than the writer's.

use std::sync::{
    Arc, Mutex, Weak,
    atomic::{AtomicBool, Ordering},
};

use super::LedgerDb;
use crate::{
    base::hash::Hash,
    chain::{
        archive::{HeaderArchive, HeaderRow, StoreError},
        header::Header,
    },
    store::LedgerReader,
};

/// Reads headers over a connection of its own, beside the writer. While a commit is postponed, it reads over the writer's
/// connection, so that it always shows at least what the ledger has told.
pub struct LedgerArchive {
    reader: LedgerReader,
    /// The writer closes the file when it ends, whatever archives there are.
    ledger: Weak<Mutex<LedgerDb>>,
    postponed: Arc<AtomicBool>,
}

impl LedgerArchive {
    pub(super) fn new(reader: LedgerReader, ledger: &Arc<Mutex<LedgerDb>>, postponed: Arc<AtomicBool>) -> Self {
        Self { reader, ledger: Arc::downgrade(ledger), postponed }
    }

    fn read<T>(&self, read: impl FnOnce(&dyn HeaderArchive) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.postponed.load(Ordering::Acquire)
            && let Some(ledger) = self.ledger.upgrade()
        {
            let ledger = ledger.lock().map_err(|_| StoreError::Other("the ledger's writer panicked".to_owned()))?;
            return read(&*ledger);
        }
        read(&self.reader)
    }
}

impl HeaderArchive for LedgerArchive {
    fn header(&self, hash: &Hash) -> Result<Option<HeaderRow>, StoreError> {
        self.read(|archive| archive.header(hash))
    }

    fn applied_at(&self, height: u32) -> Result<Option<HeaderRow>, StoreError> {
        self.read(|archive| archive.applied_at(height))
    }

    fn applied_from(&self, from: u32, count: usize) -> Result<Vec<Header>, StoreError> {
        self.read(|archive| archive.applied_from(from, count))
    }

    fn applied_hashes(&self, from: u32, step: u32, count: usize) -> Result<Vec<Hash>, StoreError> {
        self.read(|archive| archive.applied_hashes(from, step, count))
    }

    fn best_header(&self) -> Result<HeaderRow, StoreError> {
        self.read(|archive| archive.best_header())
    }

    fn fork_headers(&self) -> Result<usize, StoreError> {
        self.read(|archive| archive.fork_headers())
    }

    fn replaceable_from(&self) -> Result<u32, StoreError> {
        self.read(|archive| archive.replaceable_from())
    }
}
