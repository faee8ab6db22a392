//! Single transactions and coins.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    base::hash::{Hash, hex},
    chain::{block::HashedTransaction, coin::Coin, memo::MemoQuery, rules, transaction::OutPoint},
    node::command::{LedgerCommand, PoolEntry, Reply},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        databases::{Confirmed, Databases},
        error::{self, RpcError},
        methods::method::Method,
        params::Args,
        render::{self, Place},
        schema::{Schema, optional, required},
        sealing,
        undone::{self, Undone},
    },
};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "tx",
        params: &[required("id", Schema::Text, "transaction id or a unique prefix of at least 6 digits")],
        summary: "a transaction of the mempool or the chain",
        returns: "an object; see tussock tx --json",
        result: answers::transactions::TRANSACTION,
        errors: &[error::NOT_FOUND],
        handler: |context, args| Ok(transaction(context, args.required_text("id")?)),
    },
    Method {
        name: "getrawtransaction",
        params: &[
            required("txid", Schema::Text, "transaction id"),
            optional("verbose", Schema::Boolean, "true: as an object"),
        ],
        summary: "a transaction of the mempool or the chain",
        returns: "hex, or an object",
        result: answers::transactions::RAW_TRANSACTION,
        errors: &[error::NOT_FOUND],
        handler: |context, args| {
            let id = args.required_text("txid")?;
            Ok(if args.boolean("verbose", false) { transaction(context, id) } else { raw(context, id) })
        },
    },
    Method {
        name: "gettxout",
        params: &[
            required("txid", Schema::Text, "transaction id"),
            required("n", Schema::Integer, "position of the output"),
            optional("include_mempool", Schema::Boolean, "whether the mempool counts; true if left out"),
        ],
        summary: "an unspent output; null if it is spent or unknown",
        returns: "an object or null",
        result: answers::transactions::UNSPENT_OUTPUT,
        errors: &[error::REJECTED],
        handler: unspent_output,
    },
];

/// Where a transaction was found.
enum FoundTransaction {
    Pool(PoolEntry),
    Chain(Box<Confirmed>),
    Undone(Box<Undone>),
    Displaced(Arc<HashedTransaction>, Option<Hash>),
}

impl FoundTransaction {
    fn transaction(&self) -> &HashedTransaction {
        match self {
            Self::Pool(entry) => &entry.transaction,
            Self::Chain(confirmed) => confirmed.transaction(),
            Self::Undone(undone) => undone.transaction(),
            Self::Displaced(transaction, _) => transaction,
        }
    }
}

/// The contract's form of a transaction.
pub(in crate::rpc) fn transaction(context: &Shared, id: &str) -> Continuation {
    find(context, id, missing, |context, databases, found| match found {
        FoundTransaction::Pool(entry) => {
            let place = Place::Pool { since: entry.since };
            Ok(Continuation::value(&render::transaction(&context, &entry.transaction, &place)))
        }
        FoundTransaction::Chain(confirmed) => {
            let header = &confirmed.row.header;
            let is_final = sealing::is_final(&context.node.status(), header.height) == Some(true);
            let place = Place::Block {
                hash: confirmed.row.hash,
                height: header.height,
                time: header.time,
                position: confirmed.position,
                confirmations: render::confirmations(&databases.tip()?, header.height),
                // What is final is certain, whatever the clock shows.
                doubt: context.doubt().filter(|_| !is_final),
            };
            Ok(Continuation::value(&render::transaction(&context, confirmed.transaction(), &place)))
        }
        FoundTransaction::Undone(undone) => {
            let place = Place::Undone {
                hash: undone.row.hash,
                height: undone.row.header.height,
                time: undone.row.header.time,
                position: undone.position,
                conflicts_with: undone.conflicts_with,
                status: undone.status(),
            };
            Ok(Continuation::value(&render::transaction(&context, undone.transaction(), &place)))
        }
        FoundTransaction::Displaced(transaction, conflicts_with) => {
            let place = Place::Displaced { conflicts_with, status: undone::status(conflicts_with) };
            Ok(Continuation::value(&render::transaction(&context, &transaction, &place)))
        }
    })
}

