//! What must hold in every run, each in its own file. The first complaint ends the run.

mod agreement;
mod announced;
mod bans;
mod clocks;
mod compact;
mod completions;
mod convergence;
mod failure;
mod finality;
mod flow;
mod joined;
mod kept;
mod links;
mod liveness;
mod news;
mod order;
mod passed_on;
mod prices;
mod queues;
mod replay;
mod returned;
mod sealing;
mod state;
mod strangers;
mod supply;
mod synced;
mod timers;
mod watch;
mod work;

pub(super) use failure::{Complaint, Failure};
pub(super) use news::pushed_block;
pub(super) use state::{Checkers, Question};
pub(super) use watch::Watch;

use crate::{
    base::time::Time,
    sim::world::{Happening, World},
};

/// Nodes above which the checkers look less often.
const MANY_NODES: usize = 20;

impl World {
    /// Whether a node runs the real roles.
    pub(super) fn is_honest(&self, node: usize) -> bool {
        node < self.checkers.honest
    }

    /// Looks at all nodes, from time to time.
    pub(super) fn probe(&mut self) {
        self.check_synced();
        self.check_clocks();
        self.check_liveness();
        self.check_prices();
        self.check_overdue();
        self.check_links();
        self.check_flow();
        self.check_untold();
        self.check_announced();
        self.look_for_returned();
        self.check_finality();
        self.check_votes();
        self.check_order();
        self.check_kept();
        self.check_convergence();
        let wait = if self.nodes.len() > MANY_NODES { 5_000_000 } else { 1_000_000 };
        self.at(Time(self.now.0 + wait), Happening::Probe);
    }

    /// What can only be told at the end.
    pub(super) fn last_checks(&mut self) {
        if self.options.is_overthrown() {
            self.check_finality();
            let conflict = self.checkers.conflict.take();
            self.checkers.failure = self.checkers.failure.take().or(conflict);
            return;
        }
        if self.checkers.failure.is_none() && self.stats.converged_at.is_none() {
            self.check_convergence();
        }
        if self.checkers.failure.is_none() && self.stats.converged_at.is_none() {
            self.complain_of_divergence();
        }
        if self.checkers.failure.is_none() {
            self.check_agreement();
        }
        if self.checkers.failure.is_none() {
            self.check_kept_blocks();
        }
        if self.checkers.failure.is_none() {
            self.check_replay();
        }
    }
}
