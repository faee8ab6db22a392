//! Once the faults are over, all honest nodes come to one tip and say so, the chain goes on growing, and news of it
//! reaches everybody soon.

use std::time::Duration;

use crate::{base::time::Time, node::report::SyncState, sim::world::World};

/// Links must stand again so long after the last fault.
const SETTLE: Duration = Duration::from_secs(35);
/// How long a new block or transaction may take to the last node.
const SOON: Duration = Duration::from_secs(10);
/// So many of them must have come so soon.
const TIMELY: usize = 3;
/// Nodes that a complaint names.
const NAMED: usize = 10;
/// Transactions per minute above which these must come soon too.
const MANY_TRANSACTIONS: u64 = 10;

impl World {
    /// Notes the moment at which all agree.
    pub(in crate::sim) fn check_convergence(&mut self) {
        let Some(calm_at) = self.checkers.calm_at else { return };
        let (blocks, transactions) = self.stats.timely(calm_at + SETTLE, SOON);
        // A liar that mines makes each of its blocks a contest, which ends with the next block.
        let contested = || self.stats.contested(calm_at + SETTLE, SOON);
        let many = blocks >= TIMELY || blocks > 0 && blocks + contested() >= TIMELY;
        // At the end it counts that all came soon: after clocks were wrong the work that a block takes may be so great that
        // there are not so many.
        let rare = self.is_over() && blocks > 0 && blocks == self.stats.blocks_since(calm_at + SETTLE);
        let news = (many || rare) && (transactions >= TIMELY || self.options.transactions < MANY_TRANSACTIONS);
        if news && self.stats.agreed(self.options.nodes).is_some() {
            self.stats.converged_at = Some(self.now);
        }
    }

    /// Says who is where; of a large network those that stand apart first.
    pub(in crate::sim) fn complain_of_divergence(&mut self) {
        use std::fmt::Write;
        let calm_at = self.checkers.calm_at.unwrap_or(Time(u64::MAX));
        let (blocks, transactions) = self.stats.timely(calm_at + SETTLE, SOON);
        let mut what = format!(
            "no agreement within {} s, or too little news that spread soon ({blocks} blocks, {transactions} \
             transactions):",
            self.options.converge_within
        );
        let common = self.stats.common_tip();
        let stands_apart = |node: &usize| {
            let view = &self.nodes[*node].view;
            view.state != SyncState::Synced || view.tip.as_ref().map(|tip| tip.hash) != common
        };
        let (apart, others): (Vec<usize>, Vec<usize>) = (0..self.options.nodes).partition(stands_apart);
        for node in apart.into_iter().chain(others).take(NAMED) {
            let (view, links) = (&self.nodes[node].view, self.links_of(node));
            let tip = view.tip.as_ref().map(|tip| (tip.height, tip.hash.short()));
            write!(what, " node {node} {} ({}) tip {tip:?} links {links};", view.state, view.reason)
                .expect("writing to a string cannot fail");
        }
        self.fail("convergence", None, what);
    }
}
