//! Pays: chooses coins of the node's keys, signs, and submits.

use std::time::Duration;

use serde_json::json;

use crate::{
    base::time::Time,
    chain::{key::SecretKey, transaction::Output},
    node::{
        Refusal,
        command::{GossipCommand, LedgerCommand, PoolEntry, Reply},
    },
    rpc::{
        continuation::{Continuation, Shared, Wait, unexpected},
        databases::Databases,
        error::{RpcError, UNLOCK_NEEDED, WALLET},
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
    /// Whose outputs pay the fee, by their places; nobody's: the payer's coins do.
    pub less_fee: Vec<usize>,
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
    /// Whether all keys that may pay together do. At first as few as could suffice: other payments need not wait for these.
    wide: bool,
}

/// Keys that pay, which nobody else of this host chooses coins of meanwhile.
struct Payers {
    keys: Vec<OwnKey>,
    secrets: Vec<SecretKey>,
    /// Whether there are others that have a passphrase.
    more_are_locked: bool,
    /// Whether somebody is choosing coins of others.
    more_are_busy: bool,
    _locks: Vec<SpendingLock>,
}

/// Makes a payment.
pub fn pay(context: &Shared, payment: Payment) -> Continuation {
    let until = context.now() + PATIENCE;
    attempt(Attempt { context: context.clone(), payment, until, wide: false })
}

fn attempt(attempt: Attempt) -> Continuation {
    Continuation::query_then(move |databases| match payers(&attempt, databases)? {
        Some(payers) => Ok(with_pool(attempt, payers)),
        None => again(attempt, "other payments of these keys took all the time; try again"),
    })
}

/// The keys that have the most, locked; `None` if somebody else is choosing coins of all of them.
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
    let mut payers = Payers {
        keys: Vec::new(),
        secrets: Vec::new(),
        more_are_locked: !locked.is_empty(),
        more_are_busy: false,
        _locks: Vec::new(),
    };
    let needed: u128 = attempt.payment.outputs.iter().map(|output| u128::from(output.amount)).sum();
    let mut have = 0;
    for (balance, key) in ranked {
        if payers.keys.len() == MAX_PAYERS || !attempt.wide && have > needed {
            break;
        }
        let Some(lock) = keys.try_lock_spending(&key.name) else {
            payers.more_are_busy = true;
            continue;
        };
        have += balance;
        let ask = || Err(RpcError::new(UNLOCK_NEEDED, "this key has a passphrase"));
        payers.secrets.push(keys.find(&key.name)?.unlock(ask)?);
        payers.keys.push(key);
        payers._locks.push(lock);
    }
    Ok((!payers.keys.is_empty() || !payers.more_are_busy).then_some(payers))
}

/// Asks for the mempool once the keys are locked, so that what they paid before is in it.
fn with_pool(attempt: Attempt, payers: Payers) -> Continuation {
    Continuation::ask(LedgerCommand::Mempool { limit: usize::MAX }, move |reply| {
        let Reply::Mempool(entries) = reply else { return Err(unexpected(reply)) };
        let context = attempt.context.clone();
        let go_on = move |databases: &mut Databases| match build(&attempt, &payers, databases, entries)? {
            Ok(draft) => Ok(submit(attempt, payers, draft)),
            Err(_) if !attempt.wide => {
                drop(payers);
                Ok(self::attempt(Attempt { wide: true, ..attempt }))
            }
            Err(_) if payers.more_are_busy && attempt.context.now() < attempt.until => {
                drop(payers);
                again(attempt, "other payments of these keys took all the time; try again")
            }
            Err(error @ WalletError::Insufficient { .. }) if payers.more_are_locked => {
                let text = format!("{error}; other keys have a passphrase, and RPC does not pay with those");
                Err(RpcError::new(UNLOCK_NEEDED, text))
            }
            Err(error) => Err(error.into()),
        };
        Ok(Continuation::query_then(go_on).once_indexed(&context))
    })
}

fn build(
    attempt: &Attempt,
    payers: &Payers,
    databases: &mut Databases,
    entries: Vec<PoolEntry>,
) -> Result<Result<Draft, WalletError>, RpcError> {
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
    let build = |coins| plan.build_less(&context.chain, coins, &payment.less_fee);
    let built = match build(confirmed) {
        Err(WalletError::Insufficient { .. } | WalletError::TooManyCoins { .. }) => build(coins),
        built => built,
    };
    let draft = match built {
        Err(error @ (WalletError::Insufficient { .. } | WalletError::TooManyCoins { .. })) => return Ok(Err(error)),
        built => built?.sign(&context.chain, &payers.secrets),
    };
    draft.check_fee(&context.chain, estimate)?;
    Ok(Ok(draft))
}

fn submit(attempt: Attempt, payers: Payers, draft: Draft) -> Continuation {
    // Somebody else may have spent these coins in the meantime.
    let command = GossipCommand::SubmitTransaction { bytes: draft.transaction.to_bytes().into(), replace: false };
    Continuation::ask(command, move |reply| {
        // The mempool has it, or it is refused.
        drop(payers);
        match reply {
            Reply::Accepted(txid) if attempt.payment.verbose => {
                Ok(Continuation::value(&json!({ "txid": txid, "fee": draft.fee, "fee_reason": "mempool" })))
            }
            Reply::Accepted(txid) => Ok(Continuation::value(&txid)),
            Reply::NotTaken(refusal) if refusal.word() == Refusal::CONFLICT => again(attempt, &refusal.to_string()),
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
