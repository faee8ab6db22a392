//! The times of a chain's last blocks, and the time that counts for the difficulty. A network that rests for a week must not
//! owe the blocks of that week: with a cap, a step from block to block counts at most that many seconds.
//!
//! Steps are measured between median times, which never go back. Between the blocks' own times, a step back after a step
//! forward would count in full, and the step forward up to the cap only.

use std::collections::VecDeque;

use crate::{base::limits::MEDIAN_TIME_BLOCKS, chain::rules};

/// Where a chain stands on its schedule after a block. All times are unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    cap: u32,
    /// Of the last [`MEDIAN_TIME_BLOCKS`] blocks, the oldest first.
    times: VecDeque<u64>,
    median: u64,
    paused: u64,
}

impl Timeline {
    /// After a block: `times` of it and of up to ten of its ancestors, the oldest first, and the seconds that all steps up to
    /// it were beyond `cap` (0: none).
    pub fn new(cap: u32, times: impl IntoIterator<Item = u64>, paused: u64) -> Self {
        let times: VecDeque<u64> = times.into_iter().collect();
        Self { cap, median: median(&times), times, paused }
    }

    /// Steps to a child with this time.
    pub fn push(&mut self, time: u64) {
        if self.times.len() >= MEDIAN_TIME_BLOCKS {
            self.times.pop_front();
        }
        let is_first = self.times.is_empty();
        self.times.push_back(time);
        let before = std::mem::replace(&mut self.median, median(&self.times));
        if self.cap > 0 && !is_first {
            let beyond = self.median.saturating_sub(before).saturating_sub(u64::from(self.cap));
            self.paused = self.paused.saturating_add(beyond);
        }
    }

    /// The median time of the block and of up to ten of its ancestors.
    pub fn median_time(&self) -> u64 {
        self.median
    }

    /// Seconds in all steps up to the block that were beyond the cap.
    pub fn paused(&self) -> u64 {
        self.paused
    }
}

/// What the difficulty rule takes as the time of a block: without a cap (0) its own, as the public vectors of aserti3-2d have
/// it; else its median time without the pauses.
pub fn scheduled_time(cap: u32, time: u64, median_time: u64, paused: u64) -> u64 {
    if cap == 0 { time } else { median_time.saturating_sub(paused) }
}

