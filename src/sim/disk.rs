//! What a node keeps over a crash: the ledger as of its last commit, and the peer book.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        archive::{
            Anchor, Ban, Banned, BookContents, BookEntry, HeaderArchive, Keep, LedgerStore, PastStore, PeerStore,
            SealRecord, SealStore, StoreError,
        },
        coin::Coin,
        seal::SignedVote,
        snapshot::SnapshotStore,
        spec::ChainSpec,
        transaction::OutPoint,
    },
    node::{Setup, Stores},
    sim::{boundless_seals::BoundlessSeals, common_ledger::CommonLedger},
    store::{LedgerDb, PeerDb, SealMemory, SharedLedger, past::PastMemory},
};

type History = (Box<dyn PastStore>, Box<dyn HeaderArchive>);

/// A node's disk, in memory.
pub(super) struct Disk {
    ledger: Ledger,
    book: Book,
    /// Where a node that joined with a snapshot verifies its past.
    past: PastMemory,
    /// How many of its last blocks it keeps.
    keep: Keep,
    /// On sealed chains.
    seals: Option<SealMemory>,
    /// A trick signs with the node's key.
    is_of_signer: bool,
    /// What it had once.
    older: SealRecord,
}

/// A node's ledger.
#[derive(Clone)]
enum Ledger {
    /// The store of production, on a database in memory.
    Own(SharedLedger),
    /// A part of the store of a large network. It loses nothing.
    Common(CommonLedger),
}

impl Disk {
    /// A new disk with the genesis block on it. `loses`: it can lose what was not flushed.
    pub(super) fn new(spec: &Arc<ChainSpec>, loses: bool) -> Self {
        Self::keeping(spec, Keep::All, loses)
    }

    /// The same of a node that keeps only its last blocks whole.
    pub(super) fn keeping(spec: &Arc<ChainSpec>, keep: Keep, loses: bool) -> Self {
        let ledger = LedgerDb::in_memory_keeping(spec, keep).expect("a database in memory can be made");
        let ledger = SharedLedger::new(ledger);
        let ledger = if loses { ledger.with_power_losses().expect("it can be copied") } else { ledger };
        let book = Book::Own(Arc::new(Mutex::new(PeerDb::in_memory())));
        Self {
            ledger: Ledger::Own(ledger),
            book,
            past: PastMemory::new(spec.clone()),
            keep,
            seals: spec.authorities.at(1).map(|_| SealMemory::default()),
            is_of_signer: false,
            older: SealRecord::default(),
        }
    }

    /// A disk of a node of a large network that starts once.
    pub(super) fn common(spec: &Arc<ChainSpec>, ledger: CommonLedger) -> Self {
        let (book, past) = (Book::Forgetful, PastMemory::new(spec.clone()));
        let (keep, seals, is_of_signer, older) = (Keep::All, None, false, SealRecord::default());
        Self { ledger: Ledger::Common(ledger), book, past, keep, seals, is_of_signer, older }
    }

    /// Opens everything for a new set of roles.
    pub(super) fn stores(&self, setup: &Setup) -> Stores {
        let peers = Box::new(self.book.clone());
        let seals = self.seals.clone().map(|seals| -> Box<dyn SealStore> {
            if self.is_of_signer { Box::new(BoundlessSeals(seals)) } else { Box::new(seals) }
        });
        match self.ledger.clone() {
            Ledger::Own(ledger) => Stores {
                ledger: Box::new(ledger.clone()),
                snapshots: snapshots_of(&ledger, setup),
                history: setup
                    .join
                    .filter(|_| self.keep == Keep::All)
                    .map(|_| -> History { (Box::new(self.past.clone()), Box::new(ledger.clone())) }),
                headers: Box::new(ledger),
                peers,
                seals,
            },
            Ledger::Common(ledger) => {
                let (headers, snapshots, history) = (Box::new(ledger.clone()), None, None);
                Stores { ledger: Box::new(ledger), headers, snapshots, history, peers, seals }
            }
        }
    }

    /// From where on blocks are whole; `None`: all are, and will be.
    pub(super) fn kept_from(&self) -> Option<u32> {
        let kept_from = self.read(|ledger| ledger.kept_from());
        (self.keep != Keep::All || kept_from > 1).then_some(kept_from)
    }

    /// A piece of a snapshot that it has made.
    pub(super) fn piece(&self, block: &Hash, number: u32) -> Option<Bytes> {
        let Ledger::Own(ledger) = &self.ledger else { return None };
        ledger.snapshots().ok()?.piece(block, number).ok()?
    }

