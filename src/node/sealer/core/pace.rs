//! How long a view may take: at least three times what views took, longer after skipped views, shorter after final blocks.

use std::time::Duration;

use crate::base::time::Time;

/// A view's time at first, and the shortest.
pub const FIRST_TIMEOUT: Duration = Duration::from_secs(1);
/// The longest.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The time that views get.
#[derive(Debug)]
pub struct Pace {
    timeout: Duration,
    /// From the start of a view's timer to its notarisation, the longest lately.
    measured: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { timeout: FIRST_TIMEOUT, measured: Duration::ZERO }
    }
}

impl Pace {
    /// What a view gets.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The view that this node was in is skipped.
    pub fn skipped(&mut self) {
        self.timeout = (self.timeout * 3 / 2).min(LONGEST_TIMEOUT);
    }

    /// A view took this long. One that took longer than it may says less of how slow the network is than of how long it was
    /// cut: later views get more time step by step, as after a skipped one.
    pub fn notarised(&mut self, started: Time, now: Time) {
        if now.since(started) > self.timeout {
            return self.skipped();
        }
        self.measured = now.since(started).max(self.measured * 7 / 8).min(LONGEST_TIMEOUT);
        self.timeout = self.timeout.max(self.least());
    }

    /// A block became final.
    pub fn final_block(&mut self) {
        self.timeout = (self.timeout / 2).max(self.least());
    }

    /// What a view surely takes: three times what views took lately.
    pub fn least(&self) -> Duration {
        (self.measured * 3).clamp(FIRST_TIMEOUT, LONGEST_TIMEOUT)
    }
}

/// The timer of the current view.
#[derive(Debug, Default)]
pub struct ViewTimer {
    /// When this node came into the view.
    pub entered: Time,
    /// When there was a reason for a block.
    pub started: Option<Time>,
    /// When this node last said again what it has said in this view.
    pub repeated: Option<Time>,
}

impl ViewTimer {
    /// When the view's time is over; `None`: it does not run.
    pub fn end(&self, block_time: Duration, timeout: Duration) -> Option<Time> {
        self.started.map(|started| started.max(self.entered + block_time) + timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skips_lengthen_and_finality_shortens_within_limits() {
        let mut pace = Pace::default();
        (0..20).for_each(|_| pace.skipped());
        assert_eq!(pace.timeout(), LONGEST_TIMEOUT);
        (0..20).for_each(|_| pace.final_block());
        assert_eq!(pace.timeout(), FIRST_TIMEOUT);
        pace.notarised(Time(0), Time(600_000_000));
        assert_eq!(pace.timeout(), FIRST_TIMEOUT * 3 / 2, "the network was cut");
        pace.skipped();
        pace.notarised(Time(0), Time(2_000_000));
        assert_eq!(pace.timeout(), Duration::from_secs(6), "three times what was measured");
        (0..40).for_each(|_| pace.notarised(Time(0), Time(1_000)));
        pace.final_block();
        assert!(pace.timeout() < Duration::from_secs(4), "a slow view is forgotten in time: {:?}", pace.timeout());
    }
}
