//! Which manifests could not prove a bucket in which others of their block differ.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    base::{
        hash::Hash,
        limits::{MAX_MANIFESTS, PIECE_STALL, PLAN_TRIAL},
        time::Time,
    },
    node::snapshot::plan::Plan,
};

/// Each time a manifest has failed, it has twice the time; so many times at most.
const MOST_DOUBLED: u32 = 6;

/// The contest between them.
#[derive(Debug, Default)]
pub(super) struct Contest {
    /// How often each has failed.
    failures: BTreeMap<Hash, u32>,
    /// Since when the plan is to prove one.
    pub(super) since: Option<Time>,
}

impl Contest {
    /// How often a manifest has failed.
    pub(super) fn failures(&self, id: &Hash) -> u32 {
        self.failures.get(id).copied().unwrap_or(0)
    }

    /// One more time it could not.
    pub(super) fn fail(&mut self, id: Hash) {
        if self.failures.len() >= 4 * MAX_MANIFESTS {
            self.failures.clear();
        }
        *self.failures.entry(id).or_default() += 1;
        self.since = None;
    }

    /// Until when the plan must have proven the bucket. One that has proven others has more time, and at least as long as not everybody
    /// who offers it was asked: it is likely the true one.
    pub(super) fn deadline(&self, plan: &Plan) -> Option<Time> {
        if plan.is_proven_anywhere() && !plan.has_asked_all() {
            return None;
        }
        let doubled = 1 << self.failures(&plan.id).min(MOST_DOUBLED);
        let time: Duration = if plan.is_proven_anywhere() { PIECE_STALL } else { PLAN_TRIAL * doubled };
        self.since.map(|since| since + time)
    }
}
