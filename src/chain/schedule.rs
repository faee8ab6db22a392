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

    /// After blocks that come a second after each other, with a pause of `pause` seconds and ten blocks more.
    fn after(cap: u32, pause: u64) -> (u64, u64) {
        let mut line = Timeline::new(cap, [1_000], 0);
        (1_001..1_020).chain((0..10).map(|at| 1_020 + pause + at)).for_each(|time| line.push(time));
        (line.median_time(), line.paused())
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
