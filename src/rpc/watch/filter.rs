//! Whom a client of `watch` wants to hear of.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    base::hash::{Hash, hex},
    chain::{address::Address, block::HashedTransaction},
    rpc::{context::Context, error::RpcError, json::object, render},
};

/// Addresses and transactions of one call.
const MAX_WATCHED: usize = 1_000;

/// Addresses and transactions.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    addresses: BTreeSet<Address>,
    transactions: BTreeSet<Hash>,
}

impl Filter {
    /// Reads addresses of this chain and ids of transactions.
    pub fn read(context: &Context, addresses: &[&str], transactions: &[&str]) -> Result<Self, RpcError> {
        let count = addresses.len().saturating_add(transactions.len());
        if !(1..=MAX_WATCHED).contains(&count) {
            let text = format!("name 1 to {MAX_WATCHED} addresses and transactions to watch, not {count}");
            return Err(RpcError::bad_parameter(text));
        }
        let id = |text: &&str| {
            let text = text.trim();
            text.parse().map_err(|_| RpcError::bad_parameter("a transaction is watched by its id of 64 hex digits"))
        };
        Ok(Self {
            addresses: addresses.iter().map(|text| context.address(text)).collect::<Result<_, _>>()?,
            transactions: transactions.iter().map(id).collect::<Result<_, _>>()?,
        })
    }

    /// What an event tells of a transaction; `None` if it concerns nobody here.
    pub fn facts(&self, context: &Context, one: &HashedTransaction) -> Option<Map<String, Value>> {
        let is_watched = |address: &Address| self.addresses.contains(address);
        let outputs = one.transaction.outputs.iter().enumerate();
        let outputs: Vec<_> = outputs.filter(|(_, output)| is_watched(&output.address)).collect();
        // Without addresses, no key needs to be hashed.
        let inputs = one.transaction.inputs.iter().filter(|_| !self.addresses.is_empty());
        let inputs: Vec<_> = inputs
            .map(|input| (Address::of(&input.public_key), input.amount))
            .filter(|(owner, _)| is_watched(owner))
            .collect();
        if outputs.is_empty() && inputs.is_empty() && !self.transactions.contains(&one.txid) {
            return None;
        }
        let memo: &[u8] = &one.transaction.memo;
        let sum = |amounts: &mut dyn Iterator<Item = u64>| amounts.fold(0, u64::saturating_add);
        let outputs_shown: Vec<Value> = outputs
            .iter()
            .map(|(at, output)| {
                json!({ "index": at, "address": context.text(&output.address), "amount": output.amount })
            })
            .collect();
        let received = sum(&mut outputs.iter().map(|(_, output)| output.amount));
        let spent = sum(&mut inputs.iter().map(|(_, amount)| *amount));
        Some(object(json!({
            "id": one.txid,
            "received": received,
            "spent": spent,
            "net": i128::from(received) - i128::from(spent),
            "outputs": outputs_shown,
            "memo": render::memo(&one.transaction),
            "memo_hex": hex(memo),
            "coinbase": one.transaction.is_coinbase(),
        })))
    }
}
