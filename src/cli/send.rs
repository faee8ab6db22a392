//! `send`: chooses coins, signs, submits the transaction to the node, and waits for confirmations if asked.

use std::{slice, time::Duration};

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::Context,
    control::{tx_condition, undone},
    exit::{Exit, Failure, Outcome},
    output,
    passphrase::PassphraseFlags,
    remote::Remote,
    units::{self, WrittenAmount},
};
use crate::{
    base::{hash::hex, limits::ISOLATED_AFTER},
    chain::key::SecretKey,
    node::{Refusal, SyncState},
    rpc::client::Deadline,
    wallet::{
        building::{Draft, Fee, Plan},
        coins::ListedCoin,
        error::WalletError,
        keys::{Keys, SpendingLock},
    },
};

/// The node's words for a payment that builds on too many others without a block.
const LONG_CHAIN: &str = "unconfirmed transactions";
/// Longest wait for a block before a payment that builds on too many others is tried again.
const CHAIN_PAUSE: Duration = Duration::from_secs(2);
/// Pause between two attempts to be the one who chooses coins of a key. Another payment takes some milliseconds.
const SPENDING_PAUSE: Duration = Duration::from_millis(10);
/// Pause before other coins are chosen after a conflict.
const CONFLICT_PAUSE: Duration = Duration::from_millis(50);
/// How long a node may not be synced yet: without peers it is isolated after [`ISOLATED_AFTER`], or goes on by itself; a few
/// seconds more for the blocks that it missed.
const SYNC_PATIENCE: Duration = ISOLATED_AFTER.saturating_add(Duration::from_secs(5));
/// Pause before a node is asked again that is not synced yet.
const SYNC_PAUSE: Duration = Duration::from_millis(100);

/// `tussock send`
#[derive(Args, Debug)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Amounts are whole base units, or in the unit that the chain's file names. The
default fee is 1 base unit per byte, or more if the chain's minimum is higher or
the mempool fills the next block.

Examples:
  tussock send dev1 250000
  tussock send dev1 250000 --from dev0 --memo 'for lunch' --wait"
)]
pub struct SendArgs {
    /// The payee: an address, or the name of a key
    #[arg(value_name = "TO")]
    to: String,
    /// Base units, or the chain's unit
    #[arg(value_name = "AMOUNT", value_parser = units::parse_written_payment)]
    amount: WrittenAmount,
    /// The paying key [default: the only key; on test chains without keys dev0]
    #[arg(long, value_name = "KEY")]
    from: Option<String>,
    /// The fee for the miner, in the same unit
    #[arg(long, value_name = "F", value_parser = units::parse_written)]
    fee: Option<WrittenAmount>,
    /// Accept a fee above 1,000 times the usual one and above the amount
    #[arg(long)]
    allow_high_fee: bool,
    /// A public text of at most 512 bytes
    #[arg(long, value_name = "TEXT", default_value = "")]
    memo: String,
    /// Wait for N confirmations
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    wait: Option<u32>,
    /// How long to wait for the confirmations, or for a node that is busy or has just started: seconds, or a number with ms,
    /// s, m or h
    #[arg(long, value_name = "S", default_value = "120", value_parser = units::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    passphrase: PassphraseFlags,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &SendArgs) -> Outcome {
    let unit = &context.spec().unit;
    let in_base = |written: &WrittenAmount| written.base_units(unit).map_err(Failure::usage);
    let (amount, fee) = (in_base(&arguments.amount)?, arguments.fee.as_ref().map(in_base).transpose()?);
    let folder = context.folder();
    let keys = Keys::new(&folder, context.spec());
    let to = keys.address(&arguments.to)?;
    let name = match &arguments.from {
        Some(name) => name.clone(),
        None => default_key(&keys, context.spec().test)?,
    };
    let named = keys.find(&name)?;
    let deadline = Deadline::after(arguments.timeout);
    let remote = context.remote()?.until(deadline);
    let fee = fee.map_or(Fee::Estimate(0), Fee::Exactly);
    let plan = Plan { memo: arguments.memo.clone().into_bytes(), ..Plan::to(to, amount, fee) };
    plan.check()?;
    let key = arguments.passphrase.unlock(&named)?;
    let payer = Payer { keys: &keys, name: &name, key: &key };
    let (txid, draft) = submit(context, &remote, &payer, plan, arguments.allow_high_fee, deadline)?;
    report(context, arguments, &remote, deadline, &txid, &draft)
}

