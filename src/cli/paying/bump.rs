//! `bump` and `cancel`: a payment that is in no block yet gives way to one that pays more.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::payer::{FeeFlags, Payer};
use crate::{
    base::hash::{Hash, hex, unhex},
    chain::{address::Address, block::HashedTransaction, key::SecretKey, transaction::Transaction},
    cli::{
        context::Context,
        exit::{Exit, Failure, Outcome},
        output,
        passphrase::PassphraseFlags,
        units,
    },
    rpc::client::Deadline,
    wallet::{
        building::{Draft, Fee},
        error::WalletError,
        keys::Keys,
        replacing::{Instead, replacement},
    },
};

/// Attempts with the fee that the node asks for: more may build on the payment meanwhile.
const ATTEMPTS: usize = 3;

/// `tussock bump`
#[derive(Args, Debug)]
#[command(after_help = "\
Without a fee it pays half as much again, or what the mempool asks for now. The
fee comes from the change, or from further coins. Who waits for the first
payment is told of the second.

Examples:
  tussock bump 5f2a91c0
  tussock bump 5f2a91c0 --fee 5000")]
pub struct BumpArgs {
    #[command(flatten)]
    replace: ReplaceArgs,
}

/// `tussock cancel`
#[derive(Args, Debug)]
#[command(after_help = "\
The coins go back to the paying key, less a higher fee. It works as long as no
block has the payment: both may reach a miner, and one of them will be mined.

Example:
  tussock cancel 5f2a91c0")]
pub struct CancelArgs {
    #[command(flatten)]
    replace: ReplaceArgs,
}

#[derive(Args, Debug)]
struct ReplaceArgs {
    /// The payment's id, or its first digits (at least 6)
    #[arg(value_name = "TX")]
    tx: String,
    #[command(flatten)]
    fee: FeeFlags,
    /// Go on although later payments spend what this one paid or left: they go with it
    #[arg(long)]
    drop_dependents: bool,
    /// How long to wait for a node that is busy: seconds, or a number with ms, s, m or h
    #[arg(long, value_name = "S", default_value = "120", value_parser = units::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    passphrase: PassphraseFlags,
}

/// Runs `bump`.
pub fn bump(context: &Context, arguments: &BumpArgs) -> Outcome {
    replace(context, &arguments.replace, Instead::Bump)
}

/// Runs `cancel`.
pub fn cancel(context: &Context, arguments: &CancelArgs) -> Outcome {
    replace(context, &arguments.replace, Instead::Cancel)
}

fn replace(context: &Context, arguments: &ReplaceArgs, instead: Instead) -> Outcome {
    let deadline = Deadline::after(arguments.timeout);
    let old = waiting(context, &arguments.tx)?;
    let keys = Keys::new(&context.folder(), context.spec());
    let names = payers(&keys, &old)?;
    let payer = match names.first() {
        Some(name) => Payer::of(context, name.clone(), &arguments.passphrase, deadline)?,
        None => Payer::new(context, None, &arguments.passphrase, deadline)?,
    };
    // A payment over RPC may be of several keys.
    let mut secrets = payer.secrets().to_vec();
    for name in names.iter().skip(1) {
        secrets.push(arguments.passphrase.unlock(&keys.find(name)?)?);
    }
    let (draft, dropped) = payer.holding_coins(|| {
        let dropped = dependents(context, &old.txid(), arguments.drop_dependents)?;
        Ok((offer(context, arguments, (&payer, &secrets), &old, instead)?, dropped))
    })?;
    let txid = draft.transaction.txid();
    let facts = json!({
        "id": txid, "txid": txid, "replaces": old.txid(), "fee": draft.fee, "change": draft.change, "status": "mempool",
        "dropped": dropped,
    });
    context.print(&facts, |facts| output::text(facts, "id"))?;
    output::hint(&format!("it takes the place of {}, for a fee of {}", old.txid(), context.amount(&facts, "fee")));
    Ok(())
}

