//! Transactions that are made from chosen coins and signed apart from that, as users of Bitcoin's RPC know it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::{
    base::{
        codec::List,
        hash::{hex, unhex},
        limits::{MAX_INPUTS, MAX_MEMO_BYTES, MAX_OUTPUTS, MAX_TRANSACTION_BYTES},
    },
    chain::{
        address::Address,
        key::SecretKey,
        rules,
        transaction::{Input, OutPoint, Output, TRANSACTION_VERSION, Transaction},
    },
    node::command::{LedgerCommand, PoolEntry, Reply},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        databases::Databases,
        error::{self, AMOUNT, NOT_FOUND, RpcError},
        methods::{
            method::Method,
            raw_transactions::{decode, output_of},
        },
        params::Args,
        purse::own::{self, Wallet},
        schema::{Property, Schema, optional, required},
    },
    wallet::{keys::Keys, raw},
};

const COIN: Schema = Schema::Object(&[&[
    required("txid", Schema::Hash, "the transaction that made the coin"),
    required("vout", Schema::Integer, "which of its outputs"),
    optional("amount", Schema::Wide, "base units, of a coin that this node does not know"),
    optional("address", Schema::Address, "whose it is, of a coin that this node does not know"),
    optional("sequence", Schema::Integer, "without meaning"),
]]);
const OUTPUTS: Schema =
    Schema::AnyOf(&[Schema::Map(&Schema::AnyOf(&[Schema::Wide, Schema::Hex])), Schema::Array(&Schema::AnyObject)]);
const HEX: Property = required("hexstring", Schema::Hex, "the transaction's encoding in hex");
const PREVTXS: Property =
    optional("prevtxs", Schema::Array(&Schema::AnyObject), "without meaning: inputs name amounts and owners");
const SIGHASHTYPE: Property = optional("sighashtype", Schema::Text, "ALL or DEFAULT: there is nothing else");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "createrawtransaction",
        params: &[
            required("inputs", Schema::Array(&COIN), "the coins to spend"),
            required(
                "outputs",
                OUTPUTS,
                "base units by address; \"data\": the memo in hex. An array of such objects keeps their order, an object does not",
            ),
            optional("locktime", Schema::Integer, "0: there are no lock times"),
            optional("replaceable", Schema::Boolean, "without meaning"),
        ],
        summary: "makes a transaction that nobody has signed; what the outputs leave of the coins is its fee",
        returns: "its encoding in hex",
        result: Schema::Hex,
        errors: &[error::AMOUNT, error::NOT_FOUND],
        handler: create,
    },
    Method {
        name: "signrawtransactionwithkey",
        params: &[
            HEX,
            required("privkeys", Schema::Array(&Schema::Hex), "secrets of 64 hex digits, as tussock key export prints"),
            PREVTXS,
            SIGHASHTYPE,
        ],
        summary: "signs a transaction with keys that the call brings; they are not kept",
        returns: "an object with hex and complete",
        result: answers::wallet::SIGNED,
        errors: &[error::NOT_FOUND, error::UNDECODABLE],
        handler: with_key,
    },
    Method {
        name: "signrawtransactionwithwallet",
        params: &[HEX, PREVTXS, SIGHASHTYPE],
        summary: "signs a transaction with the keys in the node's folder that have no passphrase",
        returns: "an object with hex and complete",
        result: answers::wallet::SIGNED,
        errors: &[error::UNDECODABLE, error::WALLET],
        handler: with_wallet,
    },
];

/// A coin as the caller names it.
struct Named {
    outpoint: OutPoint,
    amount: Option<u64>,
    owner: Option<Address>,
}

fn bad(text: impl Into<String>) -> RpcError {
    RpcError::bad_parameter(text)
}

