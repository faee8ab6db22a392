//! Removes blocks that are no longer applied from the index.

use rusqlite::Connection;

use super::{
    IndexDb,
    place::{find, height_of, place_of, position_of},
};
use crate::{
    base::hash::Hash,
    chain::{address::Address, archive::StoreError, block::HashedBlock, transaction::OutPoint},
    store::{
        bodies,
        error::corrupt,
        rows::{self, StoredHeader},
    },
};

impl IndexDb {
    /// Removes the highest block from the index. It is no longer applied, but its body is still stored. If its body is
    /// missing, this is not the ledger that was indexed, and the index is emptied.
    pub(super) fn disconnect_block(&mut self, ledger: &Connection, height: u32, hash: &Hash) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        let stored = StoredHeader::find(ledger, hash)?;
        let Some(stored) = stored.filter(|stored| bodies::exists(ledger, stored.id).unwrap_or(false)) else {
            transaction
                .execute_batch("DELETE FROM txs; DELETE FROM history; DELETE FROM coins; DELETE FROM indexed")?;
            return Ok(transaction.commit()?);
        };
        let (first, end) = (place_of(height, 0), place_of(height + 1, 0));
        rows::run(&transaction, "DELETE FROM txs WHERE id >= ?1 AND id < ?2", (first, end))?;
        let block = bodies::decoded(ledger, &stored)?;
        for (tx, hashed) in (first..).zip(&block.transactions) {
            for (number, output) in (0..).zip(hashed.transaction.outputs.iter()) {
                remove_coin(&transaction, &output.address, tx, number)?;
            }
            let owners = hashed.transaction.inputs.iter().map(|input| Address::of(&input.public_key));
            for address in owners.chain(hashed.transaction.outputs.iter().map(|output| output.address)) {
                let sql = "DELETE FROM history WHERE address = ?1 AND tx >= ?2 AND tx < ?3";
                rows::run(&transaction, sql, (address.0.as_slice(), first, end))?;
            }
        }
        for input in block.transactions.iter().flat_map(|hashed| hashed.transaction.inputs.iter()) {
            // The index no longer has the transactions of this block, so a coin that the block itself created is not found.
            if let Some((tx, amount)) = created_by(&transaction, ledger, &input.outpoint)? {
                add_coin(&transaction, &Address::of(&input.public_key), tx, input.outpoint.index, amount)?;
            }
        }
        rows::run(&transaction, "DELETE FROM indexed WHERE height = ?1", [height])?;
        Ok(transaction.commit()?)
    }
}

/// The transaction that created an indexed output, and the output's amount.
fn created_by(index: &Connection, ledger: &Connection, outpoint: &OutPoint) -> Result<Option<(i64, u64)>, StoreError> {
    let Some(tx) = find(index, &outpoint.txid)? else { return Ok(None) };
    let sql = "SELECT hash FROM indexed WHERE height = ?1";
    let hash = rows::one(index, sql, [height_of(tx)], |row| Ok(Hash(rows::bytes(row, 0)?)))?;
    let stored = match hash {
        Some(hash) => StoredHeader::find(ledger, &hash)?,
        None => None,
    };
    let stored = stored.ok_or_else(|| corrupt("the index names a block that the ledger does not have"))?;
    let block: HashedBlock = bodies::decoded(ledger, &stored)?;
    let transaction = block.transactions.get(position_of(tx) as usize);
    let output = transaction.and_then(|hashed| hashed.transaction.outputs.get(outpoint.index as usize));
    let output = output.ok_or_else(|| corrupt("the index names a transaction that its block does not have"))?;
    Ok(Some((tx, output.amount)))
}

/// Adds output `position` of the transaction `tx`.
fn add_coin(index: &Connection, address: &Address, tx: i64, position: u32, amount: u64) -> Result<(), StoreError> {
    let sql = "INSERT INTO coins (address, tx, position, amount) VALUES (?1, ?2, ?3, ?4)";
    rows::run(index, sql, (address.0.as_slice(), tx, position, amount.cast_signed())).map(|_| ())
}

/// Removes the coin, if it exists.
fn remove_coin(index: &Connection, address: &Address, tx: i64, position: u32) -> Result<(), StoreError> {
    let sql = "DELETE FROM coins WHERE address = ?1 AND tx = ?2 AND position = ?3";
    rows::run(index, sql, (address.0.as_slice(), tx, position)).map(|_| ())
}
