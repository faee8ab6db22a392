//! Branches whose bodies do not come: a chain of headers counts while it is delivered.
//!
//! `fetch` tells when the next body of the best header chain is overdue. If there is another chain to go on with, the
//! branch is set aside at once. It is back when one of its bodies arrives, when others build on it, or later by itself.

use std::time::Duration;

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        limits::{
            COUNTED_FOR, COUNTED_PER_BLOCK, MAX_WITHHELD, SYNCED_RECENTLY, WITHHELD_AFTER, WITHHELD_FIRST, WITHHELD_MAX,
        },
        time::Time,
    },
    chain::archive::StoreError,
    node::{
        Outbox, PeerFault,
        headers::{
            Headers,
            header_node::HeaderNode,
            index::Index,
            overdue::{Overdue, Withheld},
        },
        notice::ToLedger,
        report::SyncState,
    },
};

impl Headers {
    /// `fetch` waits for this block of the best header chain for too long.
    pub(super) fn take_overdue(&mut self, now: Time, hash: Hash, nowhere: bool) -> Result<(), StoreError> {
        let Some(index) = &self.index else { return Ok(()) };
        let height = index.nodes.get(&hash).map(|node| node.height);
        if !height.map_or(Ok(false), |height| index.is_on_best(height, &hash))? {
            self.candidates.overdue(now, hash);
            return Ok(());
        }
        let known = self.overdue.filter(|overdue| overdue.hash == hash);
        let nowhere = known.and_then(|overdue| overdue.nowhere).or(nowhere.then_some(now));
        self.overdue = Some(Overdue { hash, nowhere });
        Ok(())
    }

    /// A peer says that it does not have a block. If it had sent the header before it was asked, it had promised the body.
    /// On a slow line it may have both denied the block and got it before we ask or hear of either.
    pub(super) fn take_denial(&mut self, link: LinkId, hash: &Hash, asked: Time, out: &mut Outbox) {
        let Some(index) = &self.index else { return };
        let Some(peer) = self.peers.get(link).filter(|peer| !peer.closing) else { return };
        let height = index.nodes.get(hash).map_or(0, |node| node.height);
        if peer.may_have_pruned(height, index.best().height) {
            return;
        }
        if peer.promises.by(asked).any(|promised| index.builds_on(promised, hash)) {
            log::info!("broken promise link={} block={hash}", link.0);
            self.punish(link, PeerFault::BrokenPromise, out);
        }
    }

    /// Sets the branch of an overdue block aside if there is another chain to go on with.
    pub(super) fn set_overdue_aside(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(Overdue { hash, nowhere, .. }) = self.overdue else { return Ok(()) };
        let vain = nowhere.is_some_and(|since| now.since(since) >= WITHHELD_AFTER);
        if !vain && !self.has_other_chain(now, &hash) || self.is_kept_no_more(&hash)? {
            return Ok(());
        }
        self.overdue = None;
        self.set_aside(now, hash, out)
    }

    /// Whether there is a chain besides the one with this block: our own if it was the best a moment ago or peers have it,
    /// too, or another one with more work than ours.
    fn has_other_chain(&self, now: Time, hash: &Hash) -> bool {
        let synced = self.synced_at.is_some_and(|at| now.since(at) < SYNCED_RECENTLY);
        let Some(index) = &self.index else { return false };
        synced || self.unproven.gave_up() || index.has_rival(hash) || self.is_vouched_for(index, hash)
    }

    /// Whether no more peers show the branch with this block than show our own tip, and some do.
    fn is_vouched_for(&self, index: &Index, hash: &Hash) -> bool {
        let shown = || self.peers.iter().filter(|(_, peer)| !peer.closing).filter_map(|(_, peer)| peer.shows);
        let ours = shown().filter(|tip| index.is_tip(tip)).count();
        ours > 0 && ours >= shown().filter(|tip| index.builds_on(tip, hash)).count()
    }

    /// Notes that the node is synced, or that it has nobody who could tell.
    pub(super) fn note_state(&mut self, now: Time) -> Result<(), StoreError> {
        if self.peers.len() == 0 {
            self.synced_at = None;
        } else if self.machine.state() == SyncState::Synced || self.synced_at.is_none() && self.is_level()? {
            self.synced_at = Some(now);
            self.synced_height = self.index.as_ref().map_or(0, |index| index.applied().height);
        }
        Ok(())
    }

    /// Whether a peer is at our tip, and the best header chain leaves ours below it. A node that has just started counts as
    /// synced from then on: branches that nobody delivers in whole would keep it from that state for ever.
    fn is_level(&self) -> Result<bool, StoreError> {
        let Some(index) = &self.index else { return Ok(false) };
        let (tip, HeaderNode { height, .. }) = index.applied;
        let is_tip = || self.peers.iter().any(|(_, peer)| !peer.closing && peer.shows == Some(tip));
        Ok(!index.is_on_best(height, &tip)? && is_tip())
    }

