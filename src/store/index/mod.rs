//! `index.db`: the place of each transaction and the history of each address. It is derived from `ledger.db`, so a file
//! that cannot be used is rebuilt.
//!
//! The index follows the applied chain. It stores the hash of each indexed block, and disconnects blocks that are no longer
//! applied; the ledger keeps their bodies, so their rows can be found. On a ledger that lacks its old blocks, because it began
//! with a snapshot or was pruned, an empty index begins with the lowest block that is kept whole ([`IndexDb::begins_at`]). It is made anew
//! once the ledger has all blocks.

mod batch;
mod entry;
mod find;
mod forget;
#[cfg(test)]
mod memo_tests;
mod memos;
mod pages;
mod prefix;
mod runs;
mod spends;
#[cfg(test)]
mod tests;
mod undo;

pub use self::{
    batch::work,
    memos::{FoundMemo, MemoPage},
};
use std::{collections::VecDeque, path::Path};

use rusqlite::Connection;

use self::{
    batch::Batch,
    entry::{Entry, Kind},
    find::{find, txid_at},
    pages::Part,
    runs::Merging,
};
use crate::{
    base::hash::Hash,
    chain::{
        address::{Address, Prefix},
        archive::StoreError,
        block::{HashedBlock, HashedTransaction},
        coin::Coin,
        transaction::OutPoint,
    },
    store::{
        check,
        connect::{self, Tuning},
        error::corrupt,
        kept, migrate, quarantine,
        query::AddressCoins,
        reader::LedgerReader,
        rows::{self, StoredHeader},
        views,
    },
};

/// Page cache of the index's writer, which reads and writes in order.
const INDEX_CACHE_BYTES: usize = 512 * 1024;
/// Pages in the index's write-ahead log at which they move into the file.
const INDEX_CHECKPOINT_PAGES: usize = 2000;
/// Bytes of that log that stay allocated; a little above `INDEX_CHECKPOINT_PAGES`.
const INDEX_LOG_BYTES: usize = 10 * 1024 * 1024;

/// Empties the index.
const FORGET_ALL: &str = "DELETE FROM pages; DELETE FROM runs; DELETE FROM indexed; \
                          DELETE FROM meta WHERE name IN ('histories_from', 'memos_from')";

/// The writer (and reader) of `index.db`.
#[derive(Debug)]
pub struct IndexDb {
    connection: Connection,
    /// The row with which a pass over old histories goes on.
    pass: Option<i64>,
}

/// How far the index has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The lowest height whose payments are in the index, or will be.
    pub from: u32,
    /// The height below which the index has all blocks from there on.
    pub indexed: u64,
    /// Blocks of the applied chain.
    pub total: u64,
    /// The [`work`] that was done.
    pub done: u64,
}

impl Progress {
    /// Whether the index has every block of the applied chain.
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
    /// Its position in the block; 0 is the coinbase.
    pub position: u32,
    /// The transaction itself.
    pub transaction: HashedTransaction,
}

