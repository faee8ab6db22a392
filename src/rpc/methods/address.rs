//! Balances, coins and histories of addresses.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    base::gather::gather,
    chain::{
        address::Address,
        coin::Coin,
        rules,
        transaction::{OutPoint, Transaction},
    },
    node::command::{LedgerCommand, PoolEntry, Reply},
    rpc::{
        answers,
        context::Context,
        continuation::{Continuation, Shared, unexpected},
        databases::{Cursor, Databases},
        error::{self, RpcError},
        methods::method::Method,
        params::Args,
        render,
        schema::{ID, Property, Schema, optional, required},
    },
};

/// Coins in one answer, the largest first: more than fit into any transaction.
const MAX_COINS: u64 = 10_000;
/// Coins in one answer by default.
pub(in crate::rpc) const DEFAULT_COINS: usize = 1000;
/// Entries in one page of a history.
const MAX_HISTORY: u64 = 500;
/// The same with memos, each of which takes to read a block.
const MAX_MEMOS: u64 = 50;

const ADDRESS: Property = required("address", Schema::Address, "an address of this chain");

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "balance",
        params: &[ADDRESS],
        summary: "what an address has",
        returns: "an object with confirmed, pending, immature, spendable and coins",
        result: answers::addresses::BALANCE,
        errors: &[error::REJECTED],
        handler: |context, args| {
            with_pool(context, args, |context, databases, address, pool| {
                let balance = Balance::of(&context, databases, &address, &pool)?;
                Ok(balance.show(&context, &address))
            })
        },
    },
    Method {
        name: "getbalance",
        params: &[ADDRESS],
        summary: "what an address has in the chain",
        returns: "a number",
        result: Schema::Wide,
        errors: &[error::REJECTED],
        handler: |context, args| {
            with_pool(context, args, |context, databases, address, pool| {
                Ok(json!(Balance::of(&context, databases, &address, &pool)?.confirmed))
            })
        },
    },
    Method {
        name: "coins",
        params: &[ADDRESS, optional("limit", Schema::Integer, "how many; 1000 if left out")],
        summary: "the unspent outputs of an address, the largest first; those in the mempool are marked as pending",
        returns: "an array of objects with txid, index, amount, height, coinbase, spendable and pending",
        result: answers::addresses::COINS,
        errors: &[error::REJECTED],
        handler: |context, args| {
            let limit = args.integer_in("limit", 1..=MAX_COINS, DEFAULT_COINS as u64)?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            with_pool(context, args, move |context, databases, address, pool| {
                coins(&context, databases, &address, &pool, limit)
            })
        },
    },
    Method {
        name: "history",
        params: &[
            ADDRESS,
            optional("limit", Schema::Integer, "how many; 25 if left out"),
            optional("before", ID, "the \"next\" of the page before this one, or a height"),
            optional(
                "memos",
                Schema::Boolean,
                "whether entries have time, memo and counterparties; then there are at most 50",
            ),
        ],
        summary: "the transactions that concern an address, the newest first",
        returns: "an object with entries, pending (on the first page) and next",
        result: answers::addresses::HISTORY,
        errors: &[error::REJECTED],
        handler: history,
    },
];

/// Addresses that are named with an entry of a history.
const MAX_COUNTERPARTIES: usize = 4;

/// The mempool as addresses see it.
pub(in crate::rpc) struct Pool {
    entries: Vec<PoolEntry>,
    spent: BTreeSet<OutPoint>,
}

impl Pool {
    /// The mempool with these entries.
    pub(in crate::rpc) fn new(entries: Vec<PoolEntry>) -> Self {
        let inputs = |entry: &PoolEntry| {
            entry.transaction.transaction.inputs.iter().map(|input| input.outpoint).collect::<Vec<_>>()
        };
        let spent = entries.iter().flat_map(inputs).collect();
        Self { entries, spent }
    }

    /// The transactions that concern an address; at most as many as a page of history has.
    fn of(&self, address: &Address) -> Vec<&PoolEntry> {
        let concerns = |entry: &&PoolEntry| sent_from(address, entry) > 0 || received_by(address, entry) > 0;
        self.entries.iter().filter(concerns).take(usize::try_from(MAX_HISTORY).unwrap_or(usize::MAX)).collect()
    }

    /// Coins that mempool transactions spend with the address's key.
    fn spent_of(&self, address: &Address) -> Vec<OutPoint> {
        let inputs = self.entries.iter().flat_map(|entry| entry.transaction.transaction.inputs.iter());
        let own = inputs.filter(|input| Address::of(&input.public_key) == *address);
        own.map(|input| input.outpoint).collect()
    }

