//! Nodes that keep only their last blocks, and those that meet them.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tussock::rpc::client::Client;

use crate::support::{TempDir, TestNode, bin, cli_on, stderr, stdout};

const BLOCKS: &str = "400";

/// Waits until it holds.
fn until(node: &TestNode, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let status = node.status();
        if holds(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "{status}\n{}", node.log());
        std::thread::yield_now();
    }
}

fn generate(dir: &Path) {
    generate_blocks(dir, BLOCKS, "1");
}

fn generate_blocks(dir: &Path, blocks: &str, seed: &str) {
    let args = ["generate", "--blocks", blocks, "--txs-per-block", "5", "--seed", seed];
    let made = cli_on(dir, "local", &args);
    assert!(made.status.success(), "{}", stderr(&made));
}

/// A node with all blocks in its folder.
fn provider(dir: &Path, args: &[&str]) -> TestNode {
    generate(dir);
    TestNode::start_in(dir, &[&["--is-bootnode"], args].concat())
}

fn pruned(dir: &Path) -> TestNode {
    let node = provider(dir, &["--keep", "100"]);
    until(&node, |status| status["kept_from"] == 301);
    node
}

#[track_caller]
fn refused(node: &TestNode, args: &[&str]) {
    let output = node.cli(args);
    let error = stderr(&output);
    assert!(!output.status.success() && error.contains("no longer here"), "{args:?}: {error}{}", stdout(&output));
    assert!(!error.contains("damaged") && !error.contains("cannot be read"), "{args:?}: {error}");
}

#[test]
fn a_newcomer_gets_all_from_those_that_keep_all_and_asks_the_pruned_one_for_no_old_block() {
    let dir = TempDir::new();
    let pruned = pruned(&dir.path().join("pruned"));
    let whole: Vec<TestNode> = ["b", "c"].iter().map(|name| provider(&dir.path().join(name), &[])).collect();
    let addresses: Vec<String> = whole.iter().chain([&pruned]).map(|node| node.p2p().to_string()).collect();
    let newcomer = TestNode::start(&["--connect", &addresses.join(",")]);
    newcomer.wait(&["height", BLOCKS]);
    assert_eq!(newcomer.tip(), pruned.tip());
    let of_pruned = pruned.status()["counters"]["blocks_served"].as_u64().unwrap();
    assert!(of_pruned <= 100, "{of_pruned}");
    let counters = newcomer.status()["counters"].clone();
    assert_eq!(counters["block_requests_reassigned"], 0, "nobody answered that it has no such block: {counters}");
}

#[test]
fn a_newcomer_among_pruned_nodes_only_is_told_and_goes_on_once_one_keeps_all() {
    let dir = TempDir::new();
    let pruned = pruned(&dir.path().join("pruned"));
    let newcomer = TestNode::start(&["--connect", &pruned.p2p().to_string()]);
    let status = until(&newcomer, |status| status["hindrances"][0]["id"] == "history_missing");
    assert!(status["hindrances"][0]["text"].as_str().unwrap().contains("no block below 301"), "{status}");
    assert_ne!(status["state"], "synced");
    // It was asked for what it keeps, at most.
    assert!(pruned.status()["counters"]["blocks_served"].as_u64().unwrap() <= 100);
    assert_eq!(newcomer.status()["height"], 0);
    let whole = provider(&dir.path().join("whole"), &[]);
    newcomer.json(&["peers", "add", &whole.p2p().to_string()]);
    newcomer.wait(&["height", BLOCKS]);
    until(&newcomer, |status| status["hindrances"].as_array().is_some_and(Vec::is_empty));
}

/// Its id stays in the index.
#[test]
fn a_payment_whose_block_is_pruned_is_not_here_and_no_failure_of_the_node() {
    let dir = TempDir::new();
    let node = pruned(dir.path());
    let block = node.json(&["block", "50"]);
    let id = block["txs"][1].as_str().or(block["txs"][0].as_str());
    assert_eq!(id, None, "the ids go with the body: {block}");
    let sql = node.json(&["sql", "SELECT txid FROM v_txs WHERE height = 50 AND position = 1"]);
    let txid = sql[0]["txid"].as_str().unwrap();
    for command in ["tx", "prove", "search"] {
        let output = node.cli(&[command, txid]);
        let error = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{command}: {error}{}", stdout(&output));
        let what_next = "ask a node that keeps the whole history";
        assert!(error.contains("block 50 is no longer here") && error.contains(what_next), "{command}: {error}");
    }
}

