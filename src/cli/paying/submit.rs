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
    let mut verdict = verdict(context, payment, allow_high_fee)?;
    let mut refusal = None;
    // Between the two questions another payment may come; then the node refuses this one, and says what is in its way when
    // asked again.
    if standing(context, &verdict, replace).is_none() {
        let sent = context.remote()?.call("sendrawtransaction", json!([payment, most(allow_high_fee), replace]));
        match sent.map_err(with_flag) {
            Err(failure) if failure.exit == Exit::Rejected => {
                verdict = self::verdict(context, payment, allow_high_fee)?;
                refusal = Some(failure);
            }
            sent => drop(sent?),
        }
    }
    let rivals = output::items(&verdict["conflicts"]);
    let id = output::text(&verdict, "txid");
    let mut facts = json!({ "id": id, "txid": id, "status": "mempool" });
    if !rivals.is_empty() {
        facts["conflicts"] = verdict["conflicts"].clone();
    }
    let print = |facts: &Value| context.print(facts, |facts| output::text(facts, "id"));
    match (standing(context, &verdict, replace), refusal) {
        (Some(Standing::Known(status)), _) => {
            output::hint(&format!("it is in {} already", if status == "mempool" { "the mempool" } else { "a block" }));
            facts["status"] = json!(status);
            print(&facts)
        }
        (Some(Standing::Conflict(message)), _) => {
            if context.json {
                facts["status"] = json!("conflict");
                output::json(&facts)?;
            }
            Err(with_flag(Failure::new(Exit::Rejected, message)))
        }
        (None, Some(failure)) => Err(failure),
        (None, None) => {
            if !rivals.is_empty() {
                output::note(&format!("it took the place of {}", named(context, rivals)));
            }
            print(&facts)
        }
    }
}

/// Why a payment is not to be handed in.
enum Standing {
    /// It is there: in the mempool, or confirmed.
    Known(&'static str),
    /// Others are in its way; what to say of them.
    Conflict(String),
}

/// What the node's verdict means for who would hand the payment in.
fn standing(context: &Context, verdict: &Value, replace: bool) -> Option<Standing> {
    match verdict["reject-word"].as_str() {
        Some(Refusal::KNOWN) => return Some(Standing::Known("mempool")),
        Some(Refusal::CONFIRMED) => return Some(Standing::Known("confirmed")),
        _ => {}
    }
    let rivals = output::items(&verdict["conflicts"]);
    let is_allowed = verdict["allowed"] == true;
    if rivals.is_empty() || is_allowed && replace {
        return None;
    }
    let rivals = named(context, rivals);
    Some(Standing::Conflict(match is_allowed {
        true => format!("it would take the place of {rivals}; if that is meant, add --replace"),
        false => format!("{}; in its way: {rivals}", output::text(verdict, "reject-reason")),
    }))
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
