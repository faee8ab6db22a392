//! Everyday events: a closed terminal, log rotation, a service manager, a full disk, odd environments.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, symlink},
        net::UnixDatagram,
    },
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::support::{BIN, TempDir, TestNode, cli_on, stderr, stdout};

const ANY: [&str; 5] = ["run", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];

/// Runs a command of a shell, with the binary as `$0`.
fn shell(line: &str) -> Output {
    Command::new("bash").args(["-c", line, BIN]).stdin(Stdio::null()).output().unwrap()
}

/// Whether this process was started with SIGHUP ignored, as by nohup. Its children then ignore it, too.
fn ignores_hangups() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    u64::from_str_radix(ignored, 16).unwrap() & 1 == 1
}

#[test]
fn a_closed_terminal_stops_the_node_in_order() {
    if ignores_hangups() {
        println!("skipped: SIGHUP is ignored here, and so by the node");
        return;
    }
    let mut node = TestNode::start(&[]);
    node.signal("HUP");
    assert_eq!(node.wait_end(), Some(0));
    assert!(!node.dir.join("local/rpc.cookie").exists() && !node.dir.join("local/ledger.db-wal").exists());
}

#[test]
fn a_node_under_nohup_outlives_its_terminal() {
    let mut node = TestNode::start_after("trap '' HUP", &[]);
    node.signal("HUP");
    assert_eq!(node.status()["height"], 0);
    assert_eq!(node.stop(), 0);
}

#[test]
fn sigusr1_reopens_the_log() {
    let node = TestNode::start(&[]);
    let log = node.dir.join("local/logs/tussock.log");
    fs::rename(&log, log.with_extension("old")).unwrap();
    node.signal("USR1");
    // The signal thread writes a line; each level change is one more.
    for _ in 0..100 {
        node.json(&["log", "info"]);
        if log.exists() {
            break;
        }
    }
    assert!(fs::read_to_string(&log).unwrap().contains("log file reopened"));
}

#[test]
fn a_service_manager_hears_that_the_node_is_alive() {
    let dir = TempDir::new();
    let socket = UnixDatagram::bind(dir.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut child = Command::new(BIN)
        .args(ANY)
        .args(["--quiet", "-d"])
        .arg(dir.path())
        .env("NOTIFY_SOCKET", dir.path().join("notify"))
        .env("WATCHDOG_USEC", "200000")
        .env_remove("WATCHDOG_PID")
        .spawn()
        .unwrap();
    let receive = || {
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    assert_eq!([receive(), receive(), receive()], ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]);
    drop(child.kill());
    child.wait().unwrap();
}

#[test]
fn a_unit_for_one_user_starts_this_program() {
    let dir = TempDir::new();
    let unit = stdout(&cli_on(dir.path(), "local", &["print", "unit", "--user"]));
    assert!(unit.contains(&format!("ExecStart=\"{BIN}\" run")) && unit.contains("default.target"), "{unit}");
    assert!(!unit.contains("DynamicUser"), "{unit}");
}

#[test]
fn an_empty_variable_counts_as_not_set_and_is_named() {
    let dir = TempDir::new();
    let line = format!(
        "TUSSOCK_MINE= TUSSOCK_LISTEN= TUSSOCK_CONFIG= timeout -s TERM 20 \"$0\" run -d {0} --listen 127.0.0.1:0 \
         --http 127.0.0.1:0 --quiet & \"$0\" wait ready -d {0} --timeout 20 && \"$0\" stop -d {0} && wait",
        dir.path().display()
    );
    let output = shell(&line);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("TUSSOCK_MINE is empty"), "{}", stderr(&output));
}

#[test]
fn without_a_home_directory_a_data_directory_is_asked_for() {
    let output = shell("cd /; env -u XDG_DATA_HOME -u TUSSOCK_DATA_DIR HOME= \"$0\" status");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("-d DIR"), "{}", stderr(&output));
}

#[test]
fn a_link_to_a_drive_that_is_not_mounted_is_named() {
    let dir = TempDir::new();
    let link = dir.path().join("link");
    symlink(dir.path().join("gone"), &link).unwrap();
    let output = cli_on(&link, "local", &ANY);
    assert_eq!(output.status.code(), Some(10), "{}", stderr(&output));
    assert!(stderr(&output).contains("gone, which is missing"), "{}", stderr(&output));
}

