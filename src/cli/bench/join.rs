//! A new node joins with a snapshot, and another one with the whole history, in turn, from the same providers.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    processes::{Node, TempFolder, Usage, command_of, generate_with},
    statistics::median,
    sync::chain_folder,
};
use crate::{
    cli::{
        exit::{Exit, Failure, Outcome},
        output, units,
    },
    net::LineConditions,
    rpc::client::Deadline,
};

/// Blocks above the snapshot: the providers make it that far below their tips, and newcomers join at that depth.
const DEPTH: u32 = 20;
/// Most time that a provider needs for its snapshot.
const MAKING_TIMEOUT: Duration = Duration::from_secs(300);
/// Time between two looks for it.
const LOOK: Duration = Duration::from_millis(50);
/// Most seconds until a new node is synced.
const SYNC_TIMEOUT: u64 = 3_600;
const MIB: f64 = 1_048_576.0;

/// The workloads of the published figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// 2,000 blocks of 500 transactions, over a million coins: as many coins as transactions
    W3,
    /// 4,000 blocks of 500 transactions, over 200,000 coins: a long history, of which little is left
    W6,
}

/// What new nodes fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Way {
    /// All blocks from the first one on
    Whole,
    /// The coins of a block, and the blocks above it
    Snapshot,
}

/// Arguments of `bench join`.
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// A standard workload, instead of --blocks, --txs-per-block and --coins
    #[arg(long, conflicts_with_all = ["blocks", "txs_per_block", "coins"])]
    workload: Option<Workload>,
    /// Blocks of the generated ledger
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(100..))]
    blocks: u32,
    /// Transactions in each block, without the coinbase
    #[arg(long, default_value_t = 100, value_name = "M")]
    txs_per_block: u32,
    /// Coins that are left in the end; without: as many as transactions
    #[arg(long, value_name = "C")]
    coins: Option<u32>,
    /// Number of nodes that give the snapshot and the blocks
    #[arg(long, default_value_t = 4, value_name = "P", value_parser = clap::value_parser!(u8).range(1..=16))]
    providers: u8,
    /// Pairs of new nodes, one after another; the figures are their medians
    #[arg(long, default_value_t = 1, value_name = "R")]
    runs: usize,
    /// Only this way of joining
    #[arg(long, value_name = "WAY")]
    only: Option<Way>,
    /// What each provider sends passes through this emulated line, as with run --line
    #[arg(long, value_name = "LINE")]
    line: Option<LineConditions>,
    /// The program of the new nodes, or a script that starts it under limits with the arguments that it is given
    #[arg(long, value_name = "FILE")]
    newcomer: Option<PathBuf>,
    /// Most memory of a new node, as with run --max-memory
    #[arg(long, value_name = "MIB")]
    max_memory: Option<u16>,
}

/// The figures of one new node.
struct Run {
    way: Way,
    seconds: f64,
    usage: Usage,
    /// Bytes that each provider sent meanwhile.
    sent: Vec<u64>,
}

/// Runs `bench join`.
pub fn run(args: &JoinArgs, json: bool) -> Outcome {
    let (blocks, transactions, coins) = match args.workload {
        Some(Workload::W3) => (2_000, 500, None),
        Some(Workload::W6) => (4_000, 500, Some(200_000)),
        None => (args.blocks, args.txs_per_block, args.coins),
    };
    let folder = TempFolder::new("bench-join")?;
    let providers = providers(args, folder.path(), blocks, transactions, coins)?;
    let mut runs = Vec::new();
    for number in 0..args.runs.max(1) {
        for way in [Way::Whole, Way::Snapshot] {
            if args.only.is_none_or(|only| only == way) {
                let run = newcomer(args, &providers, &folder.path().join("newcomer"), way)?;
                output::hint(&format!("{number} {way:?}: {:.2} s", run.seconds));
                runs.push(run);
            }
        }
    }
    let figures = figures(&runs, blocks, transactions);
    if json { output::json(&figures) } else { output::line(&table(&figures)) }
}

/// Nodes with the same ledger and a snapshot of its coins.
fn providers(args: &JoinArgs, folder: &Path, blocks: u32, transactions: u32, coins: Option<u32>) -> Outcome<Vec<Node>> {
    let dirs: Vec<PathBuf> = (0..args.providers).map(|number| folder.join(format!("provider{number}"))).collect();
    let number = coins.map(|coins| coins.to_string());
    let more: Vec<&str> = number.iter().flat_map(|coins| ["--coins", coins.as_str()]).collect();
    generate_with(&dirs[0], blocks, transactions, 1, &more)?;
    for dir in &dirs[1..] {
        copy(&chain_folder(&dirs[0]), &chain_folder(dir))?;
    }
    let height = blocks - DEPTH;
    let interval = height.to_string();
    let line = args.line.map(|line| line.to_string());
    let mut flags = vec!["--is-bootnode", "--serve-snapshots", "--snapshot-interval", &interval];
    flags.extend(line.iter().flat_map(|line| ["--line", line.as_str()]));
    let nodes = dirs.iter().map(|dir| Node::start(dir, &flags)).collect::<Outcome<Vec<_>>>()?;
    let deadline = Deadline::after(MAKING_TIMEOUT);
    for dir in &dirs {
        let manifest = chain_folder(dir).join("snapshots").join(format!("{height}.manifest"));
        while !manifest.exists() {
            if !deadline.pause(LOOK) {
                return Err(Failure::new(Exit::TimedOut, "a provider's snapshot was not made in time"));
            }
        }
    }
    for node in &nodes {
        node.wait_for_index(blocks)?;
    }
    Ok(nodes)
}