    /// Outputs to the address in the mempool that no mempool transaction spends.
    fn coins<'a>(&'a self, address: &'a Address) -> impl Iterator<Item = (OutPoint, u64)> + 'a {
        let outputs = self.entries.iter().flat_map(|entry| {
            let transaction = &entry.transaction;
            transaction.transaction.outputs.iter().enumerate().map(|(at, output)| (transaction.txid, at, output))
        });
        let own = outputs.filter(|(_, _, output)| output.address == *address);
        let coins = own.map(|(txid, at, output)| (Transaction::outpoint(txid, at), output.amount));
        coins.filter(|(outpoint, _)| !self.spent.contains(outpoint))
    }
}

/// Asks the mempool first and the chain afterwards, so that a transaction that is confirmed in between is not missed.
/// Its coins are recognised by their outpoints and not counted twice.
fn with_pool(
    context: &Shared,
    args: &Args,
    show: impl FnOnce(Shared, &mut Databases, Address, Pool) -> Result<Value, RpcError> + Send + 'static,
) -> Result<Continuation, RpcError> {
    let address = context.address(args.required_text("address")?)?;
    let context = context.clone();
    Ok(Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        let after = context.clone();
        Ok(Continuation::query(move |databases| show(context, databases, address, Pool::new(entries)))
            .once_indexed(&after))
    }))
}

/// Sums over an address's coins.
#[derive(Default)]
pub(in crate::rpc) struct Balance {
    pub(in crate::rpc) confirmed: u64,
    pub(in crate::rpc) immature: u64,
    spendable: u64,
    pub(in crate::rpc) pending: u64,
    pub(in crate::rpc) spending: u64,
    coins: u64,
}

impl Balance {
    /// What an address has.
    pub(in crate::rpc) fn of(
        context: &Context,
        databases: &mut Databases,
        address: &Address,
        pool: &Pool,
    ) -> Result<Self, RpcError> {
        let next = databases.tip()?.height.saturating_add(1);
        let found = databases.coins_of(address, most_coins())?;
        let confirmed = u64::try_from(found.balance).unwrap_or(u64::MAX);
        let mut balance = Self { confirmed, coins: found.count, ..Self::default() };
        // The youngest coins come first, and so all immature ones are among them.
        let immature = found.coins.iter().filter(|(_, coin)| rules::matures_at(&context.chain, coin) > next);
        balance.immature = sum(immature.map(|(_, coin)| coin.amount));
        for outpoint in pool.spent_of(address) {
            // A coin that is not in the chain is an output of the mempool.
            let coin = databases.coin(&outpoint)?.filter(|coin| coin.address == *address);
            balance.spending = balance.spending.saturating_add(coin.map_or(0, |coin| coin.amount));
        }
        let left = balance.confirmed.saturating_sub(balance.immature);
        balance.spendable = left.saturating_sub(balance.spending);
        let confirmed: BTreeSet<OutPoint> = gather(found.coins.iter().map(|(outpoint, _)| *outpoint));
        let pending = pool.coins(address).filter(|(outpoint, _)| !confirmed.contains(outpoint));
        balance.pending = sum(pending.map(|(_, amount)| amount));
        Ok(balance)
    }

    fn show(&self, context: &Context, address: &Address) -> Value {
        json!({
            "address": context.text(address),
            "confirmed": self.confirmed,
            "pending": self.pending,
            "immature": self.immature,
            "spendable": self.spendable,
            "spending": self.spending,
            "coins": self.coins,
        })
    }
}

/// Adds amounts. The supply is below 2^62, so this never saturates.
fn sum(amounts: impl Iterator<Item = u64>) -> u64 {
    amounts.fold(0, u64::saturating_add)
}

fn most_coins() -> usize {
    usize::try_from(MAX_COINS).unwrap_or(usize::MAX)
}

/// The coins of an address, as the method `coins` lists them.
pub(in crate::rpc) fn coins(
    context: &Context,
    databases: &mut Databases,
    address: &Address,
    pool: &Pool,
    limit: usize,
) -> Result<Value, RpcError> {
    let next = databases.tip()?.height.saturating_add(1);
    let spendable = |(outpoint, coin): (OutPoint, Coin)| {
        let spendable = rules::matures_at(&context.chain, &coin) <= next && !pool.spent.contains(&outpoint);
        (outpoint, coin, spendable)
    };
    let mut found: Vec<_> = databases.coins_of(address, most_coins())?.coins.into_iter().map(spendable).collect();
    let confirmed: BTreeSet<OutPoint> = gather(found.iter().map(|(outpoint, ..)| *outpoint));
    best(&mut found, limit);
    let pending = pool.coins(address).filter(|(outpoint, _)| !confirmed.contains(outpoint));
    let mut rows: Vec<Value> = Vec::with_capacity(found.len());
    rows.extend(found.iter().map(|(outpoint, coin, spendable)| {
        json!({
            "txid": outpoint.txid, "index": outpoint.index, "amount": coin.amount, "height": coin.height,
            "coinbase": coin.coinbase, "spendable": spendable, "pending": false,
        })
    }));
    // Mempool transactions may spend outputs of the mempool.
    rows.extend(pending.take(limit).map(|(outpoint, amount)| {
        json!({
            "txid": outpoint.txid, "index": outpoint.index, "amount": amount, "height": null,
            "coinbase": false, "spendable": true, "pending": true,
        })
    }));
    Ok(Value::Array(rows))
}