#[test]
fn what_is_no_longer_here_is_said_everywhere_and_never_called_damage() {
    let dir = TempDir::new();
    let node = pruned(dir.path());
    let cookie = fs::read_to_string(dir.path().join("local/rpc.cookie")).unwrap();
    let client = Client::new(node.http(), &cookie);
    assert_eq!(node.json(&["block", "50"])["size"], Value::Null, "the header is here");
    let shown = stdout(&node.cli(&["block", "50"]));
    assert!(shown.contains("only the header is here") && !shown.contains("txs"), "nobody knows how many: {shown}");
    assert!(node.json(&["block", "350"])["size"].as_u64().unwrap() > 0);
    for verbosity in 0..=2 {
        let error = client.call("getblock", json!(["50", verbosity])).unwrap_err().to_string();
        assert!(error.contains("Block not available (pruned data)"), "{error}");
    }
    let info = client.call("getblockchaininfo", json!([])).unwrap();
    assert_eq!((&info["pruned"], &info["pruneheight"]), (&true.into(), &301.into()));
    let file = dir.path().join("blocks");
    refused(&node, &["chain", "export", file.to_str().unwrap()]);
    assert!(!file.exists());
    // An account's history and coins stay, in SQL, too.
    let sums = |view: &str, column: &str| node.json(&["sql", &format!("SELECT sum({column}) AS it FROM {view}")]);
    assert_eq!(sums("v_balances", "balance"), sums("v_packed_coins", "amount"));
    assert_eq!(sums("v_coins", "amount"), sums("v_packed_coins", "amount"));
    assert!(node.json(&["balance", "dev0"])["confirmed"].as_u64().unwrap() > 0);
    let height = node.height();
    drop(node);

    // It goes on after a kill, and without --keep too.
    for deep in [&["verify", "--json"][..], &["verify", "--deep", "--json"]] {
        let output = cli_on(dir.path(), "local", deep);
        assert!(output.status.success(), "{}", stderr(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["ok"], &report["kept_from"]), (&true.into(), &301.into()));
    }
    let mut node = TestNode::start_in(dir.path(), &["--is-bootnode"]);
    assert_eq!((node.height(), &node.status()["kept_from"]), (height, &301.into()));
    let log = fs::read_to_string(dir.path().join("local/logs/tussock.log")).unwrap();
    assert!(log.contains("the ledger was pruned") && log.contains("kept_from=301"), "{log}");
    assert_eq!(node.stop(), 0);
    let freed = cli_on(dir.path(), "local", &["prune", "--json"]);
    assert!(freed.status.success(), "{}", stderr(&freed));
}

/// A file with all blocks of a ledger.
fn export(dir: &Path) -> String {
    let file = dir.join("blocks").to_str().unwrap().to_owned();
    let exported = cli_on(dir, "local", &["chain", "export", &file]);
    assert!(exported.status.success(), "{}", stderr(&exported));
    file
}

