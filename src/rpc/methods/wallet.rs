//! The methods of a wallet, as users of Bitcoin's RPC know them. Amounts are base units.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

use crate::{
    base::hash::Hash,
    chain::{address::Address, transaction::Output},
    node::command::{LedgerCommand, PoolEntry, Reply},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        databases::Databases,
        error::{self, RpcError},
        methods::{
            address::{self, Balance, Pool},
            method::Method,
        },
        params::Args,
        purse::{
            listing::Lister,
            own::{self, Wallet},
            paying::{self, Payment},
        },
        render,
        schema::{Property, Schema, optional, required},
    },
};

/// Rows in one answer.
const MAX_ROWS: u64 = 1_000;

const COMMENT: Property = optional("comment", Schema::Text, "not kept: say it in the memo, which everybody can read");
const REPLACEABLE: Property = optional("replaceable", Schema::Boolean, "without meaning");
const CONF_TARGET: Property = optional("conf_target", Schema::Integer, "without meaning: the fee follows the mempool");
const ESTIMATE_MODE: Property = optional("estimate_mode", Schema::Text, "without meaning");
const FEE_RATE: Property =
    optional("fee_rate", Schema::Integer, "base units per 1,000 bytes; what is usual if left out");
const VERBOSE: Property = optional("verbose", Schema::Boolean, "whether to answer with an object");
const MEMO: Property = optional("memo", Schema::Text, "a public text of at most 512 bytes");
const WATCH_ONLY: Property =
    optional("include_watchonly", Schema::Boolean, "whether those of watched addresses count; false if left out");
const AMOUNTS: Schema = Schema::Map(&Schema::Wide);
const PAY_ERRORS: &[i32] =
    &[error::AMOUNT, error::NOT_FOUND, error::WALLET, error::INSUFFICIENT, error::UNLOCK_NEEDED, error::REJECTED];

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "getnewaddress",
        params: &[
            optional("label", Schema::Text, "a line for the key's owner"),
            optional("address_type", Schema::Text, "bech32m, the only one"),
        ],
        summary: "makes a key in a file of its own, without passphrase; back it up",
        returns: "the key's address",
        result: Schema::Address,
        errors: &[error::KEYS_USED_UP],
        handler: new_address,
    },
    Method {
        name: "sendtoaddress",
        params: &[
            required("address", Schema::Address, "the payee"),
            required("amount", Schema::Wide, "base units"),
            COMMENT,
            optional("comment_to", Schema::Text, "not kept"),
            optional("subtractfeefromamount", Schema::Boolean, "true: the payee pays the fee; false: it comes on top"),
            REPLACEABLE,
            CONF_TARGET,
            ESTIMATE_MODE,
            optional("avoid_reuse", Schema::Boolean, "without meaning"),
            FEE_RATE,
            VERBOSE,
            MEMO,
        ],
        summary: "pays with the keys in the node's folder that have no passphrase",
        returns: "the transaction's id; with verbose an object",
        result: answers::wallet::PAID,
        errors: PAY_ERRORS,
        handler: send_to_address,
    },
    Method {
        name: "sendmany",
        params: &[
            required("dummy", Schema::Text, "empty"),
            required("amounts", AMOUNTS, "base units by address"),
            optional("minconf", Schema::Integer, "without meaning"),
            COMMENT,
            optional("subtractfeefrom", Schema::Array(&Schema::Address), "who pays the fee; empty: it comes on top"),
            REPLACEABLE,
            CONF_TARGET,
            ESTIMATE_MODE,
            FEE_RATE,
            VERBOSE,
            MEMO,
        ],
        summary: "the same for several payees, in one transaction",
        returns: "the transaction's id; with verbose an object",
        result: answers::wallet::PAID,
        errors: PAY_ERRORS,
        handler: send_many,
    },
    Method {
        name: "listunspent",
        params: &[
            optional("minconf", Schema::Integer, "the least confirmations; 1 if left out"),
            optional("maxconf", Schema::Integer, "the most confirmations; 9999999 if left out"),
            optional("addresses", Schema::Array(&Schema::Address), "only those of these addresses"),
            optional("include_unsafe", Schema::Boolean, "whether those that wait count; true if left out"),
        ],
        summary: "the coins of the keys in the node's folder, the largest of each key first",
        returns: "an array of objects",
        result: answers::wallet::UNSPENT,
        errors: &[],
        handler: list_unspent,
    },
    Method {
        name: "listtransactions",
        params: &[
            optional("label", Schema::Text, "only payments to keys with this label; \"*\": all"),
            optional("count", Schema::Integer, "how many rows; 10 if left out, 1000 at most"),
            optional("skip", Schema::Integer, "how many of the latest to leave out"),
            WATCH_ONLY,
        ],
        summary: "the latest transactions of the keys in the node's folder",
        returns: "an array of objects, the latest last",
        result: answers::wallet::ROWS,
        errors: &[error::REJECTED],
        handler: list_transactions,
    },
    Method {
        name: "listsinceblock",
        params: &[
            optional("blockhash", Schema::Text, "the \"lastblock\" of the answer before; left out: all"),
            optional("target_confirmations", Schema::Integer, "as deep is \"lastblock\"; 1 if left out"),
            WATCH_ONLY,
            optional("include_removed", Schema::Boolean, "whether to list what was undone; true if left out"),
        ],
        summary: "the transactions of the keys in the node's folder since a block, and what was undone since; of very many only \
                  the first, up to \"lastblock\"; see watch",
        returns: "an object",
        result: answers::wallet::SINCE,
        errors: &[error::NOT_FOUND, error::REJECTED],
        handler: list_since_block,
    },
    Method {
        name: "getwalletinfo",
        params: &[],
        summary: "what the keys in the node's folder have",
        returns: "an object",
        result: answers::wallet::INFO,
        errors: &[],
        handler: |context, _| Ok(with_keys(context, info)),
    },
];

