//! `events`, `log`: a running node's events and log level.

mod watched;

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::{
    context::Context,
    exit::{Failure, Outcome},
    output, units,
};
use crate::{cli::remote::RPC_WAIT_SLICE, rpc::client::Deadline};

/// `tussock events`
#[derive(Args, Debug)]
#[command(after_help = "\
Each line has seq, time and event: block, reorganisation, state, peers, mempool
or warnings. With --address or --tx, each is a payment's: seen, confirmed,
final, undone, replaced or dropped. --cursor keeps in a file up to where lines
were written, and goes on from there: none is missed, whatever was restarted.
Ends with the node (exit code 3); with --cursor, waits for the next one.

Examples:
  tussock events
  tussock events --since 0 --for 1s
  tussock events --address till --cursor till.cursor")]
pub struct EventsArgs {
    /// Begin after this number (seq) instead of now; 0: with the oldest event that the node remembers
    #[arg(long, value_name = "SEQ", conflicts_with_all = ["addresses", "transactions"])]
    since: Option<u64>,
    /// End after this time [default: never]
    #[arg(long = "for", value_name = "TIME", value_parser = units::parse_duration)]
    time: Option<Duration>,
    #[command(flatten)]
    watched: watched::WatchedFlags,
}

/// Runs `events`: prints each event as a line of JSON.
pub fn run(context: &Context, arguments: &EventsArgs) -> Outcome {
    let remote = context.remote()?;
    let deadline = Deadline::after(arguments.time.unwrap_or(Duration::MAX));
    if arguments.watched.is_given() {
        return watched::run(context, remote, &arguments.watched, deadline);
    }
    let mut since = arguments.since;
    loop {
        let slice = deadline.left().min(RPC_WAIT_SLICE);
        let question = json!({ "since": since, "timeout": slice.as_secs_f64() });
        let answer = remote.call_within("events", json!([question]), slice + Duration::from_secs(10))?;
        if answer["missed"] == json!(true) {
            output::note("the node has forgotten some events");
        }
        for event in output::items(&answer["events"]) {
            output::line(&event.to_string())?;
        }
        since = answer["next"].as_u64();
        if deadline.left().is_zero() {
            return Ok(());
        }
    }
}

/// `tussock log`
#[derive(Args, Debug)]
#[command(after_help = "\
Modules: key_agreement, handshake, peers, headers, fetch, verify, ledger,
gossip, miner, sealer, snapshot, history, limit, link, net, rpc, store,
runtime, cli.

Examples:
  tussock log
  tussock log info,peers=debug")]
pub struct LogArgs {
    /// The log level until the node stops; left out: show the current one
    #[arg(value_name = "LEVEL[,MODULE=LEVEL]")]
    levels: Option<String>,
}

/// Runs `log`.
pub fn log(context: &Context, arguments: &LogArgs) -> Outcome {
    if let Some(levels) = &arguments.levels {
        levels.parse::<crate::runtime::logging::Levels>().map_err(|error| Failure::usage(error.to_string()))?;
    }
    let answer = context.remote()?.call("logging", json!([arguments.levels]))?;
    let facts = json!({ "levels": answer });
    context.print(&facts, |facts| facts["levels"].as_str().map_or_else(|| Value::Null.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command};

    use super::*;
    use crate::runtime::logging::PARTS;

    #[test]
    fn the_help_of_log_names_every_part_of_a_node() {
        let help = LogArgs::augment_args(Command::new("log")).render_long_help().to_string();
        for part in PARTS.iter().filter(|part| **part != "sim") {
            assert!(help.contains(part), "{part}");
        }
    }
}
