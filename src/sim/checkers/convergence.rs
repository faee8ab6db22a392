//! Once the faults are over, all honest nodes come to one tip and say so, the chain goes on growing, and news of it
//! reaches everybody soon.

use std::time::Duration;

use crate::{
    base::time::Time,
    node::report::SyncState,
    sim::{options::Options, world::World},
};

/// Time after the last fault until links must stand again.
const SETTLE: Duration = Duration::from_secs(35);
/// How long a new block or transaction may take to the last node.
const SOON: Duration = Duration::from_secs(10);
/// Time for a node to take in a block and pass it on, over what its bytes and the questions before them take.
const HOP: Duration = Duration::from_millis(100);
/// Hops that a block may take.
const HOPS: u32 = 8;
/// Bytes of a usual block here.
const BLOCK_BYTES: u64 = 10_000;
/// Blocks, and transactions, that must have come so soon.
const TIMELY: usize = 3;
/// Nodes that a complaint names.
const NAMED: usize = 10;
/// Transactions per minute above which these must come soon too.
const MANY_TRANSACTIONS: u64 = 10;

impl World {
    /// Notes the moment at which all agree.
    pub(in crate::sim) fn check_convergence(&mut self) {
        if self.options.joins_only {
            return self.check_join_alone();
        }
        let Some(calm_at) = self.checkers.calm_at else { return };
        let (blocks, transactions) = self.stats.timely(calm_at + SETTLE, SOON);
        // A byzantine node that mines makes each of its blocks a contest, which ends with the next block.
        let contested = || self.stats.contested(calm_at + SETTLE, SOON);
        let many = blocks >= TIMELY || blocks > 0 && blocks + contested() >= TIMELY;
        // At the end fewer will do if all came soon: after clocks were wrong, a block may take much work, and blocks are rare.
        let rare = self.is_over() && blocks > 0 && blocks == self.stats.blocks_since(calm_at + SETTLE);
        // Tips are told with pings, too: without relay blocks come all the same, only late.
        let relayed = || self.stats.most_came(calm_at + SETTLE, self.relay_takes());
        let news =
            (many || rare) && relayed() && (transactions >= TIMELY || self.options.transactions < MANY_TRANSACTIONS);
        let nodes = self.options.nodes;
        if self.options.byzantine_stay && self.stats.contest(nodes) {
            self.checkers.contest_at = Some(self.now);
        }
        // At the end a block may be on its way to some of them.
        let contest = || self.checkers.contest_at.is_some_and(|at| self.is_over() && self.now.since(at) <= SOON);
        let is_final = self.options.authorities == 0 || self.is_all_final();
        if news && is_final && (self.stats.agreed(nodes).is_some() || contest()) {
            self.stats.converged_at = Some(self.now);
        }
    }

    /// Whether links stand again since the last fault.
    pub(super) fn has_settled(&self) -> bool {
        self.checkers.calm_at.is_some_and(|at| at + SETTLE <= self.now)
    }

    /// How long a proposal and the votes for it may take to the last node.
    pub(super) fn view_takes(&self) -> Duration {
        self.relay_takes() * 3
    }

    /// How long a block may take to the last node if each node passes it on at once.
    fn relay_takes(&self) -> Duration {
        let Options { nodes, latency_max, .. } = &self.options;
        let rate = self.checkers.least_rate;
        let hop = HOP + Duration::from_micros(4 * latency_max + BLOCK_BYTES * 1_000_000 / rate);
        let hops = u32::try_from(*nodes).map_or(HOPS, |nodes| nodes.min(HOPS));
        (hop * hops).min(SOON)
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
        // Who keeps too little to leave a rival chain again has been told so, and stays.
        let stays = |node: &usize| self.checkers.kept.is_too_deep(*node);
        if (0..self.options.nodes).any(|node| stays(&node))
            && (0..self.options.nodes).filter(stands_apart).all(|node| stays(&node))
        {
            return;
        }
        let (apart, others): (Vec<usize>, Vec<usize>) = (0..self.options.nodes).partition(stands_apart);
        if self.options.joins_only {
            what =
                format!("the node that joins has not come to its peers' tip with a snapshot: {:?};", self.stats.joined);
        }
        for node in apart.into_iter().chain(others).take(NAMED) {
            let (view, links) = (&self.nodes[node].view, self.links_of(node));
            let tip = view.tip.as_ref().map(|tip| (tip.height, tip.hash.short()));
            write!(what, " node {node} {} ({}) tip {tip:?} links {links};", view.state, view.reason)
                .expect("writing to a string cannot fail");
        }
        self.fail("convergence", None, what);
    }
}
