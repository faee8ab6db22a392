//! Lines between pairs of nodes that are slower than others, or have small buffers.

use crate::{base::rng::Rng, sim::options::Options};

/// Bytes per second that every line carries, whatever its buffers and delay: a page of headers arrives in a few seconds.
const LEAST_RATE: u64 = 3_000;

/// What a line carries at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Bytes per second.
    pub(super) bandwidth: u64,
    /// Bytes that fit between two sockets.
    pub(super) window: usize,
}

impl Line {
    /// The line between two nodes, if it is one of these. It is the same for each of their connections.
    pub(super) fn draw(options: &Options, one: usize, other: usize) -> Option<Self> {
        let pair = format!("line {} {}", one.min(other), one.max(other));
        let mut rng = Rng::from_number(options.seed).fork(&pair);
        if !rng.chance(options.small_lines_ppm) {
            return None;
        }
        let window = rng.pick(&[300, 1_448, 4_096]).copied().unwrap_or(4_096);
        let bandwidth = rng.pick(&[5_000, 20_000, 100_000]).copied().unwrap_or(100_000);
        Some(Self { bandwidth, window: window.max(least_window(options)) })
    }

    /// The slowest line that a run may have: bytes per second, and bytes that fit between two sockets.
    pub(super) fn slowest(options: &Options) -> (u64, u64) {
        match options.small_lines_ppm {
            0 => (options.bandwidth, options.window),
            _ => (options.bandwidth.min(5_000), options.window.min(300.max(least_window(options) as u64))),
        }
    }
}

/// Bytes per second over the slowest line between two honest nodes.
pub(super) fn least_rate(options: &Options) -> u64 {
    let pairs = (1..options.nodes).flat_map(|one| (0..one).map(move |other| (one, other)));
    let small = pairs.filter(|_| options.small_lines_ppm > 0).filter_map(|(one, other)| {
        let line = Line::draw(options, one, other)?;
        Some(line.bandwidth.min(line.window as u64 * 1_000_000 / (2 * options.latency_max).max(1)))
    });
    small.fold(options.bandwidth, u64::min)
}

/// Bytes that must fit between two sockets for the least rate.
fn least_window(options: &Options) -> usize {
    usize::try_from(LEAST_RATE * 2 * options.latency_max / 1_000_000).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Overrides;

    #[test]
    fn a_pair_of_nodes_always_has_the_same_line_and_each_carries_the_least_rate() {
        let mut small = 0;
        for seed in 0..100 {
            let options = Options::draw(seed, &Overrides::default());
            let line = Line::draw(&options, 3, 1);
            assert_eq!(line, Line::draw(&options, 1, 3));
            if let Some(line) = line {
                let by_window = line.window as u64 * 1_000_000 / (2 * options.latency_max.max(1));
                assert!(line.bandwidth.min(by_window) >= LEAST_RATE - 1, "{line:?}");
                let (bandwidth, window) = Line::slowest(&options);
                assert!(line.bandwidth >= bandwidth && line.window as u64 >= window, "{line:?}");
                small += 1;
            }
        }
        assert!((10..60).contains(&small), "{small}");
    }
}
