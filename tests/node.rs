//! A node from outside: commands against a running process. No test sleeps.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::{Value, json};

/// The data directory of one test, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tussock-node-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tussock"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TUSSOCK_")) {
            command.env_remove(name);
        }
        command.args(arguments).env("TUSSOCK_DATA_DIR", &self.0).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// The output of a successful command.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[arguments, &["--json"]].concat())).unwrap()
    }

    #[track_caller]
    fn fails(&self, code: i32, arguments: &[&str], words: &[&str]) {
        let output = self.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(words.iter().all(|word| error.contains(word)), "{error:?} lacks one of {words:?}");
    }

    /// Starts a node and waits for its ready message.
    fn node(&self, arguments: &[&str]) -> Node {
        let mut command = self.command(&[arguments, &["--json"]].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not ready: {line:?}"));
        Node { child, ready, output }
    }

    fn local(&self, name: &str) -> PathBuf {
        self.0.join("local").join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A node in its own process, killed when dropped.
struct Node {
    child: Child,
    ready: Value,
    output: BufReader<ChildStdout>,
}

impl Node {
    fn text(&self, key: &str) -> &str {
        self.ready[key].as_str().unwrap()
    }

    /// Waits for the end of the process and returns its exit code.
    fn code(mut self) -> Option<i32> {
        // The output ends with the process.
        drop(self.output.read_to_end(&mut Vec::new()));
        self.child.wait().unwrap().code()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const ANY: [&str; 5] = ["run", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

#[test]
fn the_files_of_a_running_node_exist_only_while_it_runs() {
    let folder = Folder::new("traces");
    let node = folder.node(&ANY);
    let endpoints: Value = serde_json::from_str(&fs::read_to_string(folder.local("endpoints.json")).unwrap()).unwrap();
    for key in ["pid", "p2p", "http", "chain", "genesis"] {
        assert_eq!(endpoints[key], node.ready[key], "{key}");
    }
    assert!(fs::read_to_string(folder.local("rpc.cookie")).unwrap().starts_with("__cookie__:"));
    let pid = format!("pid {}", node.ready["pid"]);
    folder.fails(7, &ANY, &[&pid, "tussock stop"]);
    folder.fails(7, &["verify"], &[&pid]);
    folder.fails(7, &["chain", "import", "/dev/null"], &[&pid]);

    folder.ok(&["stop"]);
    assert_eq!(node.code(), Some(0));
    let left = |name: &str| folder.local(name).exists();
    assert!(!left("endpoints.json") && !left("rpc.cookie") && left("ledger.db"));
    assert!(!left("ledger.db-wal"), "the last to close the ledger removes its log");
    assert_eq!(folder.json(&["status"])["state"], "stopped");
    folder.fails(3, &["peers"], &["tussock run"]);
}

/// `timeout` of coreutils signals its child and then the child's group.
#[test]
fn two_signals_at_once_are_one_request_to_stop() {
    let folder = Folder::new("two-signals");
    let node = folder.node(&ANY);
    // Of two kinds, as one kind twice may arrive once.
    let both = "kill -s TERM $0; kill -s INT $0";
    let pid = node.child.id().to_string();
    assert!(Command::new("sh").args(["-c", both, &pid]).status().unwrap().success());
    assert_eq!(node.code(), Some(0));
    assert!(!folder.local("rpc.cookie").exists());
    let log = fs::read_to_string(folder.local("logs/tussock.log")).unwrap();
    assert!(log.contains("stopping reason=\"signal "), "{log}");
}

#[test]
fn addresses_in_use_and_a_wrong_cookie_have_their_exit_codes() {
    let (folder, other) = (Folder::new("in-use"), Folder::new("in-use-too"));
    let node = folder.node(&ANY);
    other.fails(2, &["run", "--listen", node.text("p2p")], &[node.text("p2p"), "--listen"]);
    let http = ["run", "--listen", "127.0.0.1:0", "--http", node.text("http")];
    other.fails(2, &http, &[node.text("http"), "--http"]);
    fs::write(folder.local("rpc.cookie"), "__cookie__:00").unwrap();
    folder.fails(8, &["status"], &["cookie"]);
    fs::remove_file(folder.local("rpc.cookie")).unwrap();
    folder.fails(8, &["status"], &["rpc.cookie"]);
}

#[test]
fn payments_are_made_waited_for_and_refused_with_a_reason() {
    let folder = Folder::new("payments");
    let _node = folder.node(&ANY);
    folder.ok(&["wait", "synced", "--timeout", "20"]);
    let alice = folder.ok(&["key", "new", "alice"]);
    let txid = folder.ok(&["send", &alice, "250000", "--from", "dev0", "--memo", "for lunch"]);
    assert_eq!(folder.json(&["tx", &txid])["status"], "mempool");
    assert_eq!(folder.json(&["balance", "alice"])["pending"], 250_000);
    folder.fails(6, &["wait", "tx", &txid, "--timeout", "100ms"], &[&txid]);
    let mined = folder.json(&["mine", "2"]);
    assert_eq!(mined.as_array().unwrap().len(), 2);
    folder.ok(&["wait", "tx", &txid[..12], "--confirmations", "2", "--timeout", "20"]);
    let tx = folder.json(&["tx", &txid]);
    assert_eq!((&tx["status"], &tx["height"], &tx["memo"]), (&json!("confirmed"), &json!(1), &json!("for lunch")));
    assert_eq!(tx["outputs"][0], json!({ "amount": 250_000, "address": alice }));
    assert_eq!(folder.json(&["block", "1"])["txs"][1], json!(txid));
    assert_eq!(folder.json(&["block", "tip"])["hash"], mined[1]);
    assert_eq!(folder.json(&["balance", "alice"])["confirmed"], 250_000);

    // The only key pays.
    folder.fails(5, &["send", "dev1", "250000"], &["250,000 are spendable now", "0 immature", "--from dev0"]);
    let sent = folder.json(&["send", "dev1", "1000", "--fee", "300"]);
    assert_eq!((&sent["fee"], &sent["change"]), (&json!(300), &json!(248_700)));
    folder.fails(6, &["send", "dev1", "5", "--wait", "--timeout", "50ms"], &["mempool"]);
    folder.fails(2, &["send", "nobody", "5"], &["nobody"]);
    folder.fails(4, &["send", "dev1", "5", "--from", "nobody"], &["alice"]);
    folder.fails(4, &["block", "999"], &["block"]);
    folder.fails(4, &["tx", &"00".repeat(32)], &["transaction"]);
    folder.fails(2, &["block", "xyz"], &["tip"]);
    folder.fails(6, &["wait", "height", "99", "--timeout", "50ms"], &["height 99", "synced at height"]);
    folder.ok(&["stop"]);
    assert_eq!(folder.json(&["verify", "--deep"])["ok"], true);
}

#[test]
fn two_nodes_connect_agree_and_can_be_cut_off() {
    let (one, two) = (Folder::new("one"), Folder::new("two"));
    let first = one.node(&ANY);
    one.ok(&["mine", "5"]);
    let _second = two.node(&[&ANY[..], &["--connect", first.text("p2p")]].concat());
    two.ok(&["wait", "height", "5", "--timeout", "30"]);
    two.ok(&["wait", "peers", "1", "--timeout", "30"]);
    let (ours, theirs) = (one.json(&["status"]), two.json(&["status"]));
    assert_eq!((&ours["tip"], &ours["state_digest"]), (&theirs["tip"], &theirs["state_digest"]));
    assert_eq!(two.json(&["peers"])[0]["address"], first.ready["p2p"]);
    two.ok(&["net", "deny", first.text("p2p")]);
    assert_eq!(two.json(&["peers"]), json!([]));
    assert_eq!(two.json(&["net", "list"]), json!([{ "address": first.ready["p2p"] }]));
    assert!(two.ok(&["net"]).contains(first.text("p2p")) && two.ok(&["peers", "book"]).contains("denied"));
    assert!(two.json(&["status"])["hindrances"].to_string().contains("all_denied"));
    one.ok(&["mine", "1"]);
    two.ok(&["net", "allow"]);
    assert_eq!(two.ok(&["net", "list"]).trim(), "no node is denied");
    two.ok(&["wait", "height", "6", "--timeout", "60"]);
    two.fails(4, &["peers", "unban", "192.0.2.7"], &[]);
    two.ok(&["peers", "ban", "192.0.2.7", "--for", "1h"]);
    assert_eq!(two.json(&["peers", "book"])["bans"][0]["ip"], "192.0.2.7");
}

#[test]
fn a_dev_node_has_accounts_mines_and_removes_its_folder() {
    let folder = Folder::new("dev");
    let mut command = folder.command(&["dev", "--json"]);
    command.env_remove("TUSSOCK_DATA_DIR").env("XDG_DATA_HOME", &folder.0).env("TMPDIR", &folder.0);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let node = Node { child, ready: serde_json::from_str(&line).unwrap(), output };
    assert_eq!(node.ready["accounts"].as_array().unwrap().len(), 10);
    assert_eq!(node.ready["accounts"][7]["name"], "dev7");
    let data = node.text("data_dir").to_owned();
    folder.ok(&["send", "dev1", "5", "--wait", "--timeout", "20", "-d", &data]);
    assert!(folder.json(&["status", "-d", &data])["height"].as_u64().unwrap() >= 1);
    folder.ok(&["stop", "-d", &data]);
    assert_eq!(node.code(), Some(0));
    assert!(!Path::new(&data).exists());
}

#[test]
fn the_endpoints_of_a_killed_node_are_not_taken_for_those_of_the_next() {
    let folder = Folder::new("endpoints");
    let node = folder.node(&ANY);
    let path = folder.local("endpoints.json");
    let own = fs::read_to_string(&path).unwrap();
    let killed = own.replace(&format!("\"pid\":{}", node.child.id()), "\"pid\":1");
    assert_ne!(own, killed);
    fs::write(&path, killed).unwrap();
    folder.fails(3, &["peers"], &["is starting or stopping"]);
    fs::write(&path, own).unwrap();
    folder.ok(&["peers"]);
}

#[test]
fn a_killed_node_is_not_running_and_starts_again() {
    let folder = Folder::new("killed");
    let mut node = folder.node(&ANY);
    folder.ok(&["mine", "3"]);
    node.child.kill().unwrap();
    drop(node);
    assert!(folder.local("endpoints.json").exists());
    folder.fails(3, &["peers"], &["tussock run"]);
    let _node = folder.node(&ANY);
    assert_eq!(folder.json(&["status"])["height"], 3);
}