    /// All coins of the ledger, in no order that means anything.
    pub(super) fn coins(&self) -> Result<Vec<(OutPoint, Coin)>, StoreError> {
        match &self.ledger {
            Ledger::Own(ledger) => ledger.coins(),
            Ledger::Common(_) => Ok(Vec::new()),
        }
    }

    /// What this node's key has signed, as far as the disk has it.
    pub(super) fn own_votes(&self) -> Vec<SignedVote> {
        self.seals.as_ref().map(SealMemory::own_votes).unwrap_or_default()
    }

    /// If a trick signs with the node's key, the node goes on, whatever that was.
    pub(super) fn of_signer(self, is_of_signer: bool) -> Self {
        Self { is_of_signer, ..self }
    }

    /// Copies what it has of a key's votes and of certificates.
    pub(super) fn copy_seals(&mut self) {
        self.older = self.seals.as_ref().map(SealMemory::record).unwrap_or_default();
    }

    /// Puts the copy in the place of what the disk has.
    pub(super) fn go_back(&mut self) {
        self.seals = self.seals.as_ref().map(|_| SealMemory::new(self.older.clone()));
    }

    /// Drops what was not committed.
    pub(super) fn crash(&mut self) {
        if let Ledger::Own(ledger) = &mut self.ledger {
            ledger.rollback().expect("a transaction in memory can be dropped");
        }
        self.crash_past();
    }

    /// Drops what came after the last flush.
    pub(super) fn lose_power(&mut self) {
        if let Ledger::Own(ledger) = &mut self.ledger {
            ledger.lose_power().expect("a database in memory can be copied");
        }
        self.crash_past();
    }

    fn crash_past(&self) {
        if let Some(mut past) = self.past.ledger() {
            past.rollback().expect("a transaction in memory can be dropped");
        }
    }

    /// Changes the ledger of a node that has not started.
    pub(super) fn write<T>(&mut self, write: impl FnOnce(&mut dyn LedgerStore) -> T) -> T {
        match &mut self.ledger {
            Ledger::Own(ledger) => write(ledger),
            Ledger::Common(ledger) => write(ledger),
        }
    }

    /// Looks at the ledger.
    pub(super) fn read<T>(&self, look: impl FnOnce(&dyn LedgerStore) -> T) -> T {
        match &self.ledger {
            Ledger::Own(ledger) => look(ledger),
            Ledger::Common(ledger) => look(ledger),
        }
    }
}

/// The snapshots of a node that makes some or joins with one.
fn snapshots_of(ledger: &SharedLedger, setup: &Setup) -> Option<(Box<dyn SnapshotStore>, Box<dyn HeaderArchive>)> {
    let is_used = setup.serve_snapshots.is_some() || setup.join.is_some();
    let open = || ledger.snapshots().expect("files in memory can be read");
    is_used
        .then(|| -> (Box<dyn SnapshotStore>, Box<dyn HeaderArchive>) { (Box::new(open()), Box::new(ledger.clone())) })
}

/// A peer book that outlives the role that writes it.
#[derive(Clone)]
enum Book {
    Own(Arc<Mutex<PeerDb>>),
    /// Of a node that starts once: it is read only then.
    Forgetful,
}

impl Book {
    fn write(&self, write: impl FnOnce(&mut PeerDb) -> Result<(), StoreError>) -> Result<(), StoreError> {
        match self {
            Self::Own(book) => write(&mut book.lock().unwrap_or_else(PoisonError::into_inner)),
            Self::Forgetful => Ok(()),
        }
    }
}

impl PeerStore for Book {
    fn load(&mut self) -> Result<BookContents, StoreError> {
        let mut contents = BookContents::default();
        self.write(|book| book.load().map(|found| contents = found))?;
        Ok(contents)
    }

    fn put(&mut self, entry: &BookEntry) -> Result<(), StoreError> {
        self.write(|book| book.put(entry))
    }

    fn forget(&mut self, address: &SocketAddr) -> Result<(), StoreError> {
        self.write(|book| book.forget(address))
    }

    fn set_anchors(&mut self, anchors: &[Anchor]) -> Result<(), StoreError> {
        self.write(|book| book.set_anchors(anchors))
    }

    fn put_ban(&mut self, ban: &Ban) -> Result<(), StoreError> {
        self.write(|book| book.put_ban(ban))
    }

    fn lift_ban(&mut self, who: &Banned) -> Result<(), StoreError> {
        self.write(|book| book.lift_ban(who))
    }
}
