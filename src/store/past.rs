//! The second ledger, in which a node verifies its past: `history/ledger.db` beside the first.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    base::limits,
    chain::{
        archive::{LedgerStore, PastStore, StoreError},
        spec::ChainSpec,
    },
    store::{LedgerDb, LedgerOptions, SharedLedger, coins},
};

/// The folder's name, beside the ledger.
pub const FOLDER: &str = "history";
/// The file's name in it.
const FILE: &str = "ledger.db";
/// Bytes of SQLite's cache, and of the filters of the coins: a node has these beside those of its first ledger.
const CACHE_BYTES: usize = limits::SQLITE_CACHE_BYTES / 2;
/// See [`CACHE_BYTES`].
const FILTER_BYTES: usize = coins::FILTER_BYTES / 4;

/// The second ledger's folder.
#[derive(Debug)]
pub struct PastDb {
    folder: PathBuf,
    spec: Arc<ChainSpec>,
    options: LedgerOptions,
}

impl PastDb {
    /// That beside the ledger at `path`. `memory_percent`: of the default caches.
    pub fn beside(path: &Path, spec: Arc<ChainSpec>, memory_percent: usize) -> Self {
        let sized = |bytes| limits::scaled(bytes, memory_percent, 100);
        let (cache_bytes, filter_bytes) = (sized(CACHE_BYTES), sized(FILTER_BYTES));
        let options = LedgerOptions { cache_bytes, filter_bytes, ..LedgerOptions::default() };
        Self { folder: path.with_file_name(FOLDER), spec, options }
    }
}

impl PastStore for PastDb {
    fn open(&mut self) -> Result<Box<dyn LedgerStore>, StoreError> {
        fs::create_dir_all(&self.folder).map_err(|error| self.failed(&error))?;
        Ok(Box::new(LedgerDb::open(&self.folder.join(FILE), &self.spec, &self.options)?))
    }

    fn remove(&mut self) -> Result<(), StoreError> {
        match fs::remove_dir_all(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed(&error)),
            _ => Ok(()),
        }
    }
}

impl PastDb {
    fn failed(&self, error: &io::Error) -> StoreError {
        StoreError::Io(format!("{}: {error}", self.folder.display()))
    }
}

/// The second ledger of a simulated node: in memory, and lost only when it is removed.
#[derive(Clone, Debug)]
pub struct PastMemory {
    spec: Arc<ChainSpec>,
    ledger: Arc<std::sync::Mutex<Option<SharedLedger>>>,
}

impl PastMemory {
    /// None yet.
    pub fn new(spec: Arc<ChainSpec>) -> Self {
        Self { spec, ledger: Arc::default() }
    }

    /// The ledger, if there is one.
    pub fn ledger(&self) -> Option<SharedLedger> {
        self.ledger.lock().ok().and_then(|ledger| ledger.clone())
    }
}

impl PastStore for PastMemory {
    fn open(&mut self) -> Result<Box<dyn LedgerStore>, StoreError> {
        let mut kept = self.ledger.lock().map_err(|_| broken())?;
        let ledger = match kept.take() {
            Some(ledger) => ledger,
            None => SharedLedger::in_memory(&self.spec)?,
        };
        *kept = Some(ledger.clone());
        Ok(Box::new(ledger))
    }

    fn remove(&mut self) -> Result<(), StoreError> {
        *self.ledger.lock().map_err(|_| broken())? = None;
        Ok(())
    }
}

fn broken() -> StoreError {
    StoreError::Other("another holder of the past panicked".to_owned())
}
