//! Pays: chooses coins of the node's keys, signs, and submits.

use std::time::Duration;

use serde_json::json;

use crate::{
    base::time::Time,
    chain::{key::SecretKey, transaction::Output},
    node::command::{GossipCommand, LedgerCommand, PoolEntry, Reply},
    rpc::{
        continuation::{Continuation, Shared, Wait, unexpected},
        databases::Databases,
        error::{REJECTED, RpcError, UNLOCK_NEEDED, WALLET},
        methods::{
            address::{self, Pool},
            mempool,
        },
        purse::own::{self, OwnKey},
    },
    wallet::{
        building::{Draft, Fee, Plan, Spend},
        coins::{ListedCoin, OwnCoin},
        error::WalletError,
        keys::{Keys, SpendingLock},
    },
};

/// Keys whose coins pay together, those with the most first.
const MAX_PAYERS: usize = 16;
/// How long a payment waits for others of the same keys, or is made again after a conflict.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(20);

/// A payment that a caller wants.
pub struct Payment {
    /// Who gets what.
    pub outputs: Vec<Output>,
    /// Free bytes.
    pub memo: Vec<u8>,
    /// Base units per 1,000 bytes; `None`: what is usual.
    pub fee_rate: Option<u64>,
    /// Whether to answer with more than the id.
    pub verbose: bool,
}

struct Attempt {
    context: Shared,
    payment: Payment,
    until: Time,
}

/// Keys that pay, which nobody else of this host chooses coins of meanwhile.
struct Payers {
    keys: Vec<OwnKey>,
    secrets: Vec<SecretKey>,
    /// Whether there are others that have a passphrase.
    more_are_locked: bool,
    _locks: Vec<SpendingLock>,
}

/// Makes a payment.
pub fn pay(context: &Shared, payment: Payment) -> Continuation {
    let until = context.now() + PATIENCE;
    attempt(Attempt { context: context.clone(), payment, until })
}

fn attempt(attempt: Attempt) -> Continuation {
    Continuation::query_then(move |databases| match payers(&attempt, databases)? {
        Some(payers) => Ok(with_pool(attempt, payers)),
        None => again(attempt, "other payments of these keys took all the time; try again"),
    })
}

/// The keys that have the most, locked; `None` if somebody else is choosing coins of one of them.
fn payers(attempt: &Attempt, databases: &mut Databases) -> Result<Option<Payers>, RpcError> {
    let context = &attempt.context;
    let (folder, mut ranked) = (own::folder(context), Vec::new());
    let keys = Keys::new(&folder, &context.chain);
    let own = own::wallet(context)?.keys.into_iter().filter(|key| !key.is_watched);
    let (locked, open): (Vec<_>, Vec<_>) = own.partition(|key| key.is_locked);
    for key in open {
        ranked.push((databases.coins_of(&key.address, 1)?.balance, key));
    }
    ranked.sort_by(|(a, one), (b, other)| b.cmp(a).then(one.name.cmp(&other.name)));
    ranked.truncate(MAX_PAYERS);
    let mut payers =
        Payers { keys: Vec::new(), secrets: Vec::new(), more_are_locked: !locked.is_empty(), _locks: Vec::new() };
    let mut chosen: Vec<OwnKey> = ranked.into_iter().map(|(_, key)| key).collect();
    // In one order for all, so that two payments do not take turns in keeping each other out.
    chosen.sort_by(|one, other| one.name.cmp(&other.name));
    for key in chosen {
        let Some(lock) = keys.try_lock_spending(&key.name) else { return Ok(None) };
        let ask = || Err(RpcError::new(UNLOCK_NEEDED, "this key has a passphrase"));
        payers.secrets.push(keys.find(&key.name)?.unlock(ask)?);
        payers.keys.push(key);
        payers._locks.push(lock);
    }
    Ok(Some(payers))
}

/// Asks for the mempool once the keys are locked, so that what they paid before is in it.
fn with_pool(attempt: Attempt, payers: Payers) -> Continuation {
    Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        let context = attempt.context.clone();
        let go_on = move |databases: &mut Databases| {
            let draft = build(&attempt, &payers, databases, entries)?;
            Ok(submit(attempt, payers, draft))
        };
        Ok(Continuation::query_then(go_on).once_indexed(&context))
    })
}

fn build(
    attempt: &Attempt,
    payers: &Payers,
    databases: &mut Databases,
    entries: Vec<PoolEntry>,
) -> Result<Draft, RpcError> {
    let (context, payment) = (&attempt.context, &attempt.payment);
    let estimate = mempool::estimated_rate(context, &entries, 1);
    let pool = Pool::new(entries);
    let (mut coins, mut confirmed): (Vec<OwnCoin>, Vec<OwnCoin>) = (Vec::new(), Vec::new());
    for key in &payers.keys {
        let rows = address::coins(context, databases, &key.address, &pool, address::DEFAULT_COINS)?;
        let listed: Vec<ListedCoin> = serde_json::from_value(rows.clone())
            .map_err(|error| RpcError::internal(format!("coins cannot be read: {error}")))?;
        for (row, coin) in rows.as_array().into_iter().flatten().zip(&listed) {
            let Some(coin) = coin.of(key.public_key) else { continue };
            coins.push(coin);
            if row["pending"] == false {
                confirmed.push(coin);
            }
        }
    }
    let plan = Plan {
        outputs: payment.outputs.clone(),
        rest: None,
        fee: payment.fee_rate.map_or(Fee::Estimate(estimate), Fee::Rate),
        spend: Spend::Enough,
        memo: payment.memo.clone(),
    };
    // Change that waits only if the rest does not suffice: payments that build on too many others are refused.
    let built = match plan.build(&context.chain, confirmed) {
        Err(WalletError::Insufficient { .. } | WalletError::TooManyCoins { .. }) => plan.build(&context.chain, coins),
        built => built,
    };
    let draft = built.map_err(|error| match error {
        WalletError::Insufficient { .. } if payers.more_are_locked => {
            let text = format!("{error}; other keys have a passphrase, and RPC does not pay with those");
            RpcError::new(UNLOCK_NEEDED, text)
        }
        error => error.into(),
    })?;
    let draft = draft.sign(&context.chain, &payers.secrets);
    draft.check_fee(&context.chain, estimate)?;
    Ok(draft)
}

fn submit(attempt: Attempt, payers: Payers, draft: Draft) -> Continuation {
    let bytes = draft.transaction.to_bytes();
    Continuation::ask(GossipCommand::SubmitTransaction(bytes.into()), move |reply| {
        // The mempool has it, or it is refused.
        drop(payers);
        match reply {
            Reply::Accepted(txid) if attempt.payment.verbose => {
                Ok(Continuation::value(&json!({ "txid": txid, "fee": draft.fee, "fee_reason": "mempool" })))
            }
            Reply::Accepted(txid) => Ok(Continuation::value(&txid)),
            Reply::Refused(reason) if reason.contains("conflicts with") => again(attempt, &reason),
            Reply::Refused(reason) => Err(RpcError::new(REJECTED, reason)),
            other => Err(unexpected(other)),
        }
    })
}

/// Tries again after a moment, unless that took too long already.
fn again(failed: Attempt, reason: &str) -> Result<Continuation, RpcError> {
    let now = failed.context.now();
    if now >= failed.until {
        return Err(RpcError::new(WALLET, reason));
    }
    Ok(Continuation::Wait(Wait {
        until: now + PAUSE,
        brief: true,
        ready: Box::new(|_| None),
        late: Box::new(move |_| attempt(failed)),
    }))
}
