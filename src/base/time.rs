//! Time as data. Nothing below `runtime` reads a clock: drivers tell the time, roles are told.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// Monotonic time in microseconds since the driver started. Deadlines use it, so that a clock step cannot move them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Time(pub u64);

/// Seconds since 1970-01-01 UTC by this host's clock. Only `Version` messages, block times and people's displays use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct UnixTime(pub u64);

/// Both clocks, read together by the driver before each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Now {
    /// For deadlines and durations.
    pub mono: Time,
    /// For what other hosts see.
    pub unix: UnixTime,
}

impl Time {
    /// The time that passed since `earlier`; zero if that is later.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;
    fn sub(self, duration: Duration) -> Time {
        Time(self.0.saturating_sub(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
