//! Nodes that join with a snapshot of the coins.

use std::{path::Path, time::Instant};

use serde_json::Value;

use crate::support::{TempDir, TestNode, cli_on, peer::PATIENCE, stderr, stdout};

pub(crate) const BLOCKS: u64 = 230;
const INTERVAL: &str = "150";

/// A ledger of some blocks.
fn generate(dir: &Path) {
    let blocks = BLOCKS.to_string();
    let args = ["generate", "--blocks", &blocks, "--txs-per-block", "3", "--seed", "1"];
    assert!(cli_on(dir, "local", &args).status.success());
}

/// A node that makes a snapshot of block 150. Who asks before it is made asks again.
pub(crate) fn provider(dir: &Path, args: &[&str]) -> TestNode {
    generate(dir);
    let all = [&["--serve-snapshots", "--snapshot-interval", INTERVAL], args].concat();
    TestNode::start_in(dir, &all)
}

pub(crate) fn joining(connect: &str) -> [&str; 6] {
    ["--join", "snapshot", "--join-depth", "10", "--connect", connect]
}

/// What a command on a stopped node's folder answers.
fn stopped(dir: &Path, args: &[&str]) -> Value {
    let output = cli_on(dir, "local", args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Asks until the node is in one of these states.
fn reach(node: &TestNode, states: &[&str]) {
    let deadline = Instant::now() + PATIENCE;
    while !states.contains(&node.status()["state"].as_str().unwrap()) {
        assert!(Instant::now() < deadline, "{}", node.log());
    }
}

#[test]
fn a_newcomer_takes_the_coins_of_a_deep_block_and_verifies_what_is_above() {
    let (dir, own) = (TempDir::new(), TempDir::new());
    let provider = provider(dir.path(), &[]);
    let address = provider.p2p().to_string();
    let mut node = TestNode::start_in(own.path(), &joining(&address));
    node.wait(&["synced"]);
    let status = node.status();
    assert_eq!((status["height"].as_u64(), node.tip()), (Some(BLOCKS), provider.tip()));
    assert_eq!(status["state_digest"], provider.status()["state_digest"]);
    let vouched = &status["vouched"];
    assert_eq!((vouched["height"].as_u64(), vouched["above"].as_u64()), (Some(150), Some(80)), "{status}");
    let text = stdout(&node.cli(&["status"]));
    assert!(
        text.contains("coins up to block 150 by work (80 blocks above when joined); verified here from 151"),
        "{text}"
    );
    assert!(!node.cli(&["block", "150"]).status.success() || !node.log().contains("panic"));
    assert!(node.cli(&["block", "151"]).status.success());
    // The index begins there, too.
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        let status = node.status();
        if status["indexed"] == BLOCKS {
            break status;
        }
        assert!(Instant::now() < deadline, "{status} {}", node.log());
    };
    assert_eq!((status["indexed_from"].as_u64(), &status["history"]["from_height"]), (Some(151), &151.into()));
    let unknown = node.cli(&["tx", &"7".repeat(64)]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("where this node's index begins"), "{unknown:?}");
    assert_eq!(tools_of_a_joined_node(&node, &provider, own.path()), 0);
    assert_eq!(node.stop(), 0);
    let status = stopped(own.path(), &["status", "--json"]);
    assert_eq!(&status["vouched"], vouched, "a stopped node says it as well");
    for args in [&["verify", "--json"][..], &["verify", "--deep", "--json"]] {
        let report = stopped(own.path(), args);
        assert_eq!((&report["vouched"], &report["kept_from"], &report["ok"]), (vouched, &151.into(), &true.into()));
    }
    let text = stdout(&cli_on(own.path(), "local", &["verify"]));
    assert!(text.contains("coins up to block 150 were taken from peers, vouched for by work;"), "{text}");
    assert!(!text.contains("no longer here"), "they never were: {text}");
    // Blocks from a file come on top.
    let blocks = own.path().join("blocks");
    assert!(provider.cli(&["mine", "2"]).status.success());
    assert!(provider.cli(&["chain", "export", blocks.to_str().unwrap()]).status.success());
    let output = cli_on(own.path(), "local", &["chain", "import", blocks.to_str().unwrap()]);
    assert!(stdout(&output).contains(&format!("2 blocks imported; height {}", BLOCKS + 2)), "{output:?}");
    assert!(stopped(own.path(), &["verify", "--deep", "--json"])["ok"].as_bool().unwrap());
    node.restart(&joining(&address));
    node.wait(&["synced"]);
    assert!(node.log().contains("this ledger has blocks already"), "{}", node.log());
}

/// What balances are in SQL, and receipts of payments above and below the snapshot: returns how many of them are refused.
fn tools_of_a_joined_node(node: &TestNode, provider: &TestNode, folder: &Path) -> usize {
    for sql in [
        "SELECT sum(balance) AS all_of_it, sum(coins) AS coins FROM v_balances",
        "SELECT count(*) AS coins FROM v_coins",
    ] {
        assert_eq!(node.json(&["sql", sql]), provider.json(&["sql", sql]), "{sql}");
    }
    let is_refused = |height: &&str| {
        let block = provider.json(&["block", *height]);
        let (id, file) = (block["txs"][1].as_str().unwrap().to_owned(), folder.join(format!("receipt-{height}")));
        let receipt = provider.cli(&["prove", &id]);
        if *height == "100" {
            let below = stderr(&node.cli(&["prove", &id]));
            assert!(below.contains("not in block 151 or above, where this node's index begins"), "{below}");
            assert!(below.contains("for an older one ask a node") && !below.contains("wait final"), "{below}");
        }
        std::fs::write(&file, &receipt.stdout).unwrap();
        let checked = node.cli(&["check", file.to_str().unwrap()]);
        !checked.status.success()
    };
    ["200", "100"].into_iter().filter(is_refused).count()
}

#[test]
fn a_newcomer_that_is_killed_again_and_again_goes_on() {
    let (dir, own) = (TempDir::new(), TempDir::new());
    // So slow that the coins take some seconds.
    let provider = provider(dir.path(), &["--max-upload", "64k"]);
    let address = provider.p2p().to_string();
    let mut node = TestNode::start_in(own.path(), &joining(&address));
    for _ in 0..4 {
        // As soon as it is known that all headers are here, or later.
        reach(&node, &["snapshot", "synced"]);
        node.kill();
        node.restart(&joining(&address));
    }
    node.wait(&["synced"]);
    assert_eq!((node.height(), node.tip()), (BLOCKS, provider.tip()), "{}", node.log());
    assert_eq!(node.status()["vouched"]["height"].as_u64(), Some(150));
}

#[test]
fn a_chain_that_is_too_short_is_verified_as_a_whole() {
    let dir = TempDir::new();
    generate(dir.path());
    let provider = TestNode::start_in(dir.path(), &[]);
    let node = TestNode::start(&["--join", "snapshot", "--connect", &provider.p2p().to_string()]);
    node.wait(&["synced"]);
    assert_eq!((node.height(), node.tip()), (BLOCKS, provider.tip()));
    assert!(node.status()["vouched"].is_null());
    assert!(node.cli(&["block", "1"]).status.success());
}

/// However long that takes, as it may where snapshots are far away or slow to come.
#[test]
fn a_node_that_finds_no_snapshot_yet_can_be_asked_and_stopped() {
    let dir = TempDir::new();
    generate(dir.path());
    let provider = TestNode::start_in(dir.path(), &[]);
    let mut node = TestNode::start(&joining(&provider.p2p().to_string()));
    reach(&node, &["snapshot"]);
    let status = node.status();
    assert_eq!((&status["height"], &status["headers"]), (&0.into(), &BLOCKS.into()), "{status}");
    assert_eq!(node.stop(), 0);

    // Whoever looks at what it left is told that coins and blocks are missing, and not that they were pruned.
    let genesis = status["genesis"].clone();
    let dir = node.dir.clone();
    let status = stopped(&dir, &["status", "--json"]);
    assert_eq!((&status["joining"], &status["height"], &status["kept_from"]), (&true.into(), &0.into(), &1.into()));
    assert_eq!((&status["tip"], &status["headers"]), (&genesis, &BLOCKS.into()));
    let copy = dir.join("copy");
    let backup = ["backup", copy.to_str().unwrap()];
    for args in [&["status"][..], &["verify"], &["verify", "--deep"], &backup] {
        let output = cli_on(&dir, "local", args);
        let text = stdout(&output) + &stderr(&output);
        assert!(output.status.success() && text.contains("headers up to 230 are here; the coins are not"), "{text}");
        assert!(!text.contains("no longer here") && !text.contains("kept"), "{text}");
        assert!(args[0] != "backup" || text.contains("headers up to 230 and 0 keys are in"), "{text}");
    }
    for deep in [&["verify", "--json"][..], &["verify", "--deep", "--json"]] {
        assert_eq!(stopped(&dir, deep)["joining"], true);
    }
    for view in ["v_coins", "v_balances"] {
        let count = stopped(&dir, &["sql", &format!("SELECT count(*) AS it FROM {view}"), "--json"]);
        assert_eq!(count, serde_json::json!([{ "it": 0 }]), "{view}: those of genesis are no coins of today");
    }
    let blocks = dir.join("blocks");
    for args in [["chain", "export"], ["chain", "import"]] {
        let output = cli_on(&dir, "local", &[&args[..], &[blocks.to_str().unwrap()]].concat());
        assert_eq!((output.status.code().is_some_and(|code| code > 0), stderr(&output).lines().count()), (true, 1));
    }
}

/// What is in its ledger are the coins of genesis, spent long ago, and the headers of blocks that it does not have.
#[test]
fn a_node_that_joins_says_that_it_has_no_coins_and_neither_counts_nor_makes_any() {
    let dir = TempDir::new();
    generate(dir.path());
    let provider = TestNode::start_in(dir.path(), &[]);
    let node = TestNode::start(&joining(&provider.p2p().to_string()));
    reach(&node, &["snapshot"]);
    let id = "7".repeat(64);
    let prove = ["prove", &id];
    let commands = [&["balance", "dev0"][..], &["history", "dev0"], &prove, &["mine", "1"]];
    for args in commands.into_iter().chain([&["send", "dev1", "1", "--from", "dev0"][..]]) {
        let output = node.cli(args);
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(5), "{args:?}: {error}{}", stdout(&output));
        assert!(error.contains("no coins yet: it joins with a snapshot"), "{args:?}: {error}");
    }
    // Blocks above genesis are headers, which nothing here confirms.
    let json = |args: &[&str]| -> Value { serde_json::from_str(&stdout(&node.cli(args))).unwrap() };
    for (id, status, confirmations) in [("0", "applied", 1..1000), ("5", "header", 0..1)] {
        let block = json(&["block", id, "--json"]);
        assert_eq!(block["status"], status, "{block}");
        assert!(confirmations.contains(&block["confirmations"].as_u64().unwrap()), "{block}");
    }
    assert!(stdout(&node.cli(&["block", "5"])).contains("no coins yet"));
    assert_eq!(json(&["tips", "--json"])[0]["status"], "headers-only");
    // It says why, once it has heard enough peers to look for one.
    let deadline = Instant::now() + PATIENCE;
    while !node.status()["reason"].as_str().unwrap().contains("no linked peer serves any (--serve-snapshots)") {
        assert!(Instant::now() < deadline, "{}", node.log());
    }
}