    /// When time alone sets a branch aside.
    pub(super) fn overdue_until(&self) -> Option<Time> {
        self.overdue.and_then(|overdue| overdue.nowhere).map(|since| since + WITHHELD_AFTER)
    }

    /// Nobody delivers a block of the best header chain. Its branch is set aside, or headers without bodies could hold up
    /// the whole network.
    pub(super) fn set_aside(&mut self, now: Time, hash: Hash, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(index) = &mut self.index else { return Ok(()) };
        let Some(change) = index.withhold(&hash)? else { return Ok(()) };
        // `fetch` waits for the lowest block that is missing, and tells only now and then how far it is.
        let below = index.nodes.get(&hash).map_or(0, |node| node.height.saturating_sub(1));
        self.fetched = self.fetched.max(below);
        let time = self.remember_withheld(now, hash);
        log::warn!("nobody delivers block={hash} branch set aside for={} s", time.as_secs());
        self.leave_branch(now);
        self.unproven.give_up();
        self.announce(now, Some(change), false, out)
    }

    /// Notes that the branch from this block up is set aside, and returns for how long: longer each time.
    pub(super) fn remember_withheld(&mut self, now: Time, hash: Hash) -> Duration {
        if self.withheld.len() >= MAX_WITHHELD
            && let Some(first) = self.withheld.iter().min_by_key(|(_, withheld)| withheld.until).map(|(hash, _)| *hash)
        {
            // The one that ends first stays set aside until one of its bodies arrives.
            self.withheld.remove(&first);
        }
        let time = self.withheld.get(&hash).map_or(WITHHELD_FIRST, |last| (last.time * 2).min(WITHHELD_MAX));
        self.withheld.insert(hash, Withheld { until: now + time, time });
        time
    }

    /// The best header chain becomes another one before all of its bodies came. If that had ended the state `synced`, the
    /// next such chain will not.
    pub(super) fn leave_branch(&mut self, now: Time) {
        let is_apart = self.machine.state() != SyncState::Synced;
        if self.synced_at.is_some() && (is_apart || !self.unproven.is_unproven()) {
            self.unproven.remember_lapse(now);
        }
    }

    /// A body of the best header chain came: the chain counts from now on, unless others came in part only a moment ago.
    pub(super) fn body_came(&mut self, now: Time) {
        if self.machine.state() != SyncState::Synced || !self.unproven.is_suspicious(now) {
            self.unproven.delivered();
        }
    }

    /// In a node that was synced, a branch that keeps delivering and does not end counts no longer after a while.
    pub(super) fn end_counting(&mut self, now: Time) {
        if self.counted_until().is_some_and(|at| at <= now) {
            log::warn!("the best chain is still incomplete, it counts no longer");
            self.unproven.lapse(now);
        }
    }

    /// When that is.
    pub(super) fn counted_until(&self) -> Option<Time> {
        let waits = self.machine.state() != SyncState::Synced && !self.disregards_best() && !self.lacks_old_blocks();
        let index = self.index.as_ref().filter(|index| waits && !index.all_applied())?;
        // A download is no trickle.
        let blocks = index.applied().height.saturating_sub(self.synced_height);
        self.synced_at.map(|at| at + COUNTED_FOR + COUNTED_PER_BLOCK * blocks)
    }

    /// Gives branches that were set aside for long enough another chance.
    pub(super) fn release_due(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        let due = self.withheld.iter().find(|(_, withheld)| withheld.until <= now).map(|(hash, _)| *hash);
        due.map_or(Ok(()), |hash| self.release(now, hash, out))
    }

    pub(super) fn release(&mut self, now: Time, hash: Hash, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(index) = &mut self.index else { return Ok(()) };
        let change = index.release(&hash)?;
        match self.withheld.get_mut(&hash) {
            // Remembered, so that the next time is longer; never due, so that it is not released twice.
            Some(withheld) if change.is_some() => withheld.until = Time(u64::MAX),
            _ => drop(self.withheld.remove(&hash)),
        }
        self.announce(now, change, false, out)
    }

    /// Whether the best chain does not count yet: no block of it is here, and the node is synced, or has waited in vain
    /// for another such chain already.
    pub(super) fn disregards_best(&self) -> bool {
        let suspicious = self.unproven.is_suspicious(self.now);
        self.unproven.is_unproven()
            && (self.machine.state() == SyncState::Synced || self.unproven.gave_up() || suspicious)
            && !self.lacks_old_blocks()
    }

    /// Tells the ledger how much is known to come, if that is something else than before.
    pub(super) fn tell_best(&mut self, out: &mut Outbox) {
        let Some(index) = self.index.as_ref().filter(|_| self.open) else { return };
        let HeaderNode { height, work, .. } = if self.disregards_best() { index.applied() } else { index.best() };
        if self.told_best.replace((height, work)) != Some((height, work)) {
            out.tell(ToLedger::BestChain { height, work });
        }
    }
}
