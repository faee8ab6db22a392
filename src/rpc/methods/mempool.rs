//! The mempool.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    base::{gather::gather, hash::Hash, limits},
    node::command::{LedgerCommand, PoolEntry, Reply},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        error::{self, RpcError},
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
                "usage": status.mempool_bytes,
                "maxmempool": limits::MEMPOOL_BYTES,
                "mempoolminfee": context.chain.min_fee_rate,
                "minrelaytxfee": context.chain.min_fee_rate,
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
        name: "getmempoolentry",
        params: &[required("txid", Schema::Text, "transaction id")],
        summary: "a transaction of the mempool, and those that it depends on",
        returns: "an object",
        result: answers::mempool::CORE_ENTRY,
        errors: &[error::NOT_FOUND],
        handler: core_entry,
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
    Continuation::ask(LedgerCommand::Mempool { limit }, move |reply| match reply {
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
    let context = context.clone();
    Ok(entries(
        usize::MAX,
        move |entries| json!({ "feerate": estimated_rate(&context, &entries, blocks), "blocks": blocks }),
    ))
}

/// The lowest fee rate that still fits into so many blocks, by the mempool's entries.
pub(in crate::rpc) fn estimated_rate(context: &Context, entries: &[PoolEntry], blocks: u64) -> u64 {
    let room = usize::try_from(blocks).unwrap_or(usize::MAX).saturating_mul(limits::MAX_BLOCK_BYTES);
    let rates = entries.iter().map(|entry| (entry.transaction.size, entry.fee));
    rate_for(rates, room).max(context.chain.min_fee_rate)
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

/// Bitcoin Core's form of a mempool entry.
fn core_entry(_: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let txid: Hash = args.parsed("txid", "a transaction id of 64 hex digits")?;
    Ok(Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        let family = Family::new(&entries);
        let entry = family.entries.get(&txid).ok_or_else(|| RpcError::not_found("not in the mempool"))?;
        Ok(Continuation::value(&family.describe(entry)))
    }))
}

/// The mempool as a graph: which transaction spends which one's outputs.
struct Family<'a> {
    entries: BTreeMap<Hash, &'a PoolEntry>,
    children: BTreeMap<Hash, BTreeSet<Hash>>,
}

impl<'a> Family<'a> {
    fn new(entries: &'a [PoolEntry]) -> Self {
        let mut family = Self { entries: BTreeMap::new(), children: BTreeMap::new() };
        for entry in entries {
            family.entries.insert(entry.transaction.txid, entry);
            for input in entry.transaction.transaction.inputs.iter() {
                family.children.entry(input.outpoint.txid).or_default().insert(entry.transaction.txid);
            }
        }
        family
    }

    fn parents(&self, txid: &Hash) -> BTreeSet<Hash> {
        let inputs = self.entries.get(txid).into_iter().flat_map(|entry| entry.transaction.transaction.inputs.iter());
        inputs.map(|input| input.outpoint.txid).filter(|txid| self.entries.contains_key(txid)).collect()
    }

    fn children(&self, txid: &Hash) -> BTreeSet<Hash> {
        self.children.get(txid).cloned().unwrap_or_default()
    }

    /// Number, bytes and fees of a transaction with all that `next` leads to.
    fn sums(&self, txid: Hash, next: impl Fn(&Hash) -> BTreeSet<Hash>) -> (usize, usize, u64) {
        let (mut seen, mut open) = (BTreeSet::new(), vec![txid]);
        while let Some(txid) = open.pop() {
            if seen.insert(txid) {
                open.extend(next(&txid));
            }
        }
        let found = seen.iter().filter_map(|txid| self.entries.get(txid));
        found.fold((0, 0, 0), |(count, bytes, fees), entry| {
            (count + 1, bytes + entry.transaction.size, fees.saturating_add(entry.fee))
        })
    }

    fn describe(&self, entry: &PoolEntry) -> Value {
        let (txid, size) = (entry.transaction.txid, entry.transaction.size);
        let ancestors = self.sums(txid, |txid| self.parents(txid));
        let descendants = self.sums(txid, |txid| self.children(txid));
        json!({
            "vsize": size,
            "weight": size * 4,
            "time": entry.since,
            "ancestorcount": ancestors.0,
            "ancestorsize": ancestors.1,
            "descendantcount": descendants.0,
            "descendantsize": descendants.1,
            "wtxid": txid,
            "fees": { "base": entry.fee, "modified": entry.fee, "ancestor": ancestors.2, "descendant": descendants.2 },
            "depends": self.parents(&txid),
            "spentby": self.children(&txid),
            "bip125-replaceable": true,
            "unbroadcast": false,
        })
    }
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
