//! `block`, `tx`, `balance`, `history`: the content of the ledger.

use std::collections::BTreeMap;

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::Context,
    exit::{Exit, Outcome},
    output::{self, Rows, number, text},
    remote::Remote,
    terminal, units,
};
use crate::{
    chain::{seal::CONTINUED_VIEWS, spec::Unit},
    wallet::keys::Keys,
};

/// Blocks by which the index may be behind before a history says so: so many gather before they are indexed.
const INDEX_LAG: u64 = 16;

/// `tussock block`
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true, after_help = "Examples:\n  tussock block tip\n  tussock block 812 --json")]
pub struct BlockArgs {
    /// A height, a hash or its first digits (at least 6), or `tip`
    #[arg(value_name = "ID", default_value = "tip")]
    id: String,
}

/// Runs `block`.
pub fn block(context: &Context, arguments: &BlockArgs) -> Outcome {
    let block = context.remote()?.call("block", json!([arguments.id]))?;
    context.print(&block, |block| {
        let transactions = output::items(&block["txs"]);
        let place = match block["in_best_chain"].as_bool() {
            Some(false) => "not in the best chain".to_owned(),
            _ if number(block, "confirmations") == 0 => "no coins yet: nothing is confirmed".to_owned(),
            _ => units::count(number(block, "confirmations"), "confirmation"),
        };
        let rows = [
            ("hash", text(block, "hash")),
            ("height", format!("{}  ({place})", number(block, "height"))),
            ("previous", text(block, "previous")),
            ("time", units::utc(number(block, "time"))),
            ("merkle_root", text(block, "merkle_root")),
            ("state_digest", text(block, "state_digest")),
            ("target", text(block, "target")),
            ("nonce", text(block, "nonce")),
            ("work", if block["seal"].is_object() { String::new() } else { work(block) }),
            ("view", seal(&block["seal"])),
            ("final", is_final(block)),
            ("size", block["size"].as_u64().map_or_else(|| "only the header is here".to_owned(), units::bytes)),
            ("txs", if block["size"].is_null() { String::new() } else { transactions.len().to_string() }),
        ];
        let width = terminal::width();
        let ids = transactions.iter().filter_map(Value::as_str);
        let ids = ids.map(|id| format!("\n{}", terminal::fit(&format!("  {id}"), width)));
        output::facts(&rows) + &ids.collect::<String>()
    })
}

fn work(block: &Value) -> String {
    format!("0x{}", text(block, "work").trim_start_matches('0'))
}

/// On sealed chains: the view, who proposed the block, and who notarised or finalized its parent.
fn seal(seal: &Value) -> String {
    if !seal.is_object() {
        return String::new();
    }
    let signers: Vec<String> = output::items(&seal["parent_signers"]).iter().map(Value::to_string).collect();
    let votes = if signers.is_empty() { "nobody".to_owned() } else { signers.join(", ") };
    let view = number(seal, "view") % CONTINUED_VIEWS;
    format!("{view}, proposed by {}; has the votes of {votes} for its parent", seal["proposer"])
}

/// On sealed chains: whether nothing can undo it.
fn is_final(one: &Value) -> String {
    one["final"].as_bool().map_or_else(String::new, |is| if is { "yes" } else { "not yet" }.to_owned())
}

/// Shows a transaction.
pub(super) fn tx(context: &Context, id: &str) -> Outcome {
    let tx = match context.remote()?.call("tx", json!([id])) {
        Err(failure) if failure.exit == Exit::NotFound && context.json => {
            output::json(&crate::rpc::render::unknown_transaction(id))?;
            return Err(failure);
        }
        result => result?,
    };
    context.print(&tx, |tx| transaction_text(context, tx))
}

