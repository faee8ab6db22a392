//! What all attacks share: their scale, an honest pair of peers that must not notice, and the figures.
//!
//! `TUSSOCK_ATTACK=full` runs each attack as long and as large as the node is specified to survive it; without it, in
//! seconds. `TUSSOCK_ATTACK_MINUTES` sets the duration of those that are measured by time. `scripts/attack.sh` does both.

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

/// An honest peer's ping may take this long, 99 times of a hundred.
const PING_LIMIT: Duration = Duration::from_millis(250);
/// The whole node, resident.
const MEMORY_LIMIT_KIB: u64 = 32 * 1024;
/// Descriptors of the databases' files, all readers of them opened: each is opened when it is first needed, which may be
/// before or after an attack begins.
const DATABASE_DESCRIPTORS: usize = 24;
/// What a test waits for before it fails.
const PATIENCE: Duration = Duration::from_secs(60);
/// Whether the attack runs at full scale.
pub fn full() -> bool {
    std::env::var("TUSSOCK_ATTACK").is_ok_and(|value| value == "full")
}

/// How many of something: a few in a test, all of them at full scale.
pub fn count(test: usize, all: usize) -> usize {
    if full() { all } else { test }
}

/// How long something goes on.
pub fn duration(test: Duration, all: Duration) -> Duration {
    let minutes = std::env::var("TUSSOCK_ATTACK_MINUTES").ok().and_then(|value| value.parse::<f64>().ok());
    match minutes {
        Some(minutes) if full() => Duration::from_secs_f64(minutes * 60.0),
        _ if full() => all,
        _ => test,
    }
}

/// Waits without doing anything; `deadline` bounds it from outside.
pub fn rest(time: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
}

/// Two honest peers, one of which sends blocks that must reach the other, and which measures its pings.
pub struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
    pid: u32,
    descriptors: Descriptors,
    resident_kib: u64,
}

/// What an attack came to.
pub struct Figures {
    /// The honest peer's ping, 99th percentile.
    pub ping: Duration,
    /// How many there were.
    pub pings: usize,
    /// Most resident memory since the attack's start, KiB; 0 where the system does not tell.
    pub peak_kib: u64,
    /// The same before the attack.
    pub resident_kib: u64,
    /// Descriptors before and after.
    pub descriptors: (Descriptors, Descriptors),
    /// Blocks that passed from one honest peer to the other.
    pub blocks: u32,
    /// The slowest of them.
    pub slowest_block: Duration,
    /// Where the chain ended.
    pub maker: BlockMaker,
}

impl Watch {
    /// Starts to watch. The honest peers' blocks follow `maker`'s.
    pub fn start(node: &TestNode, maker: BlockMaker) -> Self {
        Self::begin(node, maker, true)
    }

    /// The same with blocks that hold nothing.
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
        // The peak counts from here, where the system can do that.
        drop(fs::write(format!("/proc/{}/clear_refs", node.pid()), "5"));
        let ends = Arc::clone(&stop);
        let thread = thread::spawn(move || Pair::new(source, sink, maker, large).run(&ends));
        Self { stop, thread, pid: node.pid(), descriptors, resident_kib }
    }

    /// Ends, once what the attack took is given back, and writes the figures down.
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
        figures.write_down(name, figure, limit);
        figures.judge(node, name);
        figures
    }
}

impl Figures {
    fn write_down(&self, name: &str, figure: &str, limit: &str) {
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
        write_down(&line);
    }

    /// What holds in any case; and, at full scale against a release build, the node's specification.
    fn judge(&self, node: &mut TestNode, name: &str) {
        assert!(node.alive(), "{name}: the node ended\n{}", node.log());
        let errors = fs::read_to_string(node.dir.join("stderr.txt")).unwrap_or_default();
        assert!(!errors.contains("panic"), "{name}: {errors}");
        let (before, after) = self.descriptors;
        assert!(after.others <= before.others + 2, "{name}: descriptors {before:?}, then {after:?}");
        assert!(after.databases <= DATABASE_DESCRIPTORS, "{name}: descriptors {before:?}, then {after:?}");
        assert!(self.blocks > 0, "{name}: the tip did not follow");
        if full() {
            assert!(self.ping <= PING_LIMIT, "{name}: ping {:?}", self.ping);
            assert!(self.peak_kib <= MEMORY_LIMIT_KIB, "{name}: {} KiB", self.peak_kib);
        }
    }
}

/// A line of the report, which `TUSSOCK_ATTACK_REPORT` names.
pub fn write_down(line: &str) {
    println!("{line}");
    if let Ok(path) = std::env::var("TUSSOCK_ATTACK_REPORT") {
        let mut file = fs::File::options().create(true).append(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

/// Open descriptors of a process; none where the system does not tell.
#[derive(Clone, Copy, Debug, Default)]
pub struct Descriptors {
    /// Of the files of databases.
    pub databases: usize,
    /// Connections and whatever else there is.
    pub others: usize,
}

impl Descriptors {
    fn all(self) -> usize {
        self.databases + self.others
    }
}

/// Counts them.
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

/// A line of a process's memory facts, KiB.
pub fn memory(pid: u32, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Bytes of the files of a folder.
pub fn folder_bytes(folder: &std::path::Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|facts| facts.len()).sum()
}
