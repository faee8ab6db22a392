//! Nodes as child processes, and their use of memory and processor.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::sealed_chain;
use crate::{
    cli::exit::{Exit, Failure, Outcome},
    rpc::client::Deadline,
};

/// Time limit for an index. A million transactions need a tenth of it.
const INDEX_TIMEOUT: Duration = Duration::from_secs(600);
/// Time between two queries of an index.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The environment variable that names another program for the nodes, to compare versions.
const PROGRAM: &str = "BENCH_PROGRAM";

/// A temporary folder, removed when dropped.
pub struct TempFolder(PathBuf);

impl TempFolder {
    /// Makes a folder below the system's folder for temporary files.
    pub fn new(name: &str) -> Outcome<Self> {
        let path = std::env::temp_dir().join(format!("tussock-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| Failure::io("cannot make a folder", &path, &error))?;
        Ok(Self(path))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        // The system cleans up what stays.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A node in its own process, killed when dropped.
pub struct Node {
    child: Child,
    dir: PathBuf,
}

/// The resources that a process used, from the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Peak of the resident bytes.
    pub peak_rss_bytes: u64,
    /// Bytes resident now.
    pub rss_bytes: u64,
    /// Seconds of processor time, user and system.
    pub cpu_s: f64,
    /// Bytes of files that it made dirty, so that the kernel writes them to the disk.
    pub written_bytes: u64,
}

impl Node {
    /// Starts a node on the chain of its folder and waits until it is ready.
    pub fn start(dir: &Path, args: &[&str]) -> Outcome<Self> {
        Self::start_command(command_on(dir)?, dir, args)
    }

    /// The same with a command that [`command_of`] made.
    pub fn start_command(mut command: Command, dir: &Path, args: &[&str]) -> Outcome<Self> {
        let child = command
            .arg("run")
            .args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--quiet"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| Failure::new(Exit::Internal, format!("cannot start a node: {error}")))?;
        let node = Self { child, dir: dir.to_owned() };
        node.wait(&["ready"], 60)?;
        Ok(node)
    }

    /// Runs `tussock wait`.
    pub fn wait(&self, what: &[&str], timeout_s: u64) -> Outcome {
        let mut wait = command_on(&self.dir)?;
        wait.arg("wait").args(what).args(["--timeout", &timeout_s.to_string()]);
        run_to_end(&mut wait, &format!("wait {}", what.join(" ")))
    }

    /// Waits until the node has built its index. A generated ledger has none yet, and building it must not be measured.
    pub fn wait_for_index(&self, height: u32) -> Outcome {
        let deadline = Deadline::after(INDEX_TIMEOUT);
        loop {
            if self.status()?["indexed"].as_u64() >= Some(u64::from(height)) {
                return Ok(());
            }
            if !deadline.pause(POLL_INTERVAL) {
                return Err(Failure::new(Exit::TimedOut, "a node's index was not filled in time"));
            }
        }
    }

    /// Its status.
    pub fn status(&self) -> Outcome<Value> {
        let status = super::load::client(&self.dir, sealed_chain::of(&self.dir).1)?.call("status", json!([]));
        status.map_err(|error| Failure::new(Exit::Internal, format!("a node does not report its status: {error}")))
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Its data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The address where it listens for peers.
    pub fn address(&self) -> Outcome<String> {
        let file = self.dir.join(sealed_chain::of(&self.dir).1).join("endpoints.json");
        let text = fs::read_to_string(&file).map_err(|error| Failure::io("cannot read", &file, &error))?;
        let endpoints: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        Ok(super::super::output::text(&endpoints, "p2p"))
    }

    /// Stops it.
    pub fn stop(mut self) -> Outcome {
        run_to_end(command_on(&self.dir)?.arg("stop"), "stop")?;
        drop(self.child.wait());
        Ok(())
    }

    /// The resources that it used so far; zeros on systems without `/proc`.
    pub fn usage(&self) -> Usage {
        usage_of(self.child.id())
    }
}

/// The resources that a process used so far; zeros on systems without `/proc`.
pub fn usage_of(process: u32) -> Usage {
    let folder = PathBuf::from(format!("/proc/{process}"));
    let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or(0).saturating_mul(1024)
    };
    let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
    // Fields 14 and 15, counted after the name in brackets. Linux always reports 100 ticks per second.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: u64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let io = fs::read_to_string(folder.join("io")).unwrap_or_default();
    let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
    Usage {
        peak_rss_bytes: bytes("VmHWM:"),
        rss_bytes: bytes("VmRSS:"),
        cpu_s: ticks as f64 / 100.0,
        written_bytes: written.unwrap_or(0),
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Nothing of a benchmark's node is kept.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs `tussock generate` on a data directory.
pub fn generate(dir: &Path, blocks: u32, transactions: u32, seed: u64) -> Outcome {
    generate_with(dir, blocks, transactions, seed, &[])
}

/// The same with further arguments.
pub fn generate_with(dir: &Path, blocks: u32, transactions: u32, seed: u64, more: &[&str]) -> Outcome {
    let mut generate = command_on(dir)?;
    generate.arg("generate");
    generate.args(["--blocks", &blocks.to_string(), "--txs-per-block", &transactions.to_string()]);
    generate.args(["--seed", &seed.to_string()]).args(more);
    run_to_end(&mut generate, "generate")
}

/// A command of this program on a data directory of its chain: see [`sealed_chain::of`].
pub fn command_on(dir: &Path) -> Outcome<Command> {
    let own = std::env::current_exe()
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot find this program's file: {error}")))?;
    Ok(command_of(&std::env::var_os(PROGRAM).map_or(own, PathBuf::from), dir))
}

/// The same of another program.
pub fn command_of(program: &Path, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("-d").arg(dir).args(["--chain", &sealed_chain::of(dir).0]);
    command
}

/// Runs a command to its end. `what` names it in a failure.
pub fn run_to_end(command: &mut Command, what: &str) -> Outcome {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot run {what}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let exit = if output.status.code() == Some(Exit::TimedOut as i32) { Exit::TimedOut } else { Exit::Internal };
    Err(Failure::new(exit, format!("{what} failed: {}", said.trim().trim_start_matches("error: "))))
}
