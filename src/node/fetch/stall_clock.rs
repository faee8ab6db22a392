//! The clock of the block that holds up the download.

use std::time::Duration;

use crate::base::{
    hash::Hash,
    limits::{BULK_HEDGE, OVERDUE_FIRST, OVERDUE_MAX, STALL_FIRST, STALL_MAX},
    time::Time,
};

/// Watches the lowest missing block.
#[derive(Debug)]
pub(super) struct StallClock {
    /// How long the block that holds up the download may take. Bitcoin Core's rule: doubled by each stall, lowered by
    /// 15 % by each block that arrives.
    pub(super) stall: Duration,
    /// How long blocks take from the question to their arrival, averaged.
    typical: Duration,
    pub(super) lowest: Option<Lowest>,
    /// The one before it: its body has arrived, and may be refused.
    before: Option<Lowest>,
}

/// The lowest missing block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lowest {
    pub(super) hash: Hash,
    pub(super) since: Time,
    /// `headers` knows that its time is over.
    pub(super) late: bool,
    /// `headers` knows that no peer has it.
    pub(super) nowhere: bool,
}

impl Lowest {
    /// The lowest missing block is this one now.
    pub(super) fn see(known: &mut Option<Self>, now: Time, lowest: Option<Hash>) {
        if known.map(|known| known.hash) != lowest {
            *known = lowest.map(|hash| Self { hash, since: now, late: false, nowhere: false });
        }
    }
}

impl Default for StallClock {
    fn default() -> Self {
        Self { stall: STALL_FIRST, typical: Duration::ZERO, lowest: None, before: None }
    }
}

impl StallClock {
    /// A block arrived.
    pub(super) fn progress(&mut self) {
        self.stall = (self.stall * 85 / 100).max(STALL_FIRST);
    }

    /// A block arrived this long after the request. One that was overdue counts as just in time: otherwise a single body that
    /// a liar holds back would give its next branch many times as long.
    pub(super) fn took(&mut self, time: Duration) {
        self.typical = (self.typical * 7 + time.min(self.overdue())) / 8;
    }

    /// How long a block that holds up others may be owed before a second peer is asked for it. That is long before its peer
    /// counts as stalled, because all other blocks wait meanwhile. On slow lines it is no less than blocks usually take.
    pub(super) fn patience(&self) -> Duration {
        BULK_HEDGE.max(self.typical * 4)
    }

    pub(super) fn stalled(&mut self) {
        self.stall = (self.stall * 2).min(STALL_MAX);
    }

    /// How long the lowest missing block may take before `headers` must know.
    pub(super) fn overdue(&self) -> Duration {
        (self.typical * 8).clamp(OVERDUE_FIRST, OVERDUE_MAX)
    }

    /// Another chain is wanted: all its blocks get their time.
    pub(super) fn start_over(&mut self) {
        (self.lowest, self.before) = (None, None);
    }

    /// The lowest missing block is this one now.
    pub(super) fn see(&mut self, now: Time, lowest: Option<Hash>) {
        if self.lowest.map(|lowest| lowest.hash) == lowest {
            return;
        }
        // A body that was refused is missing again: its time goes on.
        let again = self.before.filter(|before| Some(before.hash) == lowest);
        let again = again.map(|before| Lowest { late: false, nowhere: false, ..before });
        self.before = self.lowest;
        Lowest::see(&mut self.lowest, now, lowest);
        self.lowest = again.or(self.lowest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_block_that_comes_late_gives_the_next_no_more_time_and_many_do() {
        let mut clock = StallClock::default();
        clock.took(Duration::from_secs(18));
        assert_eq!(clock.overdue(), OVERDUE_FIRST);
        // On a slow line all blocks come late.
        (0..5).for_each(|_| clock.took(Duration::from_secs(18)));
        assert!(clock.overdue() > Duration::from_secs(18), "{:?}", clock.overdue());
    }
}