fn new_address(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let known = ["", "bech32m", "bech32"];
    if !known.contains(&args.text("address_type").unwrap_or_default()) {
        return Err(RpcError::new(error::NOT_FOUND, "Unknown address type: there is bech32m only"));
    }
    let (context, label) = (context.clone(), args.text("label").unwrap_or_default().to_owned());
    // Not on the server's loop: it writes a file.
    Ok(Continuation::query(move |_| own::make(&context, &label)))
}

/// A payee, with the codes of Bitcoin Core.
fn payee(context: &Context, address: &str, amount: u64) -> Result<Output, RpcError> {
    let address = context
        .address(address)
        .map_err(|error| RpcError::new(error::NOT_FOUND, format!("Invalid address: {}", error.message)))?;
    match amount {
        0 => Err(RpcError::new(error::AMOUNT, "Invalid amount: at least 1 base unit can be paid")),
        amount => Ok(Output { amount, address }),
    }
}

fn pay(context: &Shared, args: &Args, outputs: Vec<Output>) -> Result<Continuation, RpcError> {
    let mut less_fee = BTreeSet::new();
    if args.boolean("subtractfeefromamount", false) {
        less_fee.insert(0);
    }
    for text in args.texts("subtractfeefrom") {
        let address = context.address(text)?;
        let at = outputs.iter().position(|output| output.address == address);
        less_fee.insert(at.ok_or_else(|| RpcError::bad_parameter(format!("{text} is not paid anything")))?);
    }
    let less_fee = less_fee.into_iter().collect();
    let memo = args.text("memo").unwrap_or_default().as_bytes().to_vec();
    let payment = Payment {
        outputs,
        less_fee,
        memo,
        fee_rate: args.integer("fee_rate"),
        verbose: args.boolean("verbose", false),
    };
    Ok(paying::pay(context, payment))
}

fn send_to_address(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let output = payee(context, args.required_text("address")?, args.integer("amount").unwrap_or(0))?;
    pay(context, args, vec![output])
}

fn send_many(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let amounts = args.object("amounts");
    if amounts.is_empty() {
        return Err(RpcError::bad_parameter("\"amounts\" names nobody"));
    }
    let amount = |value: &Value| {
        value.as_u64().ok_or_else(|| RpcError::new(error::AMOUNT, "Invalid amount: amounts are whole base units"))
    };
    let outputs = amounts.iter().map(|(address, value)| payee(context, address, amount(value)?));
    pay(context, args, outputs.collect::<Result<_, _>>()?)
}

/// Asks for the mempool, reads the keys, and then the databases.
fn with_keys<T: Serialize>(
    context: &Shared,
    show: impl FnOnce(&Context, &mut Databases, &Wallet, Vec<PoolEntry>) -> Result<T, RpcError> + Send + 'static,
) -> Continuation {
    let context = context.clone();
    Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        let after = context.clone();
        Ok(Continuation::query(move |databases| show(&context, databases, &own::wallet(&context)?, entries))
            .once_indexed(&after))
    })
}

