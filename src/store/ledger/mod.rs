//! The writer of `ledger.db`.
//!
//! One transaction is open from the first change after a commit to the next commit. A block costs four B-trees:
//! headers, their index, bodies, and the applied chain; coins are flushed by the ledger when it commits (`coins/`). It holds
//! in memory, besides SQLite's cache: the headers off the applied chain (`fork_headers.rs`), the tip, and the best header.

mod adopting;
mod archive;
mod create;
mod flushed;
mod fork_headers;
mod joining;
mod past;
mod prune;
mod pruning;
mod reads;
mod shared_ledger;
#[cfg(test)]
mod tests;
mod upkeep;
mod verdicts;
mod writes;

use std::{
    cell::Cell,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use log::{info, warn};
use rusqlite::Connection;

pub(super) use self::fork_headers::status_of;
use self::{adopting::Adopting, fork_headers::ForkHeaders, pruning::Pruning};
pub use self::{archive::LedgerArchive, shared_ledger::SharedLedger};
use crate::{
    base::{hash::Hash, limits},
    chain::{
        archive::{Keep, StoreError, Tip},
        snapshot::JoinState,
        spec::ChainSpec,
        target::Work,
    },
    store::{
        check,
        checkpointer::Checkpointer,
        coins::{self, CoinTable},
        connect::{self, SMALL_CACHE_BYTES, Tuning},
        error::corrupt,
        identity, join_state, kept, migrate,
        rows::{self, StoredHeader},
        sharing::Sharing,
        snapshots::{MemoryFolder, Place},
        state_sums::{self, SaveSchedule},
        submitted::SubmittedFile,
        verify::RECHECKED_BLOCKS,
        views,
    },
};

/// Pages in the ledger's write-ahead log at which they are moved into the database. Nearly all pages are appended, so a
/// longer log would save little.
const LEDGER_CHECKPOINT_PAGES: usize = 1500;
/// Bytes that a transaction writes during a sync before it is committed. Coins that are created and spent within one are
/// never stored: at half as much, a sync of small payments took a tenth longer.
const COMMIT_BYTES: usize = 14 * 1024 * 1024;
/// The same while the log is being moved. The next commit moves what was written meanwhile, and nobody else works then.
const SHORT_COMMIT_BYTES: usize = 5 * 1024 * 1024;
/// Bytes of the ledger's write-ahead log that stay allocated: what a sync needs. A log of a long and a short commit is at
/// most 32 MiB, as each of them adds at most its last block and the coin overlay to its bytes.
pub(crate) const LEDGER_LOG_BYTES: usize = 24 * 1024 * 1024;

/// The same as [`LedgerOptions::save_sums_after`] in memory: few blocks, so that simulated crashes meet all cases.
const SAVE_SUMS_OFTEN: u64 = 100;

/// How the ledger is kept.
#[derive(Clone, Copy, Debug)]
pub struct LedgerOptions {
    /// SQLite's page cache, bytes.
    pub cache_bytes: usize,
    /// Pages in the write-ahead log at which they are moved into the database.
    pub checkpoint_pages: usize,
    /// Memory for the filters of the coins, bytes.
    pub filter_bytes: usize,
    /// Changed coins after which the sums behind the state digest are stored.
    pub save_sums_after: u64,
    /// How many blocks are kept whole.
    pub keep: Keep,
}

impl Default for LedgerOptions {
    fn default() -> Self {
        Self {
            cache_bytes: limits::SQLITE_CACHE_BYTES,
            checkpoint_pages: LEDGER_CHECKPOINT_PAGES,
            filter_bytes: coins::FILTER_BYTES,
            save_sums_after: state_sums::SAVE_AFTER,
            keep: Keep::All,
        }
    }
}

/// What opening the ledger found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Opened {
    /// There was no ledger: a new one with the genesis block was created.
    pub created: bool,
    /// The last writer did not close the file: its process was killed, or the power failed.
    pub unclean: bool,
    /// Blocks that were verified again because of that.
    pub checked_blocks: u32,
    /// Who can read the file beside its writer.
    pub sharing: Sharing,
}