/// `{kind, id}` of the transaction whose id or prefix a text is, or of the memos that have it.
pub(in crate::rpc) fn search(context: &Shared, text: &str) -> Continuation {
    let text = text.to_owned();
    if text.parse::<Hash>().is_err() && check_prefix(&text).is_err() {
        let after = context.clone();
        return Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
            let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
            // Looking through a full mempool would hold up the server's loop.
            let query = Continuation::query(move |databases| {
                let query = MemoQuery::of(&text);
                let waits = entries.iter().any(|entry| query.matches(&entry.transaction.transaction.memo));
                if waits { Ok(memos(&text)) } else { in_memos(databases, &text) }
            });
            Ok(query.once_indexed(&after))
        });
    }
    let words = text.clone();
    find(
        context,
        &text,
        move |databases, _| in_memos(databases, &words).map(|found| Continuation::value(&found)),
        |_, _, found| Ok(Continuation::value(&json!({ "kind": "tx", "id": found.transaction().txid }))),
    )
}

/// `{kind, id}` of memos that have all words of a text.
fn in_memos(databases: &mut Databases, text: &str) -> Result<Value, RpcError> {
    let nothing = || RpcError::not_found("nothing of that height, hash or address, and no memo has these words");
    if !databases.has_index() {
        return Err(nothing());
    }
    let page = match databases.memos(&MemoQuery::of(text), None, 1) {
        Err(error) if error.code == error::STARTING => return Err(nothing()),
        page => page?,
    };
    if page.found.is_empty() && page.next.is_none() {
        return Err(nothing());
    }
    Ok(memos(text))
}

fn memos(text: &str) -> Value {
    json!({ "kind": "memos", "id": text })
}

fn raw(context: &Shared, id: &str) -> Continuation {
    find(context, id, missing, |_, _, found| {
        Ok(Continuation::value(&Value::String(hex(&found.transaction().transaction.to_bytes()))))
    })
}

/// Looks in the mempool first and in the chain afterwards, so that a transaction that is confirmed in between is found.
fn find(
    context: &Shared,
    id: &str,
    absent: impl FnOnce(&mut Databases, &str) -> Result<Continuation, RpcError> + Send + 'static,
    show: impl FnOnce(Shared, &mut Databases, FoundTransaction) -> Result<Continuation, RpcError> + Send + 'static,
) -> Continuation {
    let (context, id) = (context.clone(), id.trim().to_ascii_lowercase());
    let command = match id.parse::<Hash>() {
        Ok(txid) => LedgerCommand::PoolEntry(txid),
        Err(_) => LedgerCommand::Mempool { limit: usize::MAX },
    };
    Continuation::ask(command, move |reply| {
        let mut displaced = None;
        let entry = match reply {
            Reply::PoolEntry(entry) => Some(entry),
            Reply::Displaced(transaction, by) => {
                displaced = Some((transaction, by));
                None
            }
            Reply::NotFound(_) => None,
            Reply::Mempool(entries) => by_prefix(&entries, &id)?.cloned(),
            other => return Err(unexpected(other)),
        };
        // Blocks above the index are searched for whole ids only, and for no payment of an owner.
        let needs_index = entry.is_none() && id.parse::<Hash>().is_err() || displaced.is_some();
        let after = context.clone();
        let query = Continuation::query_then(move |databases| match locate(databases, entry, displaced, &id)? {
            Some(found) => show(context, databases, found),
            None => absent(databases, &id),
        });
        Ok(if needs_index { query.once_indexed(&after) } else { query })
    })
}

/// Finds a transaction that the mempool has (`entry`), had (`displaced`), or does not know.
fn locate(
    databases: &mut Databases,
    entry: Option<PoolEntry>,
    displaced: Option<(Arc<HashedTransaction>, Option<Hash>)>,
    id: &str,
) -> Result<Option<FoundTransaction>, RpcError> {
    if let Some(entry) = entry {
        return Ok(Some(FoundTransaction::Pool(entry)));
    }
    if let Some(confirmed) = in_chain(databases, id)? {
        return Ok(Some(FoundTransaction::Chain(Box::new(confirmed))));
    }
    if let Some(undone) = undone::find(databases, |txid| is_named(txid, id))? {
        return Ok(Some(FoundTransaction::Undone(Box::new(undone))));
    }
    let Some((transaction, by)) = displaced else { return Ok(None) };
    let rival = undone::displaced_by(databases, &transaction, by)?;
    Ok(Some(FoundTransaction::Displaced(transaction, rival)))
}