/// The key that pays.
pub(super) struct Payer<'a> {
    pub(super) keys: &'a Keys<'a>,
    pub(super) name: &'a str,
    pub(super) key: &'a SecretKey,
}

/// Makes a payment and hands it to the node, again with other coins if somebody was faster. Returns the id too.
pub(super) fn submit(
    context: &Context,
    remote: &Remote,
    payer: &Payer<'_>,
    mut plan: Plan,
    allow_high_fee: bool,
    deadline: Deadline,
) -> Outcome<(String, Draft)> {
    let patience = Deadline::after(deadline.left().min(SYNC_PATIENCE));
    let mut estimate = 0;
    loop {
        // Until the node has the payment, no other process may choose coins of this key.
        let lock = lock_spending(payer, deadline)?;
        if let Fee::Estimate(rate) = &mut plan.fee {
            estimate = output::number(&remote.call("estimatesmartfee", json!([1]))?, "feerate");
            *rate = estimate;
        }
        let draft = build(context, remote, payer.key, &plan)?.sign(context.spec(), slice::from_ref(payer.key));
        if !allow_high_fee {
            draft.check_fee(context.spec(), estimate)?;
        }
        match remote.call("sendrawtransaction", json!([hex(&draft.transaction.to_bytes())])) {
            Err(failure) if is_passing(&failure) && patience.pause(SYNC_PAUSE) => drop(lock),
            Err(failure) if may_succeed_later(&failure) && deadline.pause(CONFLICT_PAUSE) => drop(lock),
            Err(failure) if failure.message.contains(LONG_CHAIN) => {
                drop(lock);
                await_block(remote, deadline, failure)?;
            }
            sent => {
                let sent = sent?;
                let txid = sent.as_str().map_or_else(|| draft.transaction.txid().to_string(), str::to_owned);
                return Ok((txid, draft));
            }
        }
    }
}

/// Waits for the right to choose coins of the payer's key.
fn lock_spending(payer: &Payer<'_>, deadline: Deadline) -> Outcome<SpendingLock> {
    loop {
        if let Some(lock) = payer.keys.try_lock_spending(payer.name) {
            return Ok(lock);
        }
        if !deadline.pause(SPENDING_PAUSE) {
            let problem = format!("other payments of key \"{}\" took all the time; try again", payer.name);
            return Err(Failure::new(Exit::TimedOut, problem));
        }
    }
}

/// Makes the payment from the coins that the node lists.
fn build(context: &Context, remote: &Remote, key: &SecretKey, plan: &Plan) -> Outcome<Draft> {
    let owner = context.show(&key.address());
    let coins = remote.call("coins", json!([owner]))?;
    let coins: Vec<ListedCoin> = serde_json::from_value(coins)
        .map_err(|error| Failure::new(Exit::Internal, format!("the node's list of coins cannot be read: {error}")))?;
    let coins = coins.iter().filter_map(|coin| coin.of(key.public_key())).collect();
    plan.build(context.spec(), coins).map_err(|error| match error {
        WalletError::Insufficient { .. } | WalletError::TooManyCoins { .. } => {
            explain(context, remote, &owner, error.into())
        }
        error => error.into(),
    })
}

/// Waits for the next block, which confirms earlier payments, or a moment: it may have come before the height was known. Fails
/// at once if no node can make one.
fn await_block(remote: &Remote, deadline: Deadline, failure: Failure) -> Outcome {
    let status = remote.call("status", json!([]))?;
    let peers = output::number(&status["peers"], "inbound") + output::number(&status["peers"], "outbound");
    if peers == 0 && status["mining"]["enabled"] != true {
        return Err(failure);
    }
    let next = output::number(&status, "height") + 1;
    let moment = Deadline::after(CHAIN_PAUSE.min(deadline.left()));
    match remote.wait(&json!({ "kind": "height", "value": next.to_string() }), moment)? {
        Ok(_) => Ok(()),
        Err(_) if !deadline.left().is_zero() => Ok(()),
        Err(_) => Err(Failure { exit: Exit::TimedOut, ..failure }),
    }
}