fn create(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    if args.integer("locktime").unwrap_or(0) != 0 {
        return Err(bad("there are no lock times: \"locktime\" is 0"));
    }
    let coins = args.list("inputs").iter().map(|coin| named_coin(context, coin)).collect::<Result<Vec<_>, _>>()?;
    if coins.is_empty() || coins.len() > MAX_INPUTS {
        return Err(bad(format!("\"inputs\" names 1 to {MAX_INPUTS} coins")));
    }
    let different: BTreeSet<OutPoint> = coins.iter().map(|coin| coin.outpoint).collect();
    if different.len() < coins.len() {
        return Err(bad("\"inputs\" names a coin twice"));
    }
    let (outputs, memo) = outputs(context, args)?;
    let context = context.clone();
    Ok(Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        Ok(Continuation::query(move |databases| {
            let inputs = coins.iter().map(|coin| input(&context, databases, &entries, coin));
            let transaction = Transaction {
                version: TRANSACTION_VERSION,
                inputs: List::truncated(inputs.collect::<Result<Vec<_>, _>>()?),
                outputs: List::truncated(outputs),
                memo: List::truncated(memo),
            };
            rules::fee(&transaction).map_err(|fault| RpcError::new(AMOUNT, fault.to_string()))?;
            let bytes = transaction.to_bytes();
            if bytes.len() > MAX_TRANSACTION_BYTES {
                return Err(bad(format!("{} bytes; a transaction has at most {MAX_TRANSACTION_BYTES}", bytes.len())));
            }
            Ok(hex(&bytes))
        }))
    }))
}

fn named_coin(context: &Context, coin: &Value) -> Result<Named, RpcError> {
    // Programs pass on what listunspent gives, with all its members.
    let fields = coin.as_object().cloned().unwrap_or_default();
    let txid = fields.get("txid").and_then(Value::as_str).and_then(|text| text.parse().ok());
    let index = fields.get("vout").or(fields.get("index")).and_then(Value::as_u64);
    let outpoint = match (txid, index.and_then(|index| u32::try_from(index).ok())) {
        (Some(txid), Some(index)) => OutPoint { txid, index },
        _ => return Err(bad("a coin is {\"txid\", \"vout\"}: 64 hex digits and a number")),
    };
    let owner = match fields.get("address") {
        Some(address) => Some(owner_of(context, address.as_str().unwrap_or_default())?),
        None => None,
    };
    let amount = match fields.get("amount") {
        Some(amount) => Some(whole(amount)?),
        None => None,
    };
    Ok(Named { outpoint, amount, owner })
}

fn owner_of(context: &Context, text: &str) -> Result<Address, RpcError> {
    context.address(text).map_err(|error| RpcError::new(NOT_FOUND, format!("Invalid address: {}", error.message)))
}

fn whole(amount: &Value) -> Result<u64, RpcError> {
    let refuse = || RpcError::new(AMOUNT, "Invalid amount: amounts are whole base units, at least 1");
    amount.as_u64().filter(|amount| *amount > 0).ok_or_else(refuse)
}

/// Who is paid, and the memo.
fn outputs(context: &Context, args: &Args) -> Result<(Vec<Output>, Vec<u8>), RpcError> {
    let list = args.list("outputs");
    let objects: Vec<Map<String, Value>> = match list.is_empty() {
        true => vec![args.object("outputs")],
        false => list.iter().map(|one| one.as_object().cloned().unwrap_or_default()).collect(),
    };
    let (mut outputs, mut memo, mut known) = (Vec::new(), None, BTreeSet::new());
    for (name, value) in objects.iter().flatten() {
        if name == "data" {
            let bytes = value.as_str().and_then(unhex).filter(|bytes| bytes.len() <= MAX_MEMO_BYTES);
            let bytes =
                bytes.ok_or_else(|| bad(format!("\"data\" is a memo in hex, at most {MAX_MEMO_BYTES} bytes")))?;
            if memo.replace(bytes).is_some() {
                return Err(bad("a transaction has one memo; name \"data\" once"));
            }
            continue;
        }
        let address = owner_of(context, name)?;
        if !known.insert(address) {
            return Err(bad(format!("duplicated address: {name}")));
        }
        outputs.push(Output { amount: whole(value)?, address });
    }
    if outputs.is_empty() || outputs.len() > MAX_OUTPUTS {
        return Err(bad(format!("\"outputs\" names 1 to {MAX_OUTPUTS} payees")));
    }
    Ok((outputs, memo.unwrap_or_default()))
}

/// The input that spends a coin: of the mempool, of the chain, or as the caller says.
fn input(context: &Context, databases: &mut Databases, entries: &[PoolEntry], coin: &Named) -> Result<Input, RpcError> {
    let pending = output_of(entries, &coin.outpoint, 0);
    let found = if pending.is_some() { pending } else { databases.coin(&coin.outpoint)? };
    let place = || format!("{}:{}", coin.outpoint.txid, coin.outpoint.index);
    let (amount, owner) = match (found, coin.amount, coin.owner) {
        (Some(found), amount, owner) => {
            if amount.is_some_and(|amount| amount != found.amount) {
                let text = format!("the coin {} has {} base units", place(), found.amount);
                return Err(RpcError::new(AMOUNT, text));
            }
            if owner.is_some_and(|owner| owner != found.address) {
                return Err(bad(format!("the coin {} is of {}", place(), context.text(&found.address))));
            }
            (found.amount, found.address)
        }
        (None, Some(amount), Some(owner)) => (amount, owner),
        (None, ..) => {
            let text =
                format!("no such coin: {}; of one that this node does not know, name amount and address", place());
            return Err(RpcError::new(NOT_FOUND, text));
        }
    };
    Ok(Input { outpoint: coin.outpoint, amount, public_key: raw::in_place_of_key(&owner), signature: [0; 64] })
}

