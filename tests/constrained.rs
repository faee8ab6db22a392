//! Small hosts: one core, little memory, few files, no battery for the clock.

use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::support::{TempDir, TestNode, cli_on, stderr};

/// On one core, with 64 open files and 48 MiB of data segment (unused stacks count too), a newcomer syncs full blocks
/// and then mines.
#[test]
#[cfg(target_os = "linux")]
fn a_newcomer_on_a_small_host_syncs_and_mines() {
    let folder = TempDir::new();
    let arguments = ["generate", "--blocks", "30", "--txs-per-block", "500", "--seed", "1"];
    assert!(cli_on(folder.path(), "local", &arguments).status.success());
    let provider = TestNode::start_in(folder.path(), &["--is-bootnode"]);
    let address = provider.endpoint("p2p").to_string();
    // Without taskset the node uses all cores.
    let small = "ulimit -n 64 && ulimit -d 49152 && { taskset -pc 0 $$ || true; } >/dev/null 2>&1";
    for (memory, height) in [("16", 30), ("32", 31)] {
        let newcomer = TestNode::start_after(small, &["--connect", &address, "--max-memory", memory]);
        newcomer.wait(&["height", &height.to_string()]);
        newcomer.wait(&["synced"]);
        newcomer.json(&["mine", "1"]);
        provider.wait(&["height", &(height + 1).to_string()]);
    }
}

/// A host without a battery for its clock starts with an old time. An earlier run left a later one: of 2100, here.
#[test]
fn a_clock_behind_the_last_known_time_stops_mining_until_a_peer_agrees_with_it() {
    let folder = TempDir::new();
    let file = folder.path().join("local/last-time");
    fs::create_dir(folder.path().join("local")).unwrap();
    fs::write(&file, "4102444800\n").unwrap();
    let node = TestNode::start_in(folder.path(), &["--is-bootnode"]);
    assert_eq!(node.status()["hindrances"][0]["id"], "clock_behind", "{}", node.status());
    let refused = node.cli(&["mine", "1"]);
    assert_eq!(refused.status.code(), Some(5), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("when this node last ran"), "{}", stderr(&refused));
    let address = node.p2p().to_string();
    let mut peer = TestNode::start(&["--connect", &address]);
    node.wait(&["peers", "1"]);
    node.wait(&["synced"]);
    node.json(&["mine", "1"]);
    peer.wait(&["height", "1"]);
    // What the peer confirmed is what the next start knows.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while fs::read_to_string(&file).unwrap() == "4102444800\n" {
        assert!(std::time::Instant::now() < until, "{}", node.status());
        node.cli(&["wait", "height", "1000", "--timeout", "1"]);
    }
    assert_eq!(peer.stop(), 0);
}

/// Nobody confirms the time of a lone node. It keeps the latest one that nothing contradicts, and never an earlier one.
#[test]
fn a_lone_node_knows_at_its_next_start_when_it_last_ran() {
    let folder = TempDir::new();
    let file = folder.path().join("local/last-time");
    let kept = || fs::read_to_string(&file).unwrap().trim().parse::<u64>().unwrap();
    let mut node = TestNode::start_in(folder.path(), &["--is-bootnode"]);
    node.json(&["mine", "1"]);
    assert_eq!(node.stop(), 0);
    let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().abs_diff(kept());
    assert!(age < 600, "{age}");
    // As if the clock had lost 77 years since.
    fs::write(&file, "4102444800\n").unwrap();
    let mut node = TestNode::start_in(folder.path(), &["--is-bootnode"]);
    assert_eq!(node.cli(&["mine", "1"]).status.code(), Some(5), "{}", node.status());
    // The advice for a clock that once ran ahead. A running node would write the file again when it stops.
    assert!(node.status().to_string().contains("stop the node, remove last-time"), "{}", node.status());
    assert_eq!(node.stop(), 0);
    assert!(kept() >= 4_102_444_800, "{}", kept());
    fs::remove_file(&file).unwrap();
    let node = TestNode::start_in(folder.path(), &["--is-bootnode"]);
    node.json(&["mine", "1"]);
}
