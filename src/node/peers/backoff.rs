//! How long an address is left alone after a dial or the end of a link.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use crate::base::{
    limits::{MAX_BACKOFFS, REDIAL_FIRST},
    rng::Rng,
    time::Time,
};

/// When addresses may be dialled again. At most [`MAX_BACKOFFS`] are remembered; beyond that the one that ends first
/// makes room.
#[derive(Debug, Default)]
pub(super) struct Backoffs(BTreeMap<SocketAddr, Backoff>);

#[derive(Clone, Copy, Debug)]
struct Backoff {
    until: Time,
    /// Before jitter; doubles with each failure.
    wait: Duration,
}

impl Backoffs {
    /// When the address may be dialled again; `None`: it was never to wait.
    pub(super) fn until(&self, address: SocketAddr) -> Option<Time> {
        self.0.get(&address).map(|backoff| backoff.until)
    }

    /// Lets the address be dialled at once.
    pub(super) fn forget(&mut self, address: SocketAddr) {
        self.0.remove(&address);
    }

    /// Leaves the address alone for this time, and forgets any earlier wait.
    pub(super) fn hold(&mut self, now: Time, address: SocketAddr, wait: Duration) {
        self.set(address, Backoff { until: now + wait, wait });
    }

    /// Leaves the address alone for a moment. That is no failure, so that the next wait is short.
    pub(super) fn pause(&mut self, now: Time, address: SocketAddr) {
        let until = now + REDIAL_FIRST;
        if self.until(address).is_none_or(|last| last < until) {
            self.set(address, Backoff { until, wait: Duration::ZERO });
        }
    }

    /// Leaves the address alone for this time and no longer. That is no failure, so that the next wait is short.
    pub(super) fn retry_after(&mut self, now: Time, address: SocketAddr, wait: Duration) {
        self.set(address, Backoff { until: now + wait, wait: Duration::ZERO });
    }

    /// The address led to no peer, or its link is gone: it is left alone for twice the last wait, `longest` at most.
    /// After a link that `lasted` the first wait comes again. `advice` is the time that the peer asked us to wait.
    pub(super) fn failed(
        &mut self,
        now: Time,
        address: SocketAddr,
        longest: Duration,
        (lasted, advice): (bool, Duration),
        rng: &mut Rng,
    ) {
        let last = self.0.get(&address).filter(|_| !lasted);
        let wait = last.map_or(REDIAL_FIRST, |last| last.wait.saturating_mul(2).max(REDIAL_FIRST)).min(longest);
        // Nodes that were cut off at the same moment must not come back at the same moment.
        let percent = u32::try_from(rng.between(50, 100)).expect("a number up to 100 fits in 32 bits");
        let jittered = wait.saturating_mul(percent) / 100;
        let until = now + jittered.max(advice.min(longest));
        // A longer wait that the dial itself has set stays.
        let until = self.until(address).map_or(until, |last| last.max(until));
        self.set(address, Backoff { until, wait });
    }

    fn set(&mut self, address: SocketAddr, backoff: Backoff) {
        if self.0.len() >= MAX_BACKOFFS && !self.0.contains_key(&address) {
            let first = self.0.iter().min_by_key(|(_, backoff)| backoff.until).map(|(address, _)| *address);
            first.map(|address| self.0.remove(&address));
        }
        self.0.insert(address, backoff);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(60);

    fn address(n: u16) -> SocketAddr {
        SocketAddr::new([9, 1, 1, 1].into(), n)
    }

    fn fail(backoffs: &mut Backoffs, now: Time, lasted: bool, advice: Duration) -> Duration {
        backoffs.failed(now, address(1), LONGEST, (lasted, advice), &mut Rng::from_number(1));
        backoffs.until(address(1)).expect("it is to wait").since(now)
    }

    #[test]
    fn waits_double_up_to_the_longest_and_start_again_after_a_link_that_lasted() {
        let (mut backoffs, mut now) = (Backoffs::default(), Time(0));
        let mut wait = REDIAL_FIRST;
        for _ in 0..10 {
            let waited = fail(&mut backoffs, now, false, Duration::ZERO);
            assert!((wait / 2..=wait).contains(&waited), "{waited:?}");
            wait = (2 * wait).min(LONGEST);
            now = now + waited;
        }
        assert!(fail(&mut backoffs, now, true, Duration::ZERO) <= REDIAL_FIRST);
    }

    #[test]
    fn advice_lengthens_a_wait_but_not_beyond_the_longest() {
        let (mut backoffs, now) = (Backoffs::default(), Time(0));
        assert_eq!(fail(&mut backoffs, now, false, LONGEST / 2), LONGEST / 2);
        assert_eq!(fail(&mut backoffs, now, false, Duration::MAX), LONGEST);
        assert_eq!(fail(&mut backoffs, now, false, Duration::ZERO), LONGEST, "an earlier end does not replace it");
        backoffs.forget(address(1));
        assert_eq!(backoffs.until(address(1)), None);
    }

    #[test]
    fn the_wait_that_ends_first_makes_room() {
        let mut backoffs = Backoffs::default();
        for n in 0..=MAX_BACKOFFS {
            let n = u16::try_from(n).unwrap();
            backoffs.hold(Time(0), address(n), Duration::from_secs(u64::from(n) + 1));
        }
        assert_eq!(backoffs.0.len(), MAX_BACKOFFS);
        assert!(backoffs.until(address(0)).is_none() && backoffs.until(address(1)).is_some());
    }
}
