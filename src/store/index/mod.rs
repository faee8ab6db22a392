//! `index.db`: where each transaction is, and what happened to each address. Derived from `ledger.db`, so a file that
//! cannot be used is simply made anew.
//!
//! The index follows the applied chain: it remembers the hash of each block that it has taken in, and takes blocks off
//! again that are no longer applied (their bodies are kept, so what they added is known).

mod batch;
mod prefix;
#[cfg(test)]
mod tests;

use std::path::Path;

use rusqlite::Connection;

use self::batch::Batch;
use crate::{
    base::{hash::Hash, limits},
    chain::{
        address::Address,
        archive::StoreError,
        block::{HashedBlock, HashedTransaction},
    },
    store::{
        aside, bodies, check,
        connect::{self, Tuning},
        error::corrupt,
        migrate,
        reader::LedgerReader,
        rows::{self, StoredHeader},
    },
};

/// The writer (and reader) of `index.db`.
#[derive(Debug)]
pub struct IndexDb {
    connection: Connection,
}

/// How far the index has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Blocks in the index, genesis included.
    pub indexed: u64,
    /// Blocks of the applied chain.
    pub total: u64,
}

impl Progress {
    /// Whether the index is level with the ledger.
    pub fn is_complete(&self) -> bool {
        self.indexed == self.total
    }
}

/// A confirmed transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedTransaction {
    /// The block that it is in.
    pub block: Hash,
    /// That block's height.
    pub height: u32,
    /// Its place in the block; 0 is the coinbase.
    pub position: u32,
    /// The transaction itself.
    pub transaction: HashedTransaction,
}

/// What one transaction did to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The block's height.
    pub height: u32,
    /// The transaction's place in the block.
    pub position: u32,
    /// The transaction.
    pub txid: Hash,
    /// Base units that its outputs give to the address.
    pub received: u64,
    /// Base units of the address's coins that it spends.
    pub sent: u64,
}

impl IndexDb {
    /// Opens the index of a ledger. A file that cannot be used (damaged, newer, of another chain) is renamed, and an
    /// empty index takes its place.
    pub fn open(path: &Path, genesis: &Hash) -> Result<Self, StoreError> {
        match Self::try_open(path, genesis) {
            Err(error @ StoreError::Io(_)) => Err(error),
            Err(error) => {
                let target = aside::set_aside(path).map_err(|error| StoreError::Io(error.to_string()))?;
                log::warn!("index: started anew error=\"{error}\" old={}", target.display());
                Self::try_open(path, genesis)
            }
            opened => opened,
        }
    }

    /// Takes in up to `max_blocks` further blocks of the applied chain, after taking off those that left it. Call it
    /// again until [`Progress::is_complete`], and again whenever the chain has moved.
    pub fn catch_up(&mut self, ledger: &LedgerReader, max_blocks: u32) -> Result<Progress, StoreError> {
        let mut left = max_blocks;
        loop {
            // One unchanging view of the ledger for each batch.
            let snapshot = ledger.snapshot()?;
            let tip = check::state(&snapshot)?.0.height;
            let last = self.last()?;
            if let Some((height, hash)) = last
                && StoredHeader::applied_at(&snapshot, height)?.is_none_or(|stored| stored.hash != hash)
            {
                self.take_off(&snapshot, height, &hash)?;
                continue;
            }
            let next = last.map_or(0, |(height, _)| height.saturating_add(1));
            let batch = Batch::gather(&snapshot, next, tip, left)?;
            drop(snapshot);
            left = left.saturating_sub(u32::try_from(batch.blocks.len()).unwrap_or(u32::MAX));
            if batch.blocks.is_empty() {
                return Ok(Progress { indexed: u64::from(next), total: u64::from(tip) + 1 });
            }
            batch.write(&mut self.connection)?;
        }
    }

