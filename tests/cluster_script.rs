//! `scripts/cluster.sh`, beyond the tour of the README.

use std::{
    ffi::OsStr,
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{BIN, TempDir, stderr, stdout};

/// Nodes of a cluster in these tests.
const NODES: u16 = 3;

/// A cluster that the script has started, and removes when this is dropped.
struct Cluster(TempDir);

impl Cluster {
    fn up() -> Self {
        Self::up_with(&[])
    }

    fn up_with(flags: &[&str]) -> Self {
        let cluster = Self(TempDir::new());
        fs::write(cluster.0.path().join("port"), free_block().to_string()).unwrap();
        let output = cluster.run(&[&["up", &NODES.to_string()], flags].concat());
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        cluster
    }

    fn run(&self, args: &[&str]) -> Output {
        script(self.0.path(), args).env("TUSSOCK_BIN", BIN).output().unwrap()
    }

    fn status(&self) -> Value {
        let output = self.run(&["status", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stdout(&output)))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run(&["clean"]);
    }
}

fn script(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/cluster.sh")).args(args);
    command.env("TUSSOCK_CLUSTER_DIR", folder);
    // As in a shell in which somebody has made the README's network.
    let peer = "meadownode1qqqq@127.0.0.1:4130";
    command.envs([("TUSSOCK_CHAIN", "meadow.toml"), ("TUSSOCK_MEMBERS", "meadow.members"), ("TUSSOCK_CONNECT", peer)]);
    command
}

/// The port before those of a cluster: for peers those that follow, for HTTP those 500 above. Below the ports of outgoing
/// connections, and not those that the script would choose itself.
fn free_block() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 50).unwrap() * 8;
    let free = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    loop {
        let base = 31_000 + (first + NEXT.fetch_add(8, Ordering::Relaxed)) % 400;
        if (1..=NODES).all(|node| free(base + node) && free(base + 500 + node)) {
            return base;
        }
    }
}

#[test]
fn the_cluster_script_refuses_what_it_does_not_know() {
    let lines = [
        "status --wat",
        "wall --wat",
        "down now",
        "wait agree soon",
        "logs 1 2",
        "stop 1 2",
        "heal all",
        "up --wat",
        "up --delay 80",
        "up --rate 2m",
        "up --loss 100%",
        "up --delay 80ms --rate",
        "up 4 --authorities 5",
        "up 4 --authorities four",
        "up 4 --authorities 4 --miners 1",
        "up 0",
        "up 08 --topology star",
        "up 08 --miners 09",
        "up --mine-rate 99999999999999999999",
        "up 9 --authorities 010",
        "wait height 99999999999",
        "wait agree --timeout soon",
    ];
    for line in lines {
        let dir = TempDir::new();
        let args: Vec<&str> = line.split(' ').collect();
        let output = script(dir.path(), &args).env("TUSSOCK_BIN", BIN).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}: {}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{line}: {}", stderr(&output));
    }
}

/// Bash reads 08 as a wrong octal number.
#[test]
fn the_cluster_script_reads_numbers_as_people_do() {
    for line in ["wait height 08", "wait agree --timeout 09"] {
        let dir = TempDir::new();
        let args: Vec<&str> = line.split(' ').collect();
        let output = script(dir.path(), &args).env("TUSSOCK_BIN", BIN).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{line}: {}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{line}: {}", stderr(&output));
    }
}

/// The next `up` took what was there for the node's arguments, and nobody mined.
#[test]
fn a_failed_start_leaves_no_half_of_a_node_s_arguments() {
    let (dir, tools) = (TempDir::new(), TempDir::new());
    let program = tools.path().join("tussock");
    fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(dir.path().join("port"), format!("{}\n", free_block())).unwrap();
    let output = script(dir.path(), &["up", "1"]).env("TUSSOCK_BIN", &program).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("no address for the miner"), "{}", stderr(&output));
    assert!(!dir.path().join("node1/args").exists());
}

