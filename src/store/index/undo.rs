//! Removes blocks that are no longer applied from the index.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{
    FORGET_ALL, IndexDb, batch,
    entry::{Entry, Kind, start_of},
    find::find,
    pages::{self, Part},
    runs::{self, Entries},
};
use crate::{
    base::{gather::gather, hash::Hash},
    chain::{address::Address, archive::StoreError, block::HashedBlock, transaction::Input},
    store::{
        bodies,
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
            transaction.execute_batch(FORGET_ALL)?;
            return Ok(transaction.commit()?);
        };
        let block = bodies::decoded(ledger, &stored)?;
        let slots = runs::slots(&transaction)?;
        remove(&transaction, &slots, &block)?;
        // From here on the index no longer finds transactions of this block: it never had coins that the block itself spent.
        let mut unspent = Entries::default();
        for input in block.transactions.iter().flat_map(|hashed| hashed.transaction.inputs.iter()) {
            if let Some((mark, coin)) = spent_by(&transaction, input)?
                && !remove_coin(&transaction, &slots, &mark)?
            {
                let [_, _, coins, _] = &mut unspent;
                coins.push(coin);
            }
        }
        batch::sort(&mut unspent);
        runs::add(&transaction, &unspent)?;
        rows::run(&transaction, "DELETE FROM indexed WHERE height = ?1", [height])?;
        Ok(transaction.commit()?)
    }
}

/// Removes a block's transactions from the runs, what they did to addresses, and the coins that they made.
fn remove(index: &Connection, slots: &[u8], block: &HashedBlock) -> Result<(), StoreError> {
    let height = block.header.height;
    for memo in batch::keys_of(block).into_iter().map(|key| Entry::memo(key, height.into())) {
        for slot in slots.iter().copied() {
            pages::remove(index, Part { slot, kind: Kind::Memo }, &memo, &memo, 1)?;
        }
    }
    for (position, hashed) in (0u32..).zip(&block.transactions) {
        let start = start_of(&hashed.txid);
        let place = Entry::transaction(start, height, position);
        let owners = hashed.transaction.inputs.iter().map(|input| Address::of(&input.public_key));
        let owners: BTreeSet<Address> =
            gather(owners.chain(hashed.transaction.outputs.iter().map(|output| output.address)));
        for slot in slots.iter().copied() {
            pages::remove(index, Part { slot, kind: Kind::Transaction }, &place, &place, 1)?;
            for address in &owners {
                let low = Entry::history(*address, height, position, 0, 0);
                let high = Entry::history(*address, height, position, u64::MAX, u64::MAX);
                pages::remove(index, Part { slot, kind: Kind::History }, &low, &high, 1)?;
            }
        }
        for (output, number) in hashed.transaction.outputs.iter().zip(0u32..) {
            let coin = Entry::coin(output.address, height, start, number, output.amount, position);
            remove_coin(index, slots, &coin)?;
        }
    }
    Ok(())
}

/// Removes a coin or a mark from the run that has it; returns whether one has it.
fn remove_coin(index: &Connection, slots: &[u8], entry: &Entry) -> Result<bool, StoreError> {
    for slot in slots.iter().copied() {
        if pages::remove(index, Part { slot, kind: Kind::Coin }, entry, entry, 1)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The mark of the coin that an input spent, and the coin: the input names all but where it was made. `None` if the index does
/// not have the transaction that made it.
fn spent_by(index: &Connection, input: &Input) -> Result<Option<(Entry, Entry)>, StoreError> {
    let Some((height, position)) = find(index, &input.outpoint.txid)? else { return Ok(None) };
    let (owner, start, number) = (Address::of(&input.public_key), start_of(&input.outpoint.txid), input.outpoint.index);
    let mark = Entry::spent(owner, height, start, number, input.amount);
    Ok(Some((mark, Entry::coin(owner, height, start, number, input.amount, position))))
}
