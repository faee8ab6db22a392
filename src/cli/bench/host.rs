//! What a node costs its host: starting, idling, serving new nodes, and filling a mempool.

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    load::{Load, client},
    processes::{Node, TempFolder, generate},
    statistics::median,
    verify,
};
use crate::{
    base::{hash::hex, rng::Rng},
    chain::{key::SecretKey, spec::ChainSpec},
    cli::{
        exit::{Exit, Failure, Outcome},
        output,
    },
    rpc::{batch::RPC_BATCH, client::Deadline},
};

const MIB: f64 = 1_048_576.0;
/// Time between two queries of a mempool.
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// The ledger of a benchmark.
#[derive(Clone, Copy, Debug, Args)]
pub struct LedgerArgs {
    /// Blocks of the generated ledger
    #[arg(long, default_value_t = 200, value_name = "N")]
    blocks: u32,
    /// Transactions in each block, without the coinbase
    #[arg(long, default_value_t = 500, value_name = "M")]
    txs_per_block: u32,
    /// Number of measurements; the figures are their medians
    #[arg(long, default_value_t = 1, value_name = "R")]
    runs: usize,
}

/// Arguments of `bench serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Number of new nodes at once
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=40))]
    newcomers: u16,
}

/// Arguments of `bench idle`.
#[derive(Debug, Args)]
pub struct IdleArgs {
    /// Duration of the measurement
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    seconds: u64,
    /// Number of peers of the measured node
    #[arg(long, default_value_t = 3, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=40))]
    peers: u16,
}

/// Arguments of `bench mempool`.
#[derive(Debug, Args)]
pub struct MempoolArgs {
    /// Number of transactions; a mempool holds about 6,500
    #[arg(long, default_value_t = 5_000, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=6_500))]
    transactions: u16,
}

/// Runs `bench start`: the time from the start of the process until it is ready.
pub fn start(args: &LedgerArgs, json: bool) -> Outcome {
    let folder = TempFolder::new("bench-start")?;
    generate(folder.path(), args.blocks, args.txs_per_block, 1)?;
    // The first start also builds the index.
    let first = Node::start(folder.path(), &[])?;
    first.wait_for_index(args.blocks)?;
    first.stop()?;
    let mut times = Vec::new();
    for _ in 0..args.runs.max(1) {
        let begin = Instant::now();
        let node = Node::start(folder.path(), &[])?;
        times.push(begin.elapsed().as_secs_f64() * 1000.0);
        node.stop()?;
    }
    report(json, &json!({ "blocks": args.blocks, "transactions": transactions(args), "ready_ms": median(times) }))
}

/// Runs `bench serve`: several new nodes sync from one node at once.
pub fn serve(args: &ServeArgs, json: bool) -> Outcome {
    let folder = TempFolder::new("bench-serve")?;
    let provider_dir = folder.path().join("provider");
    generate(&provider_dir, args.ledger.blocks, args.ledger.txs_per_block, 1)?;
    let provider = Node::start(&provider_dir, &[])?;
    provider.wait_for_index(args.ledger.blocks)?;
    let (address, blocks) = (provider.address()?, args.ledger.blocks.to_string());
    let (begin, before) = (Instant::now(), provider.usage());
    let nodes = (0..args.newcomers)
        .map(|number| Node::start(&folder.path().join(format!("newcomer{number}")), &["--connect", &address]))
        .collect::<Outcome<Vec<_>>>()?;
    thread::scope(|scope| {
        let waits: Vec<_> = nodes.iter().map(|node| scope.spawn(|| node.wait(&["height", &blocks], 3_600))).collect();
        waits.into_iter().try_for_each(|wait| {
            wait.join().unwrap_or_else(|_| Err(Failure::new(Exit::Internal, "waiting for a newcomer failed")))
        })
    })?;
    let (seconds, usage) = (begin.elapsed().as_secs_f64(), provider.usage());
    let newcomers: f64 = nodes.iter().map(|node| node.usage().cpu_s).sum();
    let figures = json!({
        "newcomers": args.newcomers,
        "seconds": seconds,
        "blocks_served_per_second": f64::from(args.ledger.blocks) * f64::from(args.newcomers) / seconds,
        "provider_cpu_s": usage.cpu_s - before.cpu_s,
        "newcomers_cpu_s": newcomers,
        "provider_peak_rss_mib": usage.peak_rss_bytes as f64 / MIB,
    });
    report(json, &figures)
}

