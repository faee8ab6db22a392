//! Bad input on the command line: one clear line on standard error, the right exit code, and no lost data.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::support::{TempDir, TestNode, bin, cli_on, stderr};

/// Asserts that the command failed with this code and one line with these words.
fn refused(output: &Output, code: i32, says: &[&str]) {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "one line: {text}");
    assert!(text.starts_with("error: "), "{text}");
    for word in says {
        assert!(text.contains(word), "{word:?} in {text}");
    }
}

/// Runs `run` in a folder; it must end by itself.
fn run_in(dir: &Path, args: &[&str]) -> Output {
    cli_on(dir, "local", &[&["run", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"], args].concat())
}

/// A folder with a small ledger.
fn ledger() -> TempDir {
    let dir = TempDir::new();
    let args = ["generate", "--blocks", "20", "--txs-per-block", "2", "--seed", "1"];
    assert!(cli_on(dir.path(), "local", &args).status.success());
    dir
}

fn height(dir: &TempDir) -> u64 {
    let output = cli_on(dir.path(), "local", &["verify", "--json"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    report["height"].as_u64().unwrap()
}

#[test]
fn a_data_directory_in_use_is_refused_with_its_holder() {
    let dir = ledger();
    let node = TestNode::start_in(dir.path(), &[]);
    refused(&run_in(dir.path(), &[]), 7, &["in use", &node.pid().to_string(), "tussock stop"]);
    refused(&cli_on(dir.path(), "local", &["verify"]), 7, &["in use"]);
    assert_eq!(node.height(), 20);
}

#[test]
fn a_port_in_use_is_named() {
    let dir = ledger();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let listen = cli_on(dir.path(), "local", &["run", "--listen", &address, "--no-http"]);
    refused(&listen, 2, &[&address, "in use"]);
    let http = cli_on(dir.path(), "local", &["run", "--listen", "127.0.0.1:0", "--http", &address]);
    refused(&http, 2, &[&address, "in use"]);
    assert_eq!(height(&dir), 20);
}

#[test]
fn a_corrupt_ledger_is_named_and_not_changed() {
    let dir = ledger();
    let file = dir.path().join("local/ledger.db");
    let mut bytes = fs::read(&file).unwrap();
    bytes[..100].fill(0x5a);
    fs::write(&file, &bytes).unwrap();
    refused(&run_in(dir.path(), &[]), 10, &["ledger.db"]);
    assert_eq!(fs::read(&file).unwrap(), bytes, "the file is unchanged");
}

/// Every command that opens a ledger without a node.
fn readers(dir: &TempDir) -> Vec<Vec<String>> {
    let copy = dir.path().join("copy").display().to_string();
    ["status", "verify", "verify --deep", "sql SELECT+1", "chain export /dev/null", "prune", &format!("backup {copy}")]
        .map(|line| line.split(' ').map(|word| word.replace('+', " ")).collect())
        .to_vec()
}

#[test]
fn every_command_tells_a_damaged_ledger_by_its_exit_code() {
    let dir = ledger();
    let file = dir.path().join("local/ledger.db");
    let half = fs::metadata(&file).unwrap().len() / 2 / 4096 * 4096;
    fs::File::options().write(true).open(&file).unwrap().set_len(half).unwrap();
    let before = fs::read(&file).unwrap();
    for command in readers(&dir) {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        refused(&cli_on(dir.path(), "local", &args), 10, &["damaged", "ledger.db", "move the file away"]);
    }
    refused(&run_in(dir.path(), &[]), 10, &["damaged", "ledger.db"]);
    assert_eq!(fs::read(&file).unwrap(), before, "the file is unchanged");
}

#[test]
fn an_empty_ledger_is_called_empty_by_every_command_and_by_a_node() {
    let header_only = TempDir::new();
    let path = header_only.path().join("x.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x); DROP TABLE t; VACUUM").unwrap();
    for content in [vec![], fs::read(path).unwrap()] {
        let dir = ledger();
        fs::write(dir.path().join("local/ledger.db"), &content).unwrap();
        let log = dir.path().join("local/ledger.db-wal");
        fs::write(&log, [7; 5000]).unwrap();
        for command in readers(&dir) {
            let args: Vec<&str> = command.iter().map(String::as_str).collect();
            let output = cli_on(dir.path(), "local", &args);
            refused(&output, 10, &["the file is empty", "ledger.db", "move the file away"]);
            assert!(!stderr(&output).contains("version"), "{}", stderr(&output));
        }
        refused(&run_in(dir.path(), &[]), 10, &["the file is empty", "ledger.db", "move the file away"]);
        assert_eq!(fs::read(dir.path().join("local/ledger.db")).unwrap(), content, "the file is unchanged");
        assert!(!content.is_empty() || fs::read(&log).unwrap() == [7; 5000], "so is its log");
    }
}

#[test]
fn a_ledger_that_cannot_be_opened_is_named() {
    let dir = TempDir::new();
    fs::create_dir_all(dir.path().join("local/ledger.db")).unwrap();
    refused(&run_in(dir.path(), &[]), 10, &["ledger.db"]);
}

#[test]
fn a_damaged_peer_book_is_renamed_and_does_not_stop_the_node() {
    let dir = ledger();
    fs::write(dir.path().join("local/peers.db"), vec![0x5a; 5_000]).unwrap();
    let node = TestNode::start_in(dir.path(), &[]);
    assert_eq!(node.height(), 20);
    let aside = fs::read_dir(dir.path().join("local")).unwrap().any(|entry| {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        name.starts_with("peers.db.")
            && fs::read(dir.path().join("local").join(&name)).is_ok_and(|bytes| bytes == vec![0x5a; 5_000])
    });
    assert!(aside, "the damaged file is kept under another name");
    assert!(node.status()["warnings"].to_string().contains("peers.db"), "{}", node.status());
}

#[test]
fn a_newer_schema_is_refused_with_both_numbers() {
    let dir = ledger();
    let file = dir.path().join("local/ledger.db");
    let database = rusqlite::Connection::open(&file).unwrap();
    database.pragma_update(None, "user_version", 999).unwrap();
    drop(database);
    refused(&run_in(dir.path(), &[]), 9, &["999", "ledger.db"]);
}

#[test]
fn a_ledger_of_another_chain_is_refused_with_both_names() {
    let dir = ledger();
    fs::create_dir_all(dir.path().join("dev")).unwrap();
    fs::copy(dir.path().join("local/ledger.db"), dir.path().join("dev/ledger.db")).unwrap();
    let output = cli_on(dir.path(), "dev", &["run", "--listen", "127.0.0.1:0", "--no-http"]);
    refused(&output, 9, &["local", "dev"]);
}

#[test]
fn an_unknown_configuration_key_gets_a_suggestion() {
    let dir = TempDir::new();
    fs::write(dir.path().join("config.toml"), "listn = \"127.0.0.1:0\"\n").unwrap();
    refused(&run_in(dir.path(), &[]), 2, &["listn", "listen", "config.toml"]);
    let elsewhere = TempDir::new();
    let output = cli_on(elsewhere.path(), "no-such-chain", &["status"]);
    refused(&output, 2, &["no-such-chain"]);
}

#[test]
fn every_command_that_reads_settings_refuses_a_wrong_variable_in_one_line() {
    let dir = TempDir::new();
    let wrong = [
        ("TUSSOCK_LOG", "loud"),
        ("TUSSOCK_LOG", "info,peer=debug"),
        ("TUSSOCK_CONNECT", "127.0.0.1"),
        ("TUSSOCK_BOOTNODE", "host:port"),
        ("TUSSOCK_MAX_MEMORY", "1"),
        ("TUSSOCK_MAX_INBOUND", "many"),
        ("TUSSOCK_LISTEN", "nowhere"),
        ("TUSSOCK_IS_BOOTNODE", "maybe"),
        ("TUSSOCK_BLOCK_TIME", "1ms"),
    ];
    let commands =
        ["run", "dev", "status", "key list", "verify", "stop", "wait ready", "genesis new --name x", "bench verify"];
    for (name, value) in wrong {
        for line in commands {
            let mut command = Command::new(bin());
            command.args(["-d", dir.path().to_str().unwrap()]).args(line.split(' ')).env(name, value);
            let output = command.stdin(Stdio::null()).output().unwrap();
            refused(&output, 2, &[name]);
            assert_eq!(stderr(&output).lines().count(), 1, "{name}={value} {line}: {}", stderr(&output));
        }
    }
}

#[test]
fn payments_that_cannot_be_made_say_why() {
    let node = TestNode::start(&[]);
    node.wait(&["synced"]);
    let to = node.json(&["key", "show", "dev1"])["address"].as_str().unwrap().to_owned();
    refused(&node.cli(&["send", "ltus1qqqqqq", "5"]), 2, &["address"]);
    refused(&node.cli(&["send", &to, "9999999999999999999"]), 5, &["spendable"]);
    refused(&node.cli(&["send", &to, "5", "--from", "nobody"]), 4, &["nobody"]);
    refused(&node.cli(&["block", "4711"]), 4, &["4711"]);
    refused(&node.cli(&["tx", &"ab".repeat(32)]), 4, &["abab"]);
    refused(&node.cli(&["wait", "height", "5", "--timeout", "1"]), 6, &["height"]);
    assert_eq!(node.status()["mempool"]["count"], 0);
}

#[test]
fn without_a_node_commands_name_the_command_that_starts_it() {
    let dir = TempDir::new();
    for args in [&["peers"][..], &["mempool"], &["mine", "1"], &["stop"], &["wait", "synced", "--timeout", "1"]] {
        refused(&cli_on(dir.path(), "local", args), 3, &["no node runs", "tussock run"]);
    }
}

#[test]
fn a_status_of_a_stopped_node_reads_its_ledger_and_says_so() {
    let dir = ledger();
    let output = cli_on(dir.path(), "local", &["status"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = crate::support::stdout(&output);
    assert!(text.contains("stopped") && text.contains("20"), "{text}");
}
