//! `tx submit` and `tx test`: what a node makes of a signed payment.

use serde_json::{Value, json};

use crate::{
    cli::{
        context::Context,
        exit::{Exit, Failure, Outcome},
        output, units,
    },
    node::Refusal,
};

/// What the node advises those who mean a high fee.
const NODE_ADVICE: &str = "to pay it all the same, set maxfeerate to 0";
/// Payments that one line names.
const MAX_NAMED: usize = 3;

/// Hands a signed payment, in hex, to the node. One that is in the mempool or a block already counts as handed over. `replace`:
/// others may give way to it.
pub(super) fn submit(context: &Context, payment: &str, replace: bool, allow_high_fee: bool) -> Outcome {
    let verdict = verdict(context, payment, allow_high_fee)?;
    let id = output::text(&verdict, "txid");
    let rivals = output::items(&verdict["conflicts"]);
    let reason = output::text(&verdict, "reject-reason");
    let print = |facts: &Value| context.print(facts, |facts| output::text(facts, "id"));
    let mut facts = json!({ "id": id, "txid": id, "status": "mempool" });
    if reason == Refusal::Known.to_string() {
        output::hint("it is in the mempool already");
        return print(&facts);
    }
    if reason == Refusal::Confirmed.to_string() {
        output::hint("it is in a block already");
        facts["status"] = json!("confirmed");
        return print(&facts);
    }
    if !rivals.is_empty() {
        facts["conflicts"] = verdict["conflicts"].clone();
    }
    let failure = match verdict["allowed"] == true {
        true if rivals.is_empty() || replace => None,
        true => {
            let rivals = named(context, rivals);
            Some(format!("it would take the place of {rivals}; if that is meant, add --replace"))
        }
        false if rivals.is_empty() => None,
        false => Some(format!("{reason}; in its way: {}", named(context, rivals))),
    };
    if let Some(message) = failure {
        if context.json {
            facts["status"] = json!("conflict");
            output::json(&facts)?;
        }
        return Err(with_flag(Failure::new(Exit::Rejected, message)));
    }
    context.remote()?.call("sendrawtransaction", json!([payment, most(allow_high_fee)])).map_err(with_flag)?;
    if !rivals.is_empty() {
        output::note(&format!("it took the place of {}", named(context, rivals)));
    }
    print(&facts)
}

/// Asks the node whether it would take a signed payment.
pub(super) fn test(context: &Context, payment: &str, allow_high_fee: bool) -> Outcome {
    let verdict = verdict(context, payment, allow_high_fee)?;
    let is_allowed = verdict["allowed"] == true;
    let rivals = output::items(&verdict["conflicts"]);
    context.print(&verdict, |_| match (is_allowed, rivals.is_empty()) {
        (true, true) => "the node would take it".to_owned(),
        (true, false) => format!("the node would take it in the place of {}", named(context, rivals)),
        (false, _) => String::new(),
    })?;
    match (is_allowed, context.json) {
        (true, _) => Ok(()),
        (false, true) => Err(Failure::silent(Exit::Rejected)),
        (false, false) => {
            let reason = output::text(&verdict, "reject-reason");
            let way =
                if rivals.is_empty() { String::new() } else { format!("; in its way: {}", named(context, rivals)) };
            Err(with_flag(Failure::new(Exit::Rejected, format!("the node would refuse it: {reason}{way}"))))
        }
    }
}

/// The highest fee rate that the node shall accept, as it knows that.
fn most(allow_high_fee: bool) -> Value {
    if allow_high_fee { json!(0) } else { Value::Null }
}

/// The node names its own parameter.
fn with_flag(failure: Failure) -> Failure {
    Failure { message: failure.message.replace(NODE_ADVICE, "if that is right, add --allow-high-fee"), ..failure }
}

fn verdict(context: &Context, payment: &str, allow_high_fee: bool) -> Outcome<Value> {
    let verdicts = context.remote()?.call("testmempoolaccept", json!([[payment], most(allow_high_fee)]))?;
    Ok(output::items(&verdicts).first().cloned().unwrap_or(Value::Null))
}

/// Payments by id, payee and amount.
fn named(context: &Context, payments: &[Value]) -> String {
    let amount = |of: &Value| units::amount(&context.spec().unit, output::number(of, "amount"));
    let payment = |one: &Value| {
        let payees = output::items(&one["payees"]);
        let whom = match payees {
            [] => "back to its payer".to_owned(),
            [payee] => format!("{} to {}", amount(payee), output::text(payee, "address")),
            [payee, rest @ ..] => {
                let more = units::count(rest.len() as u64, "more payee");
                format!("{} to {} and {more}", amount(one), output::text(payee, "address"))
            }
        };
        format!("{} ({whom})", output::text(one, "txid"))
    };
    let mut names: Vec<String> = payments.iter().take(MAX_NAMED).map(payment).collect();
    if let Some(more @ 1..) = payments.len().checked_sub(MAX_NAMED) {
        names.push(format!("{more} more (--json names them)"));
    }
    names.join(", ")
}
