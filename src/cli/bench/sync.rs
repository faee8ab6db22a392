//! The initial sync of a new node from one provider, over loopback TCP, each in its own process.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    ceilings,
    forks::BranchProvider,
    processes::{Node, TempFolder, Usage, generate_with, usage_of},
    sealed_chain,
    statistics::median,
    verify,
};
use crate::{
    chain::spec::{ChainSpec, WELL_KNOWN_ACCOUNTS},
    cli::{
        exit::{Failure, Outcome},
        output,
    },
};

/// The workloads of the published figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Workload {
    /// 20,000 blocks with only a coinbase
    W1,
    /// 200 blocks of 500 transactions
    W2,
    /// 2,000 blocks of 500 transactions, over a million coins
    W3,
    /// W2 with a losing branch of three blocks at every tenth height, fetched before the blocks that outgrow it
    W4,
    /// 10,000 blocks of 500 transactions, over five million coins
    W5,
    /// 4,000 blocks of 500 transactions, over 200,000 coins: a long history, of which little is left
    W6,
}

/// Arguments of `bench sync`.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// A standard workload, instead of --blocks and --txs-per-block
    #[arg(long, conflicts_with_all = ["blocks", "txs_per_block"])]
    workload: Option<Workload>,
    /// Blocks of the generated ledger
    #[arg(long, default_value_t = 200, value_name = "N")]
    blocks: u32,
    /// Transactions in each block, without the coinbase
    #[arg(long, default_value_t = 500, value_name = "M")]
    txs_per_block: u32,
    /// The blocks are sealed by this many authorities
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    authorities: Option<u8>,
    /// Number of syncs, one after another; the figures are their medians
    #[arg(long, default_value_t = 1, value_name = "R")]
    runs: usize,
    /// The new node keeps no index
    #[arg(long)]
    no_index: bool,
    /// Seed of the generated ledger
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// The flag of a node that keeps an index.
const WITH_INDEX: &str = "--no-index=false";

/// The ceilings of this host.
struct Ceilings {
    /// Signatures per second on all cores, each of another key.
    signatures: f64,
    /// The same with the few keys of a generated ledger. A batch adds up the signatures of a key, so these cost less.
    few_keys: f64,
    /// Blocks per second that SQLite can insert.
    insertion: f64,
    /// Bytes per second over TCP.
    loopback: f64,
    /// Bytes per second that one core hashes.
    hashing: f64,
}

/// The figures of one sync.
struct Run {
    seconds: f64,
    newcomer: Usage,
    provider_cpu_s: f64,
    reorganisations: u64,
    database_bytes: u64,
    log_bytes: u64,
    /// Seconds from the end of the sync until the index is complete.
    index_s: f64,
    /// Bytes written until then, without the index's if there is none.
    written_bytes: u64,
}

