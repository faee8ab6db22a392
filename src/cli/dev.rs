//! `dev snapshot`, `dev revert`, `dev time`, `dev reorg`: what programs try on a test chain that others wait for.

use std::time::Duration;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    context::Context,
    exit::{Failure, Outcome},
    output, units,
};

/// Time limit of a call that undoes or makes blocks; enough for a slow host.
const BLOCKS_TIMEOUT: Duration = Duration::from_secs(620);

/// An order to a running node of a test chain.
#[derive(Subcommand, Debug)]
pub enum DevCommand {
    /// Keep chain, mempool and clock as they are; prints a number for revert
    #[command(after_help = "\
Keys are not part of it: they stay as they are at a revert.

Examples:
  tussock dev snapshot
  tussock dev snapshot --list")]
    Snapshot {
        /// List the snapshots instead
        #[arg(long)]
        list: bool,
    },
    /// Bring chain, mempool and clock back to a snapshot; forgets later ones
    #[command(after_help = "\
Blocks after the snapshot do not count any more, also after a restart.
- It is done as a whole or not at all, also if the node is killed meanwhile.
- events, watch and --notify tell of the payments in them as undone, and
  their cursors go on. Payments that wait and are not in the snapshot are
  told as dropped.
- tx says \"orphaned\" of a payment that was undone, and a receipt for it no
  longer checks. The same payment can be sent again.
- Peers keep their blocks, and links to peers that build on those that were
  left end. Use a node alone, or cut the links first (tussock net deny) and
  revert all nodes before they link again. A node with peers follows a better
  branch that is not its own. reconsiderblock (RPC) takes blocks back.
- The same snapshot can be reverted to again.

Example:
  tussock dev revert 1")]
    Revert {
        /// The number that snapshot printed
        #[arg(value_name = "ID")]
        id: Option<u64>,
    },
    /// Set the node's clock, or tell it; the next blocks carry its time
    #[command(
        allow_hyphen_values = true,
        after_help = "\
The clock goes on from there, also after a restart. Revert sets it back to
where it was at the snapshot. It cannot be set to before the last block.
Nodes that are linked need the same time: set all of them.

Examples:
  tussock dev time +1h
  tussock dev time --at 2030-01-01T00:00:00Z
  tussock dev time --reset"
    )]
    Time {
        /// By how much to set it on, such as +1h, +90s or +7d; -1h sets it back
        #[arg(value_name = "+TIME", conflicts_with_all = ["at", "reset"])]
        by: Option<String>,
        /// Set it to this time: UTC, or unix seconds
        #[arg(long, value_name = "TIME", conflicts_with = "reset")]
        at: Option<String>,
        /// Set it to the host's time again
        #[arg(long)]
        reset: bool,
    },
    /// Replace the last N blocks by N + 1 others, as a reorganisation does
    #[command(
        allow_negative_numbers = true,
        after_help = "\
The new blocks are without the old ones' payments. Those wait in the mempool
again, and the next block has them: a node that makes a block for each
payment makes one more at once. With --drop they are left out, as if
something else had been paid. Events tell them as undone either way.

The new blocks take the place of the old ones in one step: who reads
meanwhile sees the old chain, peers hear of the new one once it is stored, and
a node that is killed is before that or after it, with what waits.

Examples:
  tussock dev reorg 3
  tussock dev reorg 1 --drop"
    )]
    Reorg {
        /// How many of the last blocks give way
        #[arg(value_name = "N")]
        blocks: Option<u32>,
        /// Leave the payments of the old blocks out
        #[arg(long)]
        drop: bool,
    },
}

