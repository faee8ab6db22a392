//! The rows that blocks add to the index, gathered and sorted before they are written.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::key_of;
use crate::{
    base::{hash::Hash, limits::INDEX_BATCH_ROWS},
    chain::{
        address::Address,
        archive::StoreError,
        block::{HashedBlock, HashedTransaction},
        transaction::OutPoint,
    },
    store::{
        bodies,
        error::corrupt,
        rows::{self, StoredHeader},
    },
};

/// The rows of some blocks, sorted, so that each page of the index is touched once a batch.
#[derive(Default)]
pub(super) struct Batch {
    txs: Vec<(i64, u32, u32)>,
    history: BTreeMap<(Address, u32, u32), (Hash, u64, u64)>,
    pub(super) blocks: Vec<(u32, Hash)>,
}

impl Batch {
    /// The blocks from height `next` up to the tip, at most `max_blocks` and about as many as fit into one batch.
    pub(super) fn gather(ledger: &Connection, next: u32, tip: u32, max_blocks: u32) -> Result<Self, StoreError> {
        let mut batch = Self::default();
        for height in (next..=tip).take(max_blocks as usize) {
            let stored = StoredHeader::applied_at(ledger, height)?;
            let stored = stored.ok_or_else(|| corrupt(format!("no block is applied at {height}")))?;
            let spent = bodies::spent(ledger, height)?;
            let amounts = spent.into_iter().map(|(outpoint, coin)| (outpoint, coin.amount)).collect();
            batch.add(&bodies::decoded(ledger, &stored)?, amounts)?;
            if batch.txs.len() + batch.history.len() >= INDEX_BATCH_ROWS {
                break;
            }
        }
        Ok(batch)
    }

    /// Adds the rows to the index, in one transaction.
    pub(super) fn write(mut self, index: &mut Connection) -> Result<(), StoreError> {
        let transaction = index.transaction()?;
        self.txs.sort_unstable();
        for row in self.txs {
            rows::run(&transaction, "INSERT INTO txs (key, height, position) VALUES (?1, ?2, ?3)", row)?;
        }
        let sql = "INSERT INTO history (address, height, position, txid, received, sent) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        for ((address, height, position), (txid, received, sent)) in self.history {
            let (received, sent) = (received.cast_signed(), sent.cast_signed());
            let parameters = (address.0.as_slice(), height, position, txid.0.as_slice(), received, sent);
            rows::run(&transaction, sql, parameters)?;
        }
        for (height, hash) in self.blocks {
            let sql = "INSERT INTO indexed (height, hash) VALUES (?1, ?2)";
            rows::run(&transaction, sql, (height, hash.0.as_slice()))?;
        }
        Ok(transaction.commit()?)
    }

    /// `amounts`: of the coins that the block spends; those that it makes itself are added on the way.
    fn add(&mut self, block: &HashedBlock, mut amounts: BTreeMap<OutPoint, u64>) -> Result<(), StoreError> {
        let height = block.header.height;
        for (position, hashed) in (0u32..).zip(&block.transactions) {
            self.txs.push((key_of(&hashed.txid), height, position));
            for input in &hashed.transaction.inputs {
                let amount = amounts.get(&input.outpoint).ok_or_else(|| {
                    corrupt(format!("block {height} spends a coin that the data that undoes it does not name"))
                })?;
                let entry = self.entry(Address::of(&input.public_key), height, position, hashed);
                entry.2 = entry.2.saturating_add(*amount);
            }
            for (outpoint, output) in hashed.outpoints().zip(hashed.transaction.outputs.iter()) {
                amounts.insert(outpoint, output.amount);
                let entry = self.entry(output.address, height, position, hashed);
                entry.1 = entry.1.saturating_add(output.amount);
            }
        }
        self.blocks.push((height, block.hash));
        Ok(())
    }

    fn entry(
        &mut self,
        address: Address,
        height: u32,
        position: u32,
        hashed: &HashedTransaction,
    ) -> &mut (Hash, u64, u64) {
        self.history.entry((address, height, position)).or_insert((hashed.txid, 0, 0))
    }
}
