//! How quickly blocks and transactions spread: nodes in their own processes, in a line or a full mesh, over loopback
//! TCP.
//!
//! The time of a block begins when the first node reports it and ends when the last node does. The time of a
//! transaction begins with its submission to the first node, so it includes one HTTP call more.

use std::{
    thread,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{
    load::{Load, client},
    processes::{Node, TempFolder},
    statistics::median,
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

/// Time between two queries of a mempool or an index.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How the nodes are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Topology {
    /// Each node to the one before it
    Line,
    /// Each node to all others
    Mesh,
}

/// Arguments of `bench gossip`.
#[derive(Debug, Args)]
pub struct GossipArgs {
    /// Number of nodes
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(2..=50))]
    nodes: u64,
    /// How the nodes are connected
    #[arg(long, value_enum, default_value = "line")]
    topology: Topology,
    /// Transactions in a large block
    #[arg(long, default_value_t = 500, value_name = "M")]
    txs_per_block: usize,
    /// Number of measurements; the figures are their medians
    #[arg(long, default_value_t = 9, value_name = "R")]
    runs: usize,
}

/// Runs `bench gossip`.
pub fn run(args: &GossipArgs, spec: &ChainSpec, json: bool) -> Outcome {
    let folder = TempFolder::new("bench-gossip")?;
    let mut nodes: Vec<Node> = Vec::new();
    for number in 1..=args.nodes {
        let earlier = if args.topology == Topology::Line { nodes.len().saturating_sub(1) } else { 0 };
        let addresses = nodes[earlier..].iter().map(Node::address).collect::<Outcome<Vec<_>>>()?;
        // No node may dial others: the topology is part of the measurement.
        let outbound = addresses.len().to_string();
        let mut flags = vec!["--max-outbound", &outbound];
        addresses.iter().for_each(|address| flags.extend(["--connect", address.as_str()]));
        let node = Node::start(&folder.path().join(format!("node{number}")), &flags)?;
        let peers = addresses.len().max(usize::from(number > 1));
        node.wait(&["peers", &peers.to_string()], 60)?;
        nodes.push(node);
    }
    let clients = nodes.iter().map(|node| client(node.dir(), &spec.name)).collect::<Outcome<Vec<_>>>()?;
    let runs = args.runs.max(1);
    let bench = Gossip { load: Load::new(spec, clients, runs * (args.txs_per_block + 1)) };
    bench.mine()?;
    let coins = bench.load.split_mining(&bench.miner())?;
    let mut rng = Rng::from_number(1);
    let mut payments = coins.iter().map(|coin| hex(&bench.load.payment(coin, &mut rng).to_bytes()));
    let (mut small, mut large, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..runs {
        small.push(bench.block(0)?);
        let group: Vec<String> = payments.by_ref().take(args.txs_per_block).collect();
        for raw in &group {
            bench.load.call(0, "sendrawtransaction", json!([raw]))?;
        }
        bench.wait_mempools(group.len())?;
        large.push(bench.block(group.len())?);
        if let Some(raw) = payments.next() {
            alone.push(bench.transaction(&raw)?);
        }
        bench.block(1)?;
    }
    let figures = json!({
        "nodes": args.nodes,
        "topology": if args.topology == Topology::Line { "line" } else { "mesh" },
        "runs": runs,
        "block_ms": median(small),
        "large_block_ms": median(large),
        "large_block_transactions": args.txs_per_block,
        "transaction_ms": median(alone),
    });
    if json {
        return output::json(&figures);
    }
    let ms = |key: &str| format!("{:.1} ms", figures[key].as_f64().unwrap_or(0.0));
    output::line(&output::facts(&[
        ("network", format!("{} nodes in a {}", args.nodes, output::text(&figures, "topology"))),
        ("coinbase-only block", ms("block_ms")),
        ("large block", ms("large_block_ms")),
        ("transaction", ms("transaction_ms")),
    ]))
}

struct Gossip<'a> {
    load: Load<'a>,
}

impl Gossip<'_> {
    fn last(&self) -> usize {
        self.load.nodes.len() - 1
    }

    fn miner(&self) -> String {
        SecretKey::well_known(0).address().to_text(&self.load.spec.prefix)
    }

    fn mine(&self) -> Outcome {
        self.load.call(0, "mine", json!([1, self.miner()])).map(drop)
    }

    /// Mines a block with `transactions`. Returns the milliseconds between the first and the last node's report of it,
    /// after all nodes have finished with it.
    fn block(&self, transactions: usize) -> Outcome<f64> {
        let height = output::number(&self.load.call(0, "status", json!([]))?, "height") + 1;
        let reported = |node: usize| {
            let condition = json!({ "kind": "height", "value": height.to_string(), "timeout": 20 });
            self.load.call(node, "wait", json!([condition])).map(|_| Instant::now())
        };
        let (first, last) = thread::scope(|scope| {
            let (first, last) = (scope.spawn(|| reported(0)), scope.spawn(|| reported(self.last())));
            let mined = self.mine();
            let joined = |thread: thread::ScopedJoinHandle<'_, Outcome<Instant>>| {
                thread.join().unwrap_or_else(|_| Err(Failure::new(Exit::Internal, "waiting for a block failed")))
            };
            let (first, last) = (joined(first), joined(last));
            mined.and(Ok((first?, last?)))
        })?;
        let block = self.load.call(self.last(), "block", json!([height.to_string()]))?;
        if output::number(&block, "transactions") != transactions as u64 + 1 {
            let found = output::number(&block, "transactions");
            return Err(Failure::new(Exit::Internal, format!("a block of {found} transactions, not {transactions}")));
        }
        for node in 0..self.load.nodes.len() {
            self.wait_indexed(node, height)?;
        }
        Ok(last.saturating_duration_since(first).as_secs_f64() * 1000.0)
    }

    /// Waits until a node has applied and indexed the block at `height`.
    fn wait_indexed(&self, node: usize, height: u64) -> Outcome {
        let condition = json!({ "kind": "height", "value": height.to_string(), "timeout": 20 });
        self.load.call(node, "wait", json!([condition]))?;
        let deadline = Deadline::after(Duration::from_secs(20));
        // A node without index has no such field.
        while self.load.call(node, "status", json!([]))?["indexed"].as_u64().is_some_and(|indexed| indexed < height) {
            if !deadline.pause(POLL_INTERVAL) {
                return Err(Failure::new(Exit::TimedOut, "a node's index did not follow its chain"));
            }
        }
        Ok(())
    }

    /// Milliseconds from a payment's submission to the first node until the last node reports it.
    fn transaction(&self, raw: &str) -> Outcome<f64> {
        let start = Instant::now();
        let id = self.load.call(0, "sendrawtransaction", json!([raw]))?;
        let condition = json!({ "kind": "tx", "value": id, "confirmations": 0, "timeout": 20 });
        let answer: Value = self.load.call(self.last(), "wait", json!([condition]))?;
        if answer["ok"] != true {
            return Err(Failure::new(Exit::TimedOut, "a transaction did not reach the last node"));
        }
        Ok(start.elapsed().as_secs_f64() * 1000.0)
    }

    /// Waits until every mempool holds this number of transactions.
    fn wait_mempools(&self, transactions: usize) -> Outcome {
        let deadline = Deadline::after(Duration::from_secs(60));
        for node in 0..self.load.nodes.len() {
            while self.load.mempool_count(node)? < transactions as u64 {
                if !deadline.pause(POLL_INTERVAL) {
                    return Err(Failure::new(Exit::TimedOut, "the transactions did not reach all nodes"));
                }
            }
        }
        Ok(())
    }
}
