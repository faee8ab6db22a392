//! `search`: finds payments by their memos, and says what a hash, height or address is.

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::Context,
    exit::{Exit, Failure, Outcome},
    output::{self, Rows, number, text},
    units,
};

/// `tussock search`
#[derive(Args, Debug)]
#[command(after_help = "\
Finds memos that have all words of TEXT, in any order and case, and memos whose
bytes are TEXT in hex. A word is letters and digits in a row, and never a part
of one; the first 16 of a memo count. Letters are the same however they are
composed, and ß is ss. The newest come first.

Examples:
  tussock search 'invoice 4711'
  tussock search 4711 --limit 100 --json
  tussock search --exact 'for lunch'")]
pub struct SearchArgs {
    /// Words, a memo's bytes in hex, a block's or transaction's hash, a height
    /// or an address
    #[arg(value_name = "TEXT|HASH")]
    text: String,
    /// Only memos that are TEXT as a whole
    #[arg(long)]
    exact: bool,
    /// Only memos before this place: what an earlier answer gave as next, or a height
    #[arg(long, value_name = "PLACE")]
    before: Option<String>,
    /// Maximum number of memos
    #[arg(long, value_name = "N", default_value_t = 25)]
    limit: u64,
}

/// Runs the command.
pub fn run(context: &Context, arguments: &SearchArgs) -> Outcome {
    let params = json!({
        "text": arguments.text, "exact": arguments.exact, "before": arguments.before, "limit": arguments.limit,
    });
    let found = context.remote()?.call("search", params)?;
    let nothing = found["kind"].is_null() && found["next"].is_null();
    if nothing && ["memos", "pending"].iter().all(|list| output::items(&found[list]).is_empty()) {
        if context.json {
            output::json(&found)?;
        }
        return Err(Failure::new(Exit::NotFound, format!("no memo, block, transaction or address{}", reach(&found))));
    }
    context.print(&found, |found| table(context, found))
}

fn table(context: &Context, found: &Value) -> String {
    let mut rows = Rows::new(&[">height", "~id", "~from", ">amount", "~to", "memo"]);
    for row in output::items(&found["pending"]).iter().chain(output::items(&found["memos"])) {
        let height = if row["height"].is_null() { "pending".to_owned() } else { text(row, "height") };
        let (amount, to) = payment(context, row);
        // One line each: what a memo says must not look like a row.
        let memo = text(row, "memo").replace('\n', " ");
        rows.row([height, text(row, "txid"), text(row, "from"), amount, to, memo]);
    }
    let mut lines = Vec::new();
    if !found["kind"].is_null() {
        lines.push(format!("{} {}", text(found, "kind"), text(found, "id")));
    }
    let memos = rows.text("");
    if !memos.is_empty() {
        lines.push(memos);
    }
    if !found["next"].is_null() {
        lines.push(format!("There may be more: --before {}", text(found, "next")));
    }
    let reach = reach(found);
    if !reach.is_empty() {
        lines.push(format!("Searched{reach}."));
    }
    lines.join("\n")
}

/// What a transaction pays others, and the first of them; what it pays its own payer, if it pays nobody else.
fn payment(context: &Context, row: &Value) -> (String, String) {
    let outputs = output::items(&row["outputs"]);
    let others: Vec<&Value> = outputs.iter().filter(|output| output["address"] != row["from"]).collect();
    let paid = if others.is_empty() { outputs.iter().take(1).collect() } else { others };
    let amount = paid.iter().fold(0, |sum: u64, output| sum.saturating_add(number(output, "amount")));
    (units::amount(&context.spec().unit, amount), paid.first().map_or_else(String::new, |one| text(one, "address")))
}

/// Which blocks were searched, if not all.
fn reach(found: &Value) -> String {
    let [from, height] = ["indexed_from", "height"].map(|key| number(found, key));
    let indexed = found["indexed"].as_u64().unwrap_or(0);
    match (from, indexed < height) {
        (0, false) => String::new(),
        (0, true) => format!(" in blocks up to {indexed} of {height}, as far as the index goes"),
        (from, _) => format!(" in blocks {from} to {indexed}, which this node has in its index"),
    }
}
