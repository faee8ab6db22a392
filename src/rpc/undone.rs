//! Payments that are undone: they are in a block that is not part of the best chain, or left the mempool for a block that
//! contradicts them, or for a payment that pays more.

use serde_json::{Value, json};

use crate::{
    base::hash::Hash,
    chain::{
        address::Address,
        archive::{BlockStatus, HeaderRow},
        block::{HashedBlock, HashedTransaction},
        transaction::{Input, OutPoint},
    },
    rpc::{
        databases::{Cursor, Databases},
        error::RpcError,
    },
};

/// Blocks outside the best chain that are searched, the latest first.
const SIDE_BLOCKS: usize = 32;
/// Blocks of an abandoned branch, and payments in them, that an event tells of.
const BRANCH_BLOCKS: usize = 100;
const BRANCH_PAYMENTS: usize = 100;
/// Payments of one owner that are searched for the one that took a payment's place.
const PAYMENTS: usize = 256;
/// Payments in one page of that search.
const PAGE: usize = 64;
/// Blocks that are followed down to the best chain.
const MAX_DEPTH: usize = 10_000;

/// A transaction outside the best chain.
pub(super) struct Undone {
    /// Its block's header.
    pub(super) row: HeaderRow,
    /// Its block.
    pub(super) block: HashedBlock,
    /// Its place in the block.
    pub(super) position: usize,
    /// The transaction of the best chain that spends one of its coins.
    pub(super) conflicts_with: Option<Hash>,
}

impl Undone {
    /// The transaction.
    pub(super) fn transaction(&self) -> &HashedTransaction {
        &self.block.transactions[self.position]
    }

    /// The word for its status.
    pub(super) fn status(&self) -> &'static str {
        status(self.conflicts_with)
    }
}

/// Finds a transaction that is in no block of the best chain, by what its id must be.
pub(super) fn find(databases: &mut Databases, is_wanted: impl Fn(&Hash) -> bool) -> Result<Option<Undone>, RpcError> {
    for row in databases.side_blocks(SIDE_BLOCKS)? {
        let Some(block) = databases.block(&row.hash)? else { continue };
        let Some(position) = block.transactions.iter().position(|one| is_wanted(&one.txid)) else { continue };
        let fork = fork_height(databases, &row)?;
        let conflicts_with = rival(databases, &block.transactions[position], fork)?;
        return Ok(Some(Undone { row, block, position, conflicts_with }));
    }
    Ok(None)
}

/// The payments of a branch that are neither confirmed nor in the mempool, each with the one that took its place. The
/// branch's highest block and its length.
pub(super) fn of_branch(
    databases: &mut Databases,
    tip: &Hash,
    length: usize,
    is_waiting: impl Fn(&Hash) -> bool,
) -> Result<Vec<Value>, RpcError> {
    let (mut hash, mut undone) = (*tip, Vec::new());
    for _ in 0..length.min(BRANCH_BLOCKS) {
        let Some(row) = databases.header(&hash)?.filter(is_off_chain) else { break };
        let Some(block) = databases.block(&hash)? else { break };
        let fork = fork_height(databases, &row)?;
        for one in block.transactions.iter().filter(|one| !one.transaction.is_coinbase() && !is_waiting(&one.txid)) {
            if undone.len() == BRANCH_PAYMENTS {
                return Ok(undone);
            }
            if databases.find_transaction(&one.txid)?.is_none() {
                let rival = rival(databases, one, fork)?;
                undone.push(json!({ "id": one.txid, "status": status(rival), "conflicts_with": rival }));
            }
        }
        hash = row.header.previous;
    }
    Ok(undone)
}

/// Whether a block was left for a better branch, or set aside by an operator.
fn is_off_chain(row: &HeaderRow) -> bool {
    matches!(row.status, BlockStatus::Stored | BlockStatus::Invalid)
}

/// What took the place of a transaction that left the mempool for it: one in a block, or else the one of the mempool that
/// paid more (`by`).
pub(super) fn displaced_by(
    databases: &mut Databases,
    of: &HashedTransaction,
    by: Option<Hash>,
) -> Result<Option<Hash>, RpcError> {
    Ok(rival(databases, of, 0)?.or(by))
}

/// The word for a transaction that is not in the best chain: whether another one spends a coin of it.
pub(super) fn status(rival: Option<Hash>) -> &'static str {
    if rival.is_some() { "conflicted" } else { "orphaned" }
}

/// The transaction above a height of the best chain that spends a coin of this one.
fn rival(databases: &mut Databases, of: &HashedTransaction, above: u32) -> Result<Option<Hash>, RpcError> {
    for input in &of.transaction.inputs {
        if let Some(rival) = spender(databases, input, above)? {
            return Ok(Some(rival));
        }
    }
    Ok(None)
}

/// The height at which a block's branch leaves the best chain.
fn fork_height(databases: &mut Databases, row: &HeaderRow) -> Result<u32, RpcError> {
    let mut previous = row.header.previous;
    for _ in 0..MAX_DEPTH {
        match databases.header(&previous)? {
            Some(row) if row.status == BlockStatus::Applied => return Ok(row.header.height),
            Some(row) => previous = row.header.previous,
            None => break,
        }
    }
    Ok(0)
}

/// The transaction above a height of the best chain that spends an input's coin: one of the owner's payments.
fn spender(databases: &mut Databases, input: &Input, above: u32) -> Result<Option<Hash>, RpcError> {
    if !databases.has_index() {
        return Ok(None);
    }
    let owner = Address::of(&input.public_key);
    let mut before = None;
    for _ in 0..PAYMENTS / PAGE {
        let page = databases.history(&owner, before, PAGE)?;
        for entry in page.iter().filter(|entry| entry.height > above && entry.sent > 0) {
            if spends(databases, &entry.txid, &input.outpoint)? {
                return Ok(Some(entry.txid));
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE && last.height > above => {
                before = Some(Cursor { height: last.height, position: last.position });
            }
            _ => break,
        }
    }
    Ok(None)
}

fn spends(databases: &mut Databases, txid: &Hash, outpoint: &OutPoint) -> Result<bool, RpcError> {
    let found = databases.find_transaction(txid)?;
    let inputs = found.as_ref().map(|found| &found.transaction().transaction.inputs);
    Ok(inputs.is_some_and(|inputs| inputs.iter().any(|input| input.outpoint == *outpoint)))
}
