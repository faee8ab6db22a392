//! Disks that fail, fill up or forget: the node ends by itself with the contract's exit code and one line, blames nobody
//! else, and loses nothing. `scripts/durability.sh` does the same at every write; this is what it has found.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use crate::support::{BIN, TempDir, TestNode, cli_on, stderr};

/// A folder with the first blocks of one and the same chain.
fn ledger(blocks: &str) -> TempDir {
    let dir = TempDir::new();
    let args = ["generate", "--blocks", blocks, "--txs-per-block", "6", "--seed", "1"];
    let output = cli_on(dir.path(), "local", &args);
    assert!(output.status.success(), "{}", stderr(&output));
    dir
}

/// Runs a node that knows one other, expected to end by itself; in files of at most so many KiB.
fn run_to_its_end(dir: &Path, peer: &TestNode, file_kib: Option<u32>) -> Output {
    let limit = file_kib.map_or("unlimited".to_owned(), |kib| kib.to_string());
    let child = Command::new("bash")
        .args(["-c", "ulimit -f \"$0\" && exec \"$@\"", &limit, BIN, "-d", dir.to_str().unwrap(), "--chain", "local"])
        .args(["run", "--listen", "127.0.0.1:0", "--no-http", "--quiet", "--connect", &peer.p2p().to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id().to_string();
    let (say, ended) = mpsc::channel();
    thread::spawn(move || say.send(child.wait_with_output().unwrap()));
    ended.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| {
        drop(Command::new("kill").args(["-s", "KILL", &pid]).status());
        panic!("the node goes on; its log:\n{}", log(dir));
    })
}

fn log(dir: &Path) -> String {
    fs::read_to_string(dir.join("local/logs/tussock.log")).unwrap_or_default()
}

fn damage(dir: &TempDir, sql: &str) {
    let database = rusqlite::Connection::open(dir.path().join("local/ledger.db")).unwrap();
    database.execute_batch(sql).unwrap();
}

/// Exit code 10 and one line.
fn gave_up(output: &Output, says: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "one line: {text}");
    assert!(text.starts_with("error: ") && text.contains(says), "{says:?} in {text}");
}

fn blames_nobody(dir: &Path) {
    let log = log(dir);
    let blame = log.lines().find(|line| ["fault=", "banned", "is invalid"].iter().any(|word| line.contains(word)));
    assert_eq!(blame, None);
}

#[test]
fn a_ledger_that_cannot_grow_ends_the_node_and_goes_on_where_there_is_room() {
    let (all, none) = (ledger("60"), ledger("0"));
    let provider = TestNode::start_in(all.path(), &["--max-outbound", "0"]);
    let size = fs::metadata(none.path().join("local/ledger.db")).unwrap().len();
    let kib = u32::try_from(size / 1024).unwrap() + 64;
    gave_up(&run_to_its_end(none.path(), &provider, Some(kib)), "make room");
    blames_nobody(none.path());
    let deep = cli_on(none.path(), "local", &["verify", "--deep"]);
    assert!(deep.status.success(), "{}", stderr(&deep));
    let node = TestNode::start_in(none.path(), &["--connect", &provider.p2p().to_string()]);
    node.wait(&["height", "60"]);
    assert_eq!(node.tip(), provider.tip());
}

#[test]
fn a_coin_that_the_disk_changed_ends_the_node_and_no_honest_block_is_marked_invalid() {
    let all = ledger("40");
    let provider = TestNode::start_in(all.path(), &["--max-outbound", "0"]);
    for (change, says) in [
        ("UPDATE coins SET amount = amount - 1", "not those of the state digest"),
        ("DELETE FROM coins", "not those of the state digest"),
        ("UPDATE coins SET address = zeroblob(20)", "not those of the state digest"),
        ("UPDATE coins SET key = -key", "another key"),
    ] {
        let part = ledger("20");
        damage(&part, change);
        gave_up(&run_to_its_end(part.path(), &provider, None), says);
        blames_nobody(part.path());
        let invalid = cli_on(part.path(), "local", &["sql", "SELECT count(*) FROM side WHERE status = 2", "--json"]);
        assert!(String::from_utf8_lossy(&invalid.stdout).contains(":0}"), "{change}: {invalid:?}");
    }
}

#[test]
fn a_header_that_the_disk_changed_ends_the_node_and_is_not_served() {
    for change in ["UPDATE headers SET time = time + 1 WHERE height = 7", "UPDATE applied SET id = 6 WHERE height = 7"]
    {
        let newcomer = TestNode::start(&[]);
        let damaged = ledger("40");
        damage(&damaged, change);
        gave_up(&run_to_its_end(damaged.path(), &newcomer, None), "block 7");
        blames_nobody(&newcomer.dir);
        assert_eq!(newcomer.json(&["peers", "book"])["bans"], serde_json::json!([]));
    }
}
