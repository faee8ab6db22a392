//! The clocks of this host, read here and nowhere below.

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::base::time::{Now, Time, UnixTime};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Both clocks.
    fn now(&self) -> Now;
}

/// This host's clocks; monotonic time counts from the clock's making.
pub struct RealClock(Instant);

impl RealClock {
    /// A clock that starts now.
    #[expect(clippy::new_without_default, reason = "a default value that depends on the time of day would surprise")]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for RealClock {
    fn now(&self) -> Now {
        let mono = u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX);
        // A clock before 1970 is as wrong as one at 1970; peers will tell.
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Now { mono: Time(mono), unix: UnixTime(unix) }
    }
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
