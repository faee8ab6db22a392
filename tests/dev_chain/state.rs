//! `tussock dev --state FILE`: a dev node that goes on from one file.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::support::{BIN, TempDir, TestNode, stderr};

/// A home directory with at most one dev node.
struct Home {
    dir: TempDir,
    node: Option<(Child, BufReader<ChildStdout>)>,
}

impl Home {
    fn new() -> Self {
        Self { dir: TempDir::new(), node: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BIN);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TUSSOCK_")) {
            command.env_remove(name);
        }
        command.args(args).env("HOME", self.dir.path()).env("TMPDIR", self.dir.path()).env_remove("XDG_DATA_HOME");
        command.current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    #[track_caller]
    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A start that is refused at once, in one line, and leaves the file as it is.
    #[track_caller]
    fn refuses(&self, args: &[&str], code: i32, words: &[&str]) {
        let begun = Instant::now();
        let any = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--quiet"];
        let output = self.run(&[&["dev"], args, &any].concat());
        let text = stderr(&output);
        assert_eq!((output.status.code(), text.trim_end().lines().count()), (Some(code), 1), "{args:?}: {text}");
        assert!(words.iter().all(|word| text.contains(word)), "{text} lacks one of {words:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{args:?}");
        let is_left = |name: &str| name.starts_with("tussock-dev-") || name.ends_with(".tmp");
        assert!(!self.names().iter().any(|name| is_left(name)), "{args:?} leaves {:?}", self.names());
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        fs::read_dir(self.dir.path()).unwrap().map(name).collect()
    }

