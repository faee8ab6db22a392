//! The JSON of blocks and transactions, for calls and `/api`.

use serde_json::{Map, Value, json};

use crate::{
    base::hash::{Hash, hex},
    chain::{
        address::Address,
        archive::{BlockStatus, HeaderRow, Tip},
        block::{HashedBlock, HashedTransaction},
        memo, rules,
        target::{CompactTarget, Target},
        transaction::Transaction,
    },
    node::command::PoolEntry,
    rpc::{context::Context, host::unix_now, json::object, sealing},
    wallet::raw,
};

/// Where a transaction is.
pub enum Place {
    /// In the mempool.
    Pool {
        /// When it came, unix seconds.
        since: u64,
    },
    /// In a block of the best chain.
    Block {
        /// The block.
        hash: Hash,
        /// Its height.
        height: u32,
        /// Its time.
        time: u64,
        /// The transaction's position in the block.
        position: usize,
        /// Blocks from it to the tip, both counted.
        confirmations: u32,
        /// Why the block may not be one of the network's best chain.
        doubt: Option<String>,
    },
    /// In no block, and no longer in the mempool.
    Displaced {
        /// What spends one of its coins in the best chain.
        conflicts_with: Option<Hash>,
        /// The word for that.
        status: &'static str,
    },
    /// In a block that is not part of the best chain.
    Undone {
        /// The block.
        hash: Hash,
        /// Its height.
        height: u32,
        /// Its time.
        time: u64,
        /// The transaction's position in the block.
        position: usize,
        /// What spends one of its coins in the best chain.
        conflicts_with: Option<Hash>,
        /// The word for that.
        status: &'static str,
    },
}

/// Blocks from `height` to the tip, both counted.
pub fn confirmations(tip: &Tip, height: u32) -> u32 {
    tip.height.saturating_sub(height).saturating_add(1)
}

/// The name of a block's status.
pub fn status_name(status: BlockStatus) -> &'static str {
    match status {
        BlockStatus::Header => "header",
        BlockStatus::Stored => "stored",
        BlockStatus::Applied => "applied",
        BlockStatus::Invalid => "invalid",
    }
}

/// The status of a block. While the node has no coins, it has applied nothing but headers above genesis.
pub fn status_here(context: &Context, row: &HeaderRow) -> BlockStatus {
    let is_header = row.status == BlockStatus::Applied && row.header.height > 0 && context.node.lacks_coins().is_some();
    if is_header { BlockStatus::Header } else { row.status }
}

/// A header's fields.
pub fn header(context: &Context, row: &HeaderRow, tip: &Tip, next: Option<Hash>) -> Map<String, Value> {
    let (header, proof) = (&row.header, row.header.proof());
    let in_best_chain = row.status == BlockStatus::Applied;
    let status = status_here(context, row);
    let mut fields = object(json!({
        "hash": row.hash,
        "height": header.height,
        "version": header.version,
        "previous": (header.height > 0).then_some(header.previous),
        "next": next,
        "merkle_root": header.merkle_root,
        "state_digest": header.state_digest,
        "time": header.time,
        "target": proof.map(|proof| format!("{:08x}", proof.target.0)),
        "difficulty": proof.map(|proof| difficulty(context, proof.target)),
        "nonce": proof.map(|proof| proof.nonce),
        "work": row.work.to_string(),
        "status": status_name(status),
        "in_best_chain": in_best_chain,
        "confirmations": if status == BlockStatus::Applied { confirmations(tip, header.height) } else { 0 },
    }));
    fields.extend(sealing::of_header(context, &header.seal, header.height, in_best_chain));
    fields
}

/// A block: its header's fields, size and transaction ids. Without a body, the size is null and there are no ids.
pub fn block(
    context: &Context,
    row: &HeaderRow,
    body: Option<&HashedBlock>,
    tip: &Tip,
    next: Option<Hash>,
) -> Map<String, Value> {
    let mut fields = header(context, row, tip, next);
    let ids = body.map(|body| body.transactions.iter().map(|transaction| transaction.txid).collect::<Vec<_>>());
    fields.insert("size".to_owned(), json!(body.map(|body| body.bytes.len())));
    fields.insert("transactions".to_owned(), json!(ids.as_ref().map(Vec::len)));
    fields.insert("txs".to_owned(), json!(ids.unwrap_or_default()));
    fields.extend(earnings(context, body));
    fields
}

