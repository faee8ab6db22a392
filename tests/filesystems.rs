//! Data directories on file systems that lack something. The file systems are made by `filesystems/fuse.py`; where this
//! user may not mount any, or there is no Python, the tests say so and pass.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{TempDir, TestNode, cli_on, stderr, stdout};

/// A mounted file system, unmounted when this is dropped.
struct Mounted {
    server: Child,
    at: PathBuf,
    _folder: TempDir,
}

impl Mounted {
    /// Mounts one with these options of the script; `None` where that is impossible.
    fn new(options: &[&str]) -> Option<Self> {
        let folder = TempDir::new();
        let [below, at] = ["below", "mounted"].map(|name| folder.path().join(name));
        for made in [&below, &at] {
            fs::create_dir(made).unwrap();
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/filesystems/fuse.py");
        let server =
            Command::new("python3").arg(script).args([&below, &at]).args(options).stdout(Stdio::piped()).spawn();
        let mut line = String::new();
        let mounted = server.and_then(|mut server| {
            BufReader::new(server.stdout.take().unwrap()).read_line(&mut line)?;
            Ok(Self { server, at, _folder: folder })
        });
        match mounted {
            Ok(mounted) if line == "ready\n" => Some(mounted),
            _ => {
                println!("skipped: no file system can be mounted here");
                None
            }
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.at).stderr(Stdio::null()).status());
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn has_hindrance(status: &Value, id: &str) -> bool {
    status["hindrances"].as_array().unwrap().iter().any(|one| one["id"] == id)
}

/// `PRAGMA journal_mode = WAL` answered "wal", and the next statement failed with "disk I/O error".
#[test]
fn a_node_without_shared_memory_keeps_its_databases_for_itself_and_works() {
    let Some(mounted) = Mounted::new(&["direct_io"]) else { return };
    let mut node = TestNode::start_in(&mounted.at, &["--is-bootnode"]);
    assert!(has_hindrance(&node.status(), "no_shared_memory"), "{}", node.status());
    node.json(&["mine", "3", "--to", "dev0"]);
    let sent = node.json(&["send", "dev1", "5", "--from", "dev0"]);
    node.json(&["mine", "2"]);
    let id = sent["id"].as_str().or(sent["txid"].as_str()).unwrap_or_else(|| panic!("{sent}"));
    // The index and the ledger are read by other connections of the node.
    assert_eq!(node.json(&["tx", id])["status"], "confirmed");
    assert_eq!(node.json(&["block", "2"])["height"], 2);
    let query = ["sql", "SELECT count(*) FROM v_blocks"];
    let refused = node.cli(&query);
    assert_eq!(refused.status.code(), Some(7), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("ask it over RPC"), "{}", stderr(&refused));
    assert_eq!(node.stop(), 0);

    let offline = |arguments: &[&str]| {
        let output = cli_on(&mounted.at, "local", arguments);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    };
    assert!(offline(&query).contains('6'), "genesis and five blocks");
    assert!(offline(&["verify", "--deep", "--json"]).contains("\"height\":5"));
    assert!(offline(&["status", "--json"]).contains("\"stopped\""));
    let copy = mounted.at.join("copy");
    offline(&["backup", copy.to_str().unwrap()]);

    node.restart(&["--is-bootnode"]);
    node.json(&["mine", "1"]);
    node.kill();
    node.restart(&["--is-bootnode"]);
    assert_eq!(node.height(), 6, "nothing is lost by a kill");
    assert_eq!(node.stop(), 0);
    let left = fs::read_dir(mounted.at.join("local")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("trial")));
}

/// As on vfat: everybody can read each file, and no mode can be set.
#[test]
fn a_node_on_a_file_system_without_modes_works_and_says_that_its_keys_are_open() {
    let Some(mounted) = Mounted::new(&["no_modes"]) else { return };
    let mut node = TestNode::start_in(&mounted.at, &["--is-bootnode"]);
    node.json(&["key", "new", "alice"]);
    node.json(&["mine", "2", "--to", "alice"]);
    assert!(!has_hindrance(&node.status(), "no_shared_memory"));
    // The host is looked at every two seconds.
    let until = Instant::now() + Duration::from_secs(30);
    while !has_hindrance(&node.status(), "keys_exposed") {
        assert!(Instant::now() < until, "{}", node.status());
        node.cli(&["wait", "height", "1000", "--timeout", "1"]);
    }
    assert_eq!(node.stop(), 0);
}