/// Runs `bench sync`.
pub fn run(args: &SyncArgs, spec: &ChainSpec, json: bool) -> Outcome {
    let (blocks, transactions) = match args.workload {
        Some(Workload::W1) => (20_000, 0),
        Some(Workload::W2 | Workload::W4) => (200, 500),
        Some(Workload::W3) => (2_000, 500),
        Some(Workload::W5) => (10_000, 500),
        Some(Workload::W6) => (4_000, 500),
        None => (args.blocks, args.txs_per_block),
    };
    let folder = TempFolder::new("bench-sync")?;
    let provider_dir = folder.path().join("provider");
    let forks = args.workload == Some(Workload::W4);
    if forks && args.authorities.is_some() {
        return Err(Failure::usage("w4 has the branches of a chain of proof of work".to_owned()));
    }
    let more: &[&str] = match args.workload {
        Some(Workload::W4) => &["--branch-every", "10"],
        Some(Workload::W6) => &["--coins", "200000"],
        _ => &[],
    };
    if let Some(authorities) = args.authorities {
        sealed_chain::make(folder.path(), usize::from(authorities))?;
    }
    generate_with(&provider_dir, blocks, transactions, args.seed, more)?;
    let ledger = chain_folder(&provider_dir).join("ledger.db");
    settle(&provider_dir)?;
    let ceilings = Ceilings {
        signatures: verify::measure(Duration::from_secs(2), None)?.signatures_per_second,
        few_keys: verify::measure_keys(Duration::from_secs(1), None, WELL_KNOWN_ACCOUNTS)?.signatures_per_second,
        insertion: ceilings::insertion(&ledger, folder.path(), blocks, transactions)?,
        loopback: ceilings::loopback()?,
        hashing: ceilings::hashing(),
    };
    let dir = |number: usize| folder.path().join(format!("newcomer{number}"));
    let numbers = 0..args.runs.max(1);
    let index = if args.no_index { "--no-index=true" } else { WITH_INDEX };
    let runs = if forks {
        let run = |number| {
            let provider = BranchProvider::start(&ledger, spec)?;
            // The provider runs in this process.
            let run = newcomer(&provider.address.to_string(), std::process::id(), &dir(number), blocks, index);
            run.and_then(|run| provider.finish().map(|()| run))
        };
        numbers.map(run).collect::<Outcome<Vec<Run>>>()?
    } else {
        let provider = Node::start(&provider_dir, &["--is-bootnode"])?;
        provider.wait_for_index(blocks)?;
        settle(&provider_dir)?;
        let address = provider.address()?;
        let run = |number| newcomer(&address, provider.process(), &dir(number), blocks, index);
        numbers.map(run).collect::<Outcome<Vec<Run>>>()?
    };
    let figures = figures(&runs, blocks, transactions, &ceilings);
    if json { output::json(&figures) } else { output::line(&table(&figures)) }
}

/// Syncs a new node from the node at `address` in the process `provider`.
fn newcomer(address: &str, provider: u32, dir: &Path, blocks: u32, index: &str) -> Outcome<Run> {
    let before = usage_of(provider);
    let start = Instant::now();
    let node = Node::start(dir, &["--connect", address, index])?;
    node.wait(&["height", &blocks.to_string()], 3_600)?;
    let seconds = start.elapsed().as_secs_f64();
    let (usage, provider_cpu_s) = (node.usage(), usage_of(provider).cpu_s - before.cpu_s);
    let log_bytes = file_bytes(&chain_folder(dir).join("ledger.db-wal"));
    let indexing = Instant::now();
    if index == WITH_INDEX {
        node.wait_for_index(blocks)?;
    }
    let run = Run {
        seconds,
        newcomer: usage,
        log_bytes,
        index_s: indexing.elapsed().as_secs_f64(),
        written_bytes: node.usage().written_bytes,
        provider_cpu_s,
        reorganisations: output::number(&node.status()?["counters"], "chain_reorganisations"),
        database_bytes: ["ledger.db", "ledger.db-wal"]
            .map(|file| file_bytes(&chain_folder(dir).join(file)))
            .iter()
            .sum(),
    };
    drop(node);
    // So that every run finds the same free memory and disk.
    fs::remove_dir_all(dir).map_err(|error| Failure::io("cannot remove", dir, &error))?;
    Ok(run)
}

/// Where a data directory has the files of its chain.
pub fn chain_folder(dir: &Path) -> PathBuf {
    dir.join(sealed_chain::of(dir).1)
}

/// Flushes the files of a node to the disk, so that this writing is not measured.
fn settle(dir: &Path) -> Outcome {
    let dir = chain_folder(dir);
    let failed = |error| Failure::io("cannot flush", &dir, &error);
    for entry in fs::read_dir(&dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            fs::File::open(&path).and_then(|file| file.sync_all()).map_err(failed)?;
        }
    }
    Ok(())
}

/// Bytes of a file; 0 if there is none.
fn file_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

