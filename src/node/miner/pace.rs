//! How fast the miner may go, and how fast it went.

use crate::base::{
    limits,
    time::{Now, Time},
};

/// Credit for one hash.
const HASH: u64 = 1_000_000;

/// A token bucket that spreads hashes evenly over time.
#[derive(Debug)]
pub(super) struct Throttle {
    /// Hashes per second; 0: no limit.
    rate: u64,
    /// Saved up, in millionths of a hash.
    credit: u64,
    /// Up to when credit was given.
    since: Time,
}

impl Throttle {
    /// A bucket without credit.
    pub(super) fn new(rate: u64) -> Self {
        Self { rate, credit: 0, since: Time::default() }
    }

    /// How many hashes may be tried now.
    pub(super) fn allowance(&mut self, now: Time) -> u64 {
        if self.rate == 0 {
            return limits::MINE_SLICE_HASHES;
        }
        let most = limits::MINE_CREDIT.as_micros();
        let elapsed = u64::try_from(now.since(self.since).as_micros().min(most)).unwrap_or(u64::MAX);
        self.since = now;
        let cap = self.rate.saturating_mul(u64::try_from(most).unwrap_or(u64::MAX));
        self.credit = self.credit.saturating_add(self.rate.saturating_mul(elapsed)).min(cap);
        (self.credit / HASH).min(limits::MINE_SLICE_HASHES)
    }

    /// Pays for hashes that were tried.
    pub(super) fn spend(&mut self, hashes: u64) {
        self.credit = self.credit.saturating_sub(hashes.saturating_mul(HASH));
    }

    /// When the next slice is due.
    pub(super) fn next(&self, now: Time) -> Time {
        let at_once = self.rate == 0 || self.credit >= HASH;
        if at_once { now } else { now + limits::MINE_SLICE_INTERVAL }
    }
}

/// Measures the rate over about a second.
#[derive(Debug, Default)]
pub(super) struct Meter {
    hashes: u64,
    since: Time,
    /// The last measured rate, hashes per second.
    rate: u64,
    enabled: bool,
}

impl Meter {
    /// Counts hashes.
    pub(super) fn add(&mut self, hashes: u64) {
        self.hashes = self.hashes.saturating_add(hashes);
    }

    /// What there is to report: at once when mining starts or ends, else with each new measurement.
    pub(super) fn report(&mut self, now: Now, enabled: bool) -> Option<u64> {
        if enabled != self.enabled {
            *self = Self { hashes: 0, since: now.mono, rate: 0, enabled };
            return Some(0);
        }
        if !self.is_running() || now.mono < self.due() {
            return None;
        }
        let elapsed = now.mono.since(self.since).as_micros().max(1);
        let rate = u128::from(self.hashes).saturating_mul(1_000_000) / elapsed;
        *self = Self { hashes: 0, since: now.mono, rate: u64::try_from(rate).unwrap_or(u64::MAX), enabled };
        Some(self.rate)
    }

    /// When the next measurement is complete; `None` while nothing happens.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.is_running().then(|| self.due())
    }

    fn due(&self) -> Time {
        self.since + limits::MINE_REPORT
    }

    fn is_running(&self) -> bool {
        self.enabled && (self.hashes > 0 || self.rate > 0)
    }
}