/// What one transaction did to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The block's height.
    pub height: u32,
    /// The transaction's position in the block.
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
    /// empty index takes its place. `prefix` is that of the chain's addresses.
    pub fn open(path: &Path, genesis: &Hash, prefix: &Prefix) -> Result<Self, StoreError> {
        let open = || Self::try_open(path, genesis, prefix);
        Self::or_rebuilt(path, open(), open)
    }

    /// The last block in the index of a ledger with this genesis block, read without a change to the file. `None` if the file
    /// does not tell.
    pub fn last_in(path: &Path, genesis: &Hash) -> Option<(u32, Hash)> {
        Self::open_to_read(path, genesis).and_then(|index| index.last()).ok().flatten()
    }

    /// Opens the index of a ledger for reading. Neither makes nor renames a file: its writer does.
    pub fn open_to_read(path: &Path, genesis: &Hash) -> Result<Self, StoreError> {
        let connection = connect::open_reader(path)?;
        migrate::INDEX.require_current(&connection)?;
        Self { connection, pass: None }.of(genesis)
    }

    /// The same after a look at all pages, for an index that could not be read.
    pub fn open_checked(path: &Path, genesis: &Hash, prefix: &Prefix) -> Result<Self, StoreError> {
        let open = || Self::try_open(path, genesis, prefix);
        let checked = open().and_then(|index| index.check().map(|()| index));
        Self::or_rebuilt(path, checked, open)
    }

    fn or_rebuilt(
        path: &Path,
        opened: Result<Self, StoreError>,
        open: impl FnOnce() -> Result<Self, StoreError>,
    ) -> Result<Self, StoreError> {
        match opened {
            Err(error @ StoreError::Io(_)) => Err(error),
            Err(error) => {
                let target = quarantine::quarantine(path).map_err(|error| StoreError::Io(error.to_string()))?;
                log::warn!("index: rebuilding error=\"{error}\" old={}", target.display());
                open()
            }
            opened => opened,
        }
    }

    /// Moves a file out of the way of a new index.
    pub fn set_aside(path: &Path) {
        match quarantine::quarantine(path) {
            Ok(target) => log::warn!("index: rebuilding old={}", target.display()),
            Err(error) => log::warn!("index: cannot rename the old one error=\"{error}\""),
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        let found: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if found == "ok" { Ok(()) } else { Err(corrupt(found)) }
    }

    /// Disconnects blocks that left the applied chain, then indexes up to `max_blocks` more. Call it until
    /// [`Progress::is_complete`], and again whenever the chain has moved.
    pub fn catch_up(&mut self, ledger: &LedgerReader, max_blocks: u32) -> Result<Progress, StoreError> {
        let (mut left, mut done) = (max_blocks, 0u64);
        loop {
            // One snapshot of the ledger for each batch.
            let snapshot = ledger.snapshot()?;
            let tip = check::tip(&snapshot)?.height;
            let kept_from = kept::kept_from(&snapshot)?;
            let (mut begin, mut last) = (self.begins_at()?, self.last()?);
            // What is missing between them is gone, or is here again.
            let has_gap = last.is_some_and(|(height, _)| height.saturating_add(1) < kept_from);
            let lacks = begin.is_some_and(|begin| begin > 0) || last.is_some() && self.memos_from()? > 0;
            if has_gap || kept_from <= 1 && lacks {
                log::info!("index: begins again, the ledger keeps blocks from another height on kept_from={kept_from}");
                self.clear()?;
                (begin, last) = (None, None);
            }
            let begin = begin.unwrap_or(if kept_from > 1 { kept_from } else { 0 });
            if let Some((height, hash)) = last
                && StoredHeader::applied_at(&snapshot, height)?.is_none_or(|stored| stored.hash != hash)
            {
                self.disconnect_block(&snapshot, height, &hash)?;
                continue;
            }
            let next = last.map_or(begin, |(height, _)| height.saturating_add(1));
            let batch = Batch::gather(&snapshot, next, tip, left)?;
            drop(snapshot);
            // While a node joins, its ledger keeps no block, from a height above those with which it begins then.
            if last.is_some() {
                self.forget_old(kept_from.min(next), tip)?;
            }
            left = left.saturating_sub(u32::try_from(batch.blocks.len()).unwrap_or(u32::MAX));
            if batch.blocks.is_empty() {
                let from = begin.max(self.histories_from()?);
                return Ok(Progress { from, indexed: u64::from(next), total: u64::from(tip) + 1, done });
            }
            done += batch.work;
            batch.write(&mut self.connection)?;
        }
    }

    /// The lowest height in the index: 0, unless the ledger lacked its old blocks when the index began. `None`: it is empty.
    pub fn begins_at(&self) -> Result<Option<u32>, StoreError> {
        rows::one(&self.connection, "SELECT height FROM indexed ORDER BY height LIMIT 1", [], |row| {
            rows::integer(row, 0)
        })
    }

    /// Forgets all blocks.
    fn clear(&mut self) -> Result<(), StoreError> {
        self.pass = None;
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(FORGET_ALL)?;
        Ok(transaction.commit()?)
    }

    /// The highest block in the index.
    pub fn height(&self) -> Result<Option<u32>, StoreError> {
        Ok(self.last()?.map(|(height, _)| height))
    }

    /// A confirmed transaction, read from its block; `None` if the index does not know it.
    pub fn tx(&self, ledger: &LedgerReader, txid: &Hash) -> Result<Option<IndexedTransaction>, StoreError> {
        let Some((height, position)) = find(&self.connection, txid)? else { return Ok(None) };
        // If it is not there, the chain has moved since.
        let Some(bytes) = ledger.body_at(height)? else { return ledger.require_kept(height).map(|()| None) };
        let mut block = HashedBlock::decode(bytes).map_err(|error| corrupt(error.to_string()))?;
        let at = position as usize;
        if block.transactions.get(at).is_none_or(|found| found.txid != *txid) {
            return Ok(None);
        }
        let transaction = block.transactions.swap_remove(at);
        Ok(Some(IndexedTransaction { block: block.hash, height, position, transaction }))
    }

    /// The height of the transaction with this id.
    pub fn height_of(&self, txid: &Hash) -> Result<Option<u32>, StoreError> {
        Ok(find(&self.connection, txid)?.map(|(height, _)| height))
    }

    /// The history of an address, newest first, from [`IndexDb::histories_from`] on. `before`: only entries older than this height and position (the last entry
    /// of the previous page).
    pub fn history(
        &self,
        address: &Address,
        before: Option<(u32, u32)>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        let low = Entry::least(*address, self.histories_from()?.into());
        let (height, position) = before.unwrap_or((u32::MAX, u32::MAX));
        let end = Entry::history(*address, height, position, 0, 0);
        let snapshot = self.connection.unchecked_transaction()?;
        let mut found = Vec::new();
        for slot in runs::slots(&snapshot)? {
            let part = Part { slot, kind: Kind::History };
            found.append(&mut pages::last_before(&snapshot, part, &low, &end, limit)?);
        }
        found.sort_unstable();
        found.into_iter().rev().take(limit).map(|entry| history_entry(&snapshot, &entry)).collect()
    }

    /// The unspent coins of an address as of the block `tip`: the sum and number of all, and the youngest `limit` coins.
    /// `None` if `tip` is not the last indexed block, or the index lacks the older ones, which may have made some.
    pub fn coins_of(
        &self,
        ledger: &LedgerReader,
        tip: &Hash,
        address: &Address,
        limit: usize,
    ) -> Result<Option<AddressCoins>, StoreError> {
        let snapshot = self.connection.unchecked_transaction()?;
        if self.last()?.is_none_or(|(_, hash)| hash != *tip) || self.begins_at()? != Some(0) {
            return Ok(None);
        }
        let (mut all, mut youngest) = (AddressCoins::default(), VecDeque::new());
        let low = Entry::least(*address, 0);
        let mut merging = Merging::new(&snapshot, &runs::slots(&snapshot)?, Kind::Coin, Some(&low))?;
        let mut group = Vec::new();
        loop {
            merging.next(&mut group)?;
            if group.first().is_none_or(|first| first.address != *address) {
                break;
            }
            let marks = group.iter().filter(|entry| entry.is_mark()).count();
            let amount = group[0].numbers[3];
            let left = (group.len() - marks).checked_sub(marks);
            let left = left.ok_or_else(|| corrupt("the index has a spent coin that nothing made"))? as u64;
            all.count += left;
            all.balance += u128::from(amount) * u128::from(left);
            // The ledger knows which of coins with the same start of their txids are spent.
            youngest.extend(group.iter().filter(|entry| !entry.is_mark()).map(|entry| (*entry, marks > 0)));
            while youngest.len() > limit {
                youngest.pop_front();
            }
        }
        for (entry, is_doubtful) in youngest.into_iter().rev() {
            let (outpoint, coin) = coin(&snapshot, &entry)?;
            if !is_doubtful || ledger.coin(&outpoint)?.is_some() {
                all.coins.push((outpoint, coin));
            }
        }
        Ok(Some(all))
    }

    fn try_open(path: &Path, genesis: &Hash, prefix: &Prefix) -> Result<Self, StoreError> {
        let mut connection = connect::open_file(path)?;
        migrate::INDEX.check(&connection)?;
        connect::tune_writer(
            &connection,
            Tuning {
                cache_bytes: INDEX_CACHE_BYTES,
                checkpoint_pages: INDEX_CHECKPOINT_PAGES,
                log_bytes: INDEX_LOG_BYTES,
            },
        )?;
        migrate::INDEX.migrate(&mut connection)?;
        let sql = "INSERT INTO meta (name, value) VALUES ('genesis', ?1) ON CONFLICT (name) DO NOTHING";
        rows::run(&connection, sql, [genesis.0.as_slice()])?;
        let mut index = Self { connection, pass: None }.of(genesis)?;
        views::renew(&mut index.connection, views::INDEX, Some(prefix))?;
        Ok(index)
    }

    /// Refuses the index of another chain.
    fn of(self, genesis: &Hash) -> Result<Self, StoreError> {
        let sql = "SELECT value FROM meta WHERE name = 'genesis'";
        let found = rows::one(&self.connection, sql, [], |row| Ok(Hash(rows::bytes(row, 0)?)))?;
        match found == Some(*genesis) {
            true => Ok(self),
            false => Err(StoreError::Mismatch("the index is of another chain".to_owned())),
        }
    }

    /// The highest block in the index.
    fn last(&self) -> Result<Option<(u32, Hash)>, StoreError> {
        let sql = "SELECT height, hash FROM indexed ORDER BY height DESC LIMIT 1";
        rows::one(&self.connection, sql, [], |row| Ok((rows::integer(row, 0)?, Hash(rows::bytes(row, 1)?))))
    }
}

fn small(number: u64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| corrupt("the index names a place that cannot exist"))
}

fn history_entry(index: &Connection, entry: &Entry) -> Result<HistoryEntry, StoreError> {
    let [at, position, received, sent, _] = entry.numbers;
    let (height, position) = (small(at)?, small(position)?);
    let txid =
        txid_at(index, height, position)?.ok_or_else(|| corrupt("the index lacks a transaction of a history"))?;
    Ok(HistoryEntry { height, position, txid, received, sent })
}

fn coin(index: &Connection, entry: &Entry) -> Result<(OutPoint, Coin), StoreError> {
    let [at, _, output, amount, made] = entry.numbers;
    let (height, position) = (small(at)?, small(made.saturating_sub(1))?);
    let txid = txid_at(index, height, position)?.ok_or_else(|| corrupt("the index lacks the transaction of a coin"))?;
    let outpoint = OutPoint { txid, index: small(output)? };
    Ok((outpoint, Coin { amount, address: entry.address, height, coinbase: position == 0 }))
}
