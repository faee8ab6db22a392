//! `status`, `mempool`, `tips`: the state of the node.

use std::{
    cell::Cell,
    io::Write,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::Context,
    datadir,
    exit::{Exit, Outcome},
    output::{self, Rows, number, short, text},
    progress::{Pace, percent},
    units,
};
use crate::{chain::seal::CONTINUED_VIEWS, rpc::client::Deadline};

/// Time between two redraws.
const REDRAW: Duration = Duration::from_secs(1);

/// Flags of commands that can redraw.
#[derive(Args, Debug)]
pub struct WatchFlags {
    /// Redraw every second until interrupted
    #[arg(short, long)]
    pub watch: bool,
}

/// Calls `show` once, or every second with `--watch`.
pub fn watch(flags: &WatchFlags, show: impl Fn() -> Outcome) -> Outcome {
    if !flags.watch {
        return show();
    }
    loop {
        clear_screen();
        match show() {
            // The node may be restarting.
            Err(failure) if failure.exit == Exit::Unreachable => output::note(&failure.message),
            outcome => outcome?,
        }
        Deadline::after(REDRAW).pause(REDRAW);
    }
}

fn clear_screen() {
    use std::io::IsTerminal;
    let mut out = std::io::stdout().lock();
    if out.is_terminal() {
        // Cursor home, then erase. The next print reports a closed output.
        drop(out.write_all(b"\x1b[H\x1b[2J"));
    }
}

/// `tussock status`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tussock status\n  tussock status --watch\n  tussock status --json")]
pub struct StatusArgs {
    #[command(flatten)]
    watch: WatchFlags,
}

/// Runs `status`.
pub fn run(context: &Context, arguments: &StatusArgs) -> Outcome {
    let pace = Cell::new(None);
    watch(&arguments.watch, || {
        let status = match context.remote() {
            Ok(remote) => remote.call("status", json!([]))?,
            Err(failure) if failure.exit == Exit::Unreachable => super::offline::status(context, failure)?,
            Err(failure) => return Err(failure),
        };
        context.print(&status, |status| status_text(context, status, &pace))
    })
}

/// `pace` is the measurement since the first call, for `--watch`.
fn status_text(context: &Context, status: &Value, pace: &Cell<Option<Pace>>) -> String {
    let (height, headers) = (number(status, "height"), number(status, "headers"));
    let (peers, mempool, mining) = (&status["peers"], &status["mempool"], &status["mining"]);
    let stopped = text(status, "state") == "stopped";
    let kept_from = number(status, "kept_from");
    let running = |text: String| if stopped { String::new() } else { text };
    let mut state = text(status, "state");
    // A synced node is a block behind for a moment, whenever one arrives.
    if headers > height && height > 0 && state != "synced" {
        let now = Instant::now();
        let since = pace.get().unwrap_or_else(|| Pace::begin(now, height));
        pace.set(Some(since));
        state.push_str(&format!("  {}", bar(height, headers)));
        if let Some(words) = since.words(now, height, headers) {
            state.push_str(&format!("  {words}"));
        }
    }
    let offset = status["clock_offset_s"].as_i64().unwrap_or_default();
    let reason = text(status, "reason");
    if !reason.is_empty() {
        state.push_str(&format!("  ({reason})"));
    }
    let tip_age = tip_age(status, height, offset);
    let warnings = output::items(&status["warnings"]).iter();
    let warnings = warnings.map(|warning| warning.as_str().map_or_else(|| warning.to_string(), str::to_owned));
    // One on each line, the first beside the word.
    let warnings = warnings.enumerate().map(|(at, text)| (if at == 0 { "warnings" } else { "" }, text));
    let rate = match mining["enabled"].as_bool() {
        Some(true) => format!("{} hashes/s", units::grouped(number(mining, "hashes_per_second"))),
        _ => waits(status).unwrap_or_else(|| "off".to_owned()),
    };
    let page = datadir::read_endpoints(&context.folder()).and_then(|endpoints| endpoints.http);
    let page = page.map_or_else(String::new, |http| format!("http://{http}/"));
    let rows = [
        ("state", state),
        ("chain", format!("{}  genesis {}", text(status, "chain"), short(status, "genesis"))),
        ("height", format!("{}  tip {}  {tip_age}", units::grouped(height), short(status, "tip"))),
        ("headers", if headers > height { units::grouped(headers) } else { String::new() }),
        ("joining", if status["joining"] == true { super::offline::joining_text(headers) } else { String::new() }),
        ("vouched", vouched(status)),
        ("history", history(status)),
        ("kept", if kept_from > 1 { format!("blocks from {} on", units::grouped(kept_from)) } else { String::new() }),
        ("clock", if offset == 0 { String::new() } else { super::dev::clock_offset(offset) }),
        ("peers", running(format!("{} in, {} out", number(peers, "inbound"), number(peers, "outbound")))),
        (
            "mempool",
            running(format!("{} transactions, {}", number(mempool, "count"), units::bytes(number(mempool, "bytes")))),
        ),
        ("mining", if status["final"].is_null() { running(rate) } else { String::new() }),
        ("final", final_block(status)),
        ("sealing", sealing(status)),
        ("page", running(page)),
        ("id", text(status, "node_id")),
        (
            "process",
            running(format!(
                "up {}, {} resident, version {}",
                units::age(number(status, "uptime_s")),
                units::bytes(number(status, "rss_bytes")),
                text(status, "version")
            )),
        ),
        ("advice", first_node_advice(status)),
        ("folder", context.folder().display().to_string()),
    ];
    output::facts(&rows.into_iter().chain(warnings).collect::<Vec<_>>())
}

