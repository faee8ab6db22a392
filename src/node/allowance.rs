//! How much of something is too much: an allowance per second with some seconds' burst.

use crate::base::time::Time;

/// Seconds whose allowance may be used at once.
const BURST_SECONDS: u64 = 10;
const MICROS: u64 = 1_000_000;

/// What was used of an allowance.
#[derive(Clone, Debug)]
pub(crate) struct Allowance {
    per_second: u64,
    /// Millionths of a unit that are used and not yet forgiven.
    used: u64,
    at: Time,
}

impl Allowance {
    /// So many units a second.
    pub(crate) fn new(per_second: u64) -> Self {
        Self { per_second, used: 0, at: Time(0) }
    }

    /// Uses one unit; `false` if more was used than is allowed for long.
    pub(crate) fn use_one(&mut self, now: Time) -> bool {
        let passed = u64::try_from(now.since(self.at).as_micros()).unwrap_or(u64::MAX);
        self.at = now;
        self.used = self.used.saturating_sub(passed.saturating_mul(self.per_second)).saturating_add(MICROS);
        self.used <= self.per_second * BURST_SECONDS * MICROS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_fine_and_more_than_the_rate_for_long_is_not() {
        let mut allowance = Allowance::new(5);
        assert!((0..50).all(|_| allowance.use_one(Time(MICROS))));
        assert!(!allowance.use_one(Time(MICROS)));
        let mut allowance = Allowance::new(5);
        assert!((0..10_000).all(|n| allowance.use_one(Time(n * MICROS / 5))), "exactly the rate is fine for ever");
        assert!((0..10_000).any(|n| !allowance.use_one(Time(2_000 * MICROS + n * MICROS / 6))));
    }
}