fn median(times: &VecDeque<u64>) -> u64 {
    let mut sorted = [0; MEDIAN_TIME_BLOCKS];
    let count = times.len().min(MEDIAN_TIME_BLOCKS);
    sorted.iter_mut().zip(times).for_each(|(slot, time)| *slot = *time);
    rules::median_time(&mut sorted[..count])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::rng::Rng,
        chain::{difficulty::Asert, target::CompactTarget},
    };

    /// After blocks that come a second after each other, with a pause of `pause` seconds and ten blocks more.
    fn after(cap: u32, pause: u64) -> (u64, u64) {
        let mut line = Timeline::new(cap, [1_000], 0);
        (1_001..1_020).chain((0..10).map(|at| 1_020 + pause + at)).for_each(|time| line.push(time));
        (line.median_time(), line.paused())
    }

    /// A chain of one miner, whose blocks come as chance has it.
    struct Mined {
        asert: Asert,
        line: Timeline,
        cap: u32,
        height: i64,
        now: f64,
        rng: Rng,
    }

    impl Mined {
        const START: u64 = 1_000_000;

        fn new(block_time: u32, cap: u32, seed: u64) -> Self {
            let (limit, start) = (CompactTarget(0x1e0f_ffff), i64::try_from(Self::START).unwrap());
            let asert = Asert {
                anchor_target: limit,
                anchor_parent_time: start - i64::from(block_time),
                anchor_height: 0,
                block_time: block_time.into(),
                half_life: i64::from(block_time) * 120,
                limit: limit.expand().unwrap(),
            };
            let (line, rng) = (Timeline::new(cap, [Self::START], 0), Rng::from_number(seed));
            Self { asert, line, cap, height: 0, now: Self::START as f64, rng }
        }

        /// One block more. The miner is ten times as fast as the first target needs.
        fn block(&mut self) {
            let time = *self.line.times.back().unwrap();
            let scheduled = scheduled_time(self.cap, time, self.line.median_time(), self.line.paused());
            let target = self.asert.next(scheduled.try_into().unwrap(), self.height);
            let rate = 10.0 * self.asert.limit.work().to_f64() / self.asert.block_time as f64;
            let chance = (self.rng.below(1 << 32) as f64 + 0.5) / 2f64.powi(32);
            self.now -= chance.ln() * target.expand().unwrap().work().to_f64() / rate;
            self.line.push((self.now as u64).max(self.line.median_time() + 1));
            self.height += 1;
        }

        /// Blocks in an hour that follows a week without any, and so many as there should be.
        fn hour_after_a_week(&mut self) -> (u32, u32) {
            (0..1_000).for_each(|_| self.block());
            self.now += 604_800.0;
            let (end, before) = (self.now + 3_600.0, self.height);
            while self.now < end {
                self.block();
            }
            (u32::try_from(self.height - before).unwrap(), 3_600 / u32::try_from(self.asert.block_time).unwrap())
        }
    }

    #[test]
    fn in_the_hour_after_a_week_s_pause_there_are_half_as_many_blocks_again_at_most() {
        for block_time in [2, 5, 20, 60, 150, 600] {
            let runs = if block_time < 60 { 3 } else { 60 };
            let all = |cap: u32| {
                let hours = (0..runs).map(|seed| Mined::new(block_time, cap, seed).hour_after_a_week());
                hours.fold((0, 0), |(made, due), (more, of)| (made + more, due + of))
            };
            let (made, due) = all(20 * block_time);
            assert!(2 * made <= 3 * due, "{made} blocks for {due}, one each {block_time} s");
            let (made, due) = all(0);
            assert!(made > 3 * due, "without a cap there is a storm: {made} blocks for {due}");
        }
    }

    #[test]
    fn times_two_hours_ahead_of_fewer_than_half_the_blocks_change_nothing_that_lasts() {
        for wrong in 1..=5 {
            let end = |ahead: u64| {
                let mut line = Timeline::new(400, [1_000], 0);
                (1..60u64).for_each(|at| {
                    let is_wrong = (20..20 + 2 * wrong).contains(&at) && at % 2 == 0;
                    line.push(1_000 + 20 * at + if is_wrong { ahead } else { 0 });
                });
                (line.median_time(), line.paused())
            };
            assert_eq!(end(7_200), end(0), "{wrong} blocks");
        }
    }

    #[test]
    fn a_step_counts_at_most_the_cap() {
        assert_eq!(after(100, 0), (1_024, 0));
        assert_eq!(after(100, 99), (1_123, 0));
        assert_eq!(after(100, 100), (1_124, 1), "the step is a second longer than the pause");
        assert_eq!(after(100, 604_800), (605_824, 604_701));
        let (median, paused) = after(100, 604_800);
        assert_eq!(scheduled_time(100, 700_000, median, paused), 1_123);
        assert_eq!(after(100, u64::MAX / 2).1, u64::MAX / 2 - 99);
    }

    #[test]
    fn without_a_cap_the_block_s_own_time_counts() {
        assert_eq!(after(0, 604_800).1, 0);
        assert_eq!(scheduled_time(0, 700_000, 605_824, 0), 700_000);
    }

    #[test]
    fn the_median_is_of_eleven_at_most_and_a_first_block_makes_no_pause() {
        let mut line = Timeline::new(5, [], 0);
        assert_eq!(line.median_time(), 0);
        line.push(1_000_000);
        assert_eq!((line.median_time(), line.paused()), (1_000_000, 0));
        (1..=30).for_each(|at| line.push(1_000_000 + at));
        assert_eq!((line.median_time(), line.times.len()), (1_000_025, MEDIAN_TIME_BLOCKS));
    }
}
