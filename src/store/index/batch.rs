//! The entries that blocks add to the index, gathered and sorted before they are written.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::{
    entry::{self, Entry, start_of},
    runs::{self, Entries},
};
use crate::{
    base::{gather::gather, hash::Hash},
    chain::{archive::StoreError, block::HashedBlock, coin::Coin, memo, transaction::OutPoint},
    store::{
        LedgerReader, bodies,
        error::corrupt,
        rows::{self, StoredHeader},
    },
};

/// Entries of one batch, about 1 MiB. They are sorted and written in one transaction.
const INDEX_BATCH_ENTRIES: usize = 16_000;
/// Bytes of entries merged for each byte that is added: as an index of a hundred million transactions needs.
const MERGED_FOR_ADDED: u64 = 6;
/// Bytes of entries merged with each batch at least, so that small merges take one commit.
const MIN_MERGED_BYTES: u64 = 64 * 1024;

/// What it takes to index a block without transactions, compared with the bytes of others.
const BLOCK_WORK: u64 = 4096;

/// What it takes to index the applied blocks above `from` up to `to`: their bytes, and something for each block.
pub fn work(ledger: &LedgerReader, from: Option<u32>, to: u32) -> Result<u64, StoreError> {
    let sql = "SELECT count(*) * ?3 + coalesce(sum(length(b.bytes)), 0) \
               FROM applied a JOIN bodies b ON b.id = a.id WHERE a.height > ?1 AND a.height <= ?2";
    let from = from.map_or(-1, i64::from);
    let sum = rows::one(ledger.connection(), sql, (from, to, BLOCK_WORK.cast_signed()), |row| rows::integer(row, 0))?;
    Ok(sum.unwrap_or_default())
}

/// What some blocks add to the index.
#[derive(Default)]
pub(super) struct Batch {
    entries: Entries,
    /// Height, hash, and the ids of the transactions.
    pub(super) blocks: Vec<(u32, Hash, Vec<u8>)>,
    /// See [`work`].
    pub(super) work: u64,
}

impl Batch {
    /// The blocks from height `next` up to the tip, at most `max_blocks` and about as many as fit into one batch.
    pub(super) fn gather(ledger: &Connection, next: u32, tip: u32, max_blocks: u32) -> Result<Self, StoreError> {
        let mut batch = Self::default();
        for height in (next..=tip).take(max_blocks as usize) {
            let stored = StoredHeader::applied_at(ledger, height)?;
            let stored = stored.ok_or_else(|| corrupt(format!("no block is applied at {height}")))?;
            let block = bodies::decoded(ledger, &stored)?;
            let spent = bodies::spent(ledger, &block)?;
            batch.add(&block, gather(spent))?;
            if batch.entries.iter().map(Vec::len).sum::<usize>() >= INDEX_BATCH_ENTRIES {
                break;
            }
        }
        Ok(batch)
    }

    /// Adds the entries to the index, in one transaction, and merges runs.
    pub(super) fn write(mut self, index: &mut Connection) -> Result<(), StoreError> {
        let transaction = index.transaction()?;
        for (height, hash, txids) in &self.blocks {
            let sql = "INSERT INTO indexed (height, hash, txids) VALUES (?1, ?2, ?3)";
            rows::run(&transaction, sql, (height, hash.0.as_slice(), txids))?;
        }
        sort(&mut self.entries);
        let added = runs::add(&transaction, &self.entries)?;
        runs::merge(&transaction, (added * MERGED_FOR_ADDED).max(MIN_MERGED_BYTES))?;
        Ok(transaction.commit()?)
    }

    /// `coins`: those from before the block that it spends. Coins that it creates are added here.
    fn add(&mut self, block: &HashedBlock, mut coins: BTreeMap<OutPoint, Coin>) -> Result<(), StoreError> {
        let height = block.header.height;
        let [transactions, histories, changes, memos] = &mut self.entries;
        let mut txids = Vec::with_capacity(block.transactions.len() * 32);
        for (position, hashed) in (0u32..).zip(&block.transactions) {
            txids.extend_from_slice(&hashed.txid.0);
            let start = start_of(&hashed.txid);
            transactions.push(Entry::transaction(start, height, position));
            for input in &hashed.transaction.inputs {
                let OutPoint { txid, index } = input.outpoint;
                let coin = coins
                    .get(&input.outpoint)
                    .ok_or_else(|| corrupt(format!("block {height} spends a coin that its undo data does not name")))?;
                histories.push(Entry::history(coin.address, height, position, 0, coin.amount));
                changes.push(Entry::spent(coin.address, coin.height, start_of(&txid), index, coin.amount));
            }
            for (outpoint, output) in hashed.outpoints().zip(hashed.transaction.outputs.iter()) {
                let (address, amount) = (output.address, output.amount);
                coins.insert(outpoint, Coin { amount, address, height, coinbase: position == 0 });
                histories.push(Entry::history(address, height, position, amount, 0));
                changes.push(Entry::coin(address, height, start, outpoint.index, amount, position));
            }
        }
        memos.extend(keys_of(block).into_iter().map(|key| Entry::memo(key, height.into())));
        self.work += block.bytes.len() as u64 + BLOCK_WORK;
        self.blocks.push((height, block.hash, txids));
        Ok(())
    }
}

/// The keys of a block's memos, each once: a word that all payments have costs no more than one that one has. The memo of the
/// coinbase only makes it differ from others.
pub(super) fn keys_of(block: &HashedBlock) -> BTreeSet<u64> {
    block.transactions.iter().skip(1).flat_map(|hashed| memo::keys(&hashed.transaction.memo)).collect()
}

/// Sorts the entries. Makes one of several about one transaction and address, and drops coins with their marks.
pub(super) fn sort(entries: &mut Entries) {
    entries.iter_mut().for_each(|entries| entries.sort_unstable());
    let [_, histories, coins, _] = entries;
    histories.dedup_by(|next, kept| {
        let is_same = next.address == kept.address && next.numbers[..2] == kept.numbers[..2];
        if is_same {
            for at in [2, 3] {
                kept.numbers[at] = kept.numbers[at].saturating_add(next.numbers[at]);
            }
        }
        is_same
    });
    let (mut left, mut group) = (Vec::with_capacity(coins.len()), Vec::new());
    for same in coins.chunk_by(Entry::is_coin_of) {
        group.clear();
        group.extend_from_slice(same);
        entry::settle(&mut group);
        left.append(&mut group);
    }
    *coins = left;
}