fn transaction_text(context: &Context, tx: &Value) -> String {
    let confirmed = text(tx, "status") == "confirmed";
    let depth = units::count(number(tx, "confirmations"), "confirmation");
    let place = format!("{}  height {}, {depth}", text(tx, "block"), text(tx, "height"));
    let rows = [
        ("id", text(tx, "id")),
        ("status", text(tx, "status")),
        ("block", if confirmed { place } else { text(tx, "block") }),
        ("final", is_final(tx)),
        ("instead", text(tx, "conflicts_with")),
        ("doubt", text(tx, "doubt")),
        ("fee", context.amount(tx, "fee")),
        // Indented, so that no line of a memo looks like a fact.
        ("memo", text(tx, "memo").replace('\n', "\n        ")),
        ("size", units::bytes(number(tx, "size"))),
    ];
    let mut lines = output::facts(&rows);
    let mut table = |title: &str, list: &Value, source: fn(&Value) -> String| {
        let mut rows = Rows::new(&[&format!("~{title}"), ">amount", "~address"]);
        for item in output::items(list) {
            rows.row([source(item), context.amount(item, "amount"), text(item, "address")]);
        }
        lines.push_str(&format!("\n\n{}", rows.text(&format!("no {title}s"))));
    };
    table("input", &tx["inputs"], |input| format!("{}:{}", text(input, "txid"), text(input, "index")));
    table("output", &tx["outputs"], |_| String::new());
    lines
}

/// `tussock balance`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tussock balance dev0\n  tussock balance ltus1… --json")]
pub struct BalanceArgs {
    /// An address, or the name of a key or contact
    #[arg(value_name = "ADDRESS")]
    address: String,
}

/// Runs `balance`.
pub fn balance(context: &Context, arguments: &BalanceArgs) -> Outcome {
    let folder = context.folder();
    let address = context.show(&Keys::new(&folder, context.spec()).address(&arguments.address)?);
    let balance = context.remote()?.call("balance", json!([address]))?;
    context.print(&balance, |balance| {
        let mut rows = vec![("address", text(balance, "address"))];
        for key in ["confirmed", "spendable", "pending", "immature"] {
            let unit = &context.spec().unit;
            let amount = balance[key].as_u64().map(|amount| units::amount(unit, amount));
            rows.push((key, amount.unwrap_or_else(|| text(balance, key))));
        }
        rows.push(("coins", text(balance, "coins")));
        output::facts(&rows)
    })
}

/// `tussock history`
#[derive(Args, Debug)]
#[command(after_help = "\
net: what the address has got by a payment, or lost, fee included.
with: who was paid or has paid, by the name of a key or contact if it has one.

--csv has all confirmed payments, unless there is a --limit: time, height, id,
received, sent, net, memo and counterparties, the addresses on the other side.
Received and sent are whole coins: change is in both.
Amounts are in base units, so that programs can add them up. A memo that a
spreadsheet would calculate gets an apostrophe.

Examples:
  tussock history dev0 --limit 10
  tussock history dev0 --csv > dev0.csv")]