    /// Starts a dev node that makes blocks only when it is asked to, and waits until it is ready.
    fn start(&mut self, args: &[&str]) {
        let any = ["--block-time", "1h", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
        let mut command = self.command(&[&["dev"], args, &any].concat());
        let errors = fs::File::create(self.path("errors")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.starts_with("ready "), "{line:?}: {}", self.errors());
        self.node = Some((child, output));
    }

    fn errors(&self) -> String {
        fs::read_to_string(self.path("errors")).unwrap()
    }

    fn stop(&mut self) -> Option<i32> {
        assert!(self.run(&["stop"]).status.success());
        self.node.take().unwrap().0.wait().unwrap().code()
    }

    fn signal(&mut self, name: &str) -> Option<i32> {
        let (mut child, _output) = self.node.take().unwrap();
        assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
        child.wait().unwrap().code()
    }

    /// A state of a chain with a block.
    fn with_state() -> Self {
        let mut home = Self::new();
        home.start(&["--state", "a.state"]);
        home.json(&["mine", "1"]);
        assert_eq!(home.stop(), Some(0), "{}", home.errors());
        home
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.node {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

fn waits(home: &Home) -> usize {
    let all = home.json(&["mempool"]);
    all["transactions"].as_array().or(all.as_array()).unwrap_or_else(|| panic!("{all}")).len()
}

#[test]
fn a_dev_node_goes_on_from_its_file() {
    let mut home = Home::new();
    home.start(&["--state", "shop.state"]);
    let before = home.json(&["balance", "dev9"])["confirmed"].as_u64().unwrap();
    home.json(&["send", "dev9", "5", "--from", "dev8"]);
    home.json(&["mine", "1"]);
    let shop = home.json(&["key", "new", "shop"])["address"].clone();
    let address = home.json(&["key", "show", "dev3"])["address"].as_str().unwrap().to_owned();
    home.json(&["contact", "add", "carol", &address]);
    home.json(&["dev", "snapshot"]);
    home.json(&["dev", "time", "+30d"]);
    home.json(&["send", "dev9", "6", "--from", "dev7"]);
    let tip = home.json(&["status"])["tip"].clone();
    assert_eq!(home.stop(), Some(0), "{}", home.errors());
    let file = home.path("shop.state");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!home.names().iter().any(|name| name.starts_with("tussock-dev-") || name.ends_with(".tmp")));
    // Names of keys that only the state has work on its command line, too.
    home.start(&["--state", "shop.state", "--mine", "shop"]);
    assert_eq!(home.json(&["status"])["tip"], tip);
    assert_eq!(home.json(&["balance", "dev9"])["confirmed"].as_u64(), Some(before + 5));
    assert_eq!(waits(&home), 1);
    assert_eq!(home.json(&["key", "show", "shop"])["address"], shop);
    assert!(home.json(&["contact", "list"]).to_string().contains("carol"));
    assert_eq!(home.json(&["dev", "snapshot", "--list"]).as_array().unwrap().len(), 1);
    assert!(home.json(&["dev", "time"])["clock_offset_s"].as_i64().unwrap() > 29 * 86_400);
    home.json(&["mine", "1"]);
    assert_eq!(home.signal("TERM"), Some(0), "{}", home.errors());
    let kept = fs::read(&file).unwrap();
    home.start(&["--state", file.to_str().unwrap()]);
    assert_eq!((waits(&home), home.json(&["status"])["height"].as_u64()), (0, Some(2)));
    home.json(&["dev", "revert", "1"]);
    home.json(&["mine", "5"]);
    home.signal("KILL");
    assert!(fs::read(&file).unwrap() == kept, "a kill leaves the old one");
    home.start(&["--state", "shop.state"]);
    assert_eq!(home.json(&["status"])["height"].as_u64(), Some(2));
    assert_eq!(home.signal("INT"), Some(0), "{}", home.errors());
}

#[test]
fn what_is_no_state_is_refused_at_once_and_stays_as_it_is() {
    let home = Home::with_state();
    let whole = fs::read(home.path("a.state")).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let mut last = whole.clone();
    last[whole.len() - 1_024 - 512] ^= 1;
    let damaged = [
        Vec::new(),
        b"hello".to_vec(),
        vec![0; 10_240],
        vec![0xff; 10_240],
        whole[..whole.len() / 2].to_vec(),
        whole[..whole.len() - 2_048].to_vec(),
        flipped,
        last,
    ];
    for (at, bytes) in damaged.into_iter().enumerate() {
        fs::write(home.path("b.state"), &bytes).unwrap();
        home.refuses(&["--state", "b.state"], 10, &["the state is damaged", "b.state", "move it away"]);
        assert!(fs::read(home.path("b.state")).unwrap() == bytes, "{at}");
    }
    home.refuses(&["--state", "/dev/zero"], 2, &["device", "/dev/zero", "name a file"]);
    home.refuses(&["--state", "/dev/null"], 2, &["device"]);
    fs::create_dir(home.path("folder")).unwrap();
    home.refuses(&["--state", "folder"], 2, &["folder", "name a file"]);
    symlink("nowhere", home.path("link")).unwrap();
    home.refuses(&["--state", "link"], 2, &["a link to nothing"]);
    home.refuses(&["--state", "missing/x.state"], 10, &["cannot write the state", "missing/x.state", "--state FILE"]);
}

/// Packs files as a dev node does, but whatever they are.
fn pack(path: &Path, entries: &[(&str, tar::EntryType, &[u8])]) {
    let mut archive = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, kind, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(0o600);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn nothing_leaves_the_folder_into_which_a_state_is_unpacked() {
    let home = Home::new();
    let file = home.path("c.state");
    for name in ["../../../escaped", "/tmp/tussock-escaped", "keys/../../../escaped", "node.key", "keys/a/b.json"] {
        pack(&file, &[(name, tar::EntryType::Regular, b"x")]);
        home.refuses(&["--state", "c.state"], 10, &["no state has such an entry", name]);
    }
    for kind in [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Directory, tar::EntryType::GNUSparse] {
        pack(&file, &[("ledger.db", kind, b"")]);
        home.refuses(&["--state", "c.state"], 10, &["no state has such an entry"]);
    }
    let large = vec![b' '; 70_000];
    pack(&file, &[("keys/a.json", tar::EntryType::Regular, &large)]);
    home.refuses(&["--state", "c.state"], 10, &["keys/a.json is too large"]);
    let one: (&str, tar::EntryType, &[u8]) = ("contacts.csv", tar::EntryType::Regular, b"");
    pack(&file, &[one, one]);
    home.refuses(&["--state", "c.state"], 10, &["twice"]);
    assert!(!home.path("escaped").exists() && !Path::new("/tmp/tussock-escaped").exists());
}

#[test]
fn the_state_of_another_chain_is_refused() {
    use sha2::Digest as _;
    let home = Home::new();
    let mut node = TestNode::start(&["--mine", "dev0"]);
    assert_eq!(node.stop(), 0);
    let backup = home.path("backup");
    assert!(node.cli(&["backup", backup.to_str().unwrap()]).status.success());
    let ledger = fs::read(backup.join("ledger.db")).unwrap();
    let ledger: (&str, tar::EntryType, &[u8]) = ("ledger.db", tar::EntryType::Regular, &ledger);
    let file = home.path("d.state");
    pack(&file, &[ledger]);
    let packed = fs::read(&file).unwrap();
    let sum = sha2::Sha256::digest(&packed[..packed.len() - 1_024]);
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    pack(&file, &[ledger, ("sha256", tar::EntryType::Regular, sum.as_bytes())]);
    let whole = fs::read(&file).unwrap();
    home.refuses(&["--state", "d.state"], 9, &["d.state", "name the state of another dev node"]);
    assert!(fs::read(&file).unwrap() == whole);
}

#[test]
fn a_folder_with_a_chain_and_a_state_are_not_taken_together() {
    let mut home = Home::with_state();
    let new = ["-d", "data", "--state", "a.state"];
    // A start that fails leaves the folder new.
    home.refuses(&[&new[..], &["--mine", "nobody"]].concat(), 2, &["nobody"]);
    home.start(&new);
    assert_eq!(home.json(&["status"])["height"].as_u64(), Some(1));
    home.json(&["mine", "1"]);
    assert_eq!(home.stop(), Some(0), "{}", home.errors());
    let kept = fs::read(home.path("a.state")).unwrap();
    for file in ["a.state", "new.state"] {
        home.refuses(&["-d", "data", "--state", file], 2, &["which would be meant?", "a new folder"]);
    }
    assert!(fs::read(home.path("a.state")).unwrap() == kept && !home.path("new.state").exists());
}

#[test]
fn a_state_that_cannot_be_written_leaves_the_chain_and_the_old_file() {
    let mut home = Home::with_state();
    home.start(&["--state", "a.state"]);
    home.json(&["mine", "3"]);
    // Another node's, say.
    fs::write(home.path("a.state"), "changed").unwrap();
    assert_eq!(home.stop(), Some(5));
    let errors = home.errors();
    assert!(errors.contains("was changed while the node ran") && errors.contains("the chain stays in"), "{errors}");
    assert_eq!(fs::read(home.path("a.state")).unwrap(), b"changed");
    let kept = home.names().into_iter().find(|name| name.starts_with("tussock-dev-")).unwrap();
    home.start(&["-d", &kept]);
    assert_eq!(home.json(&["status"])["height"].as_u64(), Some(4));
    assert_eq!(home.stop(), Some(0));
    // Where it was has become a folder.
    home.start(&["--state", "e.state"]);
    fs::create_dir(home.path("e.state")).unwrap();
    assert_eq!(home.stop(), Some(2));
    assert!(home.errors().contains("the state is a folder"), "{}", home.errors());
}
