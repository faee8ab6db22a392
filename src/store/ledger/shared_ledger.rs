//! One ledger for two roles: `headers` reads what `ledger` writes. In the simulator they share a database in memory.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard},
};

use rusqlite::Connection;

use super::{LedgerArchive, LedgerDb};
use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        archive::{BlockStatus, FindCoin, HeaderArchive, HeaderRow, LedgerStore, StoreError, Submission, Tip},
        checked::CheckedBlock,
        coin::{Coin, CoinChange, CoinChanges},
        coin_key::CoinKey,
        digest::StateSum,
        header::Header,
        past::PastBlock,
        snapshot::{Adoption, JoinState, Manifest},
        spec::ChainSpec,
        transaction::OutPoint,
    },
    store::{
        LedgerReader,
        snapshots::{CoinSource, Place, SnapshotDb},
    },
};

/// A handle to a ledger; clones share it. Unlike a [`crate::store::LedgerReader`], a handle sees uncommitted changes
/// too. [`LedgerDb::rollback`] simulates a crash.
#[derive(Clone, Debug)]
pub struct SharedLedger {
    ledger: Arc<Mutex<LedgerDb>>,
    /// The ledger as of its last flush, if it can lose what came after.
    flushed: Option<Arc<Mutex<Connection>>>,
}

impl SharedLedger {
    /// Shares a ledger.
    pub fn new(ledger: LedgerDb) -> Self {
        Self { ledger: Arc::new(Mutex::new(ledger)), flushed: None }
    }

    /// A new ledger in memory.
    pub fn in_memory(spec: &ChainSpec) -> Result<Self, StoreError> {
        LedgerDb::in_memory(spec).map(Self::new)
    }

    /// Drops all changes since the last commit.
    pub fn rollback(&mut self) -> Result<(), StoreError> {
        self.lock()?.rollback()
    }

    /// Lets [`SharedLedger::lose_power`] drop all changes since the last durable commit, or since now.
    pub fn with_power_losses(self) -> Result<Self, StoreError> {
        let mut flushed = Connection::open_in_memory()?;
        self.lock()?.copy_to(&mut flushed)?;
        Ok(Self { flushed: Some(Arc::new(Mutex::new(flushed))), ..self })
    }

    /// Drops all changes since the last durable commit: what a disk may lose that has lost its power.
    pub fn lose_power(&mut self) -> Result<(), StoreError> {
        let Some(flushed) = &self.flushed else { return self.rollback() };
        let flushed = flushed.lock().map_err(|_| StoreError::Other("a copy of the ledger failed".to_owned()))?;
        let mut ledger = self.lock()?;
        if let Place::Memory(folder) = &ledger.snapshots {
            folder.lose_power();
        }
        ledger.restore(&flushed)
    }

    /// The snapshots of this ledger, in the same memory.
    pub fn snapshots(&self) -> Result<SnapshotDb, StoreError> {
        let folder = self.lock()?.snapshots.folder();
        SnapshotDb::load(folder, Box::new(self.clone()))
    }

    /// All coins, in the order of their keys, as of the changes flushed so far.
    pub fn coins(&self) -> Result<Vec<(OutPoint, Coin)>, StoreError> {
        let (ledger, mut coins) = (self.lock()?, Vec::new());
        ledger.coins.each_coin(&ledger.connection, |outpoint, coin| {
            coins.push((*outpoint, coin));
            Ok(())
        })?;
        Ok(coins)
    }

    /// An archive for another thread that reads over `reader` of the same file.
    pub fn archive(&self, reader: LedgerReader) -> Result<LedgerArchive, StoreError> {
        let postponed = Arc::clone(&self.lock()?.postponed);
        Ok(LedgerArchive::new(reader, &self.ledger, postponed))
    }

    /// What is committed can no longer be lost.
    fn flush(&self, ledger: &LedgerDb) -> Result<(), StoreError> {
        let flushed = self.flushed.as_ref().and_then(|flushed| flushed.lock().ok());
        flushed.map_or(Ok(()), |mut flushed| ledger.copy_to(&mut flushed))
    }

    fn lock(&self) -> Result<MutexGuard<'_, LedgerDb>, StoreError> {
        self.ledger.lock().map_err(|_| StoreError::Other("another holder of the ledger panicked".to_owned()))
    }
}

impl CoinSource for SharedLedger {
    fn look(&self, look: &mut dyn FnMut(&Connection) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let ledger = self.lock()?;
        // In the middle of a transaction blocks are applied whose coins are not flushed.
        if ledger.connection.is_autocommit() { look(&ledger.connection) } else { Ok(()) }
    }
}

impl HeaderArchive for SharedLedger {
    fn header(&self, hash: &Hash) -> Result<Option<HeaderRow>, StoreError> {
        self.lock()?.header(hash)
    }

    fn applied_at(&self, height: u32) -> Result<Option<HeaderRow>, StoreError> {
        self.lock()?.applied_at(height)
    }

    fn applied_from(&self, from: u32, count: usize) -> Result<Vec<Header>, StoreError> {
        self.lock()?.applied_from(from, count)
    }

    fn best_header(&self) -> Result<HeaderRow, StoreError> {
        self.lock()?.best_header()
    }

    fn fork_headers(&self) -> Result<usize, StoreError> {
        self.lock()?.fork_headers()
    }

    fn replaceable_from(&self) -> Result<u32, StoreError> {
        self.lock()?.replaceable_from()
    }
}

impl LedgerStore for SharedLedger {
    fn tip(&self) -> Result<Tip, StoreError> {
        self.lock()?.tip()
    }

    fn kept_from(&self) -> u32 {
        // Whoever finds the lock broken fails with the next call.
        self.lock().map_or(1, |ledger| ledger.kept_from())
    }

