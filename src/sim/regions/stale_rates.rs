//! The sets of parameters with which counted forks are compared with the model.

use super::{
    study::Study,
    tables::Regions::{self, Bitcoin2015, Bitcoin2019},
};

/// One set: where and how many nodes, seconds between blocks, bytes of a block, percent of the largest miner.
type Set = (Regions, usize, u64, u64, u64);

/// Sets within the model's limits.
const WITHIN: [Set; 24] = [
    (Bitcoin2019, 30, 3, 0, 0),
    (Bitcoin2019, 30, 5, 0, 0),
    (Bitcoin2019, 30, 8, 0, 0),
    (Bitcoin2019, 60, 3, 0, 0),
    (Bitcoin2019, 60, 5, 0, 0),
    (Bitcoin2019, 60, 8, 0, 0),
    (Bitcoin2019, 100, 4, 0, 0),
    (Bitcoin2019, 100, 6, 0, 0),
    (Bitcoin2015, 30, 3, 0, 0),
    (Bitcoin2015, 30, 5, 0, 0),
    (Bitcoin2015, 30, 8, 0, 0),
    (Bitcoin2015, 60, 3, 0, 0),
    (Bitcoin2015, 60, 5, 0, 0),
    (Bitcoin2015, 60, 8, 0, 0),
    (Bitcoin2015, 100, 4, 0, 0),
    (Bitcoin2015, 100, 6, 0, 0),
    (Bitcoin2019, 30, 6, 14_000, 0),
    (Bitcoin2019, 30, 9, 14_000, 0),
    (Bitcoin2019, 60, 7, 14_000, 0),
    (Bitcoin2015, 30, 7, 14_000, 0),
    (Bitcoin2015, 30, 12, 14_000, 0),
    (Bitcoin2015, 60, 9, 14_000, 0),
    (Bitcoin2019, 40, 3, 0, 10),
    (Bitcoin2015, 40, 3, 0, 10),
];

/// Sets beyond them: blocks every few delays, and miners with much of the hash rate.
const BEYOND: [Set; 6] = [
    (Bitcoin2019, 30, 1, 0, 0),
    (Bitcoin2019, 30, 2, 0, 0),
    (Bitcoin2015, 60, 1, 0, 0),
    (Bitcoin2015, 60, 2, 0, 0),
    (Bitcoin2019, 30, 8, 0, 40),
    (Bitcoin2015, 30, 2, 0, 60),
];

/// Studies of `blocks` blocks each. The first 24 are within the limits of the model of [`super::Forks`], the others beyond.
pub fn stale_rates(seed: u64, blocks: u64) -> Vec<Study> {
    let study = |(number, (regions, nodes, block_time, block_bytes, largest_miner)): (u64, Set)| Study {
        block_time_ms: block_time * 1_000,
        transactions: 0,
        block_bytes,
        largest_miner,
        ..Study::new(seed + number, regions, nodes, blocks * block_time)
    };
    (0..).zip(WITHIN.into_iter().chain(BEYOND)).map(study).collect()
}
