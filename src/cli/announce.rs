//! The message of a node that is ready: a banner on a terminal, a line in a pipe, JSON with `--json`.

use std::io::{self, IsTerminal};

use serde_json::{Value, json};

use super::{context::Context, datadir::Endpoints, exit::Outcome, output, units};
use crate::{
    base::hash::hex,
    chain::{key::SecretKey, spec::ChainSpec},
};

/// Said of these accounts.
const KNOWN_TO_ALL: &str = "everybody has these keys: use them on no other chain";

/// Prints that the node is ready, and a command to go on with. Of a `dev` node, also so many accounts.
pub fn ready(context: &Context, endpoints: &Endpoints, accounts: u32) -> Outcome {
    let facts = facts(context, endpoints, accounts);
    if context.json {
        return output::line(&facts.to_string());
    }
    let text = if io::stdout().is_terminal() { banner(&facts) } else { line(&facts) };
    output::line(&text)
}

fn facts(context: &Context, endpoints: &Endpoints, count: u32) -> Value {
    let settings = &context.settings;
    let (accounts, dev) = (accounts(&settings.spec, count), count > 0);
    let command = if dev { "send dev1 250000 --from dev0" } else { "status" };
    json!({
        "version": env!("CARGO_PKG_VERSION"), "pid": endpoints.pid, "chain": endpoints.chain,
        "genesis": endpoints.genesis, "p2p": endpoints.p2p, "listen": endpoints.listen, "http": endpoints.http,
        "data_dir": settings.data_dir.display().to_string(), "accounts": accounts,
        "mining": dev || settings.node.mine.is_some(), "next": format!("tussock {command}{}", settings.flags()),
    })
}

/// The first funded accounts with publicly known keys. A secret is in the form that `tussock key import` takes.
fn accounts(spec: &ChainSpec, count: u32) -> Vec<Value> {
    let outputs = &spec.genesis.transactions[0].transaction.outputs;
    let account = |number: u32| {
        let key = SecretKey::well_known(number);
        let address = key.address();
        let amount: u64 = outputs.iter().filter(|output| output.address == address).map(|output| output.amount).sum();
        json!({
            "name": format!("dev{number}"), "address": address.to_text(&spec.prefix), "amount": amount,
            "secret": hex(&key.seed()),
        })
    };
    (0..count).map(account).collect()
}

/// For a terminal.
fn banner(facts: &Value) -> String {
    let text = |key: &str| output::text(facts, key);
    let mut lines = vec![format!("tussock {}  pid {}", text("version"), text("pid"))];
    for account in output::items(&facts["accounts"]) {
        let amount = units::grouped(output::number(account, "amount"));
        lines.push(format!("  {}  {}  {amount}", output::text(account, "name"), output::text(account, "address")));
    }
    let accounts = output::items(&facts["accounts"]);
    if !accounts.is_empty() {
        lines.push("secret keys, for tussock key import:".to_owned());
        let secret = |account| format!("  {}  {}", output::text(account, "name"), output::text(account, "secret"));
        lines.extend(accounts.iter().map(secret));
        lines.push(KNOWN_TO_ALL.to_owned());
    }
    let http = text("http");
    let http = if http.is_empty() { "off".to_owned() } else { format!("http://{http}/") };
    let rows = [
        ("chain", format!("{}  genesis {}", text("chain"), output::short(facts, "genesis"))),
        ("data", text("data_dir")),
        ("peers", listen(facts, "  ").unwrap_or_else(|| text("p2p"))),
        ("http", http),
        ("mining", if facts["mining"] == json!(true) { "on".to_owned() } else { "off".to_owned() }),
        ("next", text("next")),
    ];
    lines.push(output::facts(&rows));
    lines.join("\n")
}

/// All addresses for peers, if there are several.
fn listen(facts: &Value, separator: &str) -> Option<String> {
    let all: Vec<&str> = output::items(&facts["listen"]).iter().filter_map(Value::as_str).collect();
    (all.len() > 1).then(|| all.join(separator))
}

/// For a pipe: one line; on the `dev` chain also a line for each account, and the command to go on with.
fn line(facts: &Value) -> String {
    let text = |key: &str| output::text(facts, key);
    let mut line = format!(
        "ready chain={} p2p={} http={}{} pid={} data_dir={}",
        text("chain"),
        text("p2p"),
        if facts["http"].is_null() { "off".to_owned() } else { text("http") },
        listen(facts, ",").map(|all| format!(" listen={all}")).unwrap_or_default(),
        text("pid"),
        text("data_dir")
    );
    for account in output::items(&facts["accounts"]) {
        let [name, address, amount, secret] =
            ["name", "address", "amount", "secret"].map(|key| output::text(account, key));
        line.push_str(&format!("\naccount {name} {address} {amount} {secret}"));
    }
    if !output::items(&facts["accounts"]).is_empty() {
        line.push_str(&format!("\nwarning {KNOWN_TO_ALL}\nnext {}", text("next")));
    }
    line
}
