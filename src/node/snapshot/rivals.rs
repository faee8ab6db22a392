//! Manifests of one block that cut its coins in different ways.
//!
//! The headers prove the leaves of a manifest, not the lengths of its pieces. But there is only one way to cut the coins, so of two
//! manifests of one block at most one is true, and a bucket in which they differ tells which once it is right. Such buckets come first,
//! each from one peer alone, so that little is lost if the wrong manifest was chosen.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{MAX_MANIFESTS, PIECE_STALL, PLAN_TRIAL},
        time::Time,
    },
    chain::{
        archive::StoreError,
        snapshot::{Manifest, SnapshotFault},
    },
    node::{
        Outbox, PeerFault,
        snapshot::{Snapshot, plan::Plan},
    },
};

/// Each time a manifest has failed, it has twice the time; so many times at most.
const MOST_DOUBLED: u32 = 6;

/// Which manifests could not prove a bucket in which others of their block differ.
#[derive(Debug, Default)]
pub(super) struct Contest {
    /// How often each has failed.
    failures: BTreeMap<Hash, u32>,
    /// Since when the plan is to prove one.
    since: Option<Time>,
}

impl Contest {
    pub(super) fn failures(&self, id: &Hash) -> u32 {
        self.failures.get(id).copied().unwrap_or(0)
    }

    fn fail(&mut self, id: Hash) {
        if self.failures.len() >= 4 * MAX_MANIFESTS {
            self.failures.clear();
        }
        *self.failures.entry(id).or_default() += 1;
        self.since = None;
    }

    /// Until when the plan must have proven the bucket. One that has proven others has more time: it is likely the true one.
    pub(super) fn deadline(&self, plan: &Plan) -> Option<Time> {
        let doubled = 1 << self.failures(&plan.id).min(MOST_DOUBLED);
        let time: Duration = if plan.is_proven_anywhere() { PIECE_STALL } else { PLAN_TRIAL * doubled };
        self.since.map(|since| since + time)
    }
}

impl Snapshot {
    /// Compares the plan with other manifests of its block: refutes those that differ where it is right, and has it prove itself where
    /// nothing is proven.
    pub(super) fn contest(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(joiner) = &mut self.joiner else { return Ok(()) };
        let Some(plan) = &mut joiner.plan else { return Ok(()) };
        let block = plan.manifest.block();
        let (mut refuted, mut contested) = (Vec::new(), Vec::new());
        for (id, rival) in joiner.offered.by_id.iter().filter(|(id, one)| **id != plan.id && one.block() == block) {
            let differing: Vec<usize> = differing(&plan.manifest, rival).collect();
            if differing.iter().any(|bucket| plan.is_right(*bucket)) {
                refuted.push(*id);
            } else if self.peers.values().any(|peer| !peer.closing && peer.offers == Some(*id)) {
                contested.extend(differing);
            }
        }
        plan.contest(contested);
        let contest = &mut joiner.contest;
        contest.since = plan.is_contested().then(|| contest.since.unwrap_or(now));
        let is_late = contest.deadline(plan).is_some_and(|at| now >= at);
        refuted.iter().for_each(|id| joiner.offered.refute(*id));
        refuted.into_iter().for_each(|id| self.refuted(id, out));
        if is_late { self.give_way(now) } else { Ok(()) }
    }

    /// Whoever offers a manifest that is refuted has lied.
    fn refuted(&mut self, id: Hash, out: &mut Outbox) {
        let offers = self.peers.iter().filter(|(_, peer)| !peer.closing && peer.offers == Some(id));
        let liars: Vec<LinkId> = offers.map(|(link, _)| *link).collect();
        for link in liars {
            log::warn!("snapshot: a manifest with another cut than the coins have link={}", link.0);
            self.punish(link, PeerFault::Snapshot(SnapshotFault::Cut), out);
        }
    }

    /// The plan could not prove a bucket in which another manifest of its block differs: that one's turn.
    pub(super) fn give_way(&mut self, now: Time) -> Result<(), StoreError> {
        let Some(joiner) = &mut self.joiner else { return Ok(()) };
        if let Some(plan) = &joiner.plan {
            joiner.contest.fail(plan.id);
        }
        self.leave(now)
    }
}

/// The buckets that two manifests of one block cut in different ways.
fn differing<'a>(one: &'a Manifest, other: &'a Manifest) -> impl Iterator<Item = usize> + 'a {
    (0..crate::chain::snapshot::BUCKETS).filter(|bucket| one.lengths_of(*bucket) != other.lengths_of(*bucket))
}
