//! What a node writes to its disk: in a sync, for each block at the tip, and while it idles.
//!
//! Bytes are those that the kernel counted for the process (`write_bytes` of `/proc/PID/io`): pages made dirty, logs and
//! databases of all kinds together. Flushes are calls of `fsync` and `fdatasync`, counted by `strace` if the host has it.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use clap::Args;
use serde_json::{Value, json};

use super::{
    host::report,
    load::{Load, client},
    processes::{Node, TempFolder, generate},
};
use crate::{
    base::{hash::hex, rng::Rng},
    chain::{key::SecretKey, spec::ChainSpec},
    cli::{
        exit::{Exit, Failure, Outcome},
        output,
    },
    rpc::client::Deadline,
};

/// Blocks in an hour of the `local` chain.
const BLOCKS_AN_HOUR: f64 = 720.0;
/// Time that `strace` may take to attach.
const ATTACH_TIME: Duration = Duration::from_millis(500);

/// Arguments of `bench disk`.
#[derive(Debug, Args)]
pub struct DiskArgs {
    /// Blocks of the generated ledger
    #[arg(long, default_value_t = 200, value_name = "N")]
    blocks: u32,
    /// Transactions in each block, without the coinbase
    #[arg(long, default_value_t = 500, value_name = "M")]
    txs_per_block: u32,
    /// Blocks at the tip
    #[arg(long, default_value_t = 60, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    tip_blocks: u32,
    /// Payments in each of them
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=200))]
    payments: u16,
    /// Milliseconds between two of them: the node's maintenance and its index follow each, as at a real tip
    #[arg(long, default_value_t = 400, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    interval: u64,
    /// Seconds without a block
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    idle: u64,
}

/// What a process has written.
#[derive(Clone, Copy)]
struct Written {
    bytes: u64,
    /// Of these, by the index's thread.
    index_bytes: u64,
    flushes: Option<u64>,
}

/// Runs `bench disk`.
pub fn run(args: &DiskArgs, spec: &ChainSpec, json: bool) -> Outcome {
    let folder = TempFolder::new("bench-disk")?;
    let (provider_dir, dir) = (folder.path().join("provider"), folder.path().join("newcomer"));
    generate(&provider_dir, args.blocks, args.txs_per_block, 1)?;
    let provider = Node::start(&provider_dir, &["--is-bootnode"])?;
    provider.wait_for_index(args.blocks)?;
    let node = Node::start(&dir, &["--connect", &provider.address()?])?;
    node.wait(&["height", &args.blocks.to_string()], 3_600)?;
    let log_bytes = file_bytes(&dir.join("local/ledger.db-wal"));
    node.wait_for_index(args.blocks)?;
    let sync = node.usage().written_bytes;

    let clients = vec![client(provider.dir(), &spec.name)?, client(node.dir(), &spec.name)?];
    let payments = args.tip_blocks as usize * usize::from(args.payments);
    let load = Load::new(spec, clients, payments);
    let miner = SecretKey::well_known(0).address().to_text(&spec.prefix);
    let coins = load.split_mining(&miner)?;
    let mut rng = Rng::from_number(1);
    let signed: Vec<String> =
        coins.iter().take(payments).map(|coin| hex(&load.payment(coin, &mut rng).to_bytes())).collect();
    settle(&load)?;
    let interval = Duration::from_millis(args.interval);
    let full = measured(&node, || {
        for block in signed.chunks(usize::from(args.payments)) {
            for payment in block {
                load.call(0, "sendrawtransaction", json!([payment]))?;
            }
            mine(&load, &miner, interval)?;
        }
        settle(&load)
    })?;
    let empty = measured(&node, || {
        (0..args.tip_blocks).try_for_each(|_| mine(&load, &miner, interval))?;
        settle(&load)
    })?;
    let idle = measured(&node, || {
        pause(Duration::from_secs(args.idle.max(1)));
        Ok(())
    })?;
    let transactions = u64::from(args.blocks) * u64::from(args.txs_per_block);
    let each = |count: u64| count as f64 / f64::from(args.tip_blocks);
    let hour = |empty: u64, idle: u64| each(empty) * BLOCKS_AN_HOUR + idle as f64 * 3600.0 / args.idle.max(1) as f64;
    let flushes = |of: &dyn Fn() -> Option<f64>| of().map_or(Value::Null, Value::from);
    report(
        json,
        &json!({
            "sync_transactions": transactions,
            "sync_bytes_per_transaction": sync as f64 / transactions.max(1) as f64,
            "sync_log_bytes": log_bytes,
            "payments_per_block": args.payments,
            "bytes_per_block": each(full.bytes),
            "bytes_of_index_per_block": each(full.index_bytes),
            "flushes_per_block": flushes(&|| full.flushes.map(each)),
            "bytes_per_empty_block": each(empty.bytes),
            "flushes_per_empty_block": flushes(&|| empty.flushes.map(each)),
            "bytes_per_idle_hour": hour(empty.bytes, idle.bytes),
            "flushes_per_idle_hour": flushes(&|| Some(hour(empty.flushes?, idle.flushes?))),
            "tip_log_bytes": file_bytes(&dir.join("local/ledger.db-wal")),
        }),
    )
}

