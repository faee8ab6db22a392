//! `prove`: writes a receipt.

use clap::Args;
use serde_json::{Value, json};

use crate::{
    chain::receipt::{Receipt, ReceiptFault},
    cli::{
        context::Context,
        exit::{Exit, Failure, Outcome},
        output,
        remote::Remote,
        units,
    },
};

/// `tussock prove`
#[derive(Args, Debug)]
#[command(after_help = "\
On a chain that authorities seal the block must be final, and the receipt alone
is enough for who has the chain's file. On a chain of proof of work it takes a
node or a file of headers to check it: see tussock check --help.

Examples:
  tussock prove 5f2a91c0… > receipt.json
  tussock prove 5f2a91c0… --output 1 > receipt.json")]
pub struct ProveArgs {
    /// The transaction's id, or its first digits (at least 6)
    #[arg(value_name = "TX")]
    id: String,
    /// The output that the receipt is about, by its position: it names payee and amount
    #[arg(long, value_name = "N")]
    output: Option<u32>,
}

/// Runs `prove`: the receipt goes to standard output, as JSON in one line.
pub fn run(context: &Context, arguments: &ProveArgs) -> Outcome {
    let receipt = fetch(context, &context.remote()?, &arguments.id, arguments.output)?;
    let text = text(&receipt)?;
    output::line(&text)?;
    let headers = units::count(receipt.headers.len() as u64 + 1, "header");
    output::hint(&format!("a receipt of {} with {headers}", units::bytes(text.len() as u64)));
    Ok(())
}

/// The receipt as a file has it.
pub(super) fn text(receipt: &Receipt) -> Outcome<String> {
    serde_json::to_string(receipt).map_err(|error| Failure::new(Exit::Internal, error.to_string()))
}

/// Has the node make a receipt, fetches all its headers, and checks it.
pub(super) fn fetch(context: &Context, remote: &Remote, id: &str, output: Option<u32>) -> Outcome<Receipt> {
    let answer = remote.call("prove", json!([id, output]))?;
    let unreadable = |what: &dyn std::fmt::Display| {
        Failure::new(Exit::Internal, format!("the node's receipt cannot be read: {what}; try again"))
    };
    let mut receipt: Receipt = serde_json::from_value(answer["receipt"].clone()).map_err(|error| unreadable(&error))?;
    let (mut next, mut missing) = (output::number(&answer, "next"), output::number(&answer, "missing"));
    while missing > 0 {
        let page = remote.call("headers", json!([next, missing.min(500)]))?;
        let page: Vec<String> = output::items(&page).iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let got = page.len() as u64;
        if got == 0 {
            return Err(Failure::reorganised());
        }
        receipt.headers.extend(page);
        (next, missing) = (next + got, missing.saturating_sub(got));
    }
    receipt.check(context.spec()).map_err(|fault| match fault {
        ReceiptFault::Unlinked => Failure::reorganised(),
        fault => unreadable(&fault),
    })?;
    Ok(receipt)
}
