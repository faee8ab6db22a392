//! Draws options, each from a random stream of its own.

use crate::base::rng::Rng;

/// A seed's streams, one for each option.
pub(super) struct Dice {
    pub(super) seed: u64,
}

impl Dice {
    pub(super) fn stream(&self, option: &str) -> Rng {
        Rng::from_number(self.seed).fork(option)
    }

    pub(super) fn between(&self, option: &str, low: u64, high: u64) -> u64 {
        self.stream(option).between(low, high)
    }

    pub(super) fn one_of<T: Copy>(&self, option: &str, choices: &[T]) -> T {
        *self.stream(option).pick(choices).expect("each option has choices")
    }

    pub(super) fn size(&self, option: &str, choices: &[usize]) -> usize {
        self.one_of(option, choices)
    }

    /// Zero in half of the seeds.
    pub(super) fn rate(&self, option: &str, low: u64, high: u64) -> u64 {
        let mut stream = self.stream(option);
        if stream.chance(500_000) { 0 } else { stream.between(low, high) }
    }
}