#[test]
fn a_cluster_on_slow_lines_agrees_and_says_what_its_lines_are_like() {
    let cluster = Cluster::up_with(&["--delay", "40ms", "--rate", "2mbit", "--loss", "1%"]);
    assert!(cluster.run(&["cli", "1", "mine", "3"]).status.success());
    assert!(cluster.run(&["wait", "agree"]).status.success());
    assert!(stdout(&cluster.run(&["status"])).contains("emulated line: delay=40ms,rate=2mbit,loss=1%"));
    for node in ["1", "2", "3"] {
        let status = stdout(&cluster.run(&["cli", node, "status", "--json"]));
        assert!(status.contains("an emulated line delays what this node sends"), "{status}");
    }
    let other = cluster.run(&["up", &NODES.to_string(), "--delay", "1ms"]);
    assert_eq!(other.status.code(), Some(2), "{}", stderr(&other));
    assert!(stderr(&other).contains("another line"), "{}", stderr(&other));
    assert!(cluster.run(&["down"]).status.success());
    let again = cluster.run(&["up", &NODES.to_string(), "--delay", "1ms"]);
    assert!(again.status.success() && stdout(&again).contains("emulated line: delay=1ms"), "{}", stderr(&again));
}

#[test]
fn authorities_seal_the_blocks_of_a_cluster_of_their_own() {
    let cluster = Cluster::up_with(&["--authorities", "3"]);
    let ok = |args: &[&str]| {
        let output = cluster.run(args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        stdout(&output).trim().to_owned()
    };
    let txid = ok(&["cli", "1", "send", "dev1", "5", "--from", "dev0"]);
    ok(&["cli", "3", "wait", "final", &txid]);
    ok(&["kill", "2"]);
    ok(&["up", "3", "--authorities", "3"]);
    ok(&["load", "--tps", "20", "--for", "1s"]);
    ok(&["stop", "2"]);
    ok(&["cli", "2", "verify", "--deep"]);
    assert_eq!(cluster.run(&["up", "3", "--authorities", "3", "--miners", "1"]).status.code(), Some(2));
}

/// It waited two minutes before it said so.
#[test]
fn a_load_where_nobody_mines_says_so_at_once() {
    let cluster = Cluster::up_with(&["--miners", "0"]);
    let refused = cluster.run(&["load", "--tps", "20", "--for", "1s"]);
    assert_eq!(refused.status.code(), Some(5), "{}", stderr(&refused));
    assert!(
        stderr(&refused).contains("nobody mines") && stderr(&refused).contains("--miners 1"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_mistyped_partition_cuts_nothing() {
    let cluster = Cluster::up();
    for (groups, code) in [("1 2 | 33", 4), ("1 | x", 2), ("1 2 3", 2), ("1 2 | 2 3", 2), ("1 2 || 3", 2), ("|1 2", 2)]
    {
        let output = cluster.run(&["partition", groups]);
        assert_eq!(output.status.code(), Some(code), "{groups}: {}", stderr(&output));
        assert_eq!(stderr(&output).lines().count(), 1, "{groups}: {}", stderr(&output));
        for node in ["1", "2", "3"] {
            let denied = cluster.run(&["cli", node, "net", "list", "--json"]);
            assert_eq!(stdout(&denied).trim(), "[]", "{groups}: node {node}");
        }
    }
    let wall = stdout(&cluster.run(&["wall"]));
    assert!(stdout(&cluster.run(&["status"])).contains(&format!("all nodes side by side: {wall}")), "{wall}");
    let (address, path) = wall.trim().strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    let (host, port) = address.split_once(':').unwrap();
    let last = format!("{host}:{}", port.parse::<u16>().unwrap() + NODES - 1);
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains(&format!("\"http://{last}\"]}}")), "{last}: {page}");
    assert!(cluster.run(&["partition", "1 2 | 3"]).status.success());
    assert!(stdout(&cluster.run(&["status"])).contains("these nodes deny others: 1 2 3;"));
}

#[test]
fn nodes_that_do_not_answer_do_not_agree() {
    let cluster = Cluster::up();
    for condition in [["agree"].as_slice(), &["height", "0"]] {
        let args = [&["wait"], condition, &["--timeout", "1"]].concat();
        // A misspelt variable: each command refuses it.
        let output =
            script(cluster.0.path(), &args).envs([("TUSSOCK_BIN", BIN), ("TUSSOCK_FLUSHH", "1")]).output().unwrap();
        assert_eq!(output.status.code(), Some(6), "{condition:?}: {}", stderr(&output));
    }
    assert!(cluster.run(&["wait", "agree"]).status.success());
}

#[test]
fn a_paused_node_delays_nobody_s_row_and_its_own_says_so() {
    let cluster = Cluster::up();
    let pid = cluster.status()[1]["pid"].to_string();
    // Not by the script, which would remember it.
    let signal = |name: &str| assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    signal("STOP");
    let start = Instant::now();
    let (table, rows) = (stdout(&cluster.run(&["status"])), cluster.status());
    let took = start.elapsed();
    signal("CONT");
    assert!(table.lines().any(|line| line.starts_with("2 ") && line.contains("paused")), "{table}");
    assert!(table.contains("all running nodes agree"), "{table}");
    assert_eq!((&rows[1]["status"], rows[1]["reason"].as_str()), (&Value::Null, Some("paused")));
    assert!(rows[0]["status"]["height"].is_u64() && rows[2]["status"]["height"].is_u64(), "{rows}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn a_node_is_started_again_with_the_binary_of_its_cluster_and_nothing_is_built() {
    let cluster = Cluster::up();
    let recorded = fs::read_to_string(cluster.0.path().join("binary")).unwrap();
    assert_eq!(OsStr::new(recorded.trim()), fs::canonicalize(BIN).unwrap());
    assert!(cluster.run(&["stop", "2"]).status.success());
    // Without the variable; and a build would fail, since this `cargo` does.
    let folder = TempDir::new();
    fs::write(folder.path().join("cargo"), "#!/bin/sh\nexit 1\n").unwrap();
    assert!(Command::new("chmod").arg("755").arg(folder.path().join("cargo")).status().unwrap().success());
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut start = script(cluster.0.path(), &["start", "2"]);
    let output = start.env("PATH", path).env_remove("TUSSOCK_BIN").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(cluster.status()[1]["status"]["chain"], "local");
}

#[test]
fn a_stopped_or_paused_node_delays_no_partition_and_is_told_when_it_is_back() {
    let cluster = Cluster::up();
    let denied = |node: &str| {
        let output = cluster.run(&["cli", node, "net", "list", "--json"]);
        serde_json::from_slice::<Value>(&output.stdout).unwrap().as_array().unwrap().len()
    };
    let run = |verb: &[&str], code: i32, words: &[&str]| {
        let start = Instant::now();
        let output = cluster.run(verb);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{verb:?}: {text}");
        assert!(words.iter().all(|word| text.contains(word)) && text.lines().count() <= 1, "{verb:?}: {text}");
        assert!(start.elapsed() < Duration::from_secs(20), "{verb:?}: {:?}", start.elapsed());
    };
    run(&["stop", "2"], 0, &[]);
    run(&["pause", "3"], 0, &[]);
    run(&["partition", "1 | 2 3"], 6, &["2 (stopped)", "3 (paused)"]);
    assert_eq!(denied("1"), 2);
    run(&["start", "2"], 0, &[]);
    run(&["resume", "3"], 0, &[]);
    assert_eq!((denied("2"), denied("3")), (1, 1));
    // Other groups take the place of the old ones.
    run(&["partition", "1 2 | 3"], 0, &[]);
    assert_eq!((denied("1"), denied("2"), denied("3")), (1, 1, 2));

    run(&["pause", "3"], 0, &[]);
    run(&["kill", "2"], 0, &[]);
    run(&["heal"], 6, &["3 (paused)"]);
    run(&["resume", "3"], 0, &[]);
    run(&["start", "2"], 0, &[]);
    assert_eq!((denied("1"), denied("2"), denied("3")), (0, 0, 0));
    assert!(cluster.run(&["wait", "agree"]).status.success());
}