#[test]
fn a_backup_without_room_names_its_own_file_and_leaves_nothing() {
    let node = TestNode::start(&[]);
    let target = node.dir.join("backup");
    let line = format!("ulimit -f 16; \"$0\" -d {} --chain local backup {}", node.dir.display(), target.display());
    let output = shell(&line);
    assert_eq!(output.status.code(), Some(10), "{}", stderr(&output));
    assert!(stderr(&output).contains(target.to_str().unwrap()), "{}", stderr(&output));
    let left = fs::read_dir(&node.dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!left.into_iter().any(|name| name.starts_with("backup")), "something of the backup is left");
}

#[test]
fn a_name_that_does_not_resolve_keeps_no_node_from_starting() {
    let node = TestNode::start(&["--connect", "no-such-host.invalid:4130", "--bootnode", "nor-this.invalid:4130"]);
    let told = |name: &str| node.status()["warnings"].to_string().contains(name);
    let is_told = |name: &str| {
        // A wait that times out is the pause between two looks.
        (0..30).any(|_| {
            told(name) || !node.cli(&["wait", "peers", "1", "--timeout", "0.5"]).status.success() && told(name)
        })
    };
    assert!(is_told("no-such-host.invalid") && is_told("nor-this.invalid"), "{}", node.status());
    assert!(node.cli(&["peers", "add", "added.invalid:4130"]).status.success());
    assert!(is_told("added.invalid"), "{}", node.status());
    assert!(node.status()["hindrances"].to_string().contains("name_unresolved"), "{}", node.status());
    assert!(node.cli(&["peers", "drop", "added.invalid:4130"]).status.success());
}

#[test]
fn the_first_miner_of_a_network_is_told_what_it_waits_for() {
    let dir = TempDir::new();
    let spec = dir.path().join("meadow.toml");
    let text = stdout(&cli_on(dir.path(), "local", &["genesis", "new", "--name", "meadow"]));
    fs::write(&spec, text).unwrap();
    let spec = spec.to_str().unwrap();
    let address = stdout(&cli_on(dir.path(), spec, &["key", "new", "alice"]));
    let node = TestNode::start_on(dir.path(), spec, &["--mine", address.trim()]);
    assert!(stdout(&node.cli(&["status"])).contains("--is-bootnode"), "{}", stdout(&node.cli(&["status"])));
}