fn figures(runs: &[Run], blocks: u32, transactions: u32, ceilings: &Ceilings) -> Value {
    let middle = |of: fn(&Run) -> f64| median(runs.iter().map(of).collect());
    let seconds = middle(|run| run.seconds);
    let rate = |count: f64| (count / seconds * 10.0).round() / 10.0;
    let transactions_per_second = rate(f64::from(blocks) * f64::from(transactions));
    let Ceilings { signatures, few_keys, insertion, loopback, hashing } = ceilings;
    json!({
        "blocks": blocks,
        "transactions": u64::from(blocks) * u64::from(transactions),
        "runs": runs.len(),
        "seconds": seconds,
        "blocks_per_second": rate(f64::from(blocks)),
        "transactions_per_second": transactions_per_second,
        "newcomer_peak_rss_bytes": middle(|run| run.newcomer.peak_rss_bytes as f64) as u64,
        "newcomer_cpu_s": middle(|run| run.newcomer.cpu_s),
        "provider_cpu_s": middle(|run| run.provider_cpu_s),
        "reorganisations": middle(|run| run.reorganisations as f64) as u64,
        "database_bytes": middle(|run| run.database_bytes as f64) as u64,
        "log_bytes": middle(|run| run.log_bytes as f64) as u64,
        "index_seconds": middle(|run| run.index_s),
        "written_bytes": middle(|run| run.written_bytes as f64) as u64,
        "written_bytes_in_sync": middle(|run| run.newcomer.written_bytes as f64) as u64,
        "signature_ceiling_per_second": signatures.round(),
        "share_of_signature_ceiling": transactions_per_second / signatures,
        "few_keys_signature_ceiling_per_second": few_keys.round(),
        "insertion_ceiling_blocks_per_second": insertion.round(),
        "share_of_insertion_ceiling": f64::from(blocks) / seconds / insertion,
        "loopback_ceiling_bytes_per_second": loopback.round(),
        "hashing_ceiling_bytes_per_second": hashing.round(),
    })
}

fn table(figures: &Value) -> String {
    let number = |key: &str| figures[key].as_f64().unwrap_or(0.0);
    output::facts(&[
        ("sync", format!("{:.2} s (median of {})", number("seconds"), figures["runs"])),
        ("blocks", format!("{:.0}/s", number("blocks_per_second"))),
        ("transactions", format!("{:.0}/s", number("transactions_per_second"))),
        ("signature ceiling", format!("{:.0}/s", number("signature_ceiling_per_second"))),
        ("share of it", format!("{:.0} %", number("share_of_signature_ceiling") * 100.0)),
        ("the same, ten keys", format!("{:.0}/s", number("few_keys_signature_ceiling_per_second"))),
        ("insertion ceiling", format!("{:.0} blocks/s", number("insertion_ceiling_blocks_per_second"))),
        ("share of it", format!("{:.0} %", number("share_of_insertion_ceiling") * 100.0)),
        ("loopback ceiling", format!("{:.0} MiB/s", number("loopback_ceiling_bytes_per_second") / 1048576.0)),
        ("hashing ceiling", format!("{:.0} MiB/s", number("hashing_ceiling_bytes_per_second") / 1048576.0)),
        (
            "newcomer",
            format!(
                "{:.1} MiB peak, {:.2} s CPU",
                number("newcomer_peak_rss_bytes") / 1048576.0,
                number("newcomer_cpu_s")
            ),
        ),
        ("provider", format!("{:.2} s CPU", number("provider_cpu_s"))),
        ("reorganisations", figures["reorganisations"].to_string()),
        ("database", format!("{:.1} MiB", number("database_bytes") / 1048576.0)),
        ("its log", format!("{:.1} MiB", number("log_bytes") / 1048576.0)),
        ("index", format!("{:.1} s behind", number("index_seconds"))),
        ("written", format!("{:.1} MiB", number("written_bytes") / 1048576.0)),
    ])
}