/// Who made a block, what the coinbase pays, and the fees that are a part of it. Without a body they are null.
fn earnings(context: &Context, body: Option<&HashedBlock>) -> Map<String, Value> {
    let coinbase = body.and_then(|body| body.transactions.first()).map(|hashed| &hashed.transaction);
    let miner = coinbase.and_then(|coinbase| coinbase.outputs.first()).map(|output| context.text(&output.address));
    let fees = |body: &HashedBlock| {
        let payments = body.transactions.iter().filter(|hashed| !hashed.transaction.is_coinbase());
        payments.fold(0, |sum: u64, hashed| sum.saturating_add(rules::fee(&hashed.transaction).unwrap_or(0)))
    };
    object(json!({ "miner": miner, "reward": coinbase.map(made), "fees": body.map(fees) }))
}

/// The sum of a transaction's outputs.
fn made(transaction: &Transaction) -> u64 {
    transaction.outputs.iter().fold(0, |sum, output| sum.saturating_add(output.amount))
}

/// Who pays whom how much: change, which goes back to an owner of an input, is left out.
pub fn payment(context: &Context, transaction: &Transaction) -> Map<String, Value> {
    let owners: Vec<Address> = transaction.inputs.iter().map(|input| Address::of(&input.public_key)).collect();
    let others = || transaction.outputs.iter().filter(|output| !owners.contains(&output.address));
    object(json!({
        "from": owners.first().map(|address| context.text(address)),
        "to": others().next().map(|output| context.text(&output.address)),
        "paid": others().fold(0, |sum: u64, output| sum.saturating_add(output.amount)),
    }))
}

/// A transaction of a block in a list.
pub fn block_entry(context: &Context, hashed: &HashedTransaction, position: usize) -> Value {
    let transaction = &hashed.transaction;
    let fee = rules::fee(transaction).ok().filter(|_| !transaction.is_coinbase());
    let mut fields = object(json!({
        "id": hashed.txid,
        "position": position,
        "coinbase": transaction.is_coinbase(),
        "fee": fee,
        "fee_rate": fee.map(|fee| fee_rate(fee, hashed.size)),
        "size": hashed.size,
        "inputs": transaction.inputs.len(),
        "outputs": transaction.outputs.len(),
        "memo": memo(transaction),
    }));
    fields.extend(payment(context, transaction));
    Value::Object(fields)
}

/// A transaction with its place.
pub fn transaction(context: &Context, hashed: &HashedTransaction, place: &Place) -> Value {
    let mut fields = content(context, hashed);
    fields.extend(object(match place {
        Place::Pool { since } => json!({
            "status": "mempool", "block": null, "height": null, "confirmations": 0, "since": since,
        }),
        Place::Block { hash, height, time, position, confirmations, doubt } => json!({
            "status": if doubt.is_some() { "unknown" } else { "confirmed" },
            "confirmations": if doubt.is_some() { 0 } else { *confirmations },
            "block": hash, "height": height, "time": time, "position": position,
        }),
        Place::Displaced { conflicts_with, status } => json!({
            "status": status, "block": null, "height": null, "confirmations": 0, "conflicts_with": conflicts_with,
        }),
        Place::Undone { hash, height, time, position, conflicts_with, status } => json!({
            "status": status, "confirmations": 0, "block": hash, "height": height, "time": time, "position": position,
            "conflicts_with": conflicts_with,
        }),
    }));
    let height = match place {
        Place::Block { height, doubt: None, .. } => *height,
        _ => u32::MAX,
    };
    if let Some(is_final) = sealing::is_final(&context.node.status(), height) {
        fields.insert("final".to_owned(), json!(is_final));
    }
    if let Place::Block { doubt: Some(doubt), .. } = place {
        fields.insert("doubt".to_owned(), json!(doubt));
    }
    Value::Object(fields)
}