pub struct HistoryArgs {
    /// An address, or the name of a key or contact
    #[arg(value_name = "ADDRESS")]
    address: String,
    /// Maximum number of entries, the newest first [default: 50]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// As comma-separated values (RFC 4180)
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Entries of a history in one page, with their memos.
const HISTORY_PAGE: u64 = 50;

/// Runs `history`.
pub fn history(context: &Context, arguments: &HistoryArgs) -> Outcome {
    let folder = context.folder();
    let keys = Keys::new(&folder, context.spec());
    let address = context.show(&keys.address(&arguments.address)?);
    let remote = context.remote()?;
    if arguments.csv {
        return history_csv(&remote, &address, arguments.limit.unwrap_or(u64::MAX));
    }
    let limit = arguments.limit.unwrap_or(HISTORY_PAGE);
    let history =
        remote.call("history", json!({ "address": address, "limit": limit, "memos": limit <= HISTORY_PAGE }))?;
    let known: BTreeMap<String, String> =
        keys.known().into_iter().map(|(address, name)| (context.show(&address), name)).collect();
    context.print(&history, |history| {
        let mut rows = Rows::new(&[">height", "~id", ">net", ">confirmations", "~with", "~memo"]);
        let pending = output::items(&history["pending"]).iter().map(|entry| (entry, "pending".to_owned()));
        let entries = output::items(&history["entries"]).iter().map(|entry| (entry, text(entry, "height")));
        for (entry, height) in pending.chain(entries) {
            let depth = entry["confirmations"].as_u64().unwrap_or(0).to_string();
            let (with, memo) = (with(entry, &known), memo(entry));
            rows.row([height, text(entry, "txid"), net(context, entry), depth, with, memo]);
        }
        rows.text("no payments to or from this address") + &reach(history)
    })
}

/// What an address has got by a transaction, or what it has lost: coins that come back to it count for neither.
fn net(context: &Context, entry: &Value) -> String {
    let (received, sent) = (number(entry, "received"), number(entry, "sent"));
    let unit = &context.spec().unit;
    let amount = match *unit == Unit::default() {
        true => received.abs_diff(sent).to_string(),
        false => units::amount(unit, received.abs_diff(sent)),
    };
    let sign = if received < sent { "-" } else { "+" };
    format!("{sign}{amount}")
}

/// The other side of a payment, by name if it has one here.
fn with(entry: &Value, known: &BTreeMap<String, String>) -> String {
    // Not told of long lists.
    let Some(parties) = entry["counterparties"].as_array() else { return String::new() };
    let names: Vec<&str> = parties.iter().filter_map(Value::as_str).collect();
    match names[..] {
        [] if number(entry, "sent") == 0 => "new coins".to_owned(),
        [] => "itself".to_owned(),
        _ => names.iter().map(|one| known.get(*one).map_or(*one, String::as_str)).collect::<Vec<_>>().join(", "),
    }
}

/// In one line: what a memo says must not look like a row. That of new coins is whatever their miner needed.
fn memo(entry: &Value) -> String {
    let is_new = number(entry, "sent") == 0 && entry["counterparties"] == json!([]);
    if is_new { String::new() } else { text(entry, "memo").replace('\n', " ") }
}

/// Which blocks a history lacks.
fn reach(history: &Value) -> String {
    let [from, height] = ["indexed_from", "height"].map(|key| number(history, key));
    let mut text = String::new();
    if from > 0 {
        text += &format!("\nThe index of this node begins at block {from}: older payments are not in it.");
    }
    match history["indexed"].as_u64() {
        Some(indexed) if indexed.saturating_add(INDEX_LAG) >= height => {}
        indexed => {
            let indexed = indexed.unwrap_or(0);
            text += &format!("\nThe index has blocks up to {indexed} of {height} so far: payments may be missing.");
        }
    }
    text
}

/// Prints an address's confirmed payments page by page.
fn history_csv(remote: &Remote, address: &str, mut left: u64) -> Outcome {
    const COLUMNS: [&str; 8] = ["time", "height", "id", "received", "sent", "net", "memo", "counterparties"];
    output::raw(output::csv_line(&COLUMNS.map(str::to_owned)).as_bytes())?;
    let (mut before, mut is_first) = (Value::Null, true);
    while left > 0 {
        let limit = left.min(HISTORY_PAGE);
        let page = json!({ "address": address, "limit": limit, "memos": true, "before": before });
        let page = remote.call("history", page)?;
        if is_first && !reach(&page).is_empty() {
            output::note(reach(&page).trim_start());
        }
        let line = |entry: &Value| {
            let time = entry["time"].as_u64().map_or_else(String::new, units::utc);
            let [height, id, received, sent, net, memo] =
                ["height", "txid", "received", "sent", "net", "memo"].map(|key| text(entry, key));
            let parties = output::items(&entry["counterparties"]).iter().filter_map(Value::as_str);
            let parties = parties.collect::<Vec<_>>().join(" ");
            output::csv_line(&[time, height, id, received, sent, net, output::no_formula(&memo), parties])
        };
        output::raw(output::items(&page["entries"]).iter().map(line).collect::<String>().as_bytes())?;
        (left, is_first) = (left - limit, false);
        before = page["next"].clone();
        if before.is_null() {
            break;
        }
    }
    Ok(())
}
