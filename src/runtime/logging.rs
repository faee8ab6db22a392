//! Logs: one line per event, to a rotating file and to standard error.
//!
//! `2026-11-23T10:00:00Z INFO  peers  message key=value`. The time is UTC, the third word is the part of the node that
//! speaks. Levels can be set for each part and changed while the node runs. A place in the source that writes very
//! much is cut off for the rest of the hour, so that a peer cannot fill the disk through our logs; its next line says
//! how many were suppressed.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::PathBuf,
    str::FromStr,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, atomic::Ordering},
    time::Duration,
    time::Instant,
};

use log::{Level, LevelFilter, Log, Metadata, Record};
use simplelog::{Config, ConfigBuilder, WriteLogger};
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::{
    base::text::one_line,
    node::limit::Meter,
    runtime::clock::unix_now,
    runtime::rotation::{REOPEN, RotatingFile},
};

/// Bytes of one log file.
const LOG_FILE_BYTES: u64 = 2 * 1024 * 1024;
/// Log files kept, the current one included.
const LOG_FILES: usize = 4;
/// Bytes that one place in the source may log within [`LOG_SITE_WINDOW`]; what is beyond is counted, not written.
const LOG_SITE_BYTES: usize = 1024 * 1024;
/// The time over which [`LOG_SITE_BYTES`] counts.
const LOG_SITE_WINDOW: Duration = Duration::from_secs(3600);
/// Places in the source whose volume is counted apart; any further ones share one count.
const LOG_SITES: usize = 1024;

const TIME: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
/// How log targets of our own packages begin.
const OWN_PACKAGES: [&str; 4] = ["tussock::", "tussock_core::", "tussock_drivers::", "tussock_roles::"];
/// The log's name in its folder.
const FILE_NAME: &str = "tussock.log";

/// Which levels are written: one for all, and others for some parts. Text form: `LEVEL[,module=LEVEL]…`, such as
/// `info,peers=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Levels {
    all: LevelFilter,
    parts: BTreeMap<String, LevelFilter>,
}

/// The parts that have levels of their own: the roles, and the modules that speak for themselves.
pub const PARTS: [&str; 20] = [
    "key_agreement",
    "handshake",
    "peers",
    "headers",
    "fetch",
    "verify",
    "ledger",
    "gossip",
    "miner",
    "sealer",
    "snapshot",
    "history",
    "limit",
    "link",
    "net",
    "rpc",
    "store",
    "runtime",
    "cli",
    "sim",
];

/// A text that does not say which levels to write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// No level of that name.
    #[error("{0:?} is no log level: off, error, warn, info, debug or trace is needed, or module=level")]
    Level(String),
    /// No part of that name.
    #[error("no part of the node is called {0:?}; those with log levels of their own: {list}", list = PARTS.join(", "))]
    Part(String),
}

impl Default for Levels {
    fn default() -> Self {
        Self { all: LevelFilter::Info, parts: BTreeMap::new() }
    }
}

impl FromStr for Levels {
    type Err = LevelError;

    fn from_str(text: &str) -> Result<Self, LevelError> {
        let mut levels = Self::default();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let (part, level) = item.split_once('=').map_or((None, item), |(part, level)| (Some(part.trim()), level));
            let level = level.trim().parse().map_err(|_| LevelError::Level(item.to_owned()))?;
            match part {
                None => levels.all = level,
                Some("") => return Err(LevelError::Level(item.to_owned())),
                Some(part) if !PARTS.contains(&part) => return Err(LevelError::Part(part.to_owned())),
                Some(part) => drop(levels.parts.insert(part.to_owned(), level)),
            }
        }
        Ok(levels)
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lower = |level: &LevelFilter| level.as_str().to_ascii_lowercase();
        f.write_str(&lower(&self.all))?;
        self.parts.iter().try_for_each(|(part, level)| write!(f, ",{part}={}", lower(level)))
    }
}

impl Levels {
    fn of(&self, part: &str) -> LevelFilter {
        self.parts.get(part).copied().unwrap_or(self.all)
    }

    fn most(&self) -> LevelFilter {
        self.parts.values().copied().fold(self.all, Ord::max)
    }
}

/// Where logs go.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// The folder of the log files (`<dir>/logs`); `None`: no files.
    pub folder: Option<PathBuf>,
    /// Also to standard error.
    pub stderr: bool,
    /// What is written.
    pub levels: Levels,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be written.
    #[error("cannot write the log {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The process logs already.
    #[error("logging was set up before")]
    Twice,
}

