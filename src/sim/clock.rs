//! A node's two clocks, which may both be wrong: the monotonic one runs a little fast or slow, the wall clock is off
//! by seconds and is set while the node runs.

use crate::base::time::{Now, Time, UnixTime};

/// Virtual time 0 of a run, unix seconds, if its options say nothing else: 2026-06-01.
pub(super) const EPOCH: u64 = 1_780_272_000;

/// One node's clocks. World time is virtual microseconds since the start of the run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Virtual time 0, unix seconds.
    epoch: u64,
    /// World time at which the node's monotonic clock reads zero.
    booted: Time,
    /// Parts per million by which the monotonic clock runs fast.
    drift: i64,
    /// Seconds by which the wall clock is ahead.
    skew: i64,
    /// What of that is put right when the faults end.
    far: i64,
    /// World time at which the wall clock was last set.
    set_at: Option<Time>,
}

impl Clock {
    /// Clocks with these errors.
    pub(super) fn new(drift: i64, skew: i64) -> Self {
        Self { epoch: EPOCH, booted: Time::default(), drift, skew, far: 0, set_at: None }
    }

    /// The same with another virtual time 0.
    pub(super) fn of_epoch(self, epoch: u64) -> Self {
        Self { epoch, ..self }
    }

    /// The same with a wall clock that is far ahead, until it is put right.
    pub(super) fn far_off(self, seconds: i64) -> Self {
        Self { skew: self.skew + seconds, far: self.far + seconds, ..self }
    }

    /// Seconds by which the wall clock is far ahead.
    pub(super) fn far(&self) -> i64 {
        self.far
    }

    /// The monotonic clock starts again at zero.
    pub(super) fn boot(&mut self, world: Time) {
        self.booted = world;
    }

    /// World time of the last start.
    pub(super) fn booted(&self) -> Time {
        self.booted
    }

    /// Sets the wall clock forwards or back.
    pub(super) fn step(&mut self, world: Time, seconds: i64) {
        self.skew += seconds;
        self.set_at = Some(world);
    }

    /// World time at which the wall clock was last set.
    pub(super) fn set_at(&self) -> Option<Time> {
        self.set_at
    }

    /// What the node reads at a moment of world time.
    pub(super) fn read(&self, world: Time) -> Now {
        let unix = (self.epoch + world.0 / 1_000_000).saturating_add_signed(self.skew);
        Now { mono: self.mono(world), unix: UnixTime(unix) }
    }

    fn mono(&self, world: Time) -> Time {
        let since = i128::from(world.0.saturating_sub(self.booted.0));
        let drifted = since + since * i128::from(self.drift) / 1_000_000;
        Time(u64::try_from(drifted).unwrap_or(u64::MAX))
    }

    /// The first moment of world time at which the monotonic clock has reached `mono`.
    pub(super) fn world(&self, mono: Time) -> Time {
        let rate = 1_000_000 + i128::from(self.drift);
        let since = i128::from(mono.0) * 1_000_000 / rate;
        let mut world = Time(self.booted.0.saturating_add(u64::try_from(since).unwrap_or(u64::MAX)));
        while self.mono(world) < mono && world.0 < u64::MAX {
            world.0 += 1;
        }
        world
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_reached_at_its_world_time_and_not_before() {
        for drift in [-500, -1, 0, 1, 500] {
            let mut clock = Clock::new(drift, 0);
            clock.boot(Time(12_345));
            for mono in [0, 1, 999, 1_000_000, 60_000_000_007] {
                let world = clock.world(Time(mono));
                assert!(clock.read(world).mono >= Time(mono));
                assert!(world.0 == 12_345 || clock.read(Time(world.0 - 1)).mono < Time(mono));
            }
        }
    }

    #[test]
    fn a_step_moves_the_wall_clock_only() {
        let mut clock = Clock::new(0, 5);
        let before = clock.read(Time(2_000_000));
        clock.step(Time(1_000_000), -10);
        let after = clock.read(Time(2_000_000));
        assert_eq!((before.mono, before.unix.0 - 10), (after.mono, after.unix.0));
    }
}
