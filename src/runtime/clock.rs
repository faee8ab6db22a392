//! The clocks of this host, read here and nowhere below.

use std::{sync::atomic::Ordering::SeqCst, time::Duration};

use portable_atomic::{AtomicI64, AtomicU64};

use crate::base::time::{Now, Time, UnixTime};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Both clocks.
    fn now(&self) -> Now;
}

/// This host's clocks; monotonic time counts from the clock's making, also while the host is suspended: what peers said
/// before is as old as they see it.
pub struct RealClock(Duration);

impl RealClock {
    /// A clock that starts now.
    #[expect(clippy::new_without_default, reason = "a default value that depends on the time of day would surprise")]
    pub fn new() -> Self {
        Self(since_boot())
    }
}

/// Time since the host's start, suspensions included.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanos)
}

/// Time since the first call. Elsewhere than on Linux, the system's monotonic clock decides whether suspensions count.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    FIRST.get_or_init(std::time::Instant::now).elapsed()
}

impl Clock for RealClock {
    fn now(&self) -> Now {
        let mono = u64::try_from(since_boot().saturating_sub(self.0).as_micros()).unwrap_or(u64::MAX);
        Now { mono: Time(mono), unix: node_now() }
    }
}

/// Seconds by which an operator of a test chain has set the clock of this process's node off this host's.
static SHIFT: AtomicI64 = AtomicI64::new(0);

/// Seconds by which the node's clock is ahead of this host's: 0, unless an operator of a test chain has set it.
pub fn shift() -> i64 {
    SHIFT.load(SeqCst)
}

/// Sets the node's clock off this host's. For test chains: the roles of all others judge by what the time is.
pub fn set_shift(seconds: i64) {
    SHIFT.store(seconds, SeqCst);
}

/// The wall clock as the node of this process sees it.
pub fn node_now() -> UnixTime {
    UnixTime(unix_now().0.saturating_add_signed(shift()))
}

/// This host's wall clock. A clock before 1970 is as wrong as one at 1970; peers will tell.
///
/// Read through the C library, which tools that fake a clock stand in for (libfaketime).
#[cfg(not(all(target_env = "musl", target_pointer_width = "32")))]
pub fn unix_now() -> UnixTime {
    use std::time::{SystemTime, UNIX_EPOCH};
    UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()))
}

/// This host's wall clock. A clock before 1970 is as wrong as one at 1970; peers will tell.
///
/// Asks the system itself: here the clock of Rust's standard library ends in 2038 (rustup's builds).
#[cfg(all(target_env = "musl", target_pointer_width = "32"))]
pub fn unix_now() -> UnixTime {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    UnixTime(u64::try_from(time.tv_sec).unwrap_or(0))
}

/// A clock that moves only when it is told to.
pub struct ManualClock {
    mono: AtomicU64,
    unix_start: u64,
}

impl ManualClock {
    /// A clock at monotonic time 0 and the given unix second; both then move together.
    pub fn new(unix: UnixTime) -> Self {
        Self { mono: AtomicU64::new(0), unix_start: unix.0 }
    }

    /// Moves forward to `time`; never backward.
    pub fn advance_to(&self, time: Time) {
        self.mono.fetch_max(time.0, SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        let mono = self.mono.load(SeqCst);
        let passed = Duration::from_micros(mono).as_secs();
        Now { mono: Time(mono), unix: UnixTime(self.unix_start.saturating_add(passed)) }
    }
}