/// Carries the order out.
pub fn run(context: &Context, order: &DevCommand) -> Outcome {
    if !context.spec().test {
        let chain = &context.spec().name;
        return Err(Failure::usage(format!("this works only on test chains (local, dev): this is {chain}")));
    }
    let call = |method: &str, params: Value| context.remote()?.call_within(method, params, BLOCKS_TIMEOUT);
    match order {
        DevCommand::Snapshot { list: true } => context.print(&call("devsnapshots", json!([]))?, |all| {
            output::items(all).iter().map(snapshot_line).collect::<Vec<_>>().join("\n")
        }),
        DevCommand::Snapshot { list: false } => {
            context.print(&call("devsnapshot", json!([]))?, |one| output::text(one, "id"))
        }
        DevCommand::Revert { id: None } => {
            Err(Failure::usage("to which snapshot? tussock dev snapshot --list shows their numbers"))
        }
        DevCommand::Revert { id: Some(id) } => context.print(&call("devrevert", json!([id]))?, |done| {
            let undone = units::count(output::number(done, "undone"), "block");
            format!("back at height {}, {undone} undone", output::text(done, "height"))
        }),
        DevCommand::Time { by, at, reset } => {
            context.print(&call("devtime", time_params(by.as_deref(), at.as_deref(), *reset)?)?, |clock| {
                let offset = clock["clock_offset_s"].as_i64().unwrap_or_default();
                let offset = if offset == 0 { String::new() } else { format!("  {}", clock_offset(offset)) };
                format!("{}{offset}", units::utc(output::number(clock, "time")))
            })
        }
        DevCommand::Reorg { blocks: None, .. } => {
            Err(Failure::usage("how many blocks? tussock dev reorg 1 replaces the last one"))
        }
        DevCommand::Reorg { blocks: Some(blocks), drop } => {
            let params = json!({ "blocks": blocks, "drop": drop });
            context.print(&call("devreorg", params)?, |done| {
                let removed = units::count(output::items(&done["removed"]).len() as u64, "block");
                let added = output::items(&done["added"]).len();
                format!("{removed} gave way to {added} others, height {}", output::text(done, "height"))
            })
        }
    }
}

/// How far the node's clock is set off, in words.
pub(super) fn clock_offset(seconds: i64) -> String {
    let way = if seconds < 0 { "behind" } else { "ahead of" };
    format!("{} {way} this host's", units::age(seconds.unsigned_abs()))
}

fn snapshot_line(one: &Value) -> String {
    let waiting = units::count(output::number(one, "mempool"), "transaction");
    format!("{}  height {}  {}  mempool {waiting}", one["id"], one["height"], output::short(one, "tip"))
}

fn time_params(by: Option<&str>, at: Option<&str>, reset: bool) -> Outcome<Value> {
    match (by, at) {
        _ if reset => Ok(json!({ "at": units::unix_now() })),
        (Some(by), _) => {
            let (sign, text) = match by.split_at_checked(1) {
                Some(("+", rest)) => (1, rest),
                Some(("-", rest)) => (-1, rest),
                _ => (1, by),
            };
            let time = units::parse_duration(text).map_err(|help| Failure::usage(format!("{by}: {help}")))?;
            let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
            Ok(json!({ "seconds": sign * seconds }))
        }
        (None, Some(at)) => {
            let help = || Failure::usage(format!("--at {at}: unix seconds, or UTC such as 2030-01-01T00:00:00Z"));
            Ok(json!({ "at": parse_time(at).ok_or_else(help)? }))
        }
        (None, None) => Ok(json!([])),
    }
}

/// Unix seconds, or a date in UTC with or without a time of day.
fn parse_time(text: &str) -> Option<u64> {
    if let Ok(unix) = text.parse() {
        return Some(unix);
    }
    let text = text.trim_end_matches('Z');
    let (date, clock) = text.split_once(['T', ' ']).unwrap_or((text, "00:00:00"));
    let numbers = |text: &str, separator: char| -> Option<Vec<u16>> {
        let parts: Vec<u16> = text.split(separator).map(|part| part.parse().ok()).collect::<Option<_>>()?;
        (2..=3).contains(&parts.len()).then_some(parts)
    };
    let (date, clock) = (numbers(date, '-')?, numbers(clock, ':')?);
    let small = |number: u16| u8::try_from(number).ok();
    let [year, month, day] = date.as_slice() else { return None };
    let month = time::Month::try_from(small(*month)?).ok()?;
    let date = time::Date::from_calendar_date(i32::from(*year), month, small(*day)?).ok()?;
    let seconds = clock.get(2).copied().unwrap_or_default();
    let moment = date.with_hms(small(clock[0])?, small(clock[1])?, small(seconds)?).ok()?;
    u64::try_from(moment.assume_utc().unix_timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let by = |text| time_params(Some(text), None, false).map(|params| params["seconds"].as_i64().unwrap()).ok();
        assert_eq!([by("+1h"), by("90"), by("-2m"), by("x")], [Some(3600), Some(90), Some(-120), None]);
        assert_eq!(parse_time("1893456000"), Some(1_893_456_000));
        for text in ["2030-01-01T00:00:00Z", "2030-01-01", "2030-01-01 00:00"] {
            assert_eq!(parse_time(text), Some(1_893_456_000), "{text}");
        }
        for wrong in ["", "2030", "soon", "2030-13-01", "2030-01-01T25:00", "2030-01-01T1", "1960-01-01"] {
            assert_eq!(parse_time(wrong).filter(|_| wrong != "2030"), None, "{wrong}");
        }
    }
}
