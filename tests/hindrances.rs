//! What keeps a node from its work though nothing is broken: said everywhere, and gone everywhere once it is over.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::support::{BIN, TempDir, TestNode, bin, browser::Browser, stderr, stdout};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Looks until it holds. A wait that times out is the pause between two looks.
#[track_caller]
fn until(node: &TestNode, holds: impl Fn() -> bool) {
    let pause = || drop(node.cli(&["wait", "peers", "1", "--timeout", "0.5"]));
    assert!((0..60).any(|_| holds() || (pause(), false).1), "{}", node.status());
}

fn metrics(node: &TestNode) -> String {
    let mut stream = TcpStream::connect(node.http()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_hindrance_is_said_everywhere_with_what_to_do_and_is_gone_everywhere_when_it_is_over() {
    let node = TestNode::start(&[]);
    let cookie = node.dir.join("local/rpc.cookie");
    let log = || fs::read_to_string(node.dir.join("local/logs/tussock.log")).unwrap();
    let hindrances = || node.status()["hindrances"].clone();
    let metric = "tussock_warnings{kind=\"keys_exposed\"} 1";
    let mut browser = Browser::start();
    if let Some(browser) = &mut browser {
        browser.open(&format!("http://{}/", node.http()));
    }
    set_mode(&cookie, 0o644);
    until(&node, || hindrances()[0]["id"] == "keys_exposed");
    let one = hindrances()[0].clone();
    let (text, advice) = (one["text"].as_str().unwrap(), one["advice"].as_str().unwrap());
    assert!(text.contains("rpc.cookie") && advice.contains("chmod 600"), "{one}");
    assert!(one["since"].as_u64().unwrap() > 1_700_000_000 && one["blocks"] == serde_json::json!([]), "{one}");
    assert_eq!(node.status()["state"], "synced", "it blocks nothing");
    let words = |output: Output| stdout(&output);
    // Without the log, which remembers.
    let report = || {
        let all = words(node.cli(&["doctor"]));
        let (_, section) = all.split_once("== hindrances\n").unwrap();
        section.split("\n== ").next().unwrap().to_owned()
    };
    assert!(node.status()["warnings"].to_string().contains(text) && words(node.cli(&["status"])).contains(advice));
    assert!(report().contains("keys_exposed") && metrics(&node).contains(metric));
    if let Some(browser) = &mut browser {
        browser.until("document.querySelector('#warnings').textContent.includes('chmod 600')");
    }
    assert_eq!(log().matches("hindrance begins id=keys_exposed").count(), 1);
    set_mode(&cookie, 0o600);
    until(&node, || hindrances() == serde_json::json!([]));
    assert_eq!(node.status()["warnings"], serde_json::json!([]));
    assert!(!report().contains("keys_exposed") && !metrics(&node).contains(metric));
    if let Some(browser) = &mut browser {
        browser.until("document.querySelector('#warnings').textContent === ''");
    }
    assert_eq!(log().matches("hindrance over id=keys_exposed").count(), 1);
}

#[test]
fn a_data_directory_that_is_replaced_ends_the_node_with_code_10_and_leaves_the_other_one_alone() {
    let mut node = TestNode::start(&[]);
    let folder = node.dir.join("local");
    fs::rename(&folder, node.dir.join("moved")).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("rpc.cookie"), "of another node").unwrap();
    assert_eq!(node.wait_end(), Some(10));
    assert_eq!(fs::read_to_string(folder.join("rpc.cookie")).unwrap(), "of another node");
    let log = fs::read_to_string(node.dir.join("moved/logs/tussock.log")).unwrap();
    assert!(log.contains("hindrance begins id=data_dir_lost"), "{log}");
}

#[test]
fn a_ledger_that_is_deleted_ends_the_node_with_code_10() {
    let mut node = TestNode::start(&[]);
    fs::remove_file(node.dir.join("local/ledger.db")).unwrap();
    assert_eq!(node.wait_end(), Some(10));
    assert!(node.log().contains("the ledger is gone or replaced"), "{}", node.log());
}

#[test]
fn a_ledger_whose_log_was_deleted_says_so_until_it_is_as_high_as_before() {
    let mut node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let to = node.json(&["key", "show", "dev1"])["address"].as_str().unwrap().to_owned();
    for _ in 0..5 {
        // Each payment spends what the one before it left.
        node.json(&["send", &to, "1000", "--from", "dev0"]);
        node.json(&["mine", "1"]);
    }
    // Asking for a history hurries the index.
    until(&node, || node.json(&["history", "dev0"]).is_object() && node.status()["indexed"] == 5);
    node.kill();
    fs::remove_file(node.dir.join("local/ledger.db-wal")).unwrap();
    node.restart(&[]);
    assert!(node.height() < 5, "the blocks were in the log");
    let lost = |node: &TestNode| node.status()["hindrances"].to_string().contains("\"blocks_lost\"");
    until(&node, || lost(&node));
    assert!(node.status()["warnings"].to_string().contains("had at least block 5"), "{}", node.status());
    // The index has left the lost blocks, and a later start still knows of them.
    until(&node, || node.status()["indexed"] == node.height());
    for _ in 0..2 {
        assert_eq!(node.stop(), 0);
        node.restart(&[]);
        until(&node, || lost(&node));
        assert!(node.status()["warnings"].to_string().contains("had at least block 5"), "{}", node.status());
    }
    node.wait(&["synced"]);
    node.json(&["mine", "5"]);
    until(&node, || !lost(&node));
    assert_eq!(node.stop(), 0);
    node.restart(&[]);
    assert!(!lost(&node), "it was over before the node stopped");
    assert!(node.log().contains("hindrance begins id=blocks_lost"), "{}", node.log());
}

#[test]
fn files_of_a_running_node_that_are_deleted_come_back() {
    let node = TestNode::start(&[]);
    let files = ["endpoints.json", "rpc.cookie"].map(|name| node.dir.join("local").join(name));
    let before = files.each_ref().map(|file| fs::read_to_string(file).unwrap());
    for gone in [&files[..1], &files[1..], &files[..]] {
        gone.iter().for_each(|file| fs::remove_file(file).unwrap());
        node.wait(&["ready"]);
        assert_eq!(node.status()["height"], 0);
        assert_eq!(files.each_ref().map(|file| fs::read_to_string(file).unwrap()), before);
    }
    assert_eq!(fs::metadata(&files[1]).unwrap().mode() & 0o777, 0o600);
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// A command of a user whom modes hold back: root is nobody for it.
fn as_user(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = if is_root() { Command::new("setpriv") } else { Command::new(BIN) };
    if is_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", &bin()]);
    }
    command.args(["-d", dir.to_str().unwrap(), "--chain", "local"]).args(arguments).stdin(Stdio::null());
    command
}

/// It said that it was asked to stop, and not what to do.
#[test]
fn a_node_that_may_not_write_its_cookie_says_so_and_what_to_do() {
    let dir = TempDir::new();
    set_mode(dir.path(), 0o777);
    let run = ["run", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json"];
    if !as_user(dir.path(), &["--version"]).output().unwrap().status.success() {
        println!("skipped: nobody cannot run the program here");
        return;
    }
    let mut node = as_user(dir.path(), &run).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(node.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    // The write-ahead log stays, so that the ledger opens.
    node.kill().unwrap();
    node.wait().unwrap();
    let folder = dir.path().join("local");
    set_mode(&folder, 0o555);
    let output = as_user(dir.path(), &run).output().unwrap();
    set_mode(&folder, 0o755);
    let (error, log) = (stderr(&output), fs::read_to_string(folder.join("logs/tussock.log")).unwrap());
    assert_eq!(output.status.code(), Some(8), "{ready}{error}");
    assert!(error.contains("cannot write: ") && error.contains("rpc.cookie") && error.contains("chown"), "{error}");
    assert!(log.contains("stopping reason=\"cannot write: ") && !log.contains("asked to stop"), "{log}");
}

/// Root reads everything, so there another user asks.
#[test]
fn a_folder_or_key_of_another_user_is_permission_denied_and_never_a_missing_node() {
    let mut node = TestNode::start(&[]);
    node.json(&["key", "new", "alice"]);
    let dir = node.dir.clone();
    let folder = dir.join("local");
    let is_root = is_root();
    let as_other = |arguments: &[&str]| as_user(&dir, arguments).output().unwrap();
    if !as_other(&["--version"]).status.success() {
        println!("skipped: nobody cannot run the program here");
        return;
    }
    let denied = |arguments: &[&str]| {
        let output = as_other(arguments);
        assert_eq!(output.status.code(), Some(8), "{arguments:?}: {}{}", stdout(&output), stderr(&output));
        let error = stderr(&output);
        assert!(error.to_lowercase().contains("permission denied") && !error.contains("no node"), "{error}");
    };
    set_mode(&folder, if is_root { 0o700 } else { 0o000 });
    for command in
        ["status", "peers", "balance dev1", "send dev1 5 --from dev0", "key list", "stop", "verify", "wait ready"]
    {
        denied(&command.split(' ').collect::<Vec<_>>());
    }
    denied(&["sql", "SELECT 1"]);
    set_mode(&folder, 0o755);
    // The folder can be entered; keys and cookie cannot be read.
    if is_root {
        denied(&["status"]);
        denied(&["key", "export", "alice"]);
        denied(&["run", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--mine", "alice"]);
    }
    // To read a stopped node's ledger SQLite writes beside it.
    assert_eq!(node.stop(), 0);
    set_mode(&folder, if is_root { 0o755 } else { 0o555 });
    for arguments in [&["status"][..], &["sql", "SELECT 1"]] {
        denied(arguments);
        assert!(stderr(&as_other(arguments)).contains("as the node's user"), "{arguments:?}");
    }
    set_mode(&folder, 0o755);
}
