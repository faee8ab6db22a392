//! Networks of real processes: sync from many peers, reorganisation, partition, SIGKILL.

use std::{fs, path::Path, time::Instant};

use crate::support::{TempDir, TestNode, cli_on, stderr};
use serde_json::Value;

/// A generated ledger, to copy into nodes.
struct Ledger(TempDir);

impl Ledger {
    fn generate(blocks: u32, transactions: u32) -> Self {
        let dir = TempDir::new();
        let (blocks, transactions) = (blocks.to_string(), transactions.to_string());
        let args = ["generate", "--blocks", &blocks, "--txs-per-block", &transactions, "--seed", "7"];
        let output = cli_on(dir.path(), "local", &args);
        assert!(output.status.success(), "{}", stderr(&output));
        Self(dir)
    }

    /// A node that starts with a copy of it.
    fn node(&self, args: &[&str]) -> NodeInFolder {
        let dir = TempDir::new();
        fs::create_dir_all(dir.path().join("local")).unwrap();
        fs::copy(self.0.path().join("local/ledger.db"), dir.path().join("local/ledger.db")).unwrap();
        NodeInFolder { node: TestNode::start_in(dir.path(), args), _dir: dir }
    }
}

/// A node and its folder.
struct NodeInFolder {
    node: TestNode,
    _dir: TempDir,
}

fn connect_to(node: &TestNode) -> [String; 2] {
    ["--bootnode".to_owned(), node.p2p().to_string()]
}

fn strings(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// Four nodes with the first as bootnode, all connected to each other.
fn four(extra: &[&str]) -> Vec<TestNode> {
    let first = TestNode::start(&[&["--is-bootnode"], extra].concat());
    let bootnode = connect_to(&first);
    let mut nodes = vec![first];
    nodes.extend((1..4).map(|_| TestNode::start(&[&strings(&bootnode)[..], extra].concat())));
    for node in &nodes {
        node.wait(&["peers", "3"]);
        node.wait(&["synced"]);
    }
    nodes
}

fn agree(nodes: &[TestNode], height: u64) {
    let height_text = height.to_string();
    for node in nodes {
        node.wait(&["height", &height_text]);
    }
    let facts: Vec<Value> = nodes.iter().map(TestNode::status).collect();
    for fact in &facts {
        for key in ["height", "tip", "state_digest"] {
            assert_eq!(fact[key], facts[0][key], "{key}");
        }
    }
}

fn block_suppliers(node: &TestNode) -> usize {
    let peers = node.json(&["peers"]);
    peers.as_array().unwrap().iter().filter(|peer| peer["blocks_received"].as_u64().unwrap() > 0).count()
}

#[test]
fn a_new_node_with_one_bootnode_finds_the_others_and_fetches_blocks_from_them() {
    let ledger = Ledger::generate(2_000, 3);
    let first = ledger.node(&["--is-bootnode"]);
    let bootnode = connect_to(&first.node);
    let others: Vec<NodeInFolder> = (0..3).map(|_| ledger.node(&strings(&bootnode))).collect();
    for other in &others {
        other.node.wait(&["peers", "3"]);
    }
    let mut newcomer = TestNode::start(&strings(&bootnode));
    newcomer.wait(&["height", "2000"]);
    newcomer.wait(&["peers", "3"]);
    newcomer.wait(&["synced"]);
    assert!(block_suppliers(&newcomer) >= 3, "{}", newcomer.json(&["peers"]));
    assert_eq!(newcomer.status()["state_digest"], first.node.status()["state_digest"]);
    // The peer book suffices for the next start.
    assert_eq!(newcomer.stop(), 0);
    newcomer.restart(&[]);
    newcomer.wait(&["peers", "3"]);
}

#[test]
fn a_silent_sync_node_delays_a_sync_only_by_seconds() {
    let ledger = Ledger::generate(3_000, 20);
    let first = ledger.node(&["--is-bootnode"]);
    let bootnode = connect_to(&first.node);
    let others: Vec<NodeInFolder> = (0..2).map(|_| ledger.node(&strings(&bootnode))).collect();
    for other in &others {
        other.node.wait(&["peers", "2"]);
    }
    let newcomer = TestNode::start(&strings(&bootnode));
    newcomer.wait(&["peers", "3"]);
    let start = Instant::now();
    first.node.signal("STOP");
    newcomer.wait(&["height", "3000"]);
    let took = start.elapsed();
    first.node.signal("CONT");
    assert!(took.as_secs() < 40, "{took:?}");
}

#[test]
fn a_node_on_a_losing_branch_follows_the_most_work() {
    let nodes = four(&[]);
    nodes[0].json(&["mine", "10"]);
    agree(&nodes, 10);

    // Alone on its branch, with a payment that no other node sees.
    let mut loner = TestNode::start(&[]);
    loner.wait(&["synced"]);
    loner.json(&["mine", "5"]);
    let to = nodes[0].json(&["key", "show", "dev5"])["address"].as_str().unwrap().to_owned();
    let payment = loner.json(&["send", &to, "12345", "--from", "dev1"]);
    loner.json(&["mine", "1"]);
    let lost_branch = loner.tip();
    assert_eq!(loner.stop(), 0);

    loner.restart(&strings(&connect_to(&nodes[0])));
    loner.wait(&["height", "10"]);
    loner.wait(&["synced"]);
    assert_eq!(loner.tip(), nodes[0].tip());
    assert_eq!(loner.status()["state_digest"], nodes[0].status()["state_digest"]);
    assert_eq!(loner.json(&["block", &lost_branch.to_string()])["in_best_chain"], false);
    // The payment of the abandoned branch is in the mempool again, and then in the winning branch.
    let txid = payment["id"].as_str().unwrap();
    assert_eq!(loner.json(&["tx", txid])["status"], "mempool");
    loner.json(&["mine", "1"]);
    nodes[1].wait(&["tx", txid]);
    assert_eq!(nodes[1].json(&["tx", txid])["status"], "confirmed");
}

#[test]
fn a_partition_heals_without_losing_or_duplicating_coins() {
    let nodes = four(&[]);
    let addresses: Vec<String> = nodes.iter().map(|node| node.p2p().to_string()).collect();
    let deny = |node: usize, others: [usize; 2]| {
        nodes[node].json(&["net", "deny", &addresses[others[0]], &addresses[others[1]]]);
    };
    for (node, others) in [(0, [2, 3]), (1, [2, 3]), (2, [0, 1]), (3, [0, 1])] {
        deny(node, others);
    }
    nodes[0].json(&["mine", "5"]);
    nodes[2].json(&["mine", "6"]);
    nodes[1].wait(&["height", "5"]);
    nodes[3].wait(&["height", "6"]);
    assert_ne!(nodes[0].tip(), nodes[3].tip());
    for node in &nodes {
        node.json(&["net", "allow"]);
    }
    agree(&nodes, 6);
    for node in nodes {
        let report = verify_after_stop(node);
        assert_eq!(report["height"], 6);
    }
}

/// Stops a node and replays its whole ledger.
fn verify_after_stop(mut node: TestNode) -> Value {
    let expected = node.status();
    assert_eq!(node.stop(), 0);
    let report = node.json(&["verify", "--deep"]);
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["state_digest"], expected["state_digest"]);
    report
}

