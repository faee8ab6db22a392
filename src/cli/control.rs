//! `wait`, `mine`, `stop`: commands that scripts send to a running node.

use std::{process::Command, time::Duration};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    context::Context,
    datadir,
    exit::{Exit, Failure, Outcome},
    output,
    remote::Remote,
    units,
};
use crate::{base::limits::STOP_TIMEOUT, rpc::client::Deadline, wallet::keys::Keys};

/// How long `wait` gives a node that is only just being started to take its lock.
const WAIT_GRACE: Duration = Duration::from_secs(1);

/// Time between two attempts to find a node that has not started yet.
const RETRY_INTERVAL: Duration = Duration::from_millis(25);
/// Most blocks in one call, so that a call stays short.
const MINE_BATCH: u32 = 500;
/// Most blocks of one command: their hashes are printed together at its end.
const MOST_MINED: u32 = 10_000;
/// Time limit of one `mine` call; enough for a slow host.
const MINE_TIMEOUT: Duration = Duration::from_secs(120);

/// `tussock wait`
#[derive(Args, Debug)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Exit code 6 if the time runs out, 3 if no node runs.

Examples:
  tussock wait ready --timeout 10
  tussock wait height 100"
)]
pub struct WaitArgs {
    #[command(subcommand)]
    condition: Condition,
    /// How long to wait: seconds, or a number with ms, s, m or h
    #[arg(long, global = true, value_name = "S", default_value = "60", value_parser = units::parse_duration)]
    timeout: Duration,
}

#[derive(Subcommand, Debug)]
enum Condition {
    /// Until the node answers; also waits for a node that has not started yet
    #[command(after_help = "\
It may have no peer, or be far behind: wait synced is what GET /readyz says.

Example:
  tussock wait ready --timeout 10")]
    Ready,
    /// Until the ledger has this height
    #[command(allow_negative_numbers = true, after_help = "Example:\n  tussock wait height 100")]
    Height {
        /// The height
        height: u32,
    },
    /// Until the node has this many peers
    #[command(allow_negative_numbers = true, after_help = "Example:\n  tussock wait peers 3")]
    Peers {
        /// Number of peers, inbound and outbound
        count: u32,
    },
    /// Until a transaction is in a block
    #[command(after_help = "Example:\n  tussock wait tx 5f2a91c0… --confirmations 3")]
    Tx {
        /// The transaction's id, or its first digits if the node knows it
        id: String,
        /// Number of blocks, the transaction's own included
        #[arg(long, default_value_t = 1, value_name = "N")]
        confirmations: u32,
    },
    /// Until a transaction is in a block that nothing undoes; on chains that authorities seal
    #[command(after_help = "Example:\n  tussock wait final 5f2a91c0…")]
    Final {
        /// The transaction's id, or its first digits if the node knows it
        id: String,
    },
    /// Until no peer has a better chain and every block is applied: GET /readyz
    #[command(after_help = "Example:\n  tussock wait synced")]
    Synced,
}

impl Condition {
    /// The condition for the node, and a phrase for messages.
    fn describe(&self) -> (Value, String) {
        match self {
            Self::Ready => (json!({ "kind": "ready" }), "ready".to_owned()),
            Self::Height { height } => (json!({ "kind": "height", "value": height }), format!("height {height}")),
            Self::Peers { count } => {
                (json!({ "kind": "peers", "value": count }), units::count(u64::from(*count), "peer"))
            }
            Self::Tx { id, confirmations } => tx_condition(id, *confirmations),
            Self::Final { id } => (json!({ "kind": "final", "value": id }), format!("{id} final")),
            Self::Synced => (json!({ "kind": "synced" }), "synced".to_owned()),
        }
    }
}

/// The condition that a transaction has this many confirmations, and a phrase for messages.
pub fn tx_condition(id: &str, confirmations: u32) -> (Value, String) {
    let condition = json!({ "kind": "tx", "value": id, "confirmations": confirmations });
    (condition, format!("{} of {id}", units::count(u64::from(confirmations), "confirmation")))
}

/// Runs `wait`.
pub fn wait(context: &Context, arguments: &WaitArgs) -> Outcome {
    let (deadline, grace) = (Deadline::after(arguments.timeout), Deadline::after(WAIT_GRACE));
    let (mut condition, phrase) = arguments.condition.describe();
    let remote = loop {
        let context = context.reload()?;
        match context.remote() {
            // A node that is starting has no endpoints yet, perhaps not even a lock.
            Err(failure) if failure.exit == Exit::Unreachable || failure.exit == Exit::Unauthorised => {
                let starts = datadir::holder(&context.folder())?.is_some();
                let may_come = matches!(arguments.condition, Condition::Ready) || starts;
                if !(may_come || grace.pause(RETRY_INTERVAL)) || !deadline.pause(RETRY_INTERVAL) {
                    return Err(failure);
                }
            }
            result => break result?.until(deadline),
        }
    };
    if let Condition::Tx { id, .. } | Condition::Final { id } = &arguments.condition
        && id.len() < 64
    {
        let tx = remote.call("tx", json!([id]))?;
        condition["value"] = tx["id"].clone();
    }
    let answer = match remote.wait(&condition, deadline) {
        // The node has stopped, or the files were those of a killed node.
        Err(failure)
            if failure.exit == Exit::Unreachable
                && matches!(arguments.condition, Condition::Ready)
                && deadline.pause(RETRY_INTERVAL) =>
        {
            return wait(context, &WaitArgs { condition: Condition::Ready, timeout: deadline.left() });
        }
        answer => answer?,
    };
    match answer {
        Ok(answer) => context.print(&answer, |_| String::new()),
        Err(facts) => {
            if context.json {
                output::json(&facts)?;
            }
            Err(undone(&facts).unwrap_or_else(|| {
                let text = not_in_time(&phrase, arguments.timeout, &facts);
                // The reason is the first of them that keeps the node from its work.
                let hindrance = context
                    .remote()
                    .ok()
                    .and_then(|remote| first_hindrance(&remote))
                    .filter(|hindrance| !text.contains(hindrance));
                let hindrance = hindrance.map_or_else(String::new, |text| format!("; {text}"));
                Failure::new(Exit::TimedOut, format!("{text}{hindrance}"))
            }))
        }
    }
}

