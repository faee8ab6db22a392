//! How long a view may take: at least three times what views took, longer after skipped views, shorter after final blocks.
//!
//! What a view took is measured for each leader. Of these times as many as may lie are left out, the longest first: a leader that
//! proposes just before its time is over would else stretch everybody's views, and nothing would show that it lies.

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
    /// From the start of a view's timer to its notarisation, lately, by its leader.
    measured: Vec<Duration>,
    /// How many leaders may lie.
    tolerated: usize,
}

impl Pace {
    /// For so many leaders in turn, of which some may lie.
    pub fn new(leaders: usize, tolerated: usize) -> Self {
        Self { timeout: FIRST_TIMEOUT, measured: vec![Duration::ZERO; leaders], tolerated }
    }

    /// What a view gets.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The view that this node was in is skipped.
    pub fn skipped(&mut self) {
        self.timeout = (self.timeout * 3 / 2).min(LONGEST_TIMEOUT);
    }

    /// A view of this leader took this long. One that took longer than it may says less of how slow the network is than of how
    /// long it was cut: later views get more time step by step, as after a skipped one.
    pub fn notarised(&mut self, leader: usize, started: Time, now: Time) {
        if now.since(started) > self.timeout {
            return self.skipped();
        }
        // A leader that leads no more is forgotten, an eighth in each round.
        let parts = u32::try_from(self.measured.len()).unwrap_or(u32::MAX).saturating_mul(8).max(1);
        self.measured.iter_mut().for_each(|took| *took -= *took / parts);
        if let Some(took) = self.measured.get_mut(leader) {
            *took = now.since(started).min(LONGEST_TIMEOUT);
        }
        self.timeout = self.timeout.max(self.least());
    }

    /// A block became final.
    pub fn final_block(&mut self) {
        self.timeout = (self.timeout / 2).max(self.least());
    }

    /// What a view surely takes: three times what views of honest leaders took lately.
    pub fn least(&self) -> Duration {
        let mut sorted = self.measured.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let took = sorted.get(self.tolerated).copied().unwrap_or_default();
        (took * 3).clamp(FIRST_TIMEOUT, LONGEST_TIMEOUT)
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
        let mut pace = Pace::new(1, 0);
        (0..20).for_each(|_| pace.skipped());
        assert_eq!(pace.timeout(), LONGEST_TIMEOUT);
        (0..20).for_each(|_| pace.final_block());
        assert_eq!(pace.timeout(), FIRST_TIMEOUT);
        pace.notarised(0, Time(0), Time(600_000_000));
        assert_eq!(pace.timeout(), FIRST_TIMEOUT * 3 / 2, "the network was cut");
        pace.skipped();
        pace.notarised(0, Time(0), Time(2_000_000));
        assert_eq!(pace.timeout(), Duration::from_secs(6), "three times what was measured");
        (0..40).for_each(|_| pace.notarised(0, Time(0), Time(1_000)));
        pace.final_block();
        assert!(pace.timeout() < Duration::from_secs(4), "a slow view is forgotten in time: {:?}", pace.timeout());
    }

    /// A leader that proposed at four fifths of its time had everybody's views last a minute.
    #[test]
    fn as_many_leaders_as_may_lie_stretch_nobody_s_views() {
        let mut pace = Pace::new(4, 1);
        let mut now = 0;
        for view in 0..400 {
            let took = if view % 4 == 3 { pace.timeout().as_micros() as u64 * 4 / 5 } else { 20_000 };
            pace.notarised(view % 4, Time(now), Time(now + took));
            pace.final_block();
            assert_eq!(pace.timeout(), FIRST_TIMEOUT, "view {view}");
            now += took;
        }
        // One more than may lie is the network's own pace.
        for view in 0..8 {
            pace.notarised(view % 4, Time(now), Time(now + if view % 2 == 0 { 900_000 } else { 20_000 }));
        }
        let least = pace.least();
        assert!(least > Duration::from_millis(2_400) && least <= Duration::from_millis(2_700), "{least:?}");
    }
}
