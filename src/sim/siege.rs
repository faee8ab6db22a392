//! Runs in which many tricksters make one deep branch after the other.

use crate::sim::options::Options;

/// Tricksters, and blocks below the tip at which their branches leave the chain.
const BESIEGERS: usize = 7;
const DEPTH: u64 = 12;
/// Nodes that start late, parts per million.
const LATE_PPM: u64 = 500_000;

impl Options {
    /// Each node has links to many besiegers. Some nodes start late: those that know the tip already get new blocks as
    /// news, and fetch nothing. Clocks are right, because a node with a wrong one is exempt from the law of liveness.
    pub(super) fn besiege(&mut self) {
        (self.tricksters, self.hit_and_run, self.fork_depth) = (BESIEGERS, false, DEPTH);
        (self.max_outbound, self.late_ppm) = (BESIEGERS + 1, LATE_PPM);
        (self.clock_skew, self.clock_steps) = (0, 0);
    }
}
