//! How often two miners find a block at one height, and how often they should.
//!
//! Decker and Wattenhofer, "Information Propagation in the Bitcoin Network", 2013: while a block spreads, those who do not
//! have it may find another. With a block every T seconds and f(t) the share of the hash rate that has the block after t
//! seconds, a fork happens with a probability of 1 − (1 − 1/T)^∫(1 − f(t))dt for each block.

use serde::Serialize;

use super::{layout::Layout, measures::Measures};

/// How many times the median delay the time between blocks must be for the model to hold: it leaves out a second fork while
/// the first one lasts.
const LEAST_RATIO: f64 = 20.0;
/// Standard deviations by which counted forks may differ from the model.
const MOST_DEVIATION: f64 = 4.0;
/// Percent of the hash rate that one miner has at most.
const LARGEST_MINER: f64 = 10.5;

/// Forks of a run, counted and computed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forks {
    /// Heights that the network reached.
    pub heights: usize,
    /// Heights with more than one block.
    pub forked: usize,
    /// Blocks that were found.
    pub blocks: usize,
    /// Of these, how many are not on the chain.
    pub stale: usize,
    /// Forks per height.
    pub rate: f64,
    /// The same by the model, for the measured spread of blocks.
    pub model: f64,
    /// The standard deviation of the counted rate, if the model is right.
    pub error: f64,
    /// The median time in which a miner has a block, weighted by hash rate, milliseconds.
    pub median_ms: f64,
    /// The integral of 1 − f: the mean such time, milliseconds.
    pub integral_ms: f64,
    /// Mean time between blocks, milliseconds.
    pub block_time_ms: u64,
    /// Percent of the hash rate that the largest miner has.
    pub largest_miner: f64,
    /// Whether the model's assumptions hold: blocks are rare, and no miner is large.
    pub within_limits: bool,
}

impl Forks {
    pub(super) fn of(measures: &Measures, layout: &Layout, block_time_ms: u64) -> Self {
        let (heights, blocks) = (measures.heights.len(), measures.blocks.len());
        let forked = measures.rivals.values().filter(|rivals| rivals.len() > 1).count();
        let miners = layout.miners();
        let all: u64 = miners.iter().map(|(_, rate)| rate).sum();
        let mut delays: Vec<(u32, u64)> = Vec::new();
        for spread in measures.heights.values() {
            // The last block may be on its way when the run ends.
            delays.extend(miners.iter().filter_map(|(node, rate)| Some((spread.delay(*node)?, *rate))));
        }
        let weight: u64 = delays.iter().map(|(_, rate)| rate).sum();
        let sum: u128 = delays.iter().map(|(delay, rate)| u128::from(*delay) * u128::from(*rate)).sum();
        let integral_ms = sum as f64 / (weight as f64).max(1.0) / 1_000.0;
        let median_ms = weighted_median(delays, weight) / 1_000.0;
        // In milliseconds: with a few seconds between blocks, steps of a second are too long for the model.
        let model = 1.0 - (1.0 - 1.0 / block_time_ms as f64).powf(integral_ms);
        let count = heights.max(1) as f64;
        let largest = miners.iter().map(|(_, rate)| *rate).max().unwrap_or(0) as f64 * 100.0 / all.max(1) as f64;
        Self {
            heights,
            forked,
            blocks,
            stale: blocks.saturating_sub(heights),
            rate: forked as f64 / count,
            model,
            error: (model * (1.0 - model) / count).sqrt(),
            median_ms,
            integral_ms,
            block_time_ms,
            largest_miner: largest,
            within_limits: block_time_ms as f64 >= LEAST_RATIO * median_ms && largest <= LARGEST_MINER,
        }
    }

    /// By how many standard deviations the counted rate differs from the model's.
    pub fn deviation(&self) -> f64 {
        if self.error > 0.0 { (self.rate - self.model) / self.error } else { 0.0 }
    }

    /// Whether the counted rate differs from the model's by no more than chance makes it, in all but one of 15,000 runs.
    pub fn is_as_computed(&self) -> bool {
        self.deviation().abs() <= MOST_DEVIATION
    }

    /// Blocks that are not on the chain, of all blocks.
    pub fn stale_rate(&self) -> f64 {
        self.stale as f64 / self.blocks.max(1) as f64
    }
}

fn weighted_median(mut delays: Vec<(u32, u64)>, weight: u64) -> f64 {
    delays.sort_unstable();
    let mut below = 0;
    let middle = delays.iter().find(|(_, rate)| {
        below += rate;
        2 * below >= weight
    });
    middle.map_or(0.0, |(delay, _)| f64::from(*delay))
}