/// How old the tip is by the node's clock, which may be set off this host's.
fn tip_age(status: &Value, height: u64, offset: i64) -> String {
    let now = units::unix_now().saturating_add_signed(offset);
    match height {
        0 => "genesis".to_owned(),
        _ => format!("{} ago", units::age(now.saturating_sub(number(status, "tip_time")))),
    }
}

/// What was verified here, and what vouches for the rest.
fn vouched(status: &Value) -> String {
    let vouched = &status["vouched"];
    if vouched.is_null() {
        return String::new();
    }
    let (height, above) = (number(vouched, "height"), number(vouched, "above"));
    let by = match text(vouched, "by").as_str() {
        "seals" => "by seals".to_owned(),
        _ => format!("by work ({} blocks above when joined)", units::grouped(above)),
    };
    format!("coins up to block {} {by}; verified here from {}", units::grouped(height), units::grouped(height + 1))
}

/// How far the blocks before the snapshot are verified.
fn history(status: &Value) -> String {
    let history = &status["history"];
    if history["goal"].is_null() {
        return String::new();
    }
    let (verified, goal) = (number(history, "verified_below"), number(history, "goal"));
    match verified < goal {
        true => format!("verified {} of {} blocks before", units::grouped(verified), units::grouped(goal)),
        false => "all blocks verified; moving them into the ledger".to_owned(),
    }
}

/// The last final block of a sealed chain.
fn final_block(status: &Value) -> String {
    let last = &status["final"];
    if last.is_null() {
        return String::new();
    }
    let age = units::age(units::unix_now().saturating_sub(number(last, "since")));
    format!("{}  block {}  since {age}", units::grouped(number(last, "height")), short(last, "hash"))
}

/// Who seals, and who is not heard.
fn sealing(status: &Value) -> String {
    let sealing = &status["sealing"];
    if sealing.is_null() {
        return String::new();
    }
    let authorities = output::items(&status["authorities"]);
    let unheard = |(at, one): (usize, &Value)| {
        one["seen"].is_null().then(|| format!("{at} (key {}…)", text(one, "key").get(..8).unwrap_or_default()))
    };
    let unheard: Vec<String> = authorities.iter().enumerate().filter_map(unheard).collect();
    let unheard = match unheard.len() {
        0 => String::new(),
        _ => format!(", not heard of: {}", unheard.join(", ")),
    };
    let own = sealing["own"].as_u64().map_or("only follows".to_owned(), |own| format!("is number {own}"));
    let lying = match number(sealing, "lying") {
        0 => String::new(),
        count => format!(", {count} provably lied"),
    };
    // What is above tells how often others have continued, in a number that says nothing to people.
    let (view, count) = (number(sealing, "view") % CONTINUED_VIEWS, authorities.len());
    let all = if count == 1 { "1 authority".to_owned() } else { format!("{count} authorities") };
    let until = match sealing["until"].as_u64() {
        Some(height) => {
            // By it operators see whether their files are the same.
            let next = &sealing["next"];
            let set = text(next, "hash").get(..8).unwrap_or_default().to_owned();
            format!(", which seal until block {height}, then set {set}… of {}", number(next, "authorities"))
        }
        None => String::new(),
    };
    format!("view {view}, {all}{until}; this node {own}{unheard}{lying}")
}

/// What a newcomer with a network's first node, or its only one, may want to know.
fn first_node_advice(status: &Value) -> String {
    let peers = number(&status["peers"], "inbound") + number(&status["peers"], "outbound");
    // A node that knows others is not the first one; the reason and a warning say why it has none of them.
    let knows_others =
        |one: &Value| matches!(text(one, "id").as_str(), "dial_failing" | "name_unresolved" | "all_denied");
    if peers > 0
        || status["names_others"] == json!(true)
        || output::items(&status["hindrances"]).iter().any(knows_others)
    {
        return String::new();
    }
    match text(status, "state").as_str() {
        "connecting" | "isolated" if number(status, "height") == 0 => {
            "no peer yet; the first node of a network needs --is-bootnode".to_owned()
        }
        "connecting" | "isolated" => {
            "no peer now; name a second one with --connect (the first node of a network needs --is-bootnode)".to_owned()
        }
        "synced" if status["test_chain"] == json!(true) && status["final"].is_null() && number(status, "height") == 0 => {
            "a network of one node: tussock mine 5 makes blocks, tussock peers add IP:PORT joins other nodes, tussock genesis \
             new makes a network of your own"
                .to_owned()
        }
        _ => String::new(),
    }
}

