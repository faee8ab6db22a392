//! The mempool.

use serde_json::{Value, json};

use crate::{
    base::{gather::gather, hash::unhex, limits},
    chain::block::HashedTransaction,
    node::command::{Command, PoolEntry, Reply},
    rpc::{
        answers,
        continuation::{Continuation, Shared, unexpected},
        error::{self, REJECTED, RpcError, UNDECODABLE},
        methods::method::Method,
        params::Args,
        render,
        schema::{Schema, optional, required},
    },
};

/// Entries in one answer: the ids of a full mempool of small transactions fit.
const MAX_ENTRIES: u64 = 50_000;
/// Entries in one answer by default.
const DEFAULT_ENTRIES: u64 = 1000;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "mempool",
        params: &[optional("limit", Schema::Integer, "how many transactions; 1000 if left out")],
        summary: "the transactions that wait for a block, highest fee rate first",
        returns: "an object with count, bytes and transactions",
        result: answers::mempool::MEMPOOL,
        errors: &[],
        handler: |context, args| list(context, args.integer_in("limit", 0..=MAX_ENTRIES, DEFAULT_ENTRIES)?),
    },
    Method {
        name: "getmempoolinfo",
        params: &[],
        summary: "how full the mempool is",
        returns: "an object",
        result: answers::mempool::INFO,
        errors: &[],
        handler: |context, _| {
            let status = context.node.status();
            Ok(Continuation::value(&json!({
                "loaded": true,
                "size": status.mempool_count,
                "bytes": status.mempool_bytes,
                "maxmempool": limits::MEMPOOL_BYTES,
                "mempoolminfee": context.chain.min_fee_rate,
                "sequence": status.mempool_sequence,
            })))
        },
    },
    Method {
        name: "getrawmempool",
        params: &[optional("verbose", Schema::Boolean, "true: an object by id")],
        summary: "the ids of the transactions that wait for a block",
        returns: "an array of ids, or an object",
        result: answers::mempool::RAW,
        errors: &[],
        handler: raw_mempool,
    },
    Method {
        name: "estimatesmartfee",
        params: &[optional("conf_target", Schema::Integer, "within how many blocks; 1 if left out")],
        summary: "the fee rate that gets a transaction into one of the next blocks, by what the mempool holds now",
        returns: "an object with feerate (base units per 1000 bytes) and blocks",
        result: answers::mempool::FEE_ESTIMATE,
        errors: &[],
        handler: estimate,
    },
    Method {
        name: "sendrawtransaction",
        params: &[required("hexstring", Schema::Text, "the transaction's encoding in hex")],
        summary: "verifies a transaction, takes it into the mempool and relays it",
        returns: "its id",
        result: Schema::Hash,
        errors: &[error::REJECTED, error::UNDECODABLE],
        handler: send,
    },
];

/// The mempool with some of its transactions.
pub(in crate::rpc) fn list(context: &Shared, limit: u64) -> Result<Continuation, RpcError> {
    Ok(overview(context, limit, |pool| pool))
}

/// The same, as a part of a larger answer that `whole` builds.
pub(in crate::rpc) fn overview(
    context: &Shared,
    limit: u64,
    whole: impl FnOnce(Value) -> Value + Send + 'static,
) -> Continuation {
    let (context, limit) = (context.clone(), usize::try_from(limit).unwrap_or(usize::MAX));
    entries(limit, move |entries| {
        let status = context.node.status();
        whole(json!({
            "count": status.mempool_count,
            "bytes": status.mempool_bytes,
            "limit_bytes": limits::MEMPOOL_BYTES,
            "transactions": entries.iter().map(|entry| render::pool_entry(&context, entry)).collect::<Vec<_>>(),
        }))
    })
}

fn entries(limit: usize, show: impl FnOnce(Vec<PoolEntry>) -> Value + Send + 'static) -> Continuation {
    Continuation::ask(Command::Mempool { limit }, move |reply| match reply {
        Reply::Mempool(entries) => Ok(Continuation::value(&show(entries))),
        other => Err(unexpected(other)),
    })
}

fn raw_mempool(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let (context, verbose) = (context.clone(), args.boolean("verbose", false));
    let limit = if verbose { DEFAULT_ENTRIES } else { MAX_ENTRIES };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok(entries(limit, move |entries| {
        if verbose {
            let pair = |entry: &PoolEntry| (entry.transaction.txid.to_string(), render::pool_entry(&context, entry));
            return Value::Object(gather(entries.iter().map(pair)));
        }
        entries.iter().map(|entry| json!(entry.transaction.txid)).collect()
    }))
}

/// The lowest fee rate that still fits into the next blocks; the minimum rate if everything fits.
fn estimate(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let blocks = args.integer_in("conf_target", 1..=1000, 1)?;
    let least = context.chain.min_fee_rate;
    let room = usize::try_from(blocks).unwrap_or(usize::MAX).saturating_mul(limits::MAX_BLOCK_BYTES);
    Ok(entries(usize::MAX, move |entries| {
        let rates = entries.iter().map(|entry| (entry.transaction.size, entry.fee));
        json!({ "feerate": rate_for(rates, room).max(least), "blocks": blocks })
    }))
}

/// `entries` are sizes and fees, the highest rate first.
fn rate_for(entries: impl Iterator<Item = (usize, u64)>, room: usize) -> u64 {
    let mut taken = 0usize;
    for (size, fee) in entries {
        taken = taken.saturating_add(size);
        if taken > room {
            return render::fee_rate(fee, size).saturating_add(1);
        }
    }
    0
}

fn send(_: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let undecodable = |text: String| RpcError::new(UNDECODABLE, text);
    let text = args.required_text("hexstring")?.trim();
    if text.len() / 2 > limits::MAX_TRANSACTION_BYTES {
        return Err(undecodable(format!("a transaction has at most {} bytes", limits::MAX_TRANSACTION_BYTES)));
    }
    let bytes = unhex(text).ok_or_else(|| undecodable("not hex".to_owned()))?;
    // Decoded only to tell a broken encoding from an invalid transaction.
    HashedTransaction::decode(&bytes).map_err(|error| undecodable(format!("not a transaction: {error}")))?;
    Ok(Continuation::ask(Command::SubmitTransaction(bytes.into()), |reply| match reply {
        Reply::Accepted(txid) => Ok(Continuation::value(&txid)),
        Reply::Refused(reason) => Err(RpcError::new(REJECTED, reason)),
        other => Err(unexpected(other)),
    })
    .joined())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_needed_only_where_the_better_paying_fill_the_room() {
        let pool = [(500, 5000), (500, 1000), (500, 100)];
        let rate = |room| rate_for(pool.into_iter(), room);
        assert_eq!([rate(1500), rate(1499), rate(999), rate(100)], [0, 201, 2001, 10_001]);
    }
}
