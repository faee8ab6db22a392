//! Shared by all attacks: their scale, two honest peers that must not suffer, and the figures.
//!
//! `TUSSOCK_ATTACK=full` runs each attack as long and as large as the node must survive it. Without it each takes
//! seconds. `TUSSOCK_ATTACK_MINUTES` sets the duration of those that last a fixed time. `scripts/attack.sh` sets both.

mod honest;

use std::{
    fs,
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tussock::chain::testkit::BlockMaker;

use self::honest::{Pair, Seen};
use super::{TestNode, peer::RawPeer};

/// 99 % of an honest peer's pings take at most this long.
const PING_LIMIT: Duration = Duration::from_millis(250);
/// Resident memory of the whole node.
pub const MEMORY_LIMIT_KIB: u64 = 32 * 1024;
/// Descriptors of the database files once all readers are open. Each reader opens when it is first needed, which may be
/// before or during an attack.
const DATABASE_DESCRIPTORS: usize = 24;
/// How long a test waits before it fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// Whether the attack runs at full scale.
pub fn full() -> bool {
    std::env::var("TUSSOCK_ATTACK").is_ok_and(|value| value == "full")
}

/// A number of things: `test` of them, or `all` at full scale.
pub fn count(test: usize, all: usize) -> usize {
    if full() { all } else { test }
}

/// The duration of something: `test`, or `all` at full scale.
pub fn duration(test: Duration, all: Duration) -> Duration {
    let minutes = std::env::var("TUSSOCK_ATTACK_MINUTES").ok().and_then(|value| value.parse::<f64>().ok());
    match minutes {
        Some(minutes) if full() => Duration::from_secs_f64(minutes * 60.0),
        _ if full() => all,
        _ => test,
    }
}

/// Does nothing for a time: a pause between two steps of an attack.
pub fn rest(time: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
}

/// Two honest peers: one sends blocks that must reach the other, which measures its pings.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
    pid: u32,
    descriptors: Descriptors,
    resident_kib: u64,
}

/// The result of an attack.
pub struct Figures {
    /// The honest peer's ping, 99th percentile.
    pub ping: Duration,
    /// The number of pings.
    pub pings: usize,
    /// Peak of resident memory since the attack's start, KiB; 0 if the system does not report it.
    pub peak_kib: u64,
    /// Resident memory before the attack, KiB.
    pub resident_kib: u64,
    /// Descriptors before and after.
    pub descriptors: (Descriptors, Descriptors),
    /// Blocks that passed from one honest peer to the other.
    pub blocks: u32,
    /// Time that the slowest of these blocks took.
    pub slowest_block: Duration,
    /// The chain at the end.
    pub maker: BlockMaker,
}

impl Watch {
    /// Starts the honest peers. Their blocks follow `maker`'s.
    pub fn start(node: &TestNode, maker: BlockMaker) -> Self {
        Self::begin(node, maker, true)
    }

    /// Starts honest peers that make empty blocks only.
    pub fn with_small_blocks(node: &TestNode, maker: BlockMaker) -> Self {
        Self::begin(node, maker, false)
    }

    fn begin(node: &TestNode, maker: BlockMaker, large: bool) -> Self {
        let spec = maker.spec().clone();
        let (address, stop) = (node.p2p(), Arc::new(AtomicBool::new(false)));
        let source = RawPeer::handshaken(address, &spec);
        let mut sink = RawPeer::handshaken(address, &spec);
        sink.ping(1);
        let descriptors = descriptors(node.pid());
        let resident_kib = memory(node.pid(), "VmRSS:");
        // Resets the peak, where the system can do that.
        drop(fs::write(format!("/proc/{}/clear_refs", node.pid()), "5"));
        let ends = Arc::clone(&stop);
        let thread = thread::spawn(move || Pair::new(source, sink, maker, large).run(&ends));
        Self { stop, thread, pid: node.pid(), descriptors, resident_kib }
    }