/// What a miner waits for, if it waits.
fn waits(status: &Value) -> Option<String> {
    let waits = output::items(&status["hindrances"]).iter().find(|one| one["id"] == "mining_waits")?;
    text(waits, "text").strip_prefix("mining ").map(str::to_owned)
}

/// A bar of twenty cells and whole percent, rounded down: full only at the end.
fn bar(done: u64, all: u64) -> String {
    let percent = percent(done, all);
    let cells = usize::try_from(percent / 5).unwrap_or(20);
    format!("{}{} {percent}%", "▒".repeat(cells), "░".repeat(20 - cells))
}

/// `tussock mempool`
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  tussock mempool\n  tussock mempool --limit 5 --json")]
pub struct MempoolArgs {
    /// Maximum number of transactions, the highest fee rate first
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u64,
    #[command(flatten)]
    watch: WatchFlags,
}

/// Runs `mempool`.
pub fn mempool(context: &Context, arguments: &MempoolArgs) -> Outcome {
    watch(&arguments.watch, || {
        let pool = context.remote()?.call("mempool", json!([arguments.limit]))?;
        context.print(&pool, |pool| {
            let mut rows = Rows::new(&["~id", ">bytes", ">fee", ">age"]);
            for entry in output::items(&pool["transactions"]) {
                let age = units::age(number(entry, "age_s"));
                rows.row([text(entry, "id"), text(entry, "size"), context.amount(entry, "fee"), age]);
            }
            rows.text("the mempool is empty")
        })
    })
}

/// `tussock tips`
#[derive(Args, Debug)]
#[command(after_help = "\
A branch that is set-aside breaks no rule: an operator of this test chain wants
that it does not count (tussock dev revert, or invalidateblock over RPC).

Example:
  tussock tips --json")]
pub struct TipsArgs {
    #[command(flatten)]
    watch: WatchFlags,
}

/// Runs `tips`.
pub fn tips(context: &Context, arguments: &TipsArgs) -> Outcome {
    watch(&arguments.watch, || {
        let tips = context.remote()?.call("tips", json!([]))?;
        context.print(&tips, |tips| {
            let mut rows = Rows::new(&[">height", "~hash", ">branch", "status"]);
            for tip in output::items(tips) {
                let status = if tip["set_aside"] == json!(true) { "set-aside".to_owned() } else { text(tip, "status") };
                let [height, hash, length] = ["height", "hash", "branch_length"].map(|key| text(tip, key));
                rows.row([height, hash, length, status]);
            }
            rows.text("no tips")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomers_are_told_what_a_lone_node_can_do_and_nobody_is_sent_the_wrong_way() {
        let advice = |state: &str, height: u64, peers: u64, hindrance: &str| {
            first_node_advice(&json!({
                "state": state, "height": height, "test_chain": true, "peers": { "inbound": peers, "outbound": 0 },
                "hindrances": [{ "id": hindrance }], "names_others": hindrance == "names",
            }))
        };
        assert!(advice("synced", 0, 0, "").contains("tussock mine"));
        assert!(advice("isolated", 0, 0, "alone").starts_with("no peer yet; the first node"));
        assert!(advice("isolated", 67, 0, "alone").starts_with("no peer now; name a second one with --connect"));
        for nothing in [
            advice("synced", 5, 0, ""),
            advice("synced", 0, 1, ""),
            advice("isolated", 0, 0, "dial_failing"),
            advice("connecting", 0, 0, "names"),
            advice("stopped", 0, 0, ""),
        ] {
            assert_eq!(nothing, "");
        }
    }

    #[test]
    fn views_of_those_who_continued_a_chain_are_counted_from_where_they_did() {
        let shown = |view: u64| sealing(&json!({ "sealing": { "view": view, "own": 0 }, "authorities": [] }));
        assert!(shown(377).starts_with("view 377, ") && shown((1 << 32) + 377).starts_with("view 377, "));
    }

    #[test]
    fn the_bar_is_full_only_at_the_end() {
        assert!(bar(41_876, 41_877).ends_with("░ 99%"));
        assert_eq!(bar(5, 5), format!("{} 100%", "▒".repeat(20)));
        assert!(bar(0, 7).ends_with(" 0%"));
    }
}
