//! Steps of this host's clock: wall time against monotonic time.
//!
//! Nothing tells a clock that is put right from one that is put wrong, but peers and the node's own chain. A wrong clock
//! of a miner without peers would leave a chain from the future behind, so such a miner waits after a large step forward.

use crate::{
    base::{
        limits::{CLOCK_OFFSET_SECONDS, CLOCK_SET_SECONDS, CLOCK_STEP_SECONDS, CLOCK_STEP_TOLD},
        time::{Now, Time},
    },
    node::{headers::span::span, hindrance::Finding},
};

/// Watches the difference of the two clocks.
#[derive(Debug, Default)]
pub(super) struct ClockSteps {
    /// Wall time minus monotonic time, seconds, before the step; the present difference if there was none.
    before: Option<i64>,
    step: Option<Step>,
    /// The difference that peers were told of.
    told: Option<i64>,
}

/// A step that is told.
#[derive(Clone, Copy, Debug)]
struct Step {
    seen: Time,
    seconds: i64,
    /// The clock may have been put wrong, and blocks of its time would stand in everybody's future.
    is_doubtful: bool,
}

impl ClockSteps {
    /// Whether the clock was set since this was last said. Nothing tells when; the first look finds none.
    pub(super) fn is_set(&mut self, now: Now) -> bool {
        let difference = difference(now);
        let is_set = self.told.is_some_and(|told| told.abs_diff(difference) > CLOCK_SET_SECONDS);
        if is_set || self.told.is_none() {
            self.told = Some(difference);
        }
        is_set
    }

    /// The clock shows what it should, whatever it showed before.
    pub(super) fn expect(&mut self) {
        (self.before, self.step) = (None, None);
    }

    /// What is to be told of a step. `agree`: the peers would take blocks of the wall clock as it is now. `was_behind`: the
    /// clock was known to be behind until now.
    pub(super) fn look(&mut self, now: Now, agree: bool, was_behind: bool) -> Option<Finding> {
        let difference = difference(now);
        let seconds = difference.saturating_sub(*self.before.get_or_insert(difference));
        if seconds.unsigned_abs() <= CLOCK_OFFSET_SECONDS {
            self.step = None;
            return None;
        }
        let same = |step: &Step| step.seconds.abs_diff(seconds) <= CLOCK_OFFSET_SECONDS;
        let is_doubtful = seconds > CLOCK_STEP_SECONDS && !was_behind;
        let new = Step { seen: now.mono, seconds, is_doubtful };
        let step = *self.step.insert(self.step.filter(same).unwrap_or(new));
        if agree || !step.is_doubtful && now.mono >= step.seen + CLOCK_STEP_TOLD {
            (self.before, self.step) = (Some(difference), None);
            return None;
        }
        let (by, way) = (span(seconds.unsigned_abs()), if seconds > 0 { "forward" } else { "back" });
        let text = format!("this clock was set {way} by {by} while the node ran");
        Some(match step.is_doubtful {
            true => Finding::new(text, "set this host's clock; if it is right now, start the node again"),
            false => Finding::suspicion(text, "look whether this clock is right"),
        })
    }
}

/// Wall time minus monotonic time, seconds.
pub(super) fn difference(now: Now) -> i64 {
    now.unix.0.cast_signed().saturating_sub((now.mono.0 / 1_000_000).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::UnixTime;

    const DAY: i64 = 86_400;

    /// What is told after `seconds` of monotonic time with a wall clock that is `off`: whether it blocks.
    fn look(steps: &mut ClockSteps, seconds: u64, off: i64, agree: bool) -> Option<bool> {
        let unix = UnixTime((1_000_000_000 + seconds).saturating_add_signed(off));
        let now = Now { mono: Time(seconds * 1_000_000), unix };
        steps.look(now, agree, false).map(|found| !found.is_suspicion)
    }

    #[test]
    fn a_large_step_forward_blocks_until_it_is_undone() {
        let mut steps = ClockSteps::default();
        assert_eq!([look(&mut steps, 5, 0, false), look(&mut steps, 8, 2 * DAY, false)], [None, Some(true)]);
        assert_eq!(look(&mut steps, 80_000, 2 * DAY, false), Some(true));
        assert_eq!(look(&mut steps, 80_003, 0, false), None);
        assert_eq!(look(&mut steps, 80_006, -1, false), None, "a second is no step");
    }

    #[test]
    fn a_step_that_was_meant_is_none() {
        let mut steps = ClockSteps::default();
        assert_eq!([look(&mut steps, 5, 0, false), look(&mut steps, 8, 2 * DAY, false)], [None, Some(true)]);
        steps.expect();
        assert_eq!([look(&mut steps, 11, 2 * DAY, false), look(&mut steps, 14, DAY, false)], [None, Some(false)]);
    }

    #[test]
    fn a_step_that_peers_agree_with_is_right() {
        let mut steps = ClockSteps::default();
        look(&mut steps, 5, -50 * DAY, false);
        assert_eq!(look(&mut steps, 8, 0, true), None);
        assert_eq!(look(&mut steps, 11, 0, false), None, "and stays right when they are gone");
    }

    #[test]
    fn other_steps_are_told_for_a_minute() {
        for off in [-2 * DAY, 3 * 3_600] {
            let mut steps = ClockSteps::default();
            assert_eq!([look(&mut steps, 5, 0, false), look(&mut steps, 8, off, false)], [None, Some(false)]);
            assert_eq!([look(&mut steps, 67, off, false), look(&mut steps, 68, off, false)], [Some(false), None]);
            assert_eq!(look(&mut steps, 71, off, false), None);
        }
    }

    #[test]
    fn a_clock_that_is_set_is_noticed_once() {
        let mut steps = ClockSteps::default();
        let mut is_set = |seconds: u64, off| {
            let unix = UnixTime((1_000_000_000 + seconds).saturating_add_signed(off));
            steps.is_set(Now { mono: Time(seconds * 1_000_000), unix })
        };
        assert_eq!([is_set(5, 0), is_set(8, 60), is_set(11, 61), is_set(14, 61)], [false, false, true, false]);
        assert_eq!([is_set(17, -DAY), is_set(20, -DAY)], [true, false]);
    }

    #[test]
    fn a_clock_that_was_known_to_be_behind_may_be_set() {
        let mut steps = ClockSteps::default();
        let now = |seconds: u64, unix| Now { mono: Time(seconds * 1_000_000), unix: UnixTime(unix) };
        assert!(steps.look(now(5, 0), false, true).is_none());
        for (seconds, was_behind) in [(8, true), (11, false)] {
            let found = steps.look(now(seconds, 1_800_000_000 + seconds), false, was_behind);
            assert!(found.is_some_and(|found| found.is_suspicion));
        }
    }
}