#[test]
fn a_bootnode_must_look_like_an_address() {
    let dir = TempDir::new();
    let output = cli_on(dir.path(), "local", &["genesis", "new", "--bootnode", "hello world"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
}

/// The HTTP status of a call with a token.
fn call_with(node: &TestNode, token: &str, method: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(node.http()).unwrap();
    let body = format!("{{\"id\":1,\"method\":\"{method}\"}}");
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_token_stays_the_same_over_restarts_and_ends_when_it_is_removed() {
    let dir = TempDir::new();
    let mut node = TestNode::start_in(dir.path(), &[]);
    let token = stdout(&node.cli(&["token", "new", "wall", "--may", "read"])).trim().to_owned();
    assert_eq!(
        (call_with(&node, &token, "getblockcount"), call_with(&node, &token, "stop")),
        ("200".into(), "403".into())
    );
    assert_eq!(node.cli(&["token", "new", "wall", "--may", "pay"]).status.code(), Some(2), "there is one");
    node.stop();
    node.restart(&[]);
    assert_eq!(call_with(&node, &token, "getblockcount"), "200");
    let list = node.json(&["token", "list"]);
    assert_eq!((&list[0]["name"], &list[0]["may"], list[0].get("hash")), (&"wall".into(), &"read".into(), None));
    assert!(node.cli(&["token", "remove", "wall"]).status.success());
    assert_eq!(call_with(&node, &token, "getblockcount"), "401");
    assert_eq!(node.cli(&["token", "remove", "wall"]).status.code(), Some(4));
}

/// Root may write everywhere, so there the node runs as nobody. Its databases are open and could still be written.
#[test]
fn a_miner_whose_folder_cannot_be_written_waits_until_it_can() {
    let as_nobody =
        "chown -R 65534:65534 \"$2\" && exec setpriv --reuid=65534 --regid=65534 --clear-groups \"$0\" \"$@\"";
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let can = shell("setpriv --reuid=65534 --regid=65534 --clear-groups \"$0\" --version").status.success();
    if is_root && !can {
        println!("skipped: nobody cannot run the program here");
        return;
    }
    let node = TestNode::start_after(if is_root { as_nobody } else { "true" }, &["--mine", "dev0", "--mine-rate", "1"]);
    let folder = node.dir.join("local");
    let is_hindered = || node.status()["hindrances"].as_array().unwrap().iter().any(|one| one["id"] == "read_only");
    let wait = |wanted: bool| {
        let deadline = Instant::now() + Duration::from_secs(30);
        while is_hindered() != wanted {
            assert!(Instant::now() < deadline, "{}", node.status());
        }
    };
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    wait(true);
    assert_eq!(node.status()["state"], "stalled");
    let refused = node.cli(&["mine", "1"]);
    assert_eq!(refused.status.code(), Some(5), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("cannot be written"), "{}", stderr(&refused));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    wait(false);
    node.json(&["mine", "1"]);
}

/// In a network of its own, so that the host gets no address. Prints the ready line, then `endpoints.json` before and after.
const LATE_ADDRESS: &str = r#"
set -e
ip link set lo up
"$0" run -d "$1" --listen 127.0.0.1:0 --listen 127.0.0.2:0 --listen 192.0.2.77:4131 --http 127.0.0.1:0 >"$1/out" 2>/dev/null &
"$0" wait ready -d "$1" --timeout 60 >/dev/null
cat "$1/out"
tr -d '\n' <"$1/local/endpoints.json"; echo
"$0" status -d "$1" --json | tr -d '\n'; echo
ip address add 192.0.2.77/32 dev lo
for _ in $(seq 60); do
    grep -q 192.0.2.77 "$1/local/endpoints.json" && break
    "$0" wait peers 1 -d "$1" --timeout 0.5 >/dev/null 2>&1 || true
done
tr -d '\n' <"$1/local/endpoints.json"; echo
"$0" status -d "$1" --json | tr -d '\n'; echo
"$0" peers add 192.0.2.77:4131 -d "$1" >/dev/null
"$0" stop -d "$1" >/dev/null
wait
"#;

#[test]
fn a_listen_address_that_comes_late_is_waited_for_and_told_like_the_others() {
    if !shell("unshare -rn ip link set lo up").status.success() {
        println!("skipped: no network of its own can be made here");
        return;
    }
    let dir = TempDir::new();
    let mut script = Command::new("unshare");
    let output = script.args(["-rn", "bash", "-c", LATE_ADDRESS, BIN]).arg(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    let [ready, early, waits, late, both] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
    let listen = ready.split(' ').find_map(|field| field.strip_prefix("listen=")).expect("several addresses");
    assert!(listen.starts_with("127.0.0.1:") && listen.contains(",127.0.0.2:"), "{ready}");
    assert!(!early.contains("192.0.2.77") && waits.contains("does not have: 192.0.2.77:4131"), "{early}\n{waits}");
    assert!(late.contains("192.0.2.77:4131") && late.contains("127.0.0.2:"), "{late}");
    assert!(!both.contains("does not have"), "{both}");
    let p2p = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["p2p"].clone();
    assert_eq!(p2p(early), p2p(late), "the first address stays the first");
}

/// With blocks and without peers, a node looks for peers for some seconds before it goes on by itself.
#[test]
fn a_payment_is_taken_as_soon_as_a_wait_for_ready_has_returned() {
    let dir = TempDir::new();
    let output = cli_on(dir.path(), "local", &["generate", "--blocks", "20", "--txs-per-block", "1", "--seed", "3"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let node = TestNode::start_in(dir.path(), &[]);
    let impatient = node.cli(&["send", "dev1", "1000", "--from", "dev0", "--timeout", "0"]);
    assert_eq!(impatient.status.code(), Some(5), "{}", stderr(&impatient));
    assert!(stderr(&impatient).contains("not synced"), "{}", stderr(&impatient));
    let payment = node.json(&["send", "dev1", "1000", "--from", "dev0"]);
    assert_eq!(node.json(&["tx", payment["id"].as_str().unwrap()])["status"], "mempool");
}
