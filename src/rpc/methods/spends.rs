//! What spends the outputs of a transaction.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    base::hash::Hash,
    chain::{
        block::{HashedBlock, HashedTransaction},
        transaction::{OutPoint, Output, Transaction},
    },
    node::command::{LedgerCommand, PoolEntry, Reply},
    rpc::{
        answers,
        continuation::{Continuation, Shared, unexpected},
        databases::Databases,
        error::{self, RpcError},
        methods::{method::Method, transactions},
        schema::{Schema, required},
        undone,
    },
};

pub(super) const METHODS: &[Method] = &[Method {
    name: "outspends",
    params: &[required("id", Schema::Text, "transaction id or a unique prefix of at least 6 digits")],
    summary: "what spends the outputs of a transaction of the mempool or the chain",
    returns: "an array of objects with index, spent, txid and height",
    result: answers::transactions::OUTSPENDS,
    errors: &[error::NOT_FOUND],
    handler: |context, args| Ok(outspends(context, args.required_text("id")?)),
}];

/// Entries of histories that are read for all outputs of a transaction together.
const ENTRIES: usize = 20_000;
/// Bytes of the blocks that are read for them: this needs no credentials, and others wait for the thread meanwhile.
const BLOCK_BYTES: usize = 2 * 1024 * 1024;
/// Payments that may be the one that spends an output, of which each is looked up.
const CANDIDATES: usize = 50;

/// What may still be read for one answer.
struct Budget {
    entries: usize,
    bytes: usize,
    /// The block that was read last: one that spends several outputs is read once.
    block: Option<HashedBlock>,
}

/// Where a transaction is.
enum Maker {
    Pool(HashedTransaction),
    /// In the best chain: height and position.
    Chain(HashedTransaction, (u32, u32)),
}

/// What spends each output of a transaction of the mempool or the chain.
fn outspends(context: &Shared, id: &str) -> Continuation {
    let (id, after) = (id.trim().to_ascii_lowercase(), context.clone());
    // The mempool first, so that a spender that is confirmed in between is found in one of the two.
    Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        Ok(Continuation::query(move |databases| answer(databases, &id, &entries)).once_indexed(&after))
    })
}

fn answer(databases: &mut Databases, id: &str, entries: &[PoolEntry]) -> Result<Value, RpcError> {
    let waiting = spenders(entries);
    let maker = match transactions::by_prefix(entries, id)? {
        Some(entry) => Some(Maker::Pool((*entry.transaction).clone())),
        None => transactions::in_chain(databases, id)?.map(|found| {
            let place = (found.row.header.height, u32::try_from(found.position).unwrap_or(u32::MAX));
            Maker::Chain(found.transaction().clone(), place)
        }),
    };
    let Some(maker) = maker else { return unknown(databases, id) };
    let (made, place) = match &maker {
        Maker::Pool(made) => (made, None),
        Maker::Chain(made, place) => (made, Some(*place)),
    };
    let mut budget = Budget { entries: ENTRIES, bytes: BLOCK_BYTES, block: None };
    let mut rows = Vec::with_capacity(made.transaction.outputs.len());
    for (at, output) in made.transaction.outputs.iter().enumerate() {
        let outpoint = Transaction::outpoint(made.txid, at);
        let (spent, by, height) = match (waiting.get(&outpoint), place) {
            (Some(txid), _) => (true, Some(*txid), None),
            (None, None) => (false, None, None),
            (None, Some(_)) if databases.coin(&outpoint)?.is_some() => (false, None, None),
            (None, Some(place)) => match in_chain(databases, output, &outpoint, place, &mut budget)? {
                Some((txid, height)) => (true, Some(txid), Some(height)),
                None => (true, None, None),
            },
        };
        rows.push(json!({ "index": at, "spent": spent, "txid": by, "height": height }));
    }
    Ok(Value::Array(rows))
}

/// What the mempool's transactions spend, and which one does.
fn spenders(entries: &[PoolEntry]) -> BTreeMap<OutPoint, Hash> {
    let inputs = |entry: &PoolEntry| {
        let txid = entry.transaction.txid;
        entry.transaction.transaction.inputs.iter().map(move |input| (input.outpoint, txid)).collect::<Vec<_>>()
    };
    entries.iter().flat_map(inputs).collect()
}

/// The outputs of a transaction that is undone are in no chain: nothing can spend them.
fn unknown(databases: &mut Databases, id: &str) -> Result<Value, RpcError> {
    let Some(undone) = undone::find(databases, |txid| txid.to_string().starts_with(id))? else {
        return Err(RpcError::not_found(format!("no such transaction in the mempool or the chain: {id}")));
    };
    let outputs = 0..undone.transaction().transaction.outputs.len();
    Ok(outputs.map(|at| json!({ "index": at, "spent": null, "txid": null, "height": null })).collect())
}

/// The transaction of the best chain that spends a coin: one of its owner's payments after it.
fn in_chain(
    databases: &mut Databases,
    output: &Output,
    outpoint: &OutPoint,
    place: (u32, u32),
    budget: &mut Budget,
) -> Result<Option<(Hash, u32)>, RpcError> {
    if budget.bytes == 0 {
        return Ok(None);
    }
    let (_, index) = databases.both()?;
    let Some(index) = index else { return Ok(None) };
    let payments = index.payments_after(&output.address, place, output.amount, &mut budget.entries, CANDIDATES);
    for payment in payments.map_err(RpcError::of_index)? {
        let before = budget.block.as_ref().map(|block| block.header.height);
        let found = databases.transaction_at(payment.height, &payment.txid, &mut budget.block)?;
        if before != Some(payment.height) {
            let bytes = budget.block.as_ref().map_or(0, |block| block.bytes.len());
            budget.bytes = budget.bytes.saturating_sub(bytes);
        }
        let spends =
            |hashed: &HashedTransaction| hashed.transaction.inputs.iter().any(|input| input.outpoint == *outpoint);
        if found.is_some_and(|(_, hashed)| spends(&hashed)) {
            return Ok(Some((payment.txid, payment.height)));
        }
        if budget.bytes == 0 {
            break;
        }
    }
    Ok(None)
}