/// The writer of `ledger.db`. See [`crate::chain::archive::LedgerStore`] for what it does.
///
/// Dropping it rolls back uncommitted changes and marks the file as cleanly closed, unless a call has failed.
#[derive(Debug)]
pub struct LedgerDb {
    connection: Connection,
    coins: CoinTable,
    forks: ForkHeaders,
    /// The applied chain's end, uncommitted changes included.
    end: End,
    /// The header with the most work, uncommitted ones included.
    best: Best,
    /// The id of the next header: one more than the largest.
    next_id: i64,
    /// As of the last commit.
    committed: Tip,
    /// The lowest height whose block is kept whole, uncommitted changes included.
    kept_from: u32,
    /// Where the coins are from, uncommitted changes included.
    join: JoinState,
    /// Where snapshots are.
    snapshots: Place,
    /// The snapshot that is being adopted.
    adopting: Option<Adopting>,
    /// What of the rest is to go.
    pruning: Pruning,
    /// When the sums behind its digest are stored.
    sums: SaveSchedule,
    /// Whether commits wait for the disk now.
    durable: bool,
    /// Whether a commit was postponed: other connections do not see what the role has told.
    postponed: Arc<AtomicBool>,
    /// Pages in the log at which they are moved.
    checkpoint_pages: usize,
    /// Moves them; `None` in memory, where there is no log.
    checkpointer: Option<Checkpointer>,
    /// The log has been long since the last commit or an earlier one, and [`Self::checkpointer`] was told to move it.
    is_log_long: bool,
    /// Bytes that the open transaction has written, about.
    uncommitted: usize,
    /// A change failed half-way: nothing may be committed before a rollback.
    broken: Cell<bool>,
    /// A call has failed, so the file must be checked when it is opened again.
    suspect: Cell<bool>,
    opened: Opened,
    /// Payments of users; `None` in memory.
    submitted: Option<SubmittedFile>,
}

#[derive(Clone, Copy, Debug)]
struct End {
    height: u32,
    id: i64,
    hash: Hash,
}

#[derive(Clone, Copy, Debug)]
struct Best {
    id: i64,
    hash: Hash,
    work: Work,
}

impl LedgerDb {
    /// Opens the ledger of this chain, or creates it with the genesis block applied.
    ///
    /// Returns [`StoreError::Mismatch`] for a file of another chain, another program or a newer version, and
    /// [`StoreError::Corrupt`] for an empty one: it may have held blocks. After an unclean stop the file and its last blocks are
    /// verified; [`StoreError::Corrupt`] says what is wrong with them.
    pub fn open(path: &Path, spec: &ChainSpec, options: &LedgerOptions) -> Result<Self, StoreError> {
        let created = create::unless_present(path, spec, options.keep != Keep::All)?;
        let (mut connection, sharing) = connect::open_writer(path)?;
        // Before the first pragma that writes: a foreign file must not be changed.
        migrate::LEDGER.require_content(&connection)?;
        connect::tune_writer(
            &connection,
            Tuning {
                cache_bytes: options.cache_bytes,
                checkpoint_pages: 0, // see `move_log`
                log_bytes: LEDGER_LOG_BYTES,
            },
        )?;
        migrate::LEDGER.migrate(&mut connection)?;
        let unclean = !created && !flag_is_clean(&connection)?;
        let mut checked_blocks = 0;
        if unclean {
            info!("store: checking after an unclean stop path={}", path.display());
            check::quick(&connection)?;
            let tip = check::tip(&connection)?;
            let sum = state_sums::load(&connection, &tip)?.sum;
            checked_blocks = check::recent_blocks(&connection, &tip, sum, RECHECKED_BLOCKS)?;
            info!("store: checked, all is in order blocks={checked_blocks}");
        }
        rows::run(&connection, "UPDATE state SET clean = 0", [])?;
        let opened = Opened { created, unclean, checked_blocks, sharing };
        let mut ledger = Self::load(connection, spec, options, opened)?;
        ledger.submitted = Some(SubmittedFile::beside(path));
        ledger.snapshots = Place::beside(path);
        ledger.checkpointer = Some(Checkpointer::start(path, sharing)?);
        views::renew(&mut ledger.connection, views::LEDGER, Some(&spec.prefix))?;
        Ok(ledger)
    }

    /// A ledger in memory, for the simulator and tests. Its secret is the same in every run.
    pub fn in_memory(spec: &ChainSpec) -> Result<Self, StoreError> {
        Self::in_memory_keeping(spec, Keep::All)
    }