    fn state_sum(&self) -> Result<StateSum, StoreError> {
        self.lock()?.state_sum()
    }

    fn put_headers(&mut self, rows: &[HeaderRow]) -> Result<(), StoreError> {
        self.lock()?.put_headers(rows)
    }

    fn put_body(&mut self, hash: &Hash, body: &Bytes) -> Result<(), StoreError> {
        self.lock()?.put_body(hash, body)
    }

    fn body(&self, hash: &Hash) -> Result<Option<Bytes>, StoreError> {
        self.lock()?.body(hash)
    }

    fn served_body(&self, hash: &Hash, is_disconnected: bool) -> Result<Option<Bytes>, StoreError> {
        self.lock()?.served_body(hash, is_disconnected)
    }

    fn row_of(&self, block: &CheckedBlock) -> Result<Option<HeaderRow>, StoreError> {
        self.lock()?.row_of(block)
    }

    fn status_of(&self, hash: &Hash) -> Result<Option<BlockStatus>, StoreError> {
        self.lock()?.status_of(hash)
    }

    fn has_body(&self, hash: &Hash) -> Result<bool, StoreError> {
        self.lock()?.has_body(hash)
    }

    fn apply(&mut self, height: u32, hash: &Hash, undo: &CoinChanges) -> Result<(), StoreError> {
        self.lock()?.apply(height, hash, undo)
    }

    fn unapply(&mut self, height: u32, hash: &Hash) -> Result<CoinChanges, StoreError> {
        self.lock()?.unapply(height, hash)
    }

    fn changes_of(&self, height: u32, hash: &Hash) -> Result<CoinChanges, StoreError> {
        self.lock()?.changes_of(height, hash)
    }

    fn mark_invalid(&mut self, hash: &Hash) -> Result<Vec<Hash>, StoreError> {
        self.lock()?.mark_invalid(hash)
    }

    fn unmark_invalid(&mut self, hash: &Hash, only: Option<&[Hash]>) -> Result<Vec<HeaderRow>, StoreError> {
        self.lock()?.unmark_invalid(hash, only)
    }

    fn coin(&self, key: &CoinKey) -> Result<Option<Coin>, StoreError> {
        self.lock()?.coin(key)
    }

    fn lend_coins(&self, borrow: &mut dyn FnMut(&mut FindCoin<'_>)) -> Result<(), StoreError> {
        self.lock()?.lend_coins(borrow)
    }

    fn coins_sum(&self) -> Result<StateSum, StoreError> {
        self.lock()?.coins_sum()
    }

    fn flush_coins(&mut self, changes: &mut dyn Iterator<Item = CoinChange>) -> Result<(), StoreError> {
        self.lock()?.flush_coins(changes)
    }

    fn is_commit_due(&self) -> bool {
        self.lock().is_ok_and(|ledger| ledger.is_commit_due())
    }

    fn commit(&mut self, tip: &Tip, sum: &StateSum, durable: bool) -> Result<(), StoreError> {
        let mut ledger = self.lock()?;
        ledger.commit(tip, sum, durable)?;
        if durable { self.flush(&ledger) } else { Ok(()) }
    }

    fn postpone_commit(&mut self) {
        if let Ok(mut ledger) = self.lock() {
            ledger.postpone_commit();
        }
    }

    fn tidy(&mut self) -> Result<bool, StoreError> {
        self.lock()?.tidy()
    }

    fn prunes(&self) -> bool {
        self.lock().is_ok_and(|ledger| ledger.prunes())
    }

    fn is_held(&self) -> bool {
        self.lock().is_ok_and(|ledger| ledger.is_held())
    }

    fn save_mempool(&mut self, transactions: &mut dyn Iterator<Item = Bytes>) -> Result<(), StoreError> {
        self.lock()?.save_mempool(transactions)
    }

    fn load_mempool(&self) -> Result<Vec<Bytes>, StoreError> {
        self.lock()?.load_mempool()
    }

    fn keep_submitted(&mut self, transactions: &[Submission]) -> Result<(), StoreError> {
        self.lock()?.keep_submitted(transactions)
    }

    fn retain_submitted(&mut self, txids: &BTreeSet<Hash>) -> Result<(), StoreError> {
        self.lock()?.retain_submitted(txids)
    }

    fn load_submitted(&self) -> Result<Vec<Submission>, StoreError> {
        self.lock()?.load_submitted()
    }

    fn stored_above(&self, height: u32) -> Result<Vec<HeaderRow>, StoreError> {
        self.lock()?.stored_above(height)
    }

    fn join_state(&self) -> Result<JoinState, StoreError> {
        self.lock()?.join_state()
    }

    fn begin_join(&mut self) -> Result<(), StoreError> {
        self.lock()?.begin_join()
    }

    fn abandon_join(&mut self) -> Result<Tip, StoreError> {
        self.lock()?.abandon_join()
    }

    fn apply_header(&mut self, height: u32, hash: &Hash) -> Result<(), StoreError> {
        self.lock()?.apply_header(height, hash)
    }

    fn unapply_header(&mut self, height: u32, hash: &Hash) -> Result<(), StoreError> {
        self.lock()?.unapply_header(height, hash)
    }

    fn adopt_snapshot(&mut self, manifest: &Manifest, supply: u128) -> Result<Adoption, StoreError> {
        let mut ledger = self.lock()?;
        let adoption = ledger.adopt_snapshot(manifest, supply)?;
        if let Adoption::Done(_) = adoption {
            self.flush(&ledger)?;
        }
        Ok(adoption)
    }

    fn keep_past(&mut self, block: &PastBlock) -> Result<(), StoreError> {
        self.lock()?.keep_past(block)
    }
}
