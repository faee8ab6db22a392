//! Manifests of one block that cut its coins in different ways.
//!
//! The headers prove the leaves of a manifest, not the lengths of its pieces. But there is only one way to cut the coins, so of two
//! manifests of one block at most one is true, and a bucket in which they differ tells which once it is right. Such buckets come first,
//! each from one peer alone, so that little is lost if the wrong manifest was chosen.

use crate::{
    base::{hash::Hash, ids::LinkId, time::Time},
    chain::snapshot::{Manifest, SnapshotFault},
    node::{Outbox, PeerFault, snapshot::Snapshot},
};

impl Snapshot {
    /// Compares the plan with other manifests of its block: refutes those that differ where it is right, and has it prove itself where
    /// nothing is proven.
    pub(super) fn contest(&mut self, now: Time, out: &mut Outbox) {
        let Some(joiner) = &mut self.joiner else { return };
        let Some(plan) = &mut joiner.plan else { return };
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
        if is_late {
            self.give_way(now);
        }
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

    /// Who was found to lie about the plan's snapshot gives it no more. If nobody else does, the snapshot has failed, and if peers offer
    /// others, it is their turn at once: a liar that comes back again and again would be waited for.
    pub(super) fn liar_left(&mut self, now: Time) {
        let id = self.joiner.as_ref().and_then(|joiner| Some(joiner.plan.as_ref()?.id));
        let Some(id) = id.filter(|id| self.offering(id) == 0) else { return };
        if !self.choices(None).is_empty() {
            return self.give_way(now);
        }
        self.joiner.iter_mut().for_each(|joiner| joiner.contest.fail(id));
    }

    /// The plan could not prove a bucket in which another manifest of its block differs: that one's turn.
    pub(super) fn give_way(&mut self, now: Time) {
        let Some(joiner) = &mut self.joiner else { return };
        if let Some(plan) = &joiner.plan {
            joiner.contest.fail(plan.id);
        }
        self.leave(now);
    }
}

/// The buckets that two manifests of one block cut in different ways.
fn differing<'a>(one: &'a Manifest, other: &'a Manifest) -> impl Iterator<Item = usize> + 'a {
    (0..crate::chain::snapshot::BUCKETS).filter(|bucket| one.lengths_of(*bucket) != other.lengths_of(*bucket))
}
