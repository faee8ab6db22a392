//! Blocks that give way to others: nodes that are killed meanwhile, their peers, and readers.

use std::{
    io::Write as _,
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{balance, call};
use crate::support::{TempDir, TestNode, cli_on, stderr};

/// How long something may take that a node does by itself.
const PATIENCE: Duration = Duration::from_secs(60);
const LOG: [&str; 2] = ["--log", "info,ledger=debug"];

/// Sends the call, and does not wait for the answer.
fn ask_for_reorganisation(node: &TestNode, blocks: u32) -> TcpStream {
    let cookie = std::fs::read_to_string(node.dir.join("dev/rpc.cookie")).unwrap();
    let credentials = tussock::rpc::auth::base64(cookie.trim().as_bytes());
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "devreorg", "params": [blocks] }).to_string();
    let length = body.len();
    let head = format!("POST /rpc HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n");
    let mut stream = TcpStream::connect(node.http()).unwrap();
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).unwrap();
    stream
}

/// How often the node has logged this, starts before included.
fn logged(node: &TestNode, what: &str) -> usize {
    std::fs::read_to_string(node.dir.join("dev/logs/tussock.log")).unwrap_or_default().matches(what).count()
}

fn made(node: &TestNode) -> usize {
    logged(node, "block made beside the chain")
}

fn switches(node: &TestNode) -> usize {
    logged(node, "reorganised: ")
}

fn waiting(node: &TestNode) -> Vec<Value> {
    call(node, "getrawmempool", json!([])).unwrap().as_array().unwrap().clone()
}

/// Waits until so many more blocks are made, or the chain has moved onto them.
fn until(node: &TestNode, what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(
            begun.elapsed() < PATIENCE,
            "not in time: {} {} {}",
            node.status()["height"],
            node.status()["state"],
            node.log()
        );
    }
}

/// Kills nodes at moments of a reorganisation: it is as before it or as after it, and what waits does, too.
#[test]
fn a_node_that_is_killed_in_a_reorganisation_is_before_it_or_after_it() {
    let dir = TempDir::new();
    let mut node = TestNode::start_on(dir.path(), "dev", &LOG);
    node.json(&["mine", "2"]);
    node.json(&["dev", "snapshot"]);
    let before = balance(&node, "dev1");
    node.json(&["send", "dev1", "777", "--from", "dev7"]);
    node.json(&["mine", "30"]);
    node.json(&["dev", "revert", "1"]);
    let paid = node.json(&["send", "dev9", "70", "--from", "dev8"])["id"].clone();
    node.json(&["mine", "200"]);
    let waits = node.json(&["send", "dev9", "9", "--from", "dev7"])["id"].clone();
    let (start, mut height) = (node.status(), 202);
    for blocks in [0, 1, 90, 180, 1_000] {
        let (found, switched) = (made(&node), switches(&node));
        let order = ask_for_reorganisation(&node, 200);
        until(&node, || match blocks {
            1_000 => node.height() > height,
            blocks => made(&node) > found + blocks || switches(&node) > switched,
        });
        node.kill();
        drop(order);
        node.restart(&LOG);
        let now = node.height();
        match now > height {
            true => assert!(waiting(&node).contains(&paid), "after {blocks}"),
            false => assert_eq!(
                [&node.status()["tip"], &node.status()["state_digest"]],
                [&start["tip"], &start["state_digest"]]
            ),
        }
        assert!(now == height || now == height + 1, "after {blocks}: {now}");
        assert!(waiting(&node).contains(&waits), "after {blocks}");
        if now > height {
            println!("after {blocks} blocks it was done");
            height = now;
            break;
        }
    }
    assert_eq!((height, balance(&node, "dev1")), (203, before), "what was reverted does not come back");
    assert_eq!(node.stop(), 0);
    let verified = cli_on(dir.path(), "dev", &["verify", "--deep", "--json"]);
    assert!(verified.status.success(), "{}", stderr(&verified));
}

