//! The rows that blocks add to the index, gathered and sorted before they are written.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use super::place::{find, place_of};
use crate::{
    base::{gather::gather, hash::Hash},
    chain::{address::Address, archive::StoreError, block::HashedBlock, transaction::OutPoint},
    store::{
        bodies,
        error::corrupt,
        rows::{self, StoredHeader},
    },
};

/// Rows of one batch, about 2 MiB. They are sorted and written in one transaction.
const INDEX_BATCH_ROWS: usize = 20_000;

/// Rows that one statement inserts.
const INSERT_ROWS: usize = 16;

/// Tables with their columns.
const HISTORY: &str = "history (address, tx, received, sent)";
pub(super) const COINS: &str = "coins (address, tx, position, amount)";

/// A coin and its owner.
type Owned = (Address, OutPoint);

/// The rows of some blocks, sorted, so that each page of the index is touched once a batch.
#[derive(Default)]
pub(super) struct Batch {
    txs: Vec<(i64, Hash)>,
    history: BTreeMap<(Address, i64), (u64, u64)>,
    /// Coins created and not spent again within the batch: transaction and amount.
    created: BTreeMap<Owned, (i64, u64)>,
    /// Spent coins that the index has.
    spent: BTreeSet<Owned>,
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
            let amounts = gather(spent.into_iter().map(|(outpoint, coin)| (outpoint, coin.amount)));
            batch.add(&bodies::decoded(ledger, &stored)?, amounts)?;
            if batch.txs.len() + batch.history.len() >= INDEX_BATCH_ROWS {
                break;
            }
        }
        Ok(batch)
    }

    /// Adds the rows to the index, in one transaction.
    pub(super) fn write(self, index: &mut Connection) -> Result<(), StoreError> {
        let transaction = index.transaction()?;
        insert_txs(&transaction, &self.txs)?;
        insert_all(
            &transaction,
            HISTORY,
            &mut self
                .history
                .iter()
                .map(|((address, tx), (received, sent))| (address, [*tx, received.cast_signed(), sent.cast_signed()])),
        )?;
        remove_spent(&transaction, &self.spent)?;
        insert_all(
            &transaction,
            COINS,
            &mut self
                .created
                .iter()
                .map(|((address, coin), (tx, amount))| (address, [*tx, i64::from(coin.index), amount.cast_signed()])),
        )?;
        for (height, hash) in self.blocks {
            let sql = "INSERT INTO indexed (height, hash) VALUES (?1, ?2)";
            rows::run(&transaction, sql, (height, hash.0.as_slice()))?;
        }
        Ok(transaction.commit()?)
    }

    /// `amounts`: of the coins from before the block that it spends. Coins that it creates are added here.
    fn add(&mut self, block: &HashedBlock, mut amounts: BTreeMap<OutPoint, u64>) -> Result<(), StoreError> {
        let height = block.header.height;
        for (position, hashed) in (0u32..).zip(&block.transactions) {
            let tx = place_of(height, position);
            self.txs.push((tx, hashed.txid));
            for input in &hashed.transaction.inputs {
                let amount = amounts
                    .get(&input.outpoint)
                    .ok_or_else(|| corrupt(format!("block {height} spends a coin that its undo data does not name")))?;
                let owned = (Address::of(&input.public_key), input.outpoint);
                let entry = self.history.entry((owned.0, tx)).or_default();
                entry.1 = entry.1.saturating_add(*amount);
                if self.created.remove(&owned).is_none() {
                    self.spent.insert(owned);
                }
            }
            for (outpoint, output) in hashed.outpoints().zip(hashed.transaction.outputs.iter()) {
                amounts.insert(outpoint, output.amount);
                let entry = self.history.entry((output.address, tx)).or_default();
                entry.0 = entry.0.saturating_add(output.amount);
                self.created.insert((output.address, outpoint), (tx, output.amount));
            }
        }
        self.blocks.push((height, block.hash));
        Ok(())
    }
}

fn insert_txs(index: &Connection, txs: &[(i64, Hash)]) -> Result<(), StoreError> {
    let mut insert = index.prepare_cached("INSERT INTO txs (id, txid) VALUES (?1, ?2)")?;
    txs.iter().try_for_each(|(id, txid)| Ok(insert.execute((id, txid.0.as_slice())).map(|_| ())?))
}

/// Inserts rows that begin with an address, several with one statement: most of a short statement's time is its start and
/// end. A statement that can fail half-way makes SQLite copy each page before it changes. So the statement ignores a row
/// that exists already, and the count of changes reveals it.
pub(super) fn insert_all(
    index: &Connection,
    table: &str,
    rows: &mut dyn Iterator<Item = (&Address, [i64; 3])>,
) -> Result<(), StoreError> {
    let sql = |rows| format!("INSERT OR IGNORE INTO {table} VALUES {}", rows::placeholders(rows, 4));
    let (mut several, mut one) = (index.prepare_cached(&sql(INSERT_ROWS))?, index.prepare_cached(&sql(1))?);
    loop {
        let group: Vec<_> = (&mut *rows).take(INSERT_ROWS).collect();
        let (statement, each) = if group.len() == INSERT_ROWS { (&mut several, INSERT_ROWS) } else { (&mut one, 1) };
        for rows in group.chunks(each) {
            let mut at = 0;
            for (address, [a, b, c]) in rows {
                rows::bind_next(statement, &mut at, &[&address.0.as_slice(), a, b, c])?;
            }
            if statement.raw_execute()? != each {
                return Err(corrupt(format!("the index already has some of the new rows of {table}")));
            }
        }
        if group.len() < INSERT_ROWS {
            return Ok(());
        }
    }
}

/// Removes coins that the index has.
fn remove_spent(index: &Connection, spent: &BTreeSet<Owned>) -> Result<(), StoreError> {
    let mut remove = index.prepare_cached(
        "DELETE FROM coins WHERE address = ?1 AND position = ?4 \
         AND tx = (SELECT id FROM txs WHERE substr(txid, 1, 8) = ?2 AND txid = ?3)",
    )?;
    for (address, OutPoint { txid, index: position }) in spent {
        let parameters = (address.0.as_slice(), &txid.0[..8], txid.0.as_slice(), position);
        if remove.execute(parameters)? == 0 && find(index, txid)?.is_none() {
            return Err(corrupt(format!("the index lacks transaction {txid}")));
        }
    }
    Ok(())
}