static LEVELS: OnceLock<Arc<RwLock<Levels>>> = OnceLock::new();
static VOLUME: Mutex<Volume> = Mutex::new(Volume { sites: BTreeMap::new(), suppressed: 0 });

/// Sets up the process's logs; once.
pub fn init(options: LogOptions) -> Result<(), LogError> {
    let mut sinks: Vec<Box<dyn Log>> = Vec::new();
    if let Some(folder) = &options.folder {
        let path = folder.join(FILE_NAME);
        let file = RotatingFile::open(&path, LOG_FILE_BYTES, LOG_FILES);
        let file = file.map_err(|source| LogError::File { path, source })?;
        sinks.push(WriteLogger::new(LevelFilter::Trace, bare(), file));
    }
    if options.stderr {
        sinks.push(WriteLogger::new(LevelFilter::Trace, bare(), io::stderr()));
    }
    let levels = Arc::new(RwLock::new(options.levels.clone()));
    let logger = Logger { levels: Arc::clone(&levels), sinks };
    log::set_boxed_logger(Box::new(logger)).map_err(|_| LogError::Twice)?;
    let _ = LEVELS.set(levels);
    log::set_max_level(options.levels.most());
    Ok(())
}

/// Opens the log file again, which another program may have renamed.
pub fn reopen() {
    REOPEN.store(true, Ordering::Relaxed);
    log::info!("log file reopened");
}

/// Changes what is written from now on. False if logging was never set up.
pub fn set_levels(levels: Levels) -> bool {
    let Some(shared) = LEVELS.get() else { return false };
    let most = levels.most();
    *shared.write().unwrap_or_else(PoisonError::into_inner) = levels;
    log::set_max_level(most);
    true
}

/// What is written now.
pub fn levels() -> Option<Levels> {
    LEVELS.get().map(|shared| shared.read().unwrap_or_else(PoisonError::into_inner).clone())
}

/// How much the busiest place in the source has written within the hour, and how many lines were suppressed in all.
pub fn volume() -> Meter {
    let volume = VOLUME.lock().unwrap_or_else(PoisonError::into_inner);
    Meter { used: volume.most(Instant::now()), cap: LOG_SITE_BYTES, hits: volume.suppressed }
}

/// Our lines are complete; `simplelog` adds nothing to them.
fn bare() -> Config {
    let off = LevelFilter::Off;
    let mut builder = ConfigBuilder::new();
    builder.set_time_level(off).set_max_level(off).set_thread_level(off).set_target_level(off).set_location_level(off);
    builder.build()
}

/// Levels per part and a cap on volume, in front of the writers.
struct Logger {
    levels: Arc<RwLock<Levels>>,
    sinks: Vec<Box<dyn Log>>,
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let levels = self.levels.read().unwrap_or_else(PoisonError::into_inner);
        metadata.level() <= levels.of(part(metadata.target()))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = one_line(&record.args().to_string());
        let site = Site { file: record.file_static().unwrap_or(""), line: record.line().unwrap_or(0) };
        let mut volume = VOLUME.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(suppressed) = volume.admit(site, text.len(), Instant::now()) else { return };
        drop(volume);
        let line = line(now(), record.level(), part(record.target()), &text, suppressed);
        for sink in &self.sinks {
            sink.log(&Record::builder().level(record.level()).args(format_args!("{line}")).build());
        }
    }

    fn flush(&self) {
        self.sinks.iter().for_each(|sink| sink.flush());
    }
}

fn line(time: OffsetDateTime, level: Level, part: &str, text: &str, suppressed: u64) -> String {
    let time = time.format(TIME).unwrap_or_default();
    let more = if suppressed > 0 { format!(" (×{suppressed} suppressed)") } else { String::new() };
    format!("{time} {level:<5} {part:<9} {text}{more}")
}

/// The part of the node that a log target names: `tussock_roles::node::peers` → `peers`, `tussock::net::links` → `net`,
/// `tussock_core::store::migrate` → `store`, `rusqlite` → `rusqlite`.
fn part(target: &str) -> &str {
    let own = OWN_PACKAGES.iter().find_map(|package| target.strip_prefix(package)).unwrap_or(target);
    let own = own.strip_prefix("node::").unwrap_or(own);
    own.split("::").next().unwrap_or(own)
}

/// By the clock that the node goes by.
fn now() -> OffsetDateTime {
    let unix = i64::try_from(unix_now().0).unwrap_or(0);
    OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A place in the source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    file: &'static str,
    line: u32,
}