/// A node had told its peers of blocks that its next start took back: they had more work than its chain then, and it refused them.
#[test]
fn a_node_that_is_killed_in_a_reorganisation_stays_on_one_chain_with_its_peer() {
    let (here, there) = (TempDir::new(), TempDir::new());
    let mut one = TestNode::start_on(here.path(), "dev", &LOG);
    let two = TestNode::start_on(there.path(), "dev", &["--connect", &one.p2p().to_string()]);
    one.json(&["mine", "100"]);
    two.wait(&["height", "100"]);
    for blocks in [0, 1, 50, 100, 101, 102, 1_000] {
        let (found, switched) = (made(&one), switches(&one));
        let (height, tip) = (two.height(), two.status()["tip"].clone());
        let order = ask_for_reorganisation(&one, 100);
        // The last ones come once the peer has heard of the new blocks.
        until(&one, || match blocks {
            101 => switches(&one) > switched,
            1_000 => two.height() > height,
            blocks => made(&one) > found + blocks || switches(&one) > switched,
        });
        one.kill();
        drop(order);
        let seen = two.status()["tip"].clone();
        one.restart(&LOG);
        if seen != tip {
            assert_eq!(one.status()["tip"], seen, "after {blocks}: a start has what a peer was told");
        }
        one.json(&["peers", "add", &two.p2p().to_string()]);
        until(&one, || one.status()["tip"] == two.status()["tip"]);
        one.json(&["mine", "1"]);
        two.wait(&["height", &one.height().to_string()]);
        assert_eq!(one.status()["tip"], two.status()["tip"], "after {blocks}");
    }
}

#[test]
fn payments_that_wait_again_do_so_after_a_kill_and_those_left_out_do_not_come_back() {
    let dir = TempDir::new();
    let mut node = TestNode::start_on(dir.path(), "dev", &[]);
    let pay = |node: &TestNode, from: &str| node.json(&["send", "dev9", "5", "--from", from])["id"].clone();
    let first = pay(&node, "dev7");
    node.json(&["mine", "1"]);
    // A return forgets what users have submitted and blocks have.
    node.json(&["dev", "snapshot"]);
    node.json(&["mine", "1"]);
    node.json(&["dev", "revert", "1"]);
    let block = node.json(&["block", "1"])["hash"].clone();
    call(&node, "invalidateblock", json!([block])).unwrap();
    node.kill();
    node.restart(&[]);
    assert_eq!((node.height(), waiting(&node)), (0, vec![first.clone()]), "of a block that is set aside");
    node.json(&["mine", "1"]);
    node.json(&["dev", "snapshot"]);
    node.json(&["mine", "1"]);
    node.json(&["dev", "revert", "2"]);
    node.json(&["dev", "reorg", "1"]);
    node.kill();
    node.restart(&[]);
    assert_eq!((node.height(), waiting(&node)), (2, vec![first.clone()]));

    let second = pay(&node, "dev8");
    node.json(&["mine", "1"]);
    node.json(&["dev", "reorg", "1", "--drop"]);
    assert_eq!(waiting(&node), [] as [Value; 0]);
    for is_killed in [true, false] {
        match is_killed {
            true => node.kill(),
            false => assert_eq!(node.stop(), 0),
        }
        node.restart(&[]);
        assert_eq!((node.height(), waiting(&node)), (4, vec![]), "killed: {is_killed}, {first} {second}");
    }
    assert_eq!(pay(&node, "dev8"), second, "it can be made again");
}

/// Whoever asks meanwhile is told of the old chain or of the new one, and never of a shorter one.
#[test]
fn readers_see_no_shorter_chain_while_blocks_give_way() {
    let dir = TempDir::new();
    let node = TestNode::start_on(dir.path(), "dev", &LOG);
    node.json(&["mine", "150"]);
    let old = node.status()["tip"].clone();
    let order = ask_for_reorganisation(&node, 150);
    until(&node, || made(&node) > 0);
    // It is done, though nobody waits for it any more.
    drop(order);
    until(&node, || {
        let status = call(&node, "status", json!([])).unwrap();
        let height = status["height"].as_u64().unwrap();
        assert!(height >= 150 && (height > 150 || status["tip"] == old), "{status}");
        height > 150
    });
    assert_eq!(node.height(), 151);
    assert_eq!(logged(&node, "reorganised: depth=150 "), 1);
}
