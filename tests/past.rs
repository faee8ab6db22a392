//! Nodes that joined with a snapshot and then verify their past.

use std::{path::Path, time::Instant};

use serde_json::Value;

use crate::{
    joining::{BLOCKS, joining, provider},
    support::{TempDir, TestNode, cli_on, peer::PATIENCE},
};

fn with_history(connect: &str) -> Vec<&str> {
    [&joining(connect)[..], &["--history"]].concat()
}

/// Asks until the status is as wanted.
fn reach(node: &TestNode, is_reached: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = node.status();
        if is_reached(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "{status} {}", node.log());
    }
}

fn is_full(status: &Value) -> bool {
    status["kept_from"] == 1
}

fn second_ledger(dir: &Path) -> std::path::PathBuf {
    dir.join("local/history")
}

#[test]
fn a_node_that_joined_verifies_its_past_and_serves_it() {
    let (dir, own) = (TempDir::new(), TempDir::new());
    let mut provider = provider(dir.path(), &[]);
    let address = provider.p2p().to_string();
    let mut node = TestNode::start_in(own.path(), &with_history(&address));
    node.wait(&["synced"]);
    let status = reach(&node, is_full);
    assert_eq!(status["state_digest"], provider.status()["state_digest"]);
    assert!(status["vouched"].is_null(), "{status}");
    assert_eq!(status["history"]["verified_from"], 1, "{status}");
    assert!(node.cli(&["block", "1"]).status.success());
    // Nobody else has the history now.
    assert_eq!(provider.stop(), 0);
    let newcomer = TestNode::start(&["--connect", &node.p2p().to_string()]);
    newcomer.wait(&["synced"]);
    assert_eq!((newcomer.height(), newcomer.tip()), (BLOCKS, node.tip()));
    drop(newcomer);
    assert_eq!(node.stop(), 0);
    assert!(!second_ledger(own.path()).exists());
    let verified = cli_on(own.path(), "local", &["verify", "--deep"]);
    assert!(verified.status.success(), "{verified:?}");
}

/// It did so at the next block, which may be an hour away.
#[test]
fn the_index_of_a_node_that_verifies_its_past_later_begins_again_without_a_new_block() {
    let (dir, own) = (TempDir::new(), TempDir::new());
    let provider = provider(dir.path(), &[]);
    let address = provider.p2p().to_string();
    let mut node = TestNode::start_in(own.path(), &joining(&address));
    node.wait(&["synced"]);
    let lacks = reach(&node, |status| status["indexed"] == BLOCKS);
    assert!(lacks["indexed_from"].as_u64() > Some(1), "{lacks}");
    assert_eq!(node.stop(), 0);
    node.restart(&with_history(&address));
    reach(&node, is_full);
    let has = reach(&node, |status| status["indexed_from"] == 0 && status["indexed"] == BLOCKS);
    assert_eq!(has["height"], BLOCKS);
}

#[test]
fn a_node_that_is_killed_while_it_verifies_its_past_goes_on() {
    let (dir, own) = (TempDir::new(), TempDir::new());
    // So slow that the past takes some seconds.
    let provider = provider(dir.path(), &["--max-upload", "64k"]);
    let address = provider.p2p().to_string();
    let mut node = TestNode::start_in(own.path(), &with_history(&address));
    node.wait(&["synced"]);
    for _ in 0..3 {
        reach(&node, |status| is_full(status) || !status["history"]["goal"].is_null());
        node.kill();
        node.restart(&with_history(&address));
    }
    let status = reach(&node, is_full);
    assert_eq!((node.tip(), &status["vouched"]), (provider.tip(), &Value::Null), "{}", node.log());
    assert_eq!(node.stop(), 0);
    let verified = cli_on(own.path(), "local", &["verify", "--deep"]);
    assert!(verified.status.success(), "{verified:?}");
}

#[test]
fn history_and_keep_exclude_each_other() {
    let dir = TempDir::new();
    let output = cli_on(dir.path(), "local", &["run", "--history", "--keep", "500", "--no-http"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
