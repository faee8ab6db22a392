//! Disks that fail, fill up or lose writes: the node stops with the contract's exit code and one line, blames no peer,
//! and loses nothing. `scripts/durability.sh` does this at every write; these tests pin what it has found.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::support::{BIN, TempDir, TestNode, cli_on, stderr, stdout};

/// A folder with the first blocks of a chain; the chain is the same each time.
fn ledger(blocks: &str) -> TempDir {
    let dir = TempDir::new();
    let args = ["generate", "--blocks", blocks, "--txs-per-block", "6", "--seed", "1"];
    let output = cli_on(dir.path(), "local", &args);
    assert!(output.status.success(), "{}", stderr(&output));
    dir
}

/// Runs a node with one peer until it stops by itself; fails the test if it does not. `file_kib` limits the size of files.
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
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    ended.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| {
        drop(Command::new("kill").args(["-s", "KILL", &pid]).status());
        panic!("the node still runs; its log:\n{}", log(dir));
    })
}

/// The whole answer to a GET.
fn get(node: &TestNode, path: &str) -> String {
    let mut stream = TcpStream::connect(node.http()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn log(dir: &Path) -> String {
    fs::read_to_string(dir.join("local/logs/tussock.log")).unwrap_or_default()
}

fn damage(dir: &TempDir, sql: &str) {
    let database = rusqlite::Connection::open(dir.path().join("local/ledger.db")).unwrap();
    database.execute_batch(sql).unwrap();
}

/// The node exits with code 10 and prints one line.
fn assert_disk_error(output: &Output, says: &str) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(10), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "one line: {text}");
    assert!(text.starts_with("error: ") && text.contains(says), "{says:?} in {text}");
}

fn assert_no_peer_is_blamed(dir: &Path) {
    let log = log(dir);
    let blame = log.lines().find(|line| ["fault=", "banned", "is invalid"].iter().any(|word| line.contains(word)));
    assert_eq!(blame, None);
}

#[test]
fn a_node_stops_when_its_ledger_cannot_grow_and_continues_once_there_is_room() {
    let (all, none) = (ledger("60"), ledger("0"));
    let provider = TestNode::start_in(all.path(), &["--max-outbound", "0"]);
    let size = fs::metadata(none.path().join("local/ledger.db")).unwrap().len();
    let kib = u32::try_from(size / 1024).unwrap() + 64;
    assert_disk_error(&run_to_its_end(none.path(), &provider, Some(kib)), "make room");
    assert_no_peer_is_blamed(none.path());
    let deep = cli_on(none.path(), "local", &["verify", "--deep"]);
    assert!(deep.status.success(), "{}", stderr(&deep));
    let node = TestNode::start_in(none.path(), &["--connect", &provider.p2p().to_string()]);
    node.wait(&["height", "60"]);
    assert_eq!(node.tip(), provider.tip());
}

/// Asks until a command succeeds or the time is up. Returns what it printed.
fn until_it_works(node: &TestNode, args: &[&str]) -> String {
    let start = Instant::now();
    loop {
        let output = node.cli(args);
        if output.status.success() {
            return stdout(&output);
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{}", stderr(&output));
    }
}

#[test]
fn a_node_stops_when_somebody_who_reads_finds_its_ledger_damaged() {
    for (sql, path) in [
        ("UPDATE bodies SET bytes = zeroblob(length(bytes))", "/api/block/5"),
        ("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'x' WHERE name = 'bodies'", "/api/tips"),
    ] {
        let dir = ledger("20");
        let mut node = TestNode::start_in(dir.path(), &["--no-index"]);
        damage(&dir, sql);
        let answer = get(&node, path);
        assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("cannot be read: damaged"), "{answer}");
        assert_eq!(node.wait_end(), Some(10), "{}", node.log());
        assert!(fs::read_to_string(dir.path().join("stderr.txt")).unwrap().contains("move the file away"));
    }
}

#[test]
fn a_command_that_meets_a_damaged_ledger_ends_with_the_code_of_a_bad_disk() {
    let dir = ledger("20");
    let node = TestNode::start_in(dir.path(), &[]);
    fs::File::options().write(true).open(dir.path().join("local/ledger.db")).unwrap().set_len(40_960).unwrap();
    assert_disk_error(&node.cli(&["mine", "1"]), "tussock verify");
}