/// Runs `bench idle`: memory and processor time of an idle node.
pub fn idle(args: &IdleArgs, json: bool) -> Outcome {
    let folder = TempFolder::new("bench-idle")?;
    let node = Node::start(&folder.path().join("node"), &[])?;
    let address = node.address()?;
    let peers = (0..args.peers)
        .map(|number| Node::start(&folder.path().join(format!("peer{number}")), &["--connect", &address]))
        .collect::<Outcome<Vec<_>>>()?;
    node.wait(&["peers", &peers.len().to_string()], 60)?;
    let (before, begin) = (node.usage(), Instant::now());
    let deadline = Deadline::after(Duration::from_secs(args.seconds.max(1)));
    while deadline.pause(deadline.left()) {}
    let after = node.usage();
    let share = (after.cpu_s - before.cpu_s) / begin.elapsed().as_secs_f64();
    report(
        json,
        &json!({ "peers": args.peers, "core_percent": share * 100.0, "rss_mib": after.rss_bytes as f64 / MIB }),
    )
}

/// Runs `bench mempool`: submits payments to one node over HTTP, then a second node fetches them over TCP.
pub fn mempool(args: &MempoolArgs, spec: &ChainSpec, json: bool) -> Outcome {
    let folder = TempFolder::new("bench-mempool")?;
    let ceiling = verify::measure(Duration::from_secs(2), None)?;
    let source = Node::start(&folder.path().join("source"), &["--max-outbound", "0"])?;
    let count = usize::from(args.transactions);
    let load = Load::new(spec, vec![client(source.dir(), &spec.name)?], count);
    let miner = SecretKey::well_known(0).address().to_text(&spec.prefix);
    let coins = load.split_mining(&miner)?;
    let mut rng = Rng::from_number(1);
    let raw: Vec<Value> =
        coins.iter().take(count).map(|coin| json!([hex(&load.payment(coin, &mut rng).to_bytes())])).collect();
    let begin = Instant::now();
    for group in raw.chunks(RPC_BATCH) {
        let calls = group.iter().map(|raw| ("sendrawtransaction", raw.clone())).collect();
        load.nodes[0].batch(calls).map_err(|error| Failure::new(Exit::Rejected, error.to_string()))?;
    }
    wait_count(&load, 0, count)?;
    let over_http = begin.elapsed().as_secs_f64();
    let target = Node::start(&folder.path().join("target"), &["--connect", &source.address()?])?;
    let load = Load::new(spec, vec![client(target.dir(), &spec.name)?], count);
    // From the first transaction on, so that connecting and syncing are not measured.
    let (first, begin) = (wait_count(&load, 0, 1)?, Instant::now());
    let last = wait_count(&load, 0, count)?;
    let over_tcp = last.saturating_sub(first) as f64 / begin.elapsed().as_secs_f64().max(1e-6);
    let figures = json!({
        "transactions": count,
        "over_http_per_second": count as f64 / over_http,
        "over_tcp_per_second": over_tcp,
        "signature_ceiling_per_second": ceiling.signatures_per_second,
        "share_of_signature_ceiling": over_tcp / ceiling.signatures_per_second,
    });
    report(json, &figures)
}

/// Waits until a mempool holds this number of transactions. Returns its size then.
fn wait_count(load: &Load<'_>, node: usize, count: usize) -> Outcome<u64> {
    let deadline = Deadline::after(Duration::from_secs(120));
    loop {
        let waiting = load.mempool_count(node)?;
        if waiting >= count as u64 {
            return Ok(waiting);
        }
        if !deadline.pause(POLL_INTERVAL) {
            return Err(Failure::new(Exit::TimedOut, "the mempool did not fill"));
        }
    }
}

fn transactions(args: &LedgerArgs) -> u64 {
    u64::from(args.blocks) * u64::from(args.txs_per_block)
}

/// Prints figures as JSON, or one per line.
pub(super) fn report(json: bool, figures: &Value) -> Outcome {
    if json {
        return output::json(figures);
    }
    let empty = serde_json::Map::new();
    let rows = figures.as_object().unwrap_or(&empty).iter().map(|(name, value)| {
        let text = value.as_f64().filter(|_| value.is_f64()).map_or(value.to_string(), |number| format!("{number:.2}"));
        (name.replace('_', " "), text)
    });
    let rows: Vec<(String, String)> = rows.collect();
    let rows: Vec<(&str, String)> = rows.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    output::line(&output::facts(&rows))
}
