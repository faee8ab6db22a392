//! Encoded transactions: decoding, testing and sending them.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    base::{
        hash::{Domain, unhex},
        limits,
        rng::Rng,
    },
    chain::{
        block::HashedTransaction,
        coin::Coin,
        key,
        rules::{self, TransactionFault},
        transaction::OutPoint,
    },
    node::{
        Refusal,
        command::{GossipCommand, LedgerCommand, PoolEntry, Reply},
    },
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        databases::Databases,
        error::{self, REJECTED, RpcError, UNDECODABLE},
        methods::{conflicts::conflicts, method::Method},
        params::Args,
        render,
        schema::{Property, Schema, optional, required},
    },
    wallet::raw,
};

/// Transactions in one `testmempoolaccept`.
const MAX_TESTED: usize = 25;

const MAX_FEE_RATE: Property = optional(
    "maxfeerate",
    Schema::Number,
    "base units per 1,000 bytes above which it is refused; 0: any; left out or below 1: a fee above 1,000 times the usual one",
);

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "sendrawtransaction",
        params: &[
            required("hexstring", Schema::Hex, "the transaction's encoding in hex"),
            MAX_FEE_RATE,
            optional(
                "replace",
                Schema::Boolean,
                "false: it is refused if it conflicts with one that waits; true if left out: it takes the place of such if it pays \
                 more",
            ),
        ],
        summary: "verifies a transaction, takes it into the mempool and relays it",
        returns: "its id",
        result: Schema::Hash,
        errors: &[error::REJECTED, error::UNDECODABLE],
        handler: send,
    },
    Method {
        name: "decoderawtransaction",
        params: &[required("hexstring", Schema::Hex, "the transaction's encoding in hex")],
        summary: "shows what an encoded transaction says, without looking for it",
        returns: "an object",
        result: answers::transactions::DECODED,
        errors: &[error::UNDECODABLE],
        handler: |context, args| {
            let hashed = decode(args.required_text("hexstring")?)?;
            Ok(Continuation::value(&render::decoded(context, &hashed)))
        },
    },
    Method {
        name: "testmempoolaccept",
        params: &[
            required("rawtxs", Schema::Array(&Schema::Hex), "encoded transactions in hex, at most 25"),
            MAX_FEE_RATE,
        ],
        summary: "whether the mempool would accept transactions, each by itself",
        returns: "an array of objects",
        result: answers::transactions::TESTED,
        errors: &[error::UNDECODABLE],
        handler: test,
    },
];

fn undecodable(text: impl Into<String>) -> RpcError {
    RpcError::new(UNDECODABLE, text)
}

/// A transaction in hex.
pub(super) fn decode(text: &str) -> Result<HashedTransaction, RpcError> {
    let text = text.trim();
    if text.len() / 2 > limits::MAX_TRANSACTION_BYTES {
        return Err(undecodable(format!("a transaction has at most {} bytes", limits::MAX_TRANSACTION_BYTES)));
    }
    let bytes = unhex(text).ok_or_else(|| undecodable("not hex"))?;
    HashedTransaction::decode(&bytes).map_err(|error| match bytes.starts_with(&1u32.to_le_bytes()) {
        true => undecodable("a transaction of protocol 1, whose inputs name no amounts; make it again"),
        false => undecodable(format!("not a transaction: {error}")),
    })
}

fn send(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let hashed = decode(args.required_text("hexstring")?)?;
    check_fee(context, args, &hashed).map_err(|reason| RpcError::new(REJECTED, reason))?;
    let (bytes, replace) = (hashed.transaction.to_bytes().into(), args.boolean("replace", true));
    Ok(Continuation::ask(GossipCommand::SubmitTransaction { bytes, replace }, |reply| match reply {
        Reply::Accepted(txid) => Ok(Continuation::value(&txid)),
        other => Err(unexpected(other)),
    })
    .joined())
}

/// Refuses a fee above the caller's limit. What the amounts of the inputs say is compared with the ledger later.
fn check_fee(context: &Context, args: &Args, hashed: &HashedTransaction) -> Result<(), String> {
    let exceeded = |text: String| format!("max-fee-exceeded: {text}; to pay it all the same, set maxfeerate to 0");
    let Ok(fee) = rules::fee(&hashed.transaction) else { return Ok(()) };
    match args.number("maxfeerate").filter(|rate| *rate == 0.0 || *rate >= 1.0) {
        Some(0.0) => Ok(()),
        Some(most) if render::fee_rate(fee, hashed.size) as f64 > most => {
            Err(exceeded(format!("a fee of {fee} for {} bytes", hashed.size)))
        }
        Some(_) => Ok(()),
        None => raw::check_fee(&hashed.transaction, &context.chain, 0).map_err(|error| exceeded(error.to_string())),
    }
}