    /// Waits until the node has released what the attack took, stops the honest peers, and records the figures.
    pub fn finish(self, node: &mut TestNode, name: &str, figure: &str, limit: &str) -> Figures {
        let (before, resident_kib) = (self.descriptors, self.resident_kib);
        let deadline = Instant::now() + PATIENCE;
        let mut after = descriptors(self.pid);
        while after.others > before.others + 2 && Instant::now() < deadline {
            rest(Duration::from_millis(100));
            after = descriptors(self.pid);
        }
        let peak_kib = memory(self.pid, "VmHWM:");
        self.stop.store(true, SeqCst);
        let mut seen = self.thread.join().unwrap_or_else(|_| panic!("{name}: the honest peer failed\n{}", node.log()));
        seen.pings.sort_unstable();
        let ping = seen.pings.get(seen.pings.len() * 99 / 100).copied().unwrap_or(PATIENCE);
        let Seen { pings, blocks, slowest_block, maker } = seen;
        let descriptors = (before, after);
        let figures =
            Figures { ping, pings: pings.len(), peak_kib, resident_kib, descriptors, blocks, slowest_block, maker };
        figures.record(name, figure, limit);
        figures.check(node, name);
        figures
    }
}

impl Figures {
    fn record(&self, name: &str, figure: &str, limit: &str) {
        let line = format!(
            "{name} | {figure} | {limit} | ping p99 {} ms of {} | {:.1} -> {:.1} MB | fds {} -> {} | {} blocks, slowest {} ms",
            self.ping.as_millis(),
            self.pings,
            self.resident_kib as f64 / 1024.0,
            self.peak_kib as f64 / 1024.0,
            self.descriptors.0.all(),
            self.descriptors.1.all(),
            self.blocks,
            self.slowest_block.as_millis(),
        );
        record(&line);
    }

    /// Checks what must hold at any scale and, at full scale, the limits.
    fn check(&self, node: &mut TestNode, name: &str) {
        assert!(node.alive(), "{name}: the node ended\n{}", node.log());
        let errors = fs::read_to_string(node.dir.join("stderr.txt")).unwrap_or_default();
        assert!(!errors.contains("panic"), "{name}: {errors}");
        let (before, after) = self.descriptors;
        assert!(after.others <= before.others + 2, "{name}: descriptors {before:?}, then {after:?}");
        assert!(after.databases <= DATABASE_DESCRIPTORS, "{name}: descriptors {before:?}, then {after:?}");
        assert!(self.blocks > 0, "{name}: the tip did not move");
        if full() {
            assert!(self.ping <= PING_LIMIT, "{name}: ping {:?}", self.ping);
            assert!(self.peak_kib <= MEMORY_LIMIT_KIB, "{name}: {} KiB", self.peak_kib);
        }
    }
}

/// Prints a line and adds it to the report that `TUSSOCK_ATTACK_REPORT` names.
pub fn record(line: &str) {
    println!("{line}");
    if let Ok(path) = std::env::var("TUSSOCK_ATTACK_REPORT") {
        let mut file = fs::File::options().create(true).append(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

/// Open descriptors of a process; none if the system does not report them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Descriptors {
    /// Those of database files.
    pub databases: usize,
    /// Connections and everything else.
    pub others: usize,
}

impl Descriptors {
    fn all(self) -> usize {
        self.databases + self.others
    }
}

/// Counts the open descriptors of a process.
fn descriptors(pid: u32) -> Descriptors {
    let mut count = Descriptors::default();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        if [".db", ".db-wal", ".db-shm"].iter().any(|end| name.ends_with(end)) {
            count.databases += 1;
        } else {
            count.others += 1;
        }
    }
    count
}

/// A figure of `/proc/PID/status`, KiB.
pub fn memory(pid: u32, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Bytes of all files in a folder.
pub fn folder_bytes(folder: &std::path::Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|facts| facts.len()).sum()
}