/// Those that are no longer here are not missed; branches are followed as far down as blocks are kept whole.
#[test]
fn blocks_of_a_file_go_on_top_of_a_pruned_ledger_and_no_branch_that_leaves_too_deep() {
    let root = TempDir::new();
    let root = root.path();
    let (own, longer, branch, foreign) =
        (root.join("own"), root.join("longer"), root.join("branch"), root.join("foreign"));
    let mut node = pruned(&own);
    assert_eq!(node.stop(), 0);
    let import = |file: &str| cli_on(&own, "local", &["chain", "import", file, "--json"]);
    let imported = |file: &str| -> Value {
        let output = import(file);
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let whole_from_301 = || {
        let deep = cli_on(&own, "local", &["verify", "--deep", "--json"]);
        let report: Value = serde_json::from_slice(&deep.stdout).unwrap_or_else(|_| panic!("{}", stderr(&deep)));
        assert_eq!((&report["ok"], &report["kept_from"]), (&true.into(), &301.into()));
        (report["height"].as_u64().unwrap(), report["tip"].clone())
    };
    generate_blocks(&longer, "402", "1");
    let facts = imported(&export(&longer));
    assert_eq!((&facts["imported"], &facts["replaced"], &facts["height"]), (&2.into(), &0.into(), &402.into()));
    assert_eq!(whole_from_301().0, 402);

    // From block 350 on, and with more work.
    generate_blocks(&branch, "350", "1");
    let mut miner = TestNode::start_in(&branch, &[]);
    assert!(miner.cli(&["mine", "60"]).status.success());
    assert_eq!(miner.stop(), 0);
    let facts = imported(&export(&branch));
    assert_eq!((&facts["imported"], &facts["replaced"], &facts["height"]), (&60.into(), &52.into(), &410.into()));
    let before = whole_from_301();
    assert_eq!(before.0, 410);

    generate_blocks(&foreign, "420", "2");
    let refused = import(&export(&foreign));
    let error = stderr(&refused);
    assert!(!refused.status.success() && error.lines().count() == 1, "{error}");
    assert!(error.contains("block 1 is of another branch") && error.contains("from height 301 on only"), "{error}");
    assert_eq!(whole_from_301(), before, "nothing has changed");
}

/// However it is said: a node that gives snapshots keeps what those need who join with them.
#[test]
fn a_node_that_gives_snapshots_does_not_start_with_fewer_blocks_than_newcomers_need() {
    let dir = TempDir::new();
    let folder = dir.path().to_str().unwrap();
    let refusal = |file: &str, variable: &str, flags: &[&str]| {
        fs::write(dir.path().join("config.toml"), file).unwrap();
        let mut command = Command::new(bin());
        command.args(["-d", folder, "--chain", "local", "run", "--listen", "127.0.0.1:0", "--no-http"]).args(flags);
        if !variable.is_empty() {
            command.env("TUSSOCK_KEEP", variable);
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let error = stderr(&output);
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.contains("is fewer than the 310 blocks with which newcomers can join"), "{error}");
        assert!(error.contains("--join-depth") && error.contains("leave out --serve-snapshots"), "{error}");
    };
    let shape = ["--snapshot-interval", "150", "--join-depth", "10"];
    let serve = [&["--serve-snapshots"][..], &shape].concat();
    refusal("", "", &[&["--keep", "309"][..], &serve].concat());
    refusal("", "309", &serve);
    refusal("keep = 309\n", "", &serve);
    refusal("keep = 309\nserve_snapshots = true\nsnapshot_interval = 150\njoin_depth = 10\n", "", &[]);
    // A flag goes before the file, and enough is enough.
    let mut node = TestNode::start_in(dir.path(), &["--keep", "310"]);
    node.kill();
    fs::remove_file(dir.path().join("config.toml")).unwrap();
    // Whoever names a block to join at wants no other history.
    let block = "ab".repeat(32);
    let alone = cli_on(dir.path(), "local", &["run", "--join-at", &block]);
    assert_eq!(alone.status.code(), Some(2), "{}", stderr(&alone));
    assert!(stderr(&alone).contains("it needs --join snapshot"), "{}", stderr(&alone));
    node.restart(&[&["--keep", "309"][..], &shape].concat());
    assert!(node.log().contains("fewer than the 310 blocks"), "a node that gives none only says so: {}", node.log());
    let warnings = node.status()["warnings"].to_string();
    for flag in ["--join-depth", "--snapshot-interval"] {
        assert!(warnings.contains(&format!("{flag} does nothing")), "{warnings}");
    }
    node.kill();
    node.restart(&["--serve-snapshots", "--snapshot-interval", "100", "--join-depth", "200"]);
    assert!(node.status()["warnings"].to_string().contains("never so deep"), "{}", node.status());
    node.kill();
    // By default newcomers on this chain want a day of blocks above, and snapshots are a day apart.
    node.restart(&["--keep", "51840", "--serve-snapshots"]);
}

/// The other newcomer is where this one is, and knows no more.
#[test]
fn two_newcomers_that_meet_pruned_nodes_only_are_not_synced_and_do_not_mine() {
    let dir = TempDir::new();
    let pruned = pruned(&dir.path().join("pruned"));
    let first = TestNode::start(&[]);
    let second = TestNode::start(&["--connect", &first.p2p().to_string()]);
    until(&second, |status| status["state"] == "synced");
    for node in [&first, &second] {
        node.json(&["peers", "add", &pruned.p2p().to_string()]);
    }
    for node in [&first, &second] {
        let status = until(node, |status| status["hindrances"][0]["id"] == "history_missing");
        assert!(status["hindrances"][0]["text"].as_str().unwrap().contains("of 2 peers"), "{status}");
        let status = until(node, |status| status["headers"] == 400 && status["state"] != "synced");
        assert_eq!(status["height"], 0);
    }
    let mined = first.cli(&["mine", "1"]);
    assert!(!mined.status.success(), "{}", stdout(&mined));
    assert_eq!(first.height(), 0);
    let whole = provider(&dir.path().join("whole"), &[]);
    first.json(&["peers", "add", &whole.p2p().to_string()]);
    second.wait(&["height", BLOCKS]);
    until(&second, |status| status["hindrances"].as_array().is_some_and(Vec::is_empty));
}