fn list_unspent(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let least = args.integer("minconf").unwrap_or(1);
    let most = args.integer("maxconf").unwrap_or(9_999_999);
    let least = if args.boolean("include_unsafe", true) { least } else { least.max(1) };
    let only: BTreeSet<Address> =
        args.texts("addresses").into_iter().map(|text| context.address(text)).collect::<Result<_, _>>()?;
    Ok(with_keys(context, move |context, databases, wallet, entries| {
        let (tip, pool, mut rows) = (databases.tip()?, Pool::new(entries), Vec::new());
        for key in wallet.keys.iter().filter(|key| only.is_empty() || only.contains(&key.address)) {
            let coins = address::coins(context, databases, &key.address, &pool, address::DEFAULT_COINS)?;
            for coin in coins.as_array().into_iter().flatten().filter(|coin| coin["spendable"] == true) {
                let height = coin["height"].as_u64().and_then(|height| u32::try_from(height).ok());
                let depth = height.map_or(0, |height| render::confirmations(&tip, height));
                if (least..=most).contains(&u64::from(depth)) {
                    rows.push(json!({
                        "txid": coin["txid"], "vout": coin["index"], "address": context.text(&key.address),
                        "label": key.label, "amount": coin["amount"], "confirmations": depth,
                        "spendable": !key.is_locked && !key.is_watched, "solvable": !key.is_watched, "safe": depth > 0,
                    }));
                }
            }
        }
        Ok(Value::Array(rows))
    }))
}

fn list_transactions(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let label = args.text("label").filter(|label| *label != "*").map(str::to_owned);
    let count = args.integer_in("count", 0..=MAX_ROWS, 10)?;
    let skip = args.integer_in("skip", 0..=4 * MAX_ROWS, 0)?;
    let with_watched = args.boolean("include_watchonly", false);
    let [count, skip] = [count, skip].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    Ok(with_keys(context, move |context, databases, wallet, entries| {
        let lister = Lister::new(context, wallet.keys(with_watched), label.as_deref());
        let rows = lister.last(databases, &entries, count + skip)?;
        let mut rows: Vec<_> = rows.into_list().into_iter().skip(skip).collect();
        rows.reverse();
        Ok(rows)
    }))
}

/// What `listsinceblock` answers.
#[derive(Serialize)]
struct Since {
    transactions: Vec<Box<RawValue>>,
    removed: Vec<Box<RawValue>>,
    lastblock: Hash,
}

fn list_since_block(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let from = match args.text("blockhash").filter(|text| !text.is_empty()) {
        Some(text) => Some(text.parse().map_err(|_| RpcError::bad_parameter("\"blockhash\" has 64 hex digits"))?),
        None => None,
    };
    let depth = args.integer_in("target_confirmations", 1..=u64::from(u32::MAX), 1)?;
    let with_watched = args.boolean("include_watchonly", false);
    let with_removed = args.boolean("include_removed", true);
    Ok(with_keys(context, move |context, databases, wallet, entries| {
        let lister = Lister::new(context, wallet.keys(with_watched), None);
        // Read first: what comes meanwhile is listed again in the next answer, but never missed.
        let last = u64::from(databases.tip()?.height).saturating_sub(depth - 1);
        let lastblock = databases.at_height(last)?.hash;
        let (removed, above) = match &from {
            Some(from) => {
                let (rows, fork) = lister.removed(databases, from)?;
                (rows.into_list(), Some(fork))
            }
            None => (Vec::new(), None),
        };
        let (rows, reached) = lister.above(databases, &entries, above)?;
        let lastblock = match reached.map(u64::from).filter(|reached| *reached < last) {
            Some(reached) => databases.at_height(reached)?.hash,
            None => lastblock,
        };
        let removed = if with_removed { removed } else { Vec::new() };
        Ok(Since { transactions: rows.into_list(), removed, lastblock })
    }))
}

fn info(
    context: &Context,
    databases: &mut Databases,
    wallet: &Wallet,
    entries: Vec<PoolEntry>,
) -> Result<Value, RpcError> {
    let (pool, mut balance, mut pending, mut immature, mut watched) = (Pool::new(entries), 0u64, 0u64, 0u64, 0u64);
    for key in &wallet.keys {
        let own = Balance::of(context, databases, &key.address, &pool)?;
        let spendable = own.confirmed.saturating_sub(own.immature).saturating_sub(own.spending);
        if key.is_watched {
            watched = watched.saturating_add(spendable);
            continue;
        }
        balance = balance.saturating_add(spendable);
        pending = pending.saturating_add(own.pending);
        immature = immature.saturating_add(own.immature);
    }
    let count = match databases.has_index() {
        true => Some(Lister::new(context, wallet.keys(false), None).count(databases)?),
        false => None,
    };
    let locked = wallet.keys.iter().filter(|key| key.is_locked).count();
    Ok(json!({
        "walletname": "", "walletversion": 1, "format": "files",
        "balance": balance, "unconfirmed_balance": pending, "immature_balance": immature,
        "txcount": count, "keypoolsize": 0, "paytxfee": 0, "private_keys_enabled": true, "avoid_reuse": false,
        "scanning": false, "descriptors": false, "keys": wallet.keys(false).count(), "locked_keys": locked,
        "watched_keys": wallet.keys.iter().filter(|key| key.is_watched).count(), "watched_balance": watched,
        "warnings": wallet.warnings,
    }))
}