/// The failure of a wait for a payment that a reorganisation undid, or that was replaced, if another took its place.
pub fn undone(facts: &Value) -> Option<Failure> {
    let [id, rival] = ["id", "conflicts_with"].map(|key| output::text(facts, key));
    let text = match facts["replaced"].as_bool() {
        Some(true) => {
            format!("{rival} took the place of {id}: it spends one of its coins and pays more; wait for that")
        }
        _ => format!(
            "a reorganisation undid {id}: {rival} is confirmed and spends one of its coins; pay again if it is due"
        ),
    };
    (!rival.is_empty()).then(|| Failure::new(Exit::Rejected, text))
}

/// What hinders the node, if it says so.
pub fn first_hindrance(remote: &Remote) -> Option<String> {
    let status = remote.call("status", json!([])).ok()?;
    output::items(&status["hindrances"]).first().map(|one| output::text(one, "text"))
}

/// The condition that did not hold in time, and the node's state instead.
fn not_in_time(phrase: &str, time: Duration, facts: &Value) -> String {
    let [state, height, reason] = ["state", "height", "reason"].map(|key| output::text(facts, key));
    let seconds = time.as_secs_f64();
    let transaction = match output::text(facts, "status").as_str() {
        "confirmed" if facts["final"] == json!(false) => ", the transaction in a block that is not final".to_owned(),
        "" | "confirmed" => String::new(),
        "mempool" => ", the transaction in the mempool".to_owned(),
        "orphaned" => ", the transaction undone by a reorganisation".to_owned(),
        _ => ", the transaction unknown".to_owned(),
    };
    format!("{phrase}: not within {seconds} s; the node is {state} at height {height}{transaction} ({reason})")
}

/// `tussock mine`
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true, after_help = "Examples:\n  tussock mine 5\n  tussock mine 1 --to alice")]
pub struct MineArgs {
    /// Number of blocks, at most 10000
    #[arg(value_name = "N", default_value_t = 1)]
    blocks: u32,
    /// Pay the rewards to this address or key [default: the node's --mine address, else dev0]
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
}

/// Runs `mine`.
pub fn mine(context: &Context, arguments: &MineArgs) -> Outcome {
    if !context.spec().test {
        let chain = &context.spec().name;
        return Err(Failure::usage(format!("mine works only on test chains (local, dev): this is {chain}")));
    }
    if arguments.blocks > MOST_MINED {
        let asked = arguments.blocks;
        return Err(Failure::usage(format!("mine makes at most {MOST_MINED} blocks at once: {asked} are too many")));
    }
    let folder = context.folder();
    let mut params = vec![json!(arguments.blocks)];
    if let Some(to) = &arguments.to {
        let address = Keys::new(&folder, context.spec()).address(to)?;
        params.push(json!(context.show(&address)));
    }
    let remote = context.remote()?;
    let mut hashes = Vec::new();
    let mut left = arguments.blocks;
    while left > 0 {
        let now = left.min(MINE_BATCH);
        params[0] = json!(now);
        let made = remote.call_within("mine", json!(params), MINE_TIMEOUT)?;
        hashes.extend_from_slice(output::items(&made));
        left -= now;
    }
    let hashes = Value::Array(hashes);
    context
        .print(&hashes, |hashes| output::items(hashes).iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"))
}

/// `tussock stop`
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  tussock stop -d /tmp/tussock-a")]
pub struct StopArgs {
    /// How long to wait for the end of the node
    #[arg(long, value_name = "S", default_value = "30", value_parser = units::parse_duration)]
    timeout: Duration,
}

/// Runs `stop`: returns when the node has released its data directory.
pub fn stop(context: &Context, arguments: &StopArgs) -> Outcome {
    let folder = context.folder();
    let pid = datadir::holder(&folder)?.map(|holder| holder.pid);
    match (context.remote(), pid) {
        (Ok(remote), _) => {
            remote.until(Deadline::after(arguments.timeout)).call("stop", json!([]))?;
        }
        // A node without HTTP, or one that is starting, gets a signal.
        (Err(failure), Some(pid)) if failure.exit == Exit::Unreachable && pid > 1 => terminate(pid)?,
        (Err(failure), _) => return Err(failure),
    }
    let deadline = Deadline::after(arguments.timeout.max(STOP_TIMEOUT));
    if !datadir::wait_released(&folder, deadline)? {
        let pid = pid.unwrap_or_default();
        return Err(Failure::new(Exit::TimedOut, format!("the node has not stopped: pid {pid}: {}", folder.display())));
    }
    context.print(&json!({ "stopped": true, "pid": pid }), |_| "stopped".to_owned())
}

/// Sends SIGTERM with the `kill` command, because the system call needs unsafe code.
fn terminate(pid: u32) -> Outcome {
    let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status();
    match sent {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::new(Exit::Unreachable, format!("cannot signal the node: pid {pid}; stop it as its user"))),
    }
}