/// How much each place has written.
#[derive(Default)]
struct Volume {
    sites: BTreeMap<Site, Written>,
    /// Lines, over all places and since the start.
    suppressed: u64,
}

struct Written {
    since: Instant,
    bytes: usize,
    suppressed: u64,
}

impl Volume {
    /// Whether a line may be written, and how many of its place were suppressed before it.
    fn admit(&mut self, site: Site, bytes: usize, now: Instant) -> Option<u64> {
        let others = Site { file: "", line: 0 };
        let full = self.sites.len() >= LOG_SITES && !self.sites.contains_key(&site);
        let site = if full { others } else { site };
        let written = self.sites.entry(site).or_insert(Written { since: now, bytes: 0, suppressed: 0 });
        if now.duration_since(written.since) >= LOG_SITE_WINDOW {
            (written.since, written.bytes) = (now, 0);
        }
        if written.bytes >= LOG_SITE_BYTES {
            written.suppressed += 1;
            self.suppressed += 1;
            return None;
        }
        written.bytes += bytes;
        Some(std::mem::take(&mut written.suppressed))
    }

    /// Bytes of the place that has written most within the hour.
    fn most(&self, now: Instant) -> usize {
        let fresh = |written: &&Written| now.duration_since(written.since) < LOG_SITE_WINDOW;
        self.sites.values().filter(fresh).map(|written| written.bytes).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::RoleId;

    #[test]
    fn levels_are_read_per_part() {
        let levels: Levels = "warn, peers=debug,net=off".parse().unwrap();
        assert_eq!(levels.of(part("tussock_roles::node::peers::book")), LevelFilter::Debug);
        assert_eq!(levels.of(part("tussock::net::links")), LevelFilter::Off);
        assert_eq!(levels.of(part("tussock::runtime::node")), LevelFilter::Warn);
        assert_eq!(part(std::any::type_name::<crate::store::ledger::LedgerDb>()), "store");
        assert_eq!(part(std::any::type_name::<Levels>()), "runtime", "whatever package this is in");
        assert_eq!(levels.most(), LevelFilter::Debug);
        assert_eq!(levels.to_string(), "warn,net=off,peers=debug");
        assert_eq!("peers=debug".parse::<Levels>().unwrap().all, LevelFilter::Info);
        assert_eq!("loud".parse::<Levels>(), Err(LevelError::Level("loud".to_owned())));
        assert_eq!("info,peer=debug".parse::<Levels>(), Err(LevelError::Part("peer".to_owned())));
        assert!("=info".parse::<Levels>().is_err() && "net=".parse::<Levels>().is_err());
    }

    /// The lines of a role that is none of the parts could not be asked for.
    #[test]
    fn each_role_is_a_part() {
        for role in RoleId::ALL {
            assert!(PARTS.contains(&role.name().replace('-', "_").as_str()), "{}", role.name());
        }
    }

    #[test]
    fn a_line_has_time_level_part_and_text() {
        let time = OffsetDateTime::from_unix_timestamp(1_795_428_000).unwrap();
        let line = |text, suppressed| line(time, Level::Info, part("tussock_roles::node::peers"), text, suppressed);
        assert_eq!(line("ping lost link=3", 0), "2026-11-23T10:00:00Z INFO  peers     ping lost link=3");
        assert_eq!(line("x", 7), "2026-11-23T10:00:00Z INFO  peers     x (×7 suppressed)");
    }

    #[test]
    fn a_place_that_writes_too_much_is_cut_off_until_the_next_hour() {
        let mut volume = Volume::default();
        let (start, loud, calm) = (Instant::now(), Site { file: "a", line: 1 }, Site { file: "a", line: 2 });
        assert_eq!(volume.admit(loud, LOG_SITE_BYTES, start), Some(0));
        assert_eq!(volume.admit(loud, 10, start), None);
        assert_eq!(volume.admit(loud, 10, start), None);
        assert_eq!(volume.admit(calm, 10, start), Some(0), "another place is not affected");
        assert_eq!((volume.most(start), volume.suppressed), (LOG_SITE_BYTES, 2));
        assert_eq!(volume.admit(loud, 10, start + LOG_SITE_WINDOW), Some(2));
        assert_eq!(volume.admit(loud, 10, start + LOG_SITE_WINDOW), Some(0));
    }

    #[test]
    fn places_beyond_the_bound_share_one_count() {
        let mut volume = Volume::default();
        let now = Instant::now();
        for line in 0..3000 {
            volume.admit(Site { file: "a", line }, 1, now);
        }
        assert_eq!(volume.sites.len(), LOG_SITES + 1);
    }
}