fn log_of(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("local/logs/tussock.log")).unwrap()
}

#[test]
fn a_join_that_was_begun_goes_on_without_the_flag_and_is_given_up_only_explicitly() {
    let (dir, own, other) = (TempDir::new(), TempDir::new(), TempDir::new());
    let whole = dir.path().join("whole");
    generate(&whole);
    let whole = TestNode::start_in(&whole, &[]);
    let address = whole.p2p().to_string();
    let mut nodes = [own.path(), other.path()].map(|dir| TestNode::start_in(dir, &joining(&address)));
    for node in &mut nodes {
        reach(node, &["snapshot"]);
        node.kill();
    }
    let [mut node, mut second] = nodes;
    second.restart(&["--join", "history", "--connect", &address]);
    second.wait(&["height", &BLOCKS.to_string()]);
    assert!(log_of(other.path()).contains("no longer joins"), "{}", second.log());
    assert!(second.cli(&["balance", "dev0"]).status.success());
    let provider = provider(&dir.path().join("provider"), &[]);
    node.restart(&["--join-depth", "10", "--connect", &provider.p2p().to_string()]);
    node.wait(&["synced"]);
    assert!(log_of(own.path()).contains("goes on with it"), "{}", node.log());
    assert!(!log_of(own.path()).contains("does nothing"), "its depth counts: {}", node.log());
    assert_eq!(node.status()["vouched"]["height"].as_u64(), Some(150));
}
