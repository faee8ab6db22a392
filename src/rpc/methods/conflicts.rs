//! What a transaction would take the place of in the mempool, for those who must decide whether that is meant.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    base::hash::Hash,
    chain::{address::Address, block::HashedTransaction},
    node::command::PoolEntry,
    rpc::context::Context,
};

/// Transactions named at most: no more may leave for one.
const MAX_CONFLICTS: usize = 100;
/// Payees named of each.
const MAX_PAYEES: usize = 20;

/// Those that spend the same coins, then those that build on them.
pub(super) fn conflicts(context: &Context, entries: &[PoolEntry], hashed: &HashedTransaction) -> Vec<Value> {
    let coins: BTreeSet<_> = hashed.transaction.inputs.iter().map(|input| input.outpoint).collect();
    let spends = |entry: &&PoolEntry| {
        entry.transaction.txid != hashed.txid
            && entry.transaction.transaction.inputs.iter().any(|input| coins.contains(&input.outpoint))
    };
    let mut leaving: Vec<&PoolEntry> = entries.iter().filter(spends).take(MAX_CONFLICTS).collect();
    if leaving.is_empty() {
        return Vec::new();
    }
    let mut heirs: BTreeMap<Hash, Vec<&PoolEntry>> = BTreeMap::new();
    for entry in entries {
        for input in &entry.transaction.transaction.inputs {
            heirs.entry(input.outpoint.txid).or_default().push(entry);
        }
    }
    let mut known: BTreeSet<Hash> = leaving.iter().map(|entry| entry.transaction.txid).collect();
    let mut next = 0;
    while let Some(entry) = leaving.get(next).filter(|_| leaving.len() < MAX_CONFLICTS) {
        for heir in heirs.get(&entry.transaction.txid).into_iter().flatten() {
            if known.insert(heir.transaction.txid) {
                leaving.push(heir);
            }
        }
        next += 1;
    }
    leaving.truncate(MAX_CONFLICTS);
    leaving.into_iter().map(|entry| summary(context, entry)).collect()
}

/// Who would not be paid.
fn summary(context: &Context, entry: &PoolEntry) -> Value {
    let transaction = &entry.transaction.transaction;
    let payers: BTreeSet<Address> = transaction.inputs.iter().map(|input| Address::of(&input.public_key)).collect();
    let paid = || transaction.outputs.iter().filter(|output| !payers.contains(&output.address));
    let payees: Vec<Value> = paid()
        .take(MAX_PAYEES)
        .map(|output| json!({ "address": context.text(&output.address), "amount": output.amount }))
        .collect();
    let amount = paid().map(|output| output.amount).fold(0, u64::saturating_add);
    json!({ "txid": entry.transaction.txid, "fee": entry.fee, "amount": amount, "payees": payees })
}
