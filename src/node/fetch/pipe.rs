//! How many blocks a peer may be asked for at once: twice as many bytes as its line holds.
//!
//! A line holds its rate times its round trip. As in the bandwidth filter of BBR (Cardwell et al. 2016), the rate is the
//! highest at which bodies came lately, measured over the time of one request, and the round trip is the shortest. With
//! twice that much asked for, the peer always has the next request before it has answered the last, and a rate that could
//! grow does.

use std::time::Duration;

use crate::base::{
    limits::{BLOCKS_IN_FLIGHT_PER_PEER, PEER_WINDOW_MOST},
    time::Time,
};

/// How long a measured rate counts, at least, and after how long a quiet line is measured again.
const KEPT: Duration = Duration::from_secs(10);
/// A round trip in which the processors decide and not the line.
const SHORT: Duration = Duration::from_millis(2);

/// What was seen of one peer's line.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    /// Bytes of all bodies that were asked for and came.
    delivered: u64,
    /// Highest rate of this period and of the one before it, bytes per second.
    rates: [u64; 2],
    period: Time,
    /// Shortest round trip, and when it was taken.
    round_trip: Option<(Duration, Time)>,
    /// Bytes of a body, averaged.
    body: u64,
}

/// What the line was like when a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Before {
    delivered: u64,
    /// Nothing else was asked for: how long the answer takes says how long the line is.
    quiet: bool,
}

impl Pipe {
    /// To be kept with a request. `quiet`: no other is open.
    pub(super) fn before(&self, quiet: bool) -> Before {
        Before { delivered: self.delivered, quiet }
    }

    /// A body of this size came for a request that was sent then.
    pub(super) fn delivered(&mut self, now: Time, sent: Time, before: Before, bytes: usize) {
        let bytes = bytes as u64;
        self.delivered = self.delivered.saturating_add(bytes);
        self.body = if self.body == 0 { bytes } else { (self.body * 7 + bytes) / 8 };
        let time = now.since(sent).max(Duration::from_micros(1));
        match self.round_trip {
            Some((known, taken)) if known <= time && !(before.quiet && now.since(taken) > KEPT) => {}
            _ => self.round_trip = Some((time, now)),
        }
        if now.since(self.period) > KEPT {
            (self.rates, self.period) = ([0, self.rates[0]], now);
        }
        let came = u128::from(self.delivered.saturating_sub(before.delivered));
        let rate = u64::try_from(came * 1_000_000 / time.as_micros().max(1)).unwrap_or(u64::MAX);
        self.rates[0] = self.rates[0].max(rate);
    }

    /// How many requests may be open.
    pub(super) fn window(&self) -> usize {
        let Some((round_trip, _)) = self.round_trip.filter(|(time, _)| *time > SHORT) else {
            return BLOCKS_IN_FLIGHT_PER_PEER;
        };
        let rate = u128::from(self.rates[0].max(self.rates[1]));
        let blocks = 2 * rate * round_trip.as_micros() / 1_000_000 / u128::from(self.body.max(1));
        usize::try_from(blocks).unwrap_or(usize::MAX).clamp(BLOCKS_IN_FLIGHT_PER_PEER, PEER_WINDOW_MOST)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    const BODY: usize = 4000;

    /// A line that takes `half` each way and brings a body each `gap`, and asks for as much as may be for a minute of its time.
    /// Returns the bodies a second in the last ten, and the largest number of open requests.
    fn run(half: Duration, gap: Duration) -> (usize, usize) {
        let (mut pipe, mut open, mut window) = (Pipe::default(), VecDeque::new(), 4);
        let (mut now, mut free, mut most, mut came) = (Time(0), Time(0), 0, 0);
        while now < Time::default() + Duration::from_secs(60) {
            while open.len() < window {
                let arrives = (now + half).max(free) + gap;
                free = arrives;
                open.push_back((now, pipe.before(open.is_empty()), arrives + half));
            }
            most = most.max(open.len());
            let (sent, before, at) = open.pop_front().expect("at least one is open");
            now = at;
            pipe.delivered(now, sent, before, BODY);
            window = (window + 1).min(pipe.window());
            came += usize::from(now > Time::default() + Duration::from_secs(50));
        }
        (came / 10, most)
    }

    #[test]
    fn a_long_line_is_filled_and_no_more_than_twice() {
        for (half, gap) in [(80, 1000), (300, 1000), (80, 16_000), (20, 500)] {
            let (half, gap) = (Duration::from_millis(half), Duration::from_micros(gap));
            let full = usize::try_from(1_000_000 / gap.as_micros()).unwrap();
            let holds = usize::try_from((half * 2 + gap).as_micros() / gap.as_micros()).unwrap();
            let (rate, most) = run(half, gap);
            let reachable = full.min(PEER_WINDOW_MOST * 1000 / usize::try_from((half * 2).as_millis()).unwrap());
            assert!(rate * 100 >= reachable * 95, "{half:?} {gap:?}: {rate} of {reachable}");
            let bound = (holds * 2 + 2).clamp(BLOCKS_IN_FLIGHT_PER_PEER, PEER_WINDOW_MOST);
            assert!(most <= bound, "{half:?} {gap:?}: {most} open, the line holds {holds}");
        }
    }

    #[test]
    fn a_short_line_has_as_much_open_as_ever() {
        let (_, most) = run(Duration::from_micros(50), Duration::from_micros(50));
        assert_eq!(most, BLOCKS_IN_FLIGHT_PER_PEER);
    }
}