/// What a transaction itself says.
pub fn content(context: &Context, hashed: &HashedTransaction) -> Map<String, Value> {
    let transaction = &hashed.transaction;
    let inputs = transaction.inputs.iter().map(|input| {
        json!({
            "txid": input.outpoint.txid,
            "index": input.outpoint.index,
            "address": context.text(&raw::owner(input)),
            "amount": input.amount,
            "public_key": hex(&input.public_key),
            "signature": hex(&input.signature),
        })
    });
    let outputs = transaction.outputs.iter();
    let outputs = outputs.map(|output| json!({ "amount": output.amount, "address": context.text(&output.address) }));
    object(json!({
        "id": hashed.txid,
        "inputs": inputs.collect::<Vec<_>>(),
        "outputs": outputs.collect::<Vec<_>>(),
        "fee": rules::fee(transaction).ok(),
        "fee_rate": rules::fee(transaction).ok().map(|fee| fee_rate(fee, hashed.size)),
        "coinbase": transaction.is_coinbase(),
        "memo": memo(transaction),
        "memo_hex": hex(&transaction.memo),
        "size": hashed.size,
        "version": transaction.version,
    }))
}

/// What an encoded transaction says, also by the names of Bitcoin Core.
pub fn decoded(context: &Context, hashed: &HashedTransaction) -> Map<String, Value> {
    let mut fields = content(context, hashed);
    let inputs = hashed.transaction.inputs.iter();
    let inputs = inputs.map(|input| json!({ "txid": input.outpoint.txid, "vout": input.outpoint.index }));
    let outputs = hashed.transaction.outputs.iter().enumerate().map(|(at, output)| {
        let address = context.text(&output.address);
        json!({ "value": output.amount, "n": at, "scriptPubKey": { "address": address } })
    });
    fields.insert("txid".into(), json!(hashed.txid));
    fields.insert("vin".into(), inputs.collect());
    fields.insert("vout".into(), outputs.collect());
    fields
}

/// The JSON of a transaction that was not found.
pub fn unknown_transaction(id: &str) -> Value {
    json!({
        "id": id, "status": "unknown", "block": null, "height": null, "confirmations": 0,
        "inputs": [], "outputs": [], "fee": null, "memo": "", "size": 0,
    })
}

/// A mempool transaction in a list.
pub fn pool_entry(context: &Context, entry: &PoolEntry) -> Value {
    let hashed = &entry.transaction;
    let outputs = hashed.transaction.outputs.iter();
    let mut fields = object(json!({
        "id": hashed.txid,
        "fee": entry.fee,
        "size": hashed.size,
        "fee_rate": fee_rate(entry.fee, hashed.size),
        "since": entry.since,
        "age_s": unix_now().saturating_sub(entry.since),
        "inputs": hashed.transaction.inputs.len(),
        "outputs": outputs.len(),
        "amount": outputs.map(|output| u128::from(output.amount)).sum::<u128>().min(u128::from(u64::MAX)) as u64,
        "memo": memo(&hashed.transaction),
        "first_output": hashed.transaction.outputs.first().map(|output| context.text(&output.address)),
    }));
    fields.extend(payment(context, &hashed.transaction));
    Value::Object(fields)
}

/// The fee rate in base units per 1,000 bytes.
pub fn fee_rate(fee: u64, size: usize) -> u64 {
    let size = u128::try_from(size.max(1)).unwrap_or(u128::MAX);
    u64::try_from(u128::from(fee) * 1000 / size).unwrap_or(u64::MAX)
}

/// The memo: as text if it is printable, otherwise as hex; without the height with which a coinbase's begins.
pub(super) fn memo(transaction: &Transaction) -> String {
    let bytes: &[u8] = &transaction.memo;
    let bytes = if transaction.is_coinbase() { bytes.get(4..).unwrap_or_default() } else { bytes };
    memo::text(bytes).map_or_else(|| hex(bytes), str::to_owned)
}

/// A transaction in a list of memos.
pub fn memo_row(context: &Context, hashed: &HashedTransaction) -> Map<String, Value> {
    let transaction = &hashed.transaction;
    let from = transaction.inputs.first().map(|input| context.text(&Address::of(&input.public_key)));
    let outputs = transaction.outputs.iter();
    let outputs = outputs.map(|output| json!({ "amount": output.amount, "address": context.text(&output.address) }));
    object(json!({
        "txid": hashed.txid,
        "memo": memo(transaction),
        "memo_hex": hex(&transaction.memo),
        "from": from,
        "outputs": outputs.collect::<Vec<_>>(),
        "fee": rules::fee(transaction).ok(),
    }))
}

/// A target's difficulty: how many times harder it is than the chain's easiest target.
pub fn difficulty(context: &Context, target: CompactTarget) -> f64 {
    let ratio = |target: Target| f64::from(context.chain.parameters.limit().value()) / f64::from(target.value());
    target.expand().map_or(0.0, ratio)
}
