//! Once the faults are over, all honest nodes come to one tip and say so, and the chain goes on growing.

use crate::sim::world::World;

/// Blocks that the chain must have grown since the faults ended.
const GROWTH: u32 = 2;

impl World {
    /// Notes the moment at which all agree.
    pub(in crate::sim) fn check_convergence(&mut self) {
        let Some(calm_height) = self.checkers.calm_height else { return };
        if self.stats.agreed(self.options.nodes).is_some_and(|height| height >= calm_height + GROWTH) {
            self.stats.converged_at = Some(self.now);
        }
    }

    /// Says who is where.
    pub(in crate::sim) fn complain_of_divergence(&mut self) {
        use std::fmt::Write;
        let mut what = format!("no agreement within {} s:", self.options.converge_within);
        for node in 0..self.options.nodes.min(10) {
            let (view, links) = (&self.nodes[node].view, self.links_of(node));
            let tip = view.tip.as_ref().map(|tip| (tip.height, tip.hash.short()));
            write!(what, " node {node} {} ({}) tip {tip:?} links {links};", view.state, view.reason)
                .expect("writing to a string cannot fail");
        }
        self.fail("convergence", None, what);
    }
}