#[test]
fn a_damaged_index_is_rebuilt_while_the_node_runs() {
    let dir = ledger("20");
    let node = TestNode::start_in(dir.path(), &[]);
    let before = until_it_works(&node, &["history", "dev1", "--json"]);
    let index = rusqlite::Connection::open(dir.path().join("local/index.db")).unwrap();
    // Connections read a schema again whose number has changed.
    let damage = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'x' WHERE type = 'table'; \
                  PRAGMA schema_version = 999";
    index.execute_batch(damage).unwrap();
    drop(index);
    let after = until_it_works(&node, &["history", "dev1", "--json"]);
    assert_eq!(before, after);
    assert!(node.log().contains("index: rebuilding"), "{}", node.log());
}

#[test]
fn a_node_stops_when_the_disk_changed_a_coin_and_marks_no_honest_block_invalid() {
    let all = ledger("40");
    let provider = TestNode::start_in(all.path(), &["--max-outbound", "0"]);
    for (change, says) in [
        // The last entry of a page ends in an address of 20 bytes, the first begins with its key.
        (
            "UPDATE coin_pages SET entries = CAST(substr(entries, 1, length(entries) - 20) || zeroblob(20) AS BLOB)",
            "not those of the state digest",
        ),
        ("DELETE FROM coin_pages", "not those of the state digest"),
        (
            // A page's number begins with the last of its keys.
            "UPDATE coin_pages SET id = (id >> 55 << 55) | ((id & 36028797018963967) >> 12)",
            "another key",
        ),
    ] {
        let part = ledger("20");
        damage(&part, change);
        assert_disk_error(&run_to_its_end(part.path(), &provider, None), says);
        assert_no_peer_is_blamed(part.path());
        let invalid = cli_on(part.path(), "local", &["sql", "SELECT count(*) FROM side WHERE status = 2", "--json"]);
        assert!(String::from_utf8_lossy(&invalid.stdout).contains(":0}"), "{change}: {invalid:?}");
    }
}

#[test]
fn a_node_stops_when_the_disk_changed_a_header_and_does_not_serve_it() {
    for change in ["UPDATE headers SET time = time + 1 WHERE height = 7", "UPDATE applied SET id = 6 WHERE height = 7"]
    {
        let newcomer = TestNode::start(&[]);
        let damaged = ledger("40");
        damage(&damaged, change);
        assert_disk_error(&run_to_its_end(damaged.path(), &newcomer, None), "block 7");
        assert_no_peer_is_blamed(&newcomer.dir);
        assert_eq!(newcomer.json(&["peers", "book"])["bans"], serde_json::json!([]));
    }
}

/// The script tells by the log what a node was doing when it was killed.
#[test]
fn the_script_knows_the_log_lines_of_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = fs::read_to_string(root.join("scripts/durability.sh")).unwrap();
    let (_, reader) = script.split_once("read_log() {").unwrap();
    let (reader, _) = reader.split_once("\n}").unwrap();
    let patterns: Vec<&str> = reader
        .lines()
        .filter_map(|line| line.trim().strip_prefix('/')?.split_once('/'))
        .map(|(pattern, _)| pattern.trim())
        .collect();
    assert_eq!(patterns.len(), 6, "{patterns:?}");
    let sources = ["src/node/ledger/chainstate.rs", "src/node/ledger/reorganise.rs", "src/store/ledger/mod.rs"]
        .map(|file| fs::read_to_string(root.join(file)).unwrap())
        .concat();
    for pattern in patterns {
        assert!(sources.contains(pattern), "nothing logs {pattern:?}");
    }
}

#[test]
fn a_payment_that_was_answered_survives_kill_9_until_it_is_in_a_block() {
    let mut node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let to = node.json(&["key", "show", "dev5"])["address"].as_str().unwrap().to_owned();
    let send = |node: &TestNode, from: &str| {
        node.json(&["send", &to, "1000", "--from", from])["id"].as_str().unwrap().to_owned()
    };
    let status = |node: &TestNode, txid: &str| node.json(&["tx", txid])["status"].as_str().unwrap().to_owned();
    // The second spends what the first leaves.
    let payments = [send(&node, "dev0"), send(&node, "dev0"), send(&node, "dev1")];
    for _ in 0..2 {
        node.kill();
        node.restart(&[]);
        payments.iter().for_each(|txid| assert_eq!(status(&node, txid), "mempool", "{txid}"));
    }
    node.wait(&["synced"]);
    node.json(&["mine", "1"]);
    let last = send(&node, "dev2");
    node.kill();
    node.restart(&[]);
    payments.iter().for_each(|txid| assert_eq!(status(&node, txid), "confirmed", "{txid}"));
    assert_eq!((status(&node, &last), &node.status()["mempool"]["count"]), ("mempool".to_owned(), &1.into()));
    assert_eq!(node.stop(), 0);
    node.restart(&[]);
    assert_eq!(status(&node, &last), "mempool");
}
