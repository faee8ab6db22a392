//! Small hosts: one core, little memory, few files.

use crate::support::{TempDir, TestNode, cli_on};

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