    /// The same, of which so many of the last blocks are kept whole.
    pub fn in_memory_keeping(spec: &ChainSpec, keep: Keep) -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        connect::tune_writer(
            &connection,
            Tuning { cache_bytes: SMALL_CACHE_BYTES, checkpoint_pages: 0, log_bytes: 0 },
        )?;
        migrate::LEDGER.migrate(&mut connection)?;
        create::genesis(&mut connection, spec, Some(spec.genesis_hash().0))?;
        let options = LedgerOptions { save_sums_after: SAVE_SUMS_OFTEN, keep, ..LedgerOptions::default() };
        Self::load(connection, spec, &options, Opened { created: true, ..Opened::default() })
    }

    /// What opening the ledger found.
    pub fn opened(&self) -> Opened {
        self.opened
    }

    /// Rolls the transaction back and marks the file as cleanly closed.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.finish()
    }

    /// Ends as a killed process does: without the uncommitted changes and without marking the file. For tests.
    pub fn crash(self) {
        self.suspect.set(true);
    }

    fn load(
        connection: Connection,
        spec: &ChainSpec,
        options: &LedgerOptions,
        opened: Opened,
    ) -> Result<Self, StoreError> {
        let identity = identity::read(&connection)?;
        identity.check(spec)?;
        let coins = CoinTable::open(&connection, identity.coin_secret, options.filter_bytes)?;
        let memory = Memory::load(&connection)?;
        let sums = SaveSchedule::load(&connection, options.save_sums_after)?;
        Ok(Self {
            connection,
            coins,
            sums,
            forks: memory.forks,
            end: memory.end,
            best: memory.best,
            next_id: memory.next_id,
            committed: memory.committed,
            kept_from: memory.kept_from,
            join: memory.join,
            snapshots: Place::Memory(MemoryFolder::default()),
            adopting: None,
            pruning: Pruning::new(options.keep),
            durable: false,
            postponed: Arc::default(),
            checkpoint_pages: options.checkpoint_pages,
            checkpointer: None,
            is_log_long: false,
            uncommitted: 0,
            broken: Cell::new(false),
            suspect: Cell::new(false),
            opened,
            submitted: None,
        })
    }

    /// Forgets all uncommitted changes, in memory too.
    fn reload(&mut self) -> Result<(), StoreError> {
        let memory = Memory::load(&self.connection)?;
        self.coins.reload(&self.connection)?;
        self.sums.reload(&self.connection)?;
        (self.forks, self.end, self.best, self.committed) = (memory.forks, memory.end, memory.best, memory.committed);
        (self.next_id, self.uncommitted, self.kept_from) = (memory.next_id, 0, memory.kept_from);
        (self.join, self.adopting) = (memory.join, None);
        self.pruning.forget();
        self.postponed.store(false, Ordering::Release);
        Ok(())
    }

    /// Opens the transaction if it is not open.
    fn begin(&self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            rows::run(&self.connection, "BEGIN IMMEDIATE", [])?;
        }
        Ok(())
    }

    /// Notes that a call failed.
    fn watch<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.is_err() {
            self.suspect.set(true);
        }
        result
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        self.checkpointer = None;
        if !self.connection.is_autocommit() {
            rows::run(&self.connection, "ROLLBACK", [])?;
        }
        if !self.suspect.replace(true) {
            rows::run(&self.connection, "UPDATE state SET clean = 1", [])?;
        }
        Ok(())
    }
}

impl Drop for LedgerDb {
    fn drop(&mut self) {
        if !std::thread::panicking()
            && let Err(error) = self.finish()
        {
            warn!("store: could not mark the ledger as closed error=\"{error}\"");
        }
    }
}

/// What is held in memory of the database.
struct Memory {
    forks: ForkHeaders,
    end: End,
    best: Best,
    next_id: i64,
    committed: Tip,
    kept_from: u32,
    join: JoinState,
}

impl Memory {
    fn load(connection: &Connection) -> Result<Self, StoreError> {
        let tip = check::tip(connection)?;
        let best: i64 = rows::one(connection, "SELECT best FROM state", [], |row| Ok(row.get(0)?))?
            .ok_or_else(|| corrupt("the state row is missing"))?;
        let best = StoredHeader::with_id(connection, best)?;
        let largest = rows::one(connection, "SELECT max(id) FROM headers", [], |row| Ok(row.get::<_, i64>(0)?))?;
        let end = StoredHeader::applied_at(connection, tip.height)?.ok_or_else(|| corrupt("the tip is missing"))?;
        Ok(Self {
            forks: ForkHeaders::load(connection)?,
            end: End { height: tip.height, id: end.id, hash: end.hash },
            best: Best { id: best.id, hash: best.hash, work: best.work },
            next_id: largest.and_then(|largest| largest.checked_add(1)).ok_or_else(|| corrupt("no ids are left"))?,
            committed: tip,
            kept_from: kept::kept_from(connection)?,
            join: join_state::read(connection)?,
        })
    }
}

fn flag_is_clean(connection: &Connection) -> Result<bool, StoreError> {
    let flag = rows::one(connection, "SELECT clean FROM state", [], |row| Ok(row.get(0)?))?;
    flag.ok_or_else(|| corrupt("the state row is missing"))
}