fn test(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let texts = args.texts("rawtxs");
    if texts.is_empty() || texts.len() > MAX_TESTED {
        return Err(RpcError::bad_parameter("\"rawtxs\" holds 1 to 25 transactions"));
    }
    let transactions = texts.into_iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    let transactions: Vec<Arc<HashedTransaction>> = transactions.into_iter().map(Arc::new).collect();
    let dear: Vec<Option<String>> = transactions.iter().map(|hashed| check_fee(context, args, hashed).err()).collect();
    let context = context.clone();
    // The ledger knows what gives way to what.
    let offers = transactions.iter().map(|hashed| LedgerCommand::MayReplace(Arc::clone(hashed)));
    let commands = offers.chain([LedgerCommand::Mempool { limit: usize::MAX }]).map(Into::into).collect();
    Ok(Continuation::ask_all(commands, move |mut replies| {
        let entries = match replies.pop() {
            Some(Reply::Mempool(entries)) => entries,
            other => return Err(other.map_or_else(|| RpcError::internal("no answer"), unexpected)),
        };
        let refusals = replies.into_iter().map(|reply| match reply {
            Reply::Done => Ok(None),
            Reply::NotTaken(refusal) => Ok(Some(refusal)),
            other => Err(unexpected(other)),
        });
        let refusals = refusals.collect::<Result<Vec<_>, _>>()?;
        Ok(Continuation::query(move |databases| {
            let results = transactions.iter().zip(refusals.iter().zip(&dear)).map(|(hashed, (refusal, dear))| {
                let verdict = judge(&context, databases, &entries, hashed, refusal.as_ref())?;
                let verdict = verdict.and_then(|fee| dear.clone().map_or(Ok(fee), |text| Err(Objection::of(text))));
                let mut result = json!({ "txid": hashed.txid, "wtxid": hashed.txid, "allowed": verdict.is_ok() });
                match verdict {
                    Ok(fee) => {
                        result["vsize"] = json!(hashed.size);
                        result["fees"] = json!({ "base": fee });
                    }
                    Err(objection) => {
                        result["reject-reason"] = json!(objection.text);
                        result["reject-word"] = json!(objection.refusal.as_ref().map_or("invalid", Refusal::word));
                        if let Some(needed) = objection.refusal.as_ref().and_then(Refusal::needed_fee) {
                            result["needed_fee"] = json!(needed);
                        }
                    }
                }
                let rivals = conflicts(&context, &entries, hashed);
                if !rivals.is_empty() {
                    result["conflicts"] = json!(rivals);
                }
                Ok(result)
            });
            results.collect::<Result<Vec<Value>, RpcError>>()
        }))
    }))
}

/// Why the mempool would not accept a transaction.
struct Objection {
    text: String,
    /// As the mempool says it itself.
    refusal: Option<Refusal>,
}

impl Objection {
    fn of(text: impl ToString) -> Self {
        Self { text: text.to_string(), refusal: None }
    }
}

impl From<Refusal> for Objection {
    fn from(refusal: Refusal) -> Self {
        Self { text: refusal.to_string(), refusal: Some(refusal) }
    }
}

/// The fee of a transaction that the mempool would accept, or the reason why it would not. `refusal`: what is in its way there.
fn judge(
    context: &Context,
    databases: &mut Databases,
    entries: &[PoolEntry],
    hashed: &HashedTransaction,
    refusal: Option<&Refusal>,
) -> Result<Result<u64, Objection>, RpcError> {
    if entries.iter().any(|entry| entry.transaction.txid == hashed.txid) {
        return Ok(Err(Refusal::Known.into()));
    }
    if let Err(fault) = rules::check_transaction(hashed, false) {
        return Ok(Err(Objection::of(fault)));
    }
    let transaction = &hashed.transaction;
    // What is wrong in itself is said before how many it builds on, which the next block changes.
    let waits = refusal.filter(|refusal| refusal.word() == Refusal::LONG_CHAIN);
    if let Some(refusal) = refusal.filter(|_| waits.is_none()) {
        return Ok(Err(refusal.clone().into()));
    }
    let height = databases.tip()?.height.saturating_add(1);
    let mut coins = Vec::with_capacity(transaction.inputs.len());
    for input in transaction.inputs.iter() {
        let pending = output_of(entries, &input.outpoint, height);
        coins.push(if pending.is_some() { pending } else { databases.coin(&input.outpoint)? });
    }
    let fee = match rules::check_spend(&context.chain, transaction, &coins, height) {
        Ok(fee) => fee,
        // Its own coins are gone if it is in a block.
        Err(TransactionFault::MissingCoin(_)) if is_confirmed(databases, hashed)? => {
            return Ok(Err(Refusal::Confirmed.into()));
        }
        Err(fault) => return Ok(Err(Objection::of(fault))),
    };
    let claims: Vec<_> = key::claims(transaction, &hashed.txid, &context.chain.genesis_hash()).collect();
    // The weights of the batch follow from all signed bytes, so that a signer cannot choose them.
    if let Some(input) = key::first_invalid(&claims, &mut Rng::new(Domain::STREAM.hash(&hashed.leaf.0).0)) {
        return Ok(Err(Objection::of(format!("input {input} has no valid signature"))));
    }
    if render::fee_rate(fee, hashed.size) < context.chain.min_fee_rate {
        return Ok(Err(Objection::of(format!("fee of {fee} is below the lowest rate that this node accepts"))));
    }
    Ok(waits.map_or(Ok(fee), |refusal| Err(refusal.clone().into())))
}

fn is_confirmed(databases: &mut Databases, hashed: &HashedTransaction) -> Result<bool, RpcError> {
    for index in 0..u32::try_from(hashed.transaction.outputs.len()).unwrap_or(u32::MAX) {
        if databases.coin(&OutPoint { txid: hashed.txid, index })?.is_some() {
            return Ok(true);
        }
    }
    Ok(databases.find_transaction(&hashed.txid)?.is_some())
}

/// The output of a mempool transaction, as a coin of the next block.
pub(super) fn output_of(entries: &[PoolEntry], outpoint: &OutPoint, height: u32) -> Option<Coin> {
    let maker = entries.iter().find(|entry| entry.transaction.txid == outpoint.txid)?;
    let output = maker.transaction.transaction.outputs.get(usize::try_from(outpoint.index).ok()?)?;
    Some(Coin { amount: output.amount, address: output.address, height, coinbase: false })
}