/// Keeps the first `limit` coins: spendable ones first, the largest first.
fn best(coins: &mut Vec<(OutPoint, Coin, bool)>, limit: usize) {
    coins.sort_unstable_by_key(|(outpoint, coin, spendable)| (!spendable, u64::MAX - coin.amount, *outpoint));
    coins.truncate(limit);
}

fn history(context: &Shared, args: &Args) -> Result<Continuation, RpcError> {
    let memos = args.boolean("memos", false);
    let limit = args.integer_in("limit", 1..=if memos { MAX_MEMOS } else { MAX_HISTORY }, 25)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let before = Cursor::parse(&args.id("before", ""))?;
    with_pool(context, args, move |context, databases, address, pool| {
        let tip = databases.tip()?;
        // Read before the page: the page has all transactions up to there.
        let indexed = context.indexed.get().height;
        let page = databases.history(&address, before, limit)?;
        let next = (page.len() == limit)
            .then(|| page.last().map(|entry| Cursor { height: entry.height, position: entry.position }.to_text()))
            .flatten();
        let mut details = Vec::new();
        if memos {
            let mut block = None;
            for entry in &page {
                details.push(databases.transaction_at(entry.height, &entry.txid, &mut block)?);
            }
        }
        let entries = page.iter().enumerate().map(|(at, entry)| {
            let mut row = json!({
                "txid": entry.txid,
                "height": entry.height,
                "position": entry.position,
                "received": entry.received,
                "sent": entry.sent,
                "net": i128::from(entry.received) - i128::from(entry.sent),
                "confirmations": render::confirmations(&tip, entry.height),
            });
            if let Some(Some((time, transaction))) = details.get(at) {
                row["time"] = json!(time);
                row["memo"] = json!(render::memo(&transaction.transaction));
                row["counterparties"] = json!(counterparties(&context, &address, &transaction.transaction));
            }
            row
        });
        let mut answer = json!({
            "address": context.text(&address),
            "entries": entries.collect::<Vec<_>>(),
            "next": next,
            "indexed": context.indexed.get().height,
            "indexed_from": context.indexed.get().from,
            "height": tip.height,
        });
        if before.is_none() {
            // Some were confirmed after the mempool had answered.
            let mut waiting = pool.of(&address);
            waiting.retain(|entry| !page.iter().any(|listed| listed.txid == entry.transaction.txid));
            let mut pending = Vec::new();
            for entry in waiting {
                if !databases.is_indexed(&entry.transaction.txid, indexed.unwrap_or(0))? {
                    pending.push(pending_row(&context, &address, entry));
                }
            }
            answer["pending"] = Value::Array(pending);
        }
        Ok(answer)
    })
}

/// A mempool transaction that concerns an address.
fn pending_row(context: &Context, address: &Address, entry: &PoolEntry) -> Value {
    let (received, sent) = (received_by(address, entry), sent_from(address, entry));
    json!({
        "txid": entry.transaction.txid, "received": received, "sent": sent, "spends": sent > 0, "since": entry.since,
        "memo": render::memo(&entry.transaction.transaction),
        "counterparties": counterparties(context, address, &entry.transaction.transaction),
    })
}

/// Whom an address paid, or who paid it.
fn counterparties(context: &Context, address: &Address, transaction: &Transaction) -> Vec<String> {
    let payers: BTreeSet<Address> = transaction.inputs.iter().map(|input| Address::of(&input.public_key)).collect();
    let paid: BTreeSet<Address> = match payers.contains(address) {
        true => transaction.outputs.iter().map(|output| output.address).filter(|one| !payers.contains(one)).collect(),
        false => payers,
    };
    paid.iter().take(MAX_COUNTERPARTIES).map(|one| context.text(one)).collect()
}

/// What a transaction pays to an address.
fn received_by(address: &Address, entry: &PoolEntry) -> u64 {
    let outputs = entry.transaction.transaction.outputs.iter().filter(|output| output.address == *address);
    sum(outputs.map(|output| output.amount))
}

/// What a transaction spends of an address: inputs name their amounts, and their keys say whose coins they are.
fn sent_from(address: &Address, entry: &PoolEntry) -> u64 {
    let inputs = entry.transaction.transaction.inputs.iter();
    sum(inputs.filter(|input| Address::of(&input.public_key) == *address).map(|input| input.amount))
}
