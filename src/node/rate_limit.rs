//! A token bucket: limits how often something may happen.

use std::time::Duration;

use crate::base::time::Time;

/// Seconds whose allowance may be used at once.
const BURST_SECONDS: u32 = 10;

/// Tokens that come back one by one and never exceed what the bucket holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimit {
    held: u32,
    most: u32,
    /// One token comes back in this time.
    every: Duration,
    /// Up to when returned tokens have been counted.
    counted: Time,
}

impl RateLimit {
    /// A bucket that holds `held` tokens at `now` and at most `most` later.
    pub(crate) fn new(now: Time, held: u32, most: u32, every: Duration) -> Self {
        Self { held: held.min(most), most, every, counted: now }
    }

    /// A full bucket for what may happen `count` times a second, in bursts of some seconds' worth.
    pub(crate) fn per_second(count: u32) -> Self {
        let most = count.saturating_mul(BURST_SECONDS);
        Self::new(Time(0), most, most, Duration::from_secs(1) / count.max(1))
    }

    /// Whether there is a token.
    pub(crate) fn may_take(&mut self, now: Time) -> bool {
        self.refill(now);
        self.held > 0
    }

    /// Whether it holds as many tokens as it can.
    pub(crate) fn is_full(&mut self, now: Time) -> bool {
        self.refill(now);
        self.held == self.most
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Time) -> bool {
        self.take_some(now, 1)
    }

    /// Takes that number of tokens, or none if there are fewer.
    pub(crate) fn take_some(&mut self, now: Time, count: u32) -> bool {
        self.refill(now);
        match self.held.checked_sub(count) {
            Some(left) => {
                self.held = left;
                true
            }
            None => false,
        }
    }

    /// Takes that number of tokens, or all that there are.
    pub(crate) fn charge(&mut self, now: Time, count: u32) {
        self.refill(now);
        self.held = self.held.saturating_sub(count);
    }

    /// Fills the bucket: something was asked for.
    pub(crate) fn fill(&mut self, now: Time) {
        self.held = self.most;
        self.counted = now;
    }

    /// When there will be a token; possibly in the past.
    pub(crate) fn next(&self) -> Time {
        if self.held > 0 { self.counted } else { self.counted + self.every }
    }

    fn refill(&mut self, now: Time) {
        let every = self.every.as_micros().max(1);
        let returned = now.since(self.counted).as_micros() / every;
        if returned == 0 {
            return;
        }
        let returned = u32::try_from(returned).unwrap_or(u32::MAX);
        self.held = self.held.saturating_add(returned).min(self.most);
        self.counted = self.counted + self.every.saturating_mul(returned);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_one_by_one_and_not_beyond_the_rim() {
        let second = Duration::from_secs(1);
        let mut limit = RateLimit::new(Time(0), 1, 3, second);
        assert!(limit.take(Time(0)) && !limit.take(Time(999_999)));
        assert_eq!(limit.next(), Time(1_000_000));
        assert!(limit.take(Time(1_000_000)) && !limit.take(Time(1_999_999)));
        let later = Time(1_000_000_000);
        let taken = (0..10).filter(|_| limit.take(later)).count();
        assert_eq!(taken, 3);
        limit.fill(later);
        assert_eq!((0..10).filter(|_| limit.take(later)).count(), 3);
    }

    #[test]
    fn a_burst_is_fine_and_more_than_the_rate_for_long_is_not() {
        const SECOND: u64 = 1_000_000;
        let mut allowance = RateLimit::per_second(5);
        assert!((0..50).all(|_| allowance.take(Time(SECOND))));
        assert!(!allowance.take(Time(SECOND)));
        let mut allowance = RateLimit::per_second(5);
        assert!((0..10_000).all(|n| allowance.take(Time(n * SECOND / 5))), "exactly the rate is fine for ever");
        assert!((0..10_000).any(|n| !allowance.take(Time(2_000 * SECOND + n * SECOND / 6))));
    }
}
