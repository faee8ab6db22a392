//! The entries that blocks add to the index, gathered and sorted before they are written.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{
    entry::{self, Entry, start_of},
    runs::{self, Entries},
};
use crate::{
    base::{codec::CodecError, hash::Hash},
    chain::{address::Address, archive::StoreError, block::HashedBlock, memo, transaction_view},
    store::{
        LedgerReader, bodies,
        error::corrupt,
        rows::{self, StoredHeader},
        undo::{Origins, OwnCoins},
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
            let block = bodies::stored(ledger, &stored)?;
            let outline = Outline::of(&block).map_err(|error| bodies::undecodable(&stored, &error))?;
            bodies::undo(ledger, height, |undo| batch.add(&stored, &block, outline, undo.unwrap_or_default()))?;
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

    /// `undo`: what the store keeps to undo the block.
    fn add(&mut self, stored: &StoredHeader, block: &[u8], outline: Outline, undo: &[u8]) -> Result<(), StoreError> {
        let height = stored.header.height;
        let Outline { txids, outputs, memos: keys, inputs } = outline;
        let created = outputs.iter().sum::<usize>();
        let mut origins = Origins::new(undo, OwnCoins::new(txids.iter().copied().zip(outputs).collect()), height);
        let [transactions, histories, changes, memos] = &mut self.entries;
        transactions.reserve_exact(txids.len());
        histories.reserve_exact(inputs + created);
        changes.reserve_exact(inputs + created);
        let views = transaction_view::transactions(block).into_iter().flatten();
        for (position, (txid, view)) in (0u32..).zip(txids.iter().zip(views)) {
            let (view, _) = view.ok_or_else(|| corrupt(format!("block {height} is cut off")))?;
            let start = start_of(txid);
            transactions.push(Entry::transaction(start, height, position));
            for (outpoint, (key, amount)) in view.outpoints().zip(view.keys().zip(view.amounts())) {
                // The input names its coin's amount, and the key gives the address.
                let address = Address::of(key);
                let from = origins.next(&outpoint)?.map_or(height, |(from, _)| from);
                histories.push(Entry::history(address, height, position, 0, amount));
                changes.push(Entry::spent(address, from, start_of(&outpoint.txid), outpoint.index, amount));
            }
            for (index, output) in (0u32..).zip(view.outputs()) {
                let (address, amount) = (output.address, output.amount);
                histories.push(Entry::history(address, height, position, amount, 0));
                changes.push(Entry::coin(address, height, start, index, amount, position));
            }
        }
        origins.finish()?;
        memos.extend(keys.into_iter().map(|key| Entry::memo(key, height.into())));
        self.work += block.len() as u64 + BLOCK_WORK;
        self.blocks.push((height, stored.hash, txids.iter().flat_map(|txid| txid.0).collect()));
        Ok(())
    }
}

/// What has to be known of a whole block before its first entry. The block is decoded for it one transaction at a time: all
/// of a block of 1 MiB would take 2 MiB more.
struct Outline {
    txids: Vec<Hash>,
    /// How many outputs each transaction has.
    outputs: Vec<usize>,
    /// See [`keys_of`].
    memos: BTreeSet<u64>,
    /// Inputs of all transactions.
    inputs: usize,
}

impl Outline {
    fn of(block: &[u8]) -> Result<Self, CodecError> {
        let mut outline = Self { txids: Vec::new(), outputs: Vec::new(), memos: BTreeSet::new(), inputs: 0 };
        HashedBlock::read(block, |hashed, most| {
            if outline.txids.is_empty() {
                outline.txids.reserve_exact(most);
                outline.outputs.reserve_exact(most);
            } else {
                outline.memos.extend(memo::keys(&hashed.transaction.memo));
            }
            outline.txids.push(hashed.txid);
            outline.outputs.push(hashed.transaction.outputs.len());
            outline.inputs += hashed.transaction.inputs.len();
        })?;
        Ok(outline)
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
    // In place: a copy of the list would be what takes the most memory here.
    let (mut kept, mut at, mut group) = (0, 0, Vec::new());
    while let Some(same) = coins.get(at..).and_then(|rest| rest.chunk_by(Entry::is_coin_of).next()) {
        at += same.len();
        group.clear();
        group.extend_from_slice(same);
        entry::settle(&mut group);
        // As many as there were, or fewer.
        let places = coins.get_mut(kept..).unwrap_or_default();
        places.iter_mut().zip(&group).for_each(|(place, entry)| *place = *entry);
        kept += group.len();
    }
    coins.truncate(kept);
}

#[cfg(test)]
mod tests {
    use crate::store::index::tests::{pay, setup};

    use super::*;

    #[test]
    fn a_batch_takes_the_memory_of_its_entries_and_no_more() {
        let mut setup = setup();
        pay(&mut setup.ledger, &mut setup.maker, 5, 1, 100);
        let Batch { mut entries, blocks, .. } = Batch::gather(setup.reader.connection(), 0, 5, 100).unwrap();
        assert_eq!((blocks.len(), blocks[5].2.len()), (6, 3 * 32));
        let sizes =
            |entries: &Entries| entries.iter().take(3).map(|list| (list.len(), list.capacity())).collect::<Vec<_>>();
        let before = sizes(&entries);
        assert!(before.iter().all(|(length, capacity)| *length > 0 && length == capacity), "{before:?}");
        sort(&mut entries);
        let after = sizes(&entries);
        assert!(after[2].0 < before[2].0, "coins that were spent again are gone");
        assert!(after.iter().zip(&before).all(|(after, before)| after.1 <= before.1), "{before:?} {after:?}");
    }
}