/// Mines a block. The measured node is asked nothing, as it stores at once what it is asked for.
fn mine(load: &Load<'_>, miner: &str, interval: Duration) -> Outcome {
    load.call(0, "mine", json!([1, miner]))?;
    pause(interval);
    Ok(())
}

/// Waits until both nodes have the same tip.
fn settle(load: &Load<'_>) -> Outcome {
    let height = output::number(&load.call(0, "status", json!([]))?, "height").to_string();
    let wait = json!([{ "kind": "height", "value": height, "timeout": 30 }]);
    if load.call(1, "wait", wait)?["ok"] == true {
        return Ok(());
    }
    Err(Failure::new(Exit::TimedOut, "a node did not get a block in time"))
}

fn pause(time: Duration) {
    let deadline = Deadline::after(time);
    while deadline.pause(deadline.left()) {}
}

/// What the node writes while `work` is done.
fn measured(node: &Node, work: impl FnOnce() -> Outcome) -> Outcome<Written> {
    let counter = FlushCounter::start(node);
    let written = || (node.usage().written_bytes, written_by_index(node));
    let before = written();
    work()?;
    let after = written();
    let (bytes, index_bytes) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
    Ok(Written { bytes, index_bytes, flushes: counter.and_then(FlushCounter::finish) })
}

/// Bytes that the index's thread has written; 0 if the kernel does not tell.
fn written_by_index(node: &Node) -> u64 {
    let threads = fs::read_dir(format!("/proc/{}/task", node.process())).into_iter().flatten().flatten();
    let bytes = threads.filter_map(|thread| {
        let io = fs::read_to_string(thread.path().join("io")).ok()?;
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes:"))?;
        let name = fs::read_to_string(thread.path().join("comm")).ok()?;
        if name.trim() == "index" { line.trim().parse::<u64>().ok() } else { None }
    });
    bytes.sum()
}

/// `strace` on a node, which writes a line for each flush.
struct FlushCounter {
    strace: Child,
    file: std::path::PathBuf,
}

impl FlushCounter {
    fn start(node: &Node) -> Option<Self> {
        let file = node.dir().join("flushes.txt");
        let strace = Command::new("strace")
            .args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o"])
            .arg(&file)
            .args(["-p", &node.process().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        pause(ATTACH_TIME);
        Some(Self { strace, file })
    }

    /// The number of flushes; `None` if the host does not allow to count them.
    fn finish(mut self) -> Option<u64> {
        if self.strace.try_wait().ok()?.is_some() {
            return None;
        }
        // It detaches on any signal that ends it.
        self.strace.kill().ok()?;
        self.strace.wait().ok()?;
        let lines = fs::read_to_string(&self.file).ok()?;
        Some(lines.lines().filter(|line| line.contains("sync(")).count() as u64)
    }
}

fn file_bytes(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}
