//! What this node's own line carries, as far as that shows.
//!
//! The system takes large bodies faster than the line carries them, and hides what is on its way. So only what was sent over
//! seconds says something, and only once connections took nothing for seconds is there a limit at all. Slow readers look the
//! same; but whatever was sent in any such time, the line can carry.

use std::{collections::VecDeque, time::Duration};

use crate::base::time::Time;

/// The time over which bytes are counted: a slow line takes a buffer's worth several times in it.
pub(super) const WINDOW: Duration = Duration::from_millis(400);
/// How long a measured rate holds.
pub(super) const RATE_HOLDS: Duration = Duration::from_secs(60);
/// The time whose bytes make a rate: buffers on the way take as much as the line in a second.
const MEASURED: Duration = Duration::from_millis(4800);
/// For how long connections must have taken nothing.
const FULL: Duration = Duration::from_millis(2400);
/// Bytes a second below which a rate says something about readers rather than about the line.
const LEAST_RATE: u64 = 16 * 1024;
/// The part of a second whose bytes may be left of what the system has taken while the line counts as free.
const LEFT_PART: u64 = 4;

/// What the line carries.
#[derive(Default)]
pub(super) struct LineRate {
    /// Since when bytes are counted, how many were sent since, and whether a connection took nothing then.
    since: Time,
    bytes: u64,
    was_blocked: bool,
    /// The last times of counting and what was sent in them, the newest last.
    samples: VecDeque<(Duration, u64)>,
    /// For how long some connection has taken nothing at each look, and when that was for long.
    full: Duration,
    full_at: Option<Time>,
    /// The most bytes a second that were sent over that time, and when.
    most: Option<(Time, u64)>,
    /// Bytes that the system has taken and, at the line's rate, had not carried at that time.
    ahead: u64,
    ahead_at: Time,
}

impl LineRate {
    /// Bytes a second, as far as known. `limit`: that of uploads.
    pub(super) fn known(&self, now: Time, limit: Option<u64>) -> Option<u64> {
        let is_recent = |at: &Time| now.since(*at) < RATE_HOLDS;
        let is_full = self.full_at.as_ref().is_some_and(is_recent);
        let measured = self.most.filter(|(at, _)| is_full && is_recent(at)).map(|(_, rate)| rate);
        limit.into_iter().chain(measured).min().filter(|rate| *rate >= LEAST_RATE)
    }

    /// Bytes were sent on any link.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.ahead = self.ahead.saturating_add(bytes as u64);
    }

    /// Counts what was sent, and says how many bytes a second that was. `None`: too soon. `is_blocked`: a connection takes
    /// nothing now although there is something to send.
    pub(super) fn look(&mut self, now: Time, is_blocked: bool) -> Option<u64> {
        let time = now.since(self.since);
        if time < WINDOW {
            return None;
        }
        self.full = if self.was_blocked && is_blocked { self.full + time } else { Duration::ZERO };
        if self.full >= FULL {
            self.full_at = Some(now);
        }
        self.samples.push_back((time, self.bytes));
        let total = |samples: &VecDeque<(Duration, u64)>| samples.iter().map(|(time, _)| *time).sum::<Duration>();
        while let Some((oldest, _)) = self.samples.front()
            && total(&self.samples) - *oldest >= MEASURED
        {
            self.samples.pop_front();
        }
        let all = total(&self.samples);
        if all >= MEASURED {
            let mean = per_second(self.samples.iter().map(|(_, bytes)| *bytes).sum(), all);
            let is_most = |(at, most): (Time, u64)| mean >= most || now.since(at) >= RATE_HOLDS;
            if self.most.is_none_or(is_most) {
                self.most = Some((now, mean));
            }
        }
        let sent = per_second(self.bytes, time);
        self.restart(now, is_blocked);
        Some(sent)
    }

    /// Counts from now on.
    pub(super) fn restart(&mut self, now: Time, is_blocked: bool) {
        (self.since, self.bytes, self.was_blocked) = (now, 0, is_blocked);
    }

    /// When to look next.
    pub(super) fn next_look(&self) -> Time {
        self.since + WINDOW
    }

    /// Whether at this rate the line is still full of what the system has taken.
    pub(super) fn is_full(&mut self, now: Time, rate: u64) -> bool {
        let micros = u64::try_from(now.since(self.ahead_at).as_micros()).unwrap_or(u64::MAX);
        self.ahead = self.ahead.saturating_sub(rate.saturating_mul(micros) / 1_000_000);
        self.ahead_at = now;
        self.ahead > rate / LEFT_PART
    }
}

fn per_second(bytes: u64, time: Duration) -> u64 {
    bytes.saturating_mul(1000) / u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks each half second at these bytes, with a connection that takes nothing or without one.
    fn after(sent: impl IntoIterator<Item = usize>, is_blocked: bool) -> LineRate {
        let mut line = LineRate::default();
        line.restart(Time(0), is_blocked);
        for (at, bytes) in (1..).zip(sent) {
            line.sent(bytes);
            assert!(line.look(Time(at * 500_000), is_blocked).is_some());
        }
        line
    }

    const TEN: Time = Time(10_000_000);

    #[test]
    fn a_rate_is_what_was_sent_over_seconds_while_connections_took_nothing() {
        assert_eq!(after([125_000; 10], true).known(TEN, None), Some(250_000));
        assert_eq!(after([125_000; 10], false).known(TEN, None), None, "nothing says that there is a limit");
        assert_eq!(after([125_000; 9], true).known(TEN, None), None, "too short");
        assert_eq!(after([1_000; 10], true).known(TEN, None), None, "those are readers");
        let line = after([125_000; 10], true);
        assert_eq!((line.known(Time(64_999_999), None), line.known(Time(65_000_000), None)), (Some(250_000), None));
        assert_eq!(
            (line.known(TEN, Some(20_000)), line.known(Time(65_000_000), Some(20_000))),
            (Some(20_000), Some(20_000))
        );
    }

    #[test]
    fn buffers_on_the_way_hardly_count_and_a_fast_body_beside_a_slow_reader_does() {
        let buffered = after([300_000, 200_000].into_iter().chain([125_000; 20]), true).known(TEN, None);
        assert!(buffered.is_some_and(|rate| (250_000..310_000).contains(&rate)), "{buffered:?}");
        let beside = after([10_000; 10].into_iter().chain([510_000]).chain([10_000; 10]), true).known(TEN, None);
        assert!(beside.is_some_and(|rate| rate > 100_000), "{beside:?}");
    }

    #[test]
    fn the_line_is_full_until_it_has_carried_what_the_system_took() {
        let mut line = LineRate::default();
        line.sent(500_000);
        let full = [0, 1_000_000, 1_700_000, 1_800_000].map(|at| line.is_full(Time(at), 250_000));
        assert_eq!(full, [true, true, true, false]);
    }
}