fn check_sighash(args: &Args) -> Result<(), RpcError> {
    match args.text("sighashtype").unwrap_or("ALL") {
        "ALL" | "DEFAULT" => Ok(()),
        _ => Err(bad("a signature is of the whole transaction: \"sighashtype\" is ALL")),
    }
}

fn with_key(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    check_sighash(args)?;
    let mut transaction = decode(args.required_text("hexstring")?)?.transaction;
    let secrets = args.texts("privkeys");
    if secrets.len() > MAX_INPUTS {
        return Err(bad(format!("at most {MAX_INPUTS} keys")));
    }
    // The message names none of what was sent: it is a secret.
    let key = |text: &str| unhex(text.trim()).and_then(|seed| seed.try_into().ok()).map(SecretKey::from_seed);
    let keys: Option<Vec<SecretKey>> = secrets.into_iter().map(key).collect();
    let keys = keys.ok_or_else(|| RpcError::new(NOT_FOUND, "Invalid private key: a secret has 64 hex digits"))?;
    let context = context.clone();
    // Not on the server's loop: each signature takes its time.
    Ok(Continuation::query(move |_| Ok(signed(&context, &mut transaction, &keys, &BTreeMap::new()))))
}

fn with_wallet(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    check_sighash(args)?;
    let mut transaction = decode(args.required_text("hexstring")?)?.transaction;
    let context = context.clone();
    Ok(Continuation::query(move |_| {
        let (keys, locked) = own_keys(&context, &own::wallet(&context)?, &transaction)?;
        Ok(signed(&context, &mut transaction, &keys, &locked))
    }))
}

/// The keys of the folder that own what a transaction spends, and why others cannot sign.
fn own_keys(
    context: &Context,
    wallet: &Wallet,
    transaction: &Transaction,
) -> Result<(Vec<SecretKey>, BTreeMap<Address, String>), RpcError> {
    let folder = own::folder(context);
    let keys = Keys::new(&folder, &context.chain);
    let owners: BTreeSet<Address> = transaction.inputs.iter().map(raw::owner).collect();
    let (mut secrets, mut locked) = (Vec::new(), BTreeMap::new());
    for key in wallet.keys(false).filter(|key| owners.contains(&key.address)) {
        if key.is_locked {
            locked.insert(key.address, format!("key \"{}\" has a passphrase", key.name));
            continue;
        }
        let ask = || Err(RpcError::new(error::UNLOCK_NEEDED, "this key has a passphrase"));
        secrets.push(keys.find(&key.name)?.unlock(ask)?);
    }
    Ok((secrets, locked))
}

/// Signs, and says which inputs still have no signature that holds.
fn signed(
    context: &Context,
    transaction: &mut Transaction,
    keys: &[SecretKey],
    locked: &BTreeMap<Address, String>,
) -> Value {
    let missing = raw::sign(transaction, keys, &context.chain.genesis_hash());
    let fault = |at: &usize| {
        let input = transaction.inputs.get(*at)?;
        let owner = raw::owner(input);
        let reason = match (locked.get(&owner), raw::unsigned_owner(input)) {
            (Some(reason), _) => reason.clone(),
            (None, Some(_)) => "the key of its owner was not there".to_owned(),
            (None, None) => "it was signed before another owner was known: sign it again".to_owned(),
        };
        Some(json!({
            "txid": input.outpoint.txid, "vout": input.outpoint.index, "address": context.text(&owner), "error": reason,
        }))
    };
    let faults: Vec<Value> = missing.iter().filter_map(fault).collect();
    let is_complete = missing.is_empty() && !transaction.inputs.is_empty();
    let mut answer = json!({ "hex": hex(&transaction.to_bytes()), "complete": is_complete });
    if !faults.is_empty() {
        answer["errors"] = json!(faults);
    }
    answer
}