/// The mempool's transaction whose id begins with these digits.
pub(super) fn by_prefix<'a>(entries: &'a [PoolEntry], prefix: &str) -> Result<Option<&'a PoolEntry>, RpcError> {
    if prefix.len() < 64 {
        check_prefix(prefix)?;
    }
    let mut matching = entries.iter().filter(|entry| entry.transaction.txid.to_string().starts_with(prefix));
    match (matching.next(), matching.next()) {
        (Some(_), Some(_)) => Err(RpcError::bad_parameter("several transactions start with these digits")),
        (first, _) => Ok(first),
    }
}

/// A transaction of the best chain, by its id or a unique prefix of it.
pub(in crate::rpc) fn in_chain(databases: &mut Databases, id: &str) -> Result<Option<Confirmed>, RpcError> {
    if let Ok(txid) = id.parse() {
        return databases.find_transaction(&txid);
    }
    check_prefix(id)?;
    match databases.transactions_with_prefix(id)?.as_slice() {
        [] => Ok(None),
        [txid] => databases.find_transaction(txid),
        _ => Err(RpcError::bad_parameter("several transactions start with these digits")),
    }
}

/// Whether a text is an id or its first digits.
fn is_named(txid: &Hash, text: &str) -> bool {
    txid.to_string().starts_with(text)
}

/// Prefixes are 6 to 63 hex digits.
fn check_prefix(text: &str) -> Result<(), RpcError> {
    if (6..64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    let shown: String = text.chars().take(64).collect();
    let advice = "an id is 64 hex digits, or at least the first 6 of them";
    Err(RpcError::bad_parameter(format!("no transaction is called \"{}\": {advice}", shown.escape_debug())))
}

fn missing(databases: &mut Databases, id: &str) -> Result<Continuation, RpcError> {
    let mut error = RpcError::not_found(format!("no such transaction in the mempool or the chain: {id}"));
    if !databases.has_index() {
        error.message = format!("neither in the mempool nor in the latest blocks, and this node keeps no index: {id}");
    } else if let Ok(lag @ 1..) = databases.index_lag() {
        error.message = format!("not found so far, but the index still lacks blocks ({lag}); try again: {id}");
    } else if let Some(from @ 1..) = databases.indexed_from() {
        error.message =
            format!("neither in the mempool nor in block {from} or above, where this node's index begins: {id}");
    }
    error.data = Some(render::unknown_transaction(id));
    Err(error)
}

fn unspent_output(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let txid: Hash = args.parsed("txid", "a transaction id of 64 hex digits")?;
    let index = args.integer_in("n", 0..=u64::from(u32::MAX), 0)?;
    let outpoint = OutPoint { txid, index: u32::try_from(index).unwrap_or(u32::MAX) };
    let context = context.clone();
    if !args.boolean("include_mempool", true) {
        return Ok(Continuation::query(move |databases| show_coin(&context, databases, &outpoint)));
    }
    Ok(Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        let spends =
            |entry: &PoolEntry| entry.transaction.transaction.inputs.iter().any(|input| input.outpoint == outpoint);
        if entries.iter().any(spends) {
            return Ok(Continuation::value(&Value::Null));
        }
        let maker = entries.iter().find(|entry| entry.transaction.txid == txid);
        let made = maker.and_then(|entry| entry.transaction.transaction.outputs.get(outpoint.index as usize));
        match made {
            Some(output) => Ok(Continuation::value(&json!({
                "bestblock": context.tip()?.hash, "confirmations": 0, "value": output.amount,
                "amount": output.amount, "address": context.text(&output.address), "coinbase": false,
            }))),
            None => Ok(Continuation::query(move |databases| show_coin(&context, databases, &outpoint))),
        }
    }))
}

fn show_coin(context: &Context, databases: &mut Databases, outpoint: &OutPoint) -> Result<Value, RpcError> {
    let tip = databases.tip()?;
    let show = |coin: Coin| {
        json!({
            "bestblock": tip.hash,
            "confirmations": render::confirmations(&tip, coin.height),
            "value": coin.amount,
            "amount": coin.amount,
            "address": context.text(&coin.address),
            "coinbase": coin.coinbase,
            "height": coin.height,
            "matures_at": rules::matures_at(&context.chain, &coin),
        })
    };
    Ok(databases.coin(outpoint)?.map_or(Value::Null, show))
}
