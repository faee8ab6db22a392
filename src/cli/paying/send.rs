//! `send`: chooses coins, signs, submits the transaction to the node, and waits for confirmations if asked.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::{
    payees::PayeeFlags,
    payer::{FeeFlags, Payer, Sent},
};
use crate::{
    cli::{
        context::Context,
        control::{first_hindrance, tx_condition, undone},
        exit::{Exit, Failure, Outcome},
        output,
        passphrase::PassphraseFlags,
        units,
    },
    rpc::client::Deadline,
    wallet::building::Spend,
};

/// `tussock send`
#[derive(Args, Debug)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Amounts are whole base units, or in the unit that the chain's file names; `all`
is everything that can be spent now, less the fee. The default fee is 1 base
unit per byte, or more if the chain's minimum is higher or the mempool fills the
next block.

Examples:
  tussock send dev1 250000
  tussock send dev1 250000 --from dev0 --memo 'for lunch' --wait
  tussock send --to dev1=5000 --to dev2=7500
  tussock send --csv wages.csv --from shop
  tussock send savings all --from alice"
)]
pub struct SendArgs {
    #[command(flatten)]
    payees: PayeeFlags,
    /// The paying key, by name or address [default: the only key; on test chains without keys dev0]
    #[arg(long, value_name = "KEY")]
    from: Option<String>,
    #[command(flatten)]
    fee: FeeFlags,
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
    let plan = arguments.payees.plan(context, arguments.fee.fee(context)?)?;
    plan.check()?;
    let deadline = Deadline::after(arguments.timeout);
    let payer = Payer::new(context, arguments.from.as_deref(), &arguments.passphrase, deadline)?;
    let allow_high_fee = arguments.fee.allow_high_fee;
    let sent = match plan.spend {
        Spend::Enough => {
            let sent = payer.submit(plan, allow_high_fee)?;
            tell(context, &sent, arguments.wait.is_some())?;
            vec![sent]
        }
        Spend::All => payer.submit_all(&plan, allow_high_fee, &|sent| tell(context, sent, true))?,
    };
    report(context, &payer, &sent, arguments.wait)
}

/// Prints the id of a payment that the node has. For a program, whose facts come later, as a note if they may not come.
pub(super) fn tell(context: &Context, sent: &Sent, note: bool) -> Outcome {
    match (context.json, note) {
        (false, _) => output::line(&sent.txid),
        (true, true) => {
            output::note(&format!("sent {}", sent.txid));
            Ok(())
        }
        (true, false) => Ok(()),
    }
}

/// Waits if asked, and prints the facts for a program.
fn report(context: &Context, payer: &Payer<'_>, sent: &[Sent], wait: Option<u32>) -> Outcome {
    let mut all: Vec<Value> = sent.iter().map(|sent| facts(context, sent)).collect();
    let mut result = Ok(());
    if let Some(confirmations) = wait {
        for (facts, sent) in all.iter_mut().zip(sent) {
            result = result.and(await_confirmations(payer, &sent.txid, confirmations, facts));
        }
    }
    if context.json {
        // Scripts know one payment as one object.
        output::json(&if all.len() == 1 { all.remove(0) } else { json!({ "payments": all }) })?;
    }
    result
}

/// Waits for one payment, and adds to its facts what has become of it.
fn await_confirmations(payer: &Payer<'_>, txid: &str, confirmations: u32, facts: &mut Value) -> Outcome {
    let (condition, _) = tx_condition(txid, confirmations);
    let answer = payer.remote.wait(&condition, payer.deadline)?;
    let tx = payer.remote.call("tx", json!([txid])).unwrap_or(Value::Null);
    for key in ["status", "height", "confirmations", "block"] {
        facts[key] = tx[key].clone();
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
            let why = first_hindrance(&payer.remote).map_or_else(String::new, |text| format!(" ({text})"));
            Err(Failure::new(Exit::TimedOut, format!("not confirmed{many} in time: {txid}; {state}{why}")))
        }
    }
}

/// What a payment says, as JSON.
fn facts(context: &Context, Sent { txid, draft }: &Sent) -> Value {
    let outputs = &draft.transaction.outputs;
    let has_change = usize::from(draft.change > 0);
    let paid = &outputs[..outputs.len() - has_change];
    let amount: u64 = paid.iter().map(|output| output.amount).fold(0, u64::saturating_add);
    let payees: Vec<Value> = paid
        .iter()
        .map(|output| json!({ "address": context.show(&output.address), "amount": output.amount }))
        .collect();
    json!({
        "id": txid, "txid": txid, "amount": amount, "fee": draft.fee, "change": draft.change, "status": "mempool",
        "payees": payees,
    })
}