#[test]
fn a_transaction_reaches_every_node_and_each_signature_is_checked_once() {
    let nodes = four(&[]);
    let to = nodes[0].json(&["key", "show", "dev7"])["address"].as_str().unwrap().to_owned();
    let mut txids = Vec::new();
    for (number, node) in nodes.iter().enumerate() {
        let from = format!("dev{number}");
        let sent = node.json(&["send", &to, "1000", "--from", &from, "--fee", "500"]);
        txids.push(sent["id"].as_str().unwrap().to_owned());
    }
    for node in &nodes {
        for txid in &txids {
            node.wait(&["tx", txid, "--confirmations", "0"]);
        }
    }
    nodes[3].json(&["mine", "1"]);
    agree(&nodes, 1);
    for node in &nodes {
        let counters = node.status()["counters"].clone();
        assert_eq!(counters["signatures_verified"], 4, "{counters}");
        assert_eq!(counters["signatures_reused"], 4, "{counters}");
        // Three peers; a transaction is not sent back to its sender.
        assert!(counters["transactions_relayed"].as_u64().unwrap() <= 4 * 3, "{counters}");
        assert_eq!(node.json(&["balance", &to])["confirmed"], 100_000_000_000_000u64 + 4_000);
    }
}

#[test]
fn sigkill_during_sync_and_mining_loses_no_acknowledged_block() {
    let ledger = Ledger::generate(1_500, 10);
    let provider = ledger.node(&["--is-bootnode"]);
    let bootnode = connect_to(&provider.node);
    let dir = TempDir::new();
    let mut victim = TestNode::start_in(dir.path(), &strings(&bootnode));
    for round in 1..=5 {
        victim.wait(&["height", &(round * 200).to_string()]);
        let acknowledged = victim.height();
        victim.kill();
        let report = verify(dir.path());
        assert!(report["height"].as_u64().unwrap() >= acknowledged, "{report}");
        victim.restart(&strings(&bootnode));
    }
    victim.wait(&["height", "1500"]);
    victim.wait(&["synced"]);
    for _ in 0..3 {
        victim.json(&["mine", "2"]);
        let acknowledged = victim.height();
        victim.kill();
        let report = verify(dir.path());
        assert!(report["height"].as_u64().unwrap() >= acknowledged, "{report}");
        victim.restart(&strings(&bootnode));
        victim.wait(&["synced"]);
    }
    assert_eq!(victim.status()["state_digest"], provider.node.status()["state_digest"]);
}

fn verify(dir: &Path) -> Value {
    let output = cli_on(dir, "local", &["verify", "--deep", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], true, "{report}");
    report
}