/// Whether the node takes no payments yet: a node that has just started looks for peers, or fetches their blocks.
fn is_passing(failure: &Failure) -> bool {
    let states =
        [SyncState::Starting, SyncState::Connecting, SyncState::Headers, SyncState::Snapshot, SyncState::Blocks];
    let is = |state: SyncState| failure.message.contains(&Refusal::NotSynced(state).to_string());
    failure.exit == Exit::Rejected && states.into_iter().any(is)
}

/// Whether a payment of the same key from another host came first, or the node's queue is full.
fn may_succeed_later(failure: &Failure) -> bool {
    let reasons = ["conflicts with", "too many transactions are waiting"];
    failure.exit == Exit::Rejected && reasons.iter().any(|reason| failure.message.contains(reason))
}

/// Prints the id at once, then waits if asked.
fn report(
    context: &Context,
    arguments: &SendArgs,
    remote: &Remote,
    deadline: Deadline,
    txid: &str,
    draft: &Draft,
) -> Outcome {
    let amount = draft.transaction.outputs[0].amount;
    let mut facts = json!({
        "id": txid, "txid": txid, "amount": amount, "fee": draft.fee, "change": draft.change, "status": "mempool",
    });
    if !context.json {
        output::line(txid)?;
    }
    let Some(confirmations) = arguments.wait else {
        return if context.json { output::json(&facts) } else { Ok(()) };
    };
    if context.json {
        output::note(&format!("sent {txid}"));
    }
    let (condition, _) = tx_condition(txid, confirmations);
    let answer = remote.wait(&condition, deadline)?;
    let tx = remote.call("tx", json!([txid])).unwrap_or(Value::Null);
    for key in ["status", "height", "confirmations", "block"] {
        facts[key] = tx[key].clone();
    }
    if context.json {
        output::json(&facts)?;
    }
    match answer {
        Ok(_) if confirmations == 0 => Ok(()),
        Ok(_) => {
            let (height, depth) = (output::text(&tx, "height"), output::text(&tx, "confirmations"));
            output::note(&format!("included height={height} confirmations={depth}"));
            Ok(())
        }
        Err(facts) => {
            if let Some(failure) = undone(&facts) {
                return Err(failure);
            }
            let state = match output::text(&tx, "status").as_str() {
                "mempool" => "it is still in the mempool",
                "confirmed" => "it is in a block, with fewer confirmations",
                "orphaned" => "a reorganisation undid it",
                _ => "it is no longer in the mempool: evicted, replaced or expired",
            };
            let many = if confirmations > 1 { format!(" {confirmations} times") } else { String::new() };
            Err(Failure::new(Exit::TimedOut, format!("not confirmed{many} in time: {txid}; {state}")))
        }
    }
}

/// The only key; on test chains `dev0` if there is none.
pub(super) fn default_key(keys: &Keys<'_>, test: bool) -> Outcome<String> {
    let mut names = keys.names()?;
    match (names.len(), test) {
        (1, _) => Ok(names.remove(0)),
        (0, true) => Ok("dev0".to_owned()),
        (0, false) => Err(Failure::usage("there is no key to pay with; make one with: tussock key new NAME")),
        _ => Err(Failure::usage(format!("several keys could pay: {}; choose one with --from", names.join(", ")))),
    }
}

/// Adds the payer's coins that cannot be spent yet to the message.
fn explain(context: &Context, remote: &Remote, owner: &str, failure: Failure) -> Failure {
    let Ok(balance) = remote.call("balance", json!([owner])) else { return failure };
    let [immature, pending] =
        ["immature", "pending"].map(|key| units::amount(&context.spec().unit, output::number(&balance, key)));
    let message = format!("{}: {owner} also has {immature} immature and {pending} pending", failure.message);
    Failure { message, ..failure }
}