    /// A confirmed transaction, read from its block; `None` if the index does not know it.
    pub fn tx(&self, ledger: &LedgerReader, txid: &Hash) -> Result<Option<IndexedTransaction>, StoreError> {
        let sql = "SELECT height, position FROM txs WHERE key = ?1";
        let places = rows::all(&self.connection, sql, [key_of(txid)], |row| {
            Ok((rows::integer::<u32>(row, 0)?, rows::integer::<u32>(row, 1)?))
        })?;
        for (height, position) in places {
            // Not there, or another transaction: the chain moved since, or two ids have the same key.
            let Some(bytes) = ledger.body_at(height)? else { continue };
            let mut block = HashedBlock::decode(bytes).map_err(|error| corrupt(error.to_string()))?;
            let at = position as usize;
            if block.transactions.get(at).is_some_and(|found| found.txid == *txid) {
                let transaction = block.transactions.swap_remove(at);
                return Ok(Some(IndexedTransaction { block: block.hash, height, position, transaction }));
            }
        }
        Ok(None)
    }

    /// What happened to an address, newest first. `before`: only what is older than this height and position (the last
    /// entry of the page before).
    pub fn history(
        &self,
        address: &Address,
        before: Option<(u32, u32)>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let (height, position) = before.unwrap_or((u32::MAX, u32::MAX));
        let sql = "SELECT height, position, txid, received, sent FROM history \
                   WHERE address = ?1 AND (height, position) < (?2, ?3) ORDER BY height DESC, position DESC LIMIT ?4";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        rows::all(&self.connection, sql, (address.0.as_slice(), height, position, limit), |row| {
            Ok(HistoryEntry {
                height: rows::integer(row, 0)?,
                position: rows::integer(row, 1)?,
                txid: Hash(rows::bytes(row, 2)?),
                received: rows::integer(row, 3)?,
                sent: rows::integer(row, 4)?,
            })
        })
    }

    fn try_open(path: &Path, genesis: &Hash) -> Result<Self, StoreError> {
        let mut connection = connect::open_file(path)?;
        migrate::INDEX.check(&connection)?;
        connect::tune_writer(
            &connection,
            Tuning {
                cache_bytes: limits::SMALL_CACHE_BYTES,
                checkpoint_pages: limits::SMALL_CHECKPOINT_PAGES,
                log_bytes: limits::SMALL_LOG_BYTES,
            },
        )?;
        migrate::INDEX.migrate(&mut connection)?;
        let sql = "INSERT INTO meta (name, value) VALUES ('genesis', ?1) ON CONFLICT (name) DO NOTHING";
        rows::run(&connection, sql, [genesis.0.as_slice()])?;
        let sql = "SELECT value FROM meta WHERE name = 'genesis'";
        let found = rows::one(&connection, sql, [], |row| Ok(Hash(rows::bytes(row, 0)?)))?;
        if found != Some(*genesis) {
            return Err(StoreError::Mismatch("the index is of another chain".to_owned()));
        }
        Ok(Self { connection })
    }

    /// The highest block in the index.
    fn last(&self) -> Result<Option<(u32, Hash)>, StoreError> {
        let sql = "SELECT height, hash FROM indexed ORDER BY height DESC LIMIT 1";
        rows::one(&self.connection, sql, [], |row| Ok((rows::integer(row, 0)?, Hash(rows::bytes(row, 1)?))))
    }

    /// Takes the highest block out of the index. It is no longer applied, but its body is still stored; if it is not,
    /// the ledger is another one than that which was indexed, and the index starts anew.
    fn take_off(&mut self, ledger: &Connection, height: u32, hash: &Hash) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        let Some(stored) = StoredHeader::find(ledger, hash)? else {
            transaction.execute_batch("DELETE FROM txs; DELETE FROM history; DELETE FROM indexed")?;
            return Ok(transaction.commit()?);
        };
        for hashed in bodies::decoded(ledger, &stored)?.transactions {
            let sql = "DELETE FROM txs WHERE key = ?1 AND height = ?2";
            rows::run(&transaction, sql, (key_of(&hashed.txid), height))?;
            let owners = hashed.transaction.inputs.iter().map(|input| Address::of(&input.public_key));
            for address in owners.chain(hashed.transaction.outputs.iter().map(|output| output.address)) {
                let sql = "DELETE FROM history WHERE address = ?1 AND height = ?2";
                rows::run(&transaction, sql, (address.0.as_slice(), height))?;
            }
        }
        rows::run(&transaction, "DELETE FROM indexed WHERE height = ?1", [height])?;
        Ok(transaction.commit()?)
    }
}

/// What transactions are looked up by: the first eight bytes of the id.
fn key_of(txid: &Hash) -> i64 {
    i64::from_be_bytes(txid.0[..8].try_into().expect("32 bytes start with eight"))
}