/// Starts a node on an empty folder and waits until it is synced.
fn newcomer(args: &JoinArgs, providers: &[Node], dir: &Path, way: Way) -> Outcome<Run> {
    let addresses = providers.iter().map(Node::address).collect::<Outcome<Vec<_>>>()?;
    let (depth, memory) = (DEPTH.to_string(), args.max_memory.map(|mib| mib.to_string()));
    let mut flags: Vec<&str> = addresses.iter().flat_map(|address| ["--connect", address.as_str()]).collect();
    flags.extend(memory.iter().flat_map(|mib| ["--max-memory", mib.as_str()]));
    if way == Way::Snapshot {
        flags.extend(["--join", "snapshot", "--join-depth", &depth]);
    }
    let sent = || providers.iter().map(bytes_sent).collect::<Outcome<Vec<u64>>>();
    let before = sent()?;
    let start = Instant::now();
    let node = match &args.newcomer {
        Some(program) => Node::start_command(command_of(program, dir), dir, &flags)?,
        None => Node::start(dir, &flags)?,
    };
    node.wait(&["synced"], SYNC_TIMEOUT)?;
    let (seconds, usage) = (start.elapsed().as_secs_f64(), node.usage());
    let sent = sent()?.iter().zip(&before).map(|(after, before)| after - before).collect();
    node.stop()?;
    // So that every run finds the same free memory and disk.
    fs::remove_dir_all(dir).map_err(|error| Failure::io("cannot remove", dir, &error))?;
    Ok(Run { way, seconds, usage, sent })
}

fn bytes_sent(node: &Node) -> Outcome<u64> {
    Ok(node.status()?["traffic"]["sent_bytes"].as_u64().unwrap_or(0))
}

/// Copies the files of a folder.
fn copy(from: &Path, to: &Path) -> Outcome {
    let failed = |error| Failure::io("cannot copy to", to, &error);
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(|error| Failure::io("cannot read", from, &error))? {
        let path = entry.map_err(failed)?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs::copy(&path, to.join(name)).map_err(failed)?;
        }
    }
    Ok(())
}

fn figures(runs: &[Run], blocks: u32, transactions: u32) -> Value {
    let of_way = |way| {
        let those: Vec<&Run> = runs.iter().filter(|run| run.way == way).collect();
        let middle = |of: &dyn Fn(&Run) -> f64| median(those.iter().map(|run| of(run)).collect());
        let share = |run: &Run, of: fn(f64, f64) -> f64, from: f64| {
            let all = run.sent.iter().sum::<u64>().max(1) as f64;
            run.sent.iter().map(|bytes| *bytes as f64 / all).fold(from, of)
        };
        (!those.is_empty()).then(|| {
            json!({
                "seconds": middle(&|run| run.seconds),
                "all_seconds": those.iter().map(|run| run.seconds).collect::<Vec<f64>>(),
                "cpu_s": middle(&|run| run.usage.cpu_s),
                "peak_rss_bytes": middle(&|run| run.usage.peak_rss_bytes as f64) as u64,
                "largest_rss_bytes": those.iter().map(|run| run.usage.peak_rss_bytes).max(),
                "received_bytes": middle(&|run| run.sent.iter().sum::<u64>() as f64) as u64,
                "smallest_share_of_a_provider": middle(&|run| share(run, f64::min, 1.0)),
                "largest_share_of_a_provider": middle(&|run| share(run, f64::max, 0.0)),
            })
        })
    };
    let (whole, snapshot) = (of_way(Way::Whole), of_way(Way::Snapshot));
    let seconds = |figures: &Option<Value>| figures.as_ref().and_then(|one| one["seconds"].as_f64());
    json!({
        "blocks": blocks,
        "transactions": u64::from(blocks) * u64::from(transactions),
        "times_as_fast": seconds(&whole).zip(seconds(&snapshot)).map(|(whole, snapshot)| whole / snapshot),
        "whole": whole,
        "snapshot": snapshot,
    })
}

fn table(figures: &Value) -> String {
    let of_way = |way: &str| {
        let number = |key: &str| figures[way][key].as_f64().unwrap_or(0.0);
        match figures[way].is_null() {
            true => "not measured".to_owned(),
            false => format!(
                "{:.2} s, {:.2} s CPU, {:.1} MiB peak; {} from the providers, {:.0} to {:.0} % each",
                number("seconds"),
                number("cpu_s"),
                number("peak_rss_bytes") / MIB,
                units::bytes(number("received_bytes") as u64),
                number("smallest_share_of_a_provider") * 100.0,
                number("largest_share_of_a_provider") * 100.0
            ),
        }
    };
    let times = figures["times_as_fast"].as_f64().map_or("–".to_owned(), |times| format!("{times:.1} times as fast"));
    output::facts(&[("whole history", of_way("whole")), ("snapshot", of_way("snapshot")), ("that is", times)])
}
