//! What a node keeps over a crash: the ledger as of its last commit, and the peer book.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    chain::{
        archive::{Anchor, Ban, Banned, BookContents, BookEntry, LedgerStore, PeerStore, StoreError},
        spec::ChainSpec,
    },
    node::Stores,
    store::{PeerDb, SharedLedger},
};

/// A node's disk, in memory.
pub(super) struct Disk {
    ledger: SharedLedger,
    book: Book,
}

impl Disk {
    /// A new disk with the genesis block on it. `loses`: it can lose what was not flushed.
    pub(super) fn new(spec: &Arc<ChainSpec>, loses: bool) -> Self {
        let ledger = SharedLedger::in_memory(spec).expect("a database in memory can be made");
        let ledger = if loses { ledger.with_power_losses().expect("it can be copied") } else { ledger };
        Self { ledger, book: Book(Arc::new(Mutex::new(PeerDb::in_memory()))) }
    }

    /// Opens everything for a new set of roles.
    pub(super) fn stores(&self) -> Stores {
        Stores {
            ledger: Box::new(self.ledger.clone()),
            headers: Box::new(self.ledger.clone()),
            peers: Box::new(self.book.clone()),
        }
    }

    /// Drops what was not committed.
    pub(super) fn crash(&mut self) {
        self.ledger.rollback().expect("a transaction in memory can be dropped");
    }

    /// Drops what came after the last flush.
    pub(super) fn lose_power(&mut self) {
        self.ledger.lose_power().expect("a database in memory can be copied");
    }

    /// Looks at the ledger.
    pub(super) fn read<T>(&self, look: impl FnOnce(&dyn LedgerStore) -> T) -> T {
        look(&self.ledger)
    }
}

/// A peer book that outlives the role that writes it.
#[derive(Clone)]
struct Book(Arc<Mutex<PeerDb>>);

impl Book {
    fn lock(&self) -> MutexGuard<'_, PeerDb> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PeerStore for Book {
    fn load(&mut self) -> Result<BookContents, StoreError> {
        self.lock().load()
    }

    fn put(&mut self, entry: &BookEntry) -> Result<(), StoreError> {
        self.lock().put(entry)
    }

    fn forget(&mut self, address: &SocketAddr) -> Result<(), StoreError> {
        self.lock().forget(address)
    }

    fn set_anchors(&mut self, anchors: &[Anchor]) -> Result<(), StoreError> {
        self.lock().set_anchors(anchors)
    }

    fn put_ban(&mut self, ban: &Ban) -> Result<(), StoreError> {
        self.lock().put_ban(ban)
    }

    fn lift_ban(&mut self, who: &Banned) -> Result<(), StoreError> {
        self.lock().lift_ban(who)
    }
}
