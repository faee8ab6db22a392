//! Shared by the process tests: real nodes in temporary folders, and a client that speaks raw TCP.
//!
//! Nothing here sleeps. Tests wait with `tussock wait`, or with a blocking read that has a deadline.

#![expect(unreachable_pub, reason = "each test file uses its own part of this module")]

pub mod attack;
pub mod browser;
pub mod line;
pub mod mutate;
pub mod peer;
pub mod processor;
pub mod sealed_network;
pub mod tunnel;

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;
use tussock::base::hash::Hash;

/// The binary of this build.
pub const BIN: &str = env!("CARGO_BIN_EXE_tussock");

/// The binary under test: this build's, unless `TUSSOCK_BIN` names another.
pub fn bin() -> String {
    std::env::var("TUSSOCK_BIN").unwrap_or_else(|_| BIN.to_owned())
}

/// A folder, removed when this is dropped.
pub struct TempDir(PathBuf);

impl TempDir {
    /// A new empty folder.
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tussock-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The folder's path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A running node, killed when this is dropped.
pub struct TestNode {
    child: Option<Child>,
    /// Its data directory; kept across restarts.
    pub dir: PathBuf,
    chain: String,
    /// A shell command that runs before the node in the same process, such as `ulimit`.
    before: Option<String>,
    _own: Option<TempDir>,
}

impl TestNode {
    /// Starts a node on the `local` chain in a new folder. It is ready when this returns.
    pub fn start(args: &[&str]) -> Self {
        let own = TempDir::new();
        let mut node = Self::start_in(own.path(), args);
        node._own = Some(own);
        node
    }

    /// Starts a node in the caller's folder.
    pub fn start_in(dir: &Path, args: &[&str]) -> Self {
        Self::start_on(dir, "local", args)
    }

    /// Starts a node in a new folder that may have at most `limit` open files.
    pub fn start_with_open_files(limit: u32, args: &[&str]) -> Self {
        Self::start_after(&format!("ulimit -n {limit}"), args)
    }

    /// Starts a node in a new folder, from a shell that runs `before` first.
    pub fn start_after(before: &str, args: &[&str]) -> Self {
        let own = TempDir::new();
        let mut node = Self {
            child: None,
            dir: own.path().to_owned(),
            chain: "local".to_owned(),
            before: Some(before.to_owned()),
            _own: Some(own),
        };
        node.restart(args);
        node
    }

    /// Starts a node on another chain (a name or a file).
    pub fn start_on(dir: &Path, chain: &str, args: &[&str]) -> Self {
        let mut node = Self { child: None, dir: dir.to_owned(), chain: chain.to_owned(), before: None, _own: None };
        node.restart(args);
        node
    }

    /// Starts the node again after it ended.
    pub fn restart(&mut self, args: &[&str]) {
        let child = self.spawn(args);
        self.child = Some(child);
        let output = self.cli(&["wait", "ready", "--timeout", "60"]);
        assert!(output.status.success(), "not ready: {} {}", stderr(&output), self.log());
    }

    fn spawn(&self, args: &[&str]) -> Child {
        let log = fs::File::options().create(true).append(true).open(self.dir.join("stderr.txt")).unwrap();
        let mut command = match &self.before {
            None => Command::new(bin()),
            Some(before) => {
                let mut shell = Command::new("bash");
                shell.args(["-c", &format!("{before} && exec \"$0\" \"$@\""), &bin()]);
                shell
            }
        };
        command
            .args(["-d", self.dir.to_str().unwrap(), "--chain", &self.chain, "run"])
            .args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--quiet"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Runs a command against the node.
    pub fn cli(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// A command for the node, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        command_on(&self.dir, &self.chain, args)
    }

    /// Runs a command with `--json`; the command must succeed.
    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.cli(&[args, &["--json"]].concat());
        assert!(output.status.success(), "{args:?}: {}\n{}", stderr(&output), self.log());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {}", stdout(&output)))
    }

    /// Runs `tussock wait`; fails the test after two minutes.
    pub fn wait(&self, what: &[&str]) {
        let output = self.cli(&[&["wait"], what, &["--timeout", "120"]].concat());
        assert!(output.status.success(), "wait {what:?}: {}\n{}", stderr(&output), self.log());
    }

    /// What `tussock status` says.
    pub fn status(&self) -> Value {
        self.json(&["status"])
    }

    /// The height of the tip.
    pub fn height(&self) -> u64 {
        self.status()["height"].as_u64().unwrap()
    }

    /// An address from `endpoints.json`.
    pub fn endpoint(&self, key: &str) -> SocketAddr {
        let folder = if self.chain.ends_with(".toml") { self.chain_folder() } else { self.dir.join(&self.chain) };
        let text = fs::read_to_string(folder.join("endpoints.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()[key].as_str().unwrap().parse().unwrap()
    }

    /// The address that peers dial.
    pub fn p2p(&self) -> SocketAddr {
        self.endpoint("p2p")
    }

    /// The address of the HTTP server.
    pub fn http(&self) -> SocketAddr {
        self.endpoint("http")
    }

    fn chain_folder(&self) -> PathBuf {
        let holds = |path: &PathBuf| path.join("endpoints.json").exists();
        fs::read_dir(&self.dir).unwrap().map(|entry| entry.unwrap().path()).find(holds).unwrap()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().unwrap().success());
    }

    /// Waits for the end of the process and returns its exit code.
    pub fn wait_end(&mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }

    /// Sends SIGKILL and waits for the process to end.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            child.wait().unwrap();
        }
    }

    /// Stops the node cleanly; returns the exit code.
    pub fn stop(&mut self) -> i32 {
        let output = self.cli(&["stop"]);
        assert!(output.status.success(), "{}", stderr(&output));
        self.child.take().unwrap().wait().unwrap().code().unwrap_or(-1)
    }

    /// Whether the process still runs.
    pub fn alive(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// The end of the log, for messages of failed tests.
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.dir.join(&self.chain).join("logs/tussock.log")).unwrap_or_default();
        let tail: Vec<&str> = text.lines().rev().take(15).collect();
        tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            + &fs::read_to_string(self.dir.join("stderr.txt")).unwrap_or_default()
    }

    /// The tip's hash.
    pub fn tip(&self) -> Hash {
        self.status()["tip"].as_str().unwrap().parse().unwrap()
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs the binary on a data directory.
pub fn cli_on(dir: &Path, chain: &str, args: &[&str]) -> Output {
    command_on(dir, chain, args).output().unwrap()
}

/// A command of the binary on a data directory.
fn command_on(dir: &Path, chain: &str, args: &[&str]) -> Command {
    let mut command = Command::new(bin());
    command.args(["-d", dir.to_str().unwrap(), "--chain", chain]).args(args).stdin(Stdio::null());
    command
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
