//! `merge`: makes few coins of many.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::{
    payer::{FeeFlags, LISTED_COINS, Payer, Sent, after, tell_of_dust},
    send::tell,
};
use crate::{
    cli::{context::Context, exit::Outcome, output, passphrase::PassphraseFlags, units},
    rpc::client::Deadline,
    wallet::{
        building::{Plan, Spend},
        coins::OwnCoin,
    },
};

/// `tussock merge`
#[derive(Args, Debug)]
#[command(after_help = "\
A transaction spends at most 64 coins. A key that received many small payments
needs them merged before it can pay a large sum. Coins that are not worth their
fee stay.

Examples:
  tussock merge
  tussock merge shop --fee-rate 1000")]
pub struct MergeArgs {
    /// The key [default: the only key; on test chains without keys dev0]
    #[arg(value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    fee: FeeFlags,
    /// How long to wait for a node that is busy, or for blocks between the payments: seconds, or a number with ms, s, m or h
    #[arg(long, value_name = "S", default_value = "120", value_parser = units::parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    passphrase: PassphraseFlags,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &MergeArgs) -> Outcome {
    let fee = arguments.fee.fee(context)?;
    let plan = Plan { outputs: Vec::new(), rest: None, fee, spend: Spend::All, memo: Vec::new() };
    let deadline = Deadline::after(arguments.timeout);
    let payer = Payer::new(context, arguments.key.as_deref(), &arguments.passphrase, deadline)?;
    let before = payer.coins(Some(LISTED_COINS))?;
    let plan = Plan { fee: payer.estimate(plan.fee)?.0, ..plan };
    tell_of_dust(context.spec(), &plan, &before);
    let before = before.len();
    let sent = merge(context, &payer, &plan, arguments.fee.allow_high_fee)?;
    let after = payer.coins(Some(LISTED_COINS))?.len();
    let txids: Vec<&str> = sent.iter().map(|sent| sent.txid.as_str()).collect();
    let fees: u64 = sent.iter().map(|sent| sent.draft.fee).fold(0, u64::saturating_add);
    let facts = json!({ "txids": txids, "fee": fees, "coins_before": before, "coins": after });
    if context.json {
        output::json(&facts)?;
    }
    let coins = units::count(after as u64, "coin");
    match sent.is_empty() {
        true => output::note(&format!(
            "nothing to merge: {coins} to spend now, those included that are not worth their fee"
        )),
        false => output::hint(&format!("{coins} of {before} before, for a fee of {}", context.amount(&facts, "fee"))),
    }
    Ok(())
}

/// Rounds of payments to itself, until one coin is left or the others are not worth their fee.
fn merge(context: &Context, payer: &Payer<'_>, plan: &Plan, allow_high_fee: bool) -> Outcome<Vec<Sent>> {
    let mut sent: Vec<Sent> = Vec::new();
    loop {
        let mut coins = payer.coins(Some(LISTED_COINS)).map_err(|failure| after(&sent, failure))?;
        coins.retain(|coin| plan.is_worth_spending(context.spec(), coin));
        let round = sent.len();
        for group in coins.chunks(plan.most_inputs()).filter(|group| group.len() > 1) {
            // Those of the group that are still there: another process may have spent some.
            let listed = || -> Outcome<Vec<OwnCoin>> {
                let is_in = |coin: &OwnCoin| group.iter().any(|one| one.outpoint == coin.outpoint);
                let mut coins = payer.coins(Some(LISTED_COINS))?;
                coins.retain(is_in);
                Ok(coins)
            };
            match payer.submit_from(plan.clone(), allow_high_fee, &|plan| payer.build_from(plan, listed()?)) {
                Ok(one) => {
                    tell(context, &one, true)?;
                    sent.push(one);
                }
                Err(failure) => return Err(after(&sent, failure)),
            }
        }
        if sent.len() == round {
            return Ok(sent);
        }
    }
}