/// The keys that made a payment, each once, that of the first input first.
fn payers(keys: &Keys<'_>, old: &Transaction) -> Outcome<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for input in &old.inputs {
        match keys.name_of(&Address::of(&input.public_key))? {
            Some(name) if names.contains(&name) => {}
            Some(name) => names.push(name),
            None => {
                let problem = format!("no key here has made this payment: {}", old.txid());
                return Err(Failure::new(
                    Exit::NotFound,
                    format!("{problem}; use the data directory that has its key"),
                ));
            }
        }
    }
    Ok(names)
}

/// Offers the replacement, for what the node asks if the payer has named no fee.
fn offer(
    context: &Context,
    arguments: &ReplaceArgs,
    payer: (&Payer<'_>, &[SecretKey]),
    old: &Transaction,
    instead: Instead,
) -> Outcome<Draft> {
    let wanted = arguments.fee.fee(context)?;
    let mut asked = wanted;
    for _ in 1..ATTEMPTS {
        match submit(context, arguments, payer, old, instead, asked) {
            // Without a fee of the payer, the node's word counts.
            Err(failure) if matches!(wanted, Fee::Estimate(_)) => match failure.data["needed_fee"].as_u64() {
                Some(fee) => asked = Fee::Exactly(fee),
                None => return Err(failure),
            },
            result => return result,
        }
    }
    submit(context, arguments, payer, old, instead, asked)
}

fn submit(
    context: &Context,
    arguments: &ReplaceArgs,
    (payer, secrets): (&Payer<'_>, &[SecretKey]),
    old: &Transaction,
    instead: Instead,
    fee: Fee,
) -> Outcome<Draft> {
    let (fee, estimate) = payer.estimate(fee)?;
    let spare = payer.confirmed_coins()?;
    let made = replacement(context.spec(), old, instead, fee, &spare).map_err(|error| match error {
        WalletError::Insufficient { .. } | WalletError::TooManyCoins { .. } if instead == Instead::Bump => {
            Failure::new(Exit::Rejected, format!("{error}; tussock cancel takes it back, then pay less"))
        }
        error => error.into(),
    })?;
    let draft = made.sign(context.spec(), secrets);
    if !arguments.fee.allow_high_fee {
        draft.check_fee(context.spec(), estimate)?;
    }
    payer.remote.call("sendrawtransaction", json!([hex(&draft.transaction.to_bytes()), 0]))?;
    Ok(draft)
}

/// Waiting payments that spend what this one pays or leaves. Who did not agree to lose them is told of them.
fn dependents(context: &Context, txid: &Hash, agreed: bool) -> Outcome<Vec<String>> {
    let entry = context.remote()?.call("getmempoolentry", json!([txid]))?;
    let ids: Vec<String> =
        output::items(&entry["spentby"]).iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
    if ids.is_empty() || agreed {
        return Ok(ids);
    }
    let problem = format!("later payments spend what it paid or left, and would go with it: {}", ids.join(", "));
    let advice = "wait for a block, or add --drop-dependents and pay them again";
    Err(Failure::new(Exit::Rejected, format!("{problem}; {advice}")))
}

/// The payment, which must be in the mempool.
fn waiting(context: &Context, id: &str) -> Outcome<Transaction> {
    let remote = context.remote()?;
    let tx = remote.call("tx", json!([id]))?;
    match output::text(&tx, "status").as_str() {
        "mempool" => {}
        "confirmed" => {
            let place = output::text(&tx, "height");
            let problem =
                format!("it is in block {place} already: {}; nothing can replace it", output::text(&tx, "id"));
            return Err(Failure::new(Exit::Rejected, problem));
        }
        status => {
            let rival = output::text(&tx, "conflicts_with");
            let instead = if rival.is_empty() { String::new() } else { format!(": {rival} took its place") };
            return Err(Failure::new(Exit::Rejected, format!("it does not wait in the mempool ({status}){instead}")));
        }
    }
    let raw = remote.call("getrawtransaction", json!([output::text(&tx, "id")]))?;
    let decoded = raw.as_str().and_then(unhex).and_then(|bytes| HashedTransaction::decode(&bytes).ok());
    let unreadable = || Failure::new(Exit::Internal, "the node's transaction cannot be read");
    decoded.map(|hashed| hashed.transaction).ok_or_else(unreadable)
}
