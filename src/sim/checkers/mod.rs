//! What must hold in every run, each in its own file. The first complaint ends the run.

mod agreement;
mod bans;
mod completions;
mod convergence;
mod links;
mod queues;
mod replay;
mod returned;
mod supply;
mod synced;
mod timers;
mod watch;
mod work;

pub(super) use returned::Question;
pub(super) use watch::Watch;

use serde::Serialize;

use crate::{
    base::time::Time,
    sim::{
        options::Options,
        world::{Happening, World},
    },
};

/// Nodes above which the checkers look less often.
const MANY_NODES: usize = 20;

/// A complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which checker complains.
    pub checker: &'static str,
    /// World time.
    pub at: Time,
    /// The node, if it is about one.
    pub node: Option<usize>,
    /// What is wrong.
    pub what: String,
}

/// A complaint as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Complaint {
    /// Which checker complains.
    pub checker: String,
    /// Virtual microseconds since the start.
    pub at_us: u64,
    /// The node, if it is about one.
    pub node: Option<usize>,
    /// What is wrong.
    pub what: String,
}

impl From<&Failure> for Complaint {
    fn from(failure: &Failure) -> Self {
        let Failure { checker, at, node, what } = failure.clone();
        Self { checker: checker.to_owned(), at_us: at.0, node, what }
    }
}

/// What the checkers remember.
#[derive(Debug, Default)]
pub(super) struct Checkers {
    /// The first complaint.
    pub failure: Option<Failure>,
    honest: usize,
    behind: synced::Behind,
    /// When the faults ended.
    calm_at: Option<Time>,
    /// Transactions that came off the chain, to be found in mempools.
    returned: Vec<returned::Returned>,
}

impl Checkers {
    pub(super) fn new(options: &Options) -> Self {
        Self { honest: options.nodes, ..Self::default() }
    }

    /// The faults are over.
    pub(super) fn calm_since(&mut self, now: Time) {
        self.calm_at = Some(now);
        log::debug!(target: "tussock::sim", "the faults end");
    }

    /// A node has died, and with it what was known of it.
    pub(super) fn crashed(&mut self, node: usize) {
        self.behind.forget(node);
    }
}

impl World {
    /// Whether a node runs the real roles.
    pub(super) fn is_honest(&self, node: usize) -> bool {
        node < self.checkers.honest
    }

    /// Looks at all nodes, from time to time.
    pub(super) fn probe(&mut self) {
        self.check_synced();
        self.check_overdue();
        self.check_links();
        self.look_for_returned();
        self.check_convergence();
        let wait = if self.nodes.len() > MANY_NODES { 5_000_000 } else { 1_000_000 };
        self.at(Time(self.now.0 + wait), Happening::Probe);
    }

    /// What can only be told at the end.
    pub(super) fn last_checks(&mut self) {
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
            self.check_replay();
        }
    }
}
