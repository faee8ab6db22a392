//! Reading `ledger.db` while its writer works: own connections, short transactions, committed data only.

use std::path::Path;

use rusqlite::{Connection, Transaction};

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        archive::{BlockStatus, HeaderArchive, HeaderRow, StoreError, Tip},
        header::Header,
        snapshot::JoinState,
        spec::ChainSpec,
    },
    store::{
        bodies, check, connect,
        identity::{self, Identity},
        join_state, kept,
        ledger::status_of,
        migrate,
        rows::{self, StoredHeader, select_headers},
        vacuum,
    },
};

/// SQLite page cache of a reader that reads all blocks once and so never reads a page twice.
const SQLITE_PASSING_CACHE_BYTES: usize = 256 * 1024;

/// A read-only connection to a ledger. Each call is one short transaction; two calls may see different tips.
///
/// Open one per thread: a reader cannot be shared. It takes up to 1 MiB of page cache.
#[derive(Debug)]
pub struct LedgerReader {
    connection: Connection,
    identity: Identity,
}

impl LedgerReader {
    /// Opens a ledger that exists. [`StoreError::Mismatch`] if it is not a ledger of a version that this program reads.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Io(format!("there is no ledger at {}", path.display())));
        }
        let connection = connect::open_reader(path)?;
        migrate::LEDGER.require_current(&connection)?;
        let identity = identity::read(&connection)?;
        Ok(Self { connection, identity })
    }

    /// The same with a small page cache, for a reader that reads all blocks once.
    pub fn passing_by(self) -> Result<Self, StoreError> {
        connect::set_cache_bytes(&self.connection, SQLITE_PASSING_CACHE_BYTES)?;
        Ok(self)
    }

    /// Refuses the ledger of another chain, naming both.
    pub fn check_chain(&self, spec: &ChainSpec) -> Result<(), StoreError> {
        self.identity.check(spec)
    }

    /// The hash of the ledger's genesis block.
    pub fn genesis(&self) -> Hash {
        self.identity.genesis
    }

    /// The name of the chain that the ledger was made for.
    pub fn chain(&self) -> &str {
        &self.identity.chain
    }

    /// The applied chain's end.
    pub fn tip(&self) -> Result<Tip, StoreError> {
        let snapshot = self.snapshot()?;
        check::tip(&snapshot)
    }

    /// The lowest height whose block is kept whole; 1: all are.
    pub fn kept_from(&self) -> Result<u32, StoreError> {
        kept::kept_from(&self.connection)
    }

    /// Where the coins are from.
    pub fn join_state(&self) -> Result<JoinState, StoreError> {
        join_state::read(&self.connection)
    }

    /// The bytes of a stored block, re-hashed on the way; `None` if the block or its body is unknown.
    pub fn body(&self, hash: &Hash) -> Result<Option<Bytes>, StoreError> {
        let snapshot = self.snapshot()?;
        match StoredHeader::find(&snapshot, hash)? {
            Some(stored) => bodies::read(&snapshot, &stored),
            None => Ok(None),
        }
    }

    /// The bytes of the applied chain's block at a height.
    pub fn body_at(&self, height: u32) -> Result<Option<Bytes>, StoreError> {
        let snapshot = self.snapshot()?;
        match StoredHeader::applied_at(&snapshot, height)? {
            Some(stored) => bodies::read(&snapshot, &stored),
            None => Ok(None),
        }
    }

    /// Whether the ledger's file gives room back that blocks leave.
    pub fn gives_room_back(&self) -> Result<bool, StoreError> {
        vacuum::is_enabled(&self.connection)
    }

    /// Refuses a block at this height with [`StoreError::Pruned`] if it is older than those that are kept whole.
    pub fn require_kept(&self, height: u32) -> Result<(), StoreError> {
        kept::require_kept(&self.connection, height)
    }

    /// The headers of stored blocks that are not applied, parents before children.
    pub fn stored_fork_headers(&self) -> Result<Vec<Header>, StoreError> {
        let sql = select_headers!("JOIN side s ON s.id = h.id WHERE s.status = 1 ORDER BY h.id");
        rows::all(&self.connection, sql, [], |row| Ok(StoredHeader::read(row)?.header))
    }

    /// One snapshot for several queries.
    pub(super) fn snapshot(&self) -> Result<Transaction<'_>, StoreError> {
        Ok(self.connection.unchecked_transaction()?)
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl HeaderArchive for LedgerReader {
    fn header(&self, hash: &Hash) -> Result<Option<HeaderRow>, StoreError> {
        let snapshot = self.snapshot()?;
        StoredHeader::find(&snapshot, hash)?.map(|stored| with_status(&snapshot, stored)).transpose()
    }

    fn applied_at(&self, height: u32) -> Result<Option<HeaderRow>, StoreError> {
        let snapshot = self.snapshot()?;
        Ok(StoredHeader::applied_at(&snapshot, height)?.map(|stored| stored.with_status(BlockStatus::Applied)))
    }

    fn applied_from(&self, from: u32, count: usize) -> Result<Vec<Header>, StoreError> {
        let snapshot = self.snapshot()?;
        StoredHeader::applied_from(&snapshot, from, count)
    }

    fn applied_hashes(&self, from: u32, step: u32, count: usize) -> Result<Vec<Hash>, StoreError> {
        let snapshot = self.snapshot()?;
        StoredHeader::applied_hashes(&snapshot, from, step, count)
    }

    fn best_header(&self) -> Result<HeaderRow, StoreError> {
        let snapshot = self.snapshot()?;
        let best = rows::one(&snapshot, "SELECT best FROM state", [], |row| Ok(row.get(0)?))?;
        let best = best.ok_or_else(|| StoreError::Corrupt("the state row is missing".to_owned()))?;
        let stored = StoredHeader::with_id(&snapshot, best)?;
        with_status(&snapshot, stored)
    }

    fn fork_headers(&self) -> Result<usize, StoreError> {
        let count = rows::one(&self.connection, "SELECT count(*) FROM side", [], |row| rows::integer(row, 0))?;
        Ok(count.unwrap_or(0))
    }

    fn replaceable_from(&self) -> Result<u32, StoreError> {
        kept::replaceable_from(&self.connection)
    }
}

/// A header without a row in `side` is applied.
pub(super) fn with_status(connection: &Connection, stored: StoredHeader) -> Result<HeaderRow, StoreError> {
    let sql = "SELECT status FROM side WHERE id = ?1";
    let status = rows::one(connection, sql, [stored.id], |row| status_of(row.get(0)?))?;
    Ok(stored.with_status(status.unwrap_or(BlockStatus::Applied)))
}
