//! Bodies that peers no longer keep. That is no reason to doubt their chain: it is not one that nobody delivers.
//!
//! The network has gone on, and this node does not have what it needs to follow. So it is not up to date, whoever else stands
//! where it stands. A peer that states to be pruned can so keep a node from being synced by headers alone: those of as many
//! blocks as every pruned node keeps, with their work, which no one who has less than all others can make.

use crate::{
    base::{hash::Hash, time::Time},
    chain::archive::{Keep, StoreError},
    node::{
        Outbox,
        headers::{Headers, index::Index, syncnode::HeaderSource},
    },
    wire::message::{SERVICE_PRUNED, served_from},
};

/// Blocks by which a peer may be further than is known of it.
const AHEAD: u32 = 8;

impl HeaderSource {
    /// Whether it may have let go of the block at this height, which it had once. `best`: how high its tip may be.
    pub(super) fn may_have_pruned(&self, height: u32, best: u32) -> bool {
        // A node that has just begun knows few headers of the chain that its peer has.
        let tip = best.max(self.height);
        // It prunes some blocks at a time, and its answer may be older than what is known of its tip.
        let since = tip.saturating_sub(self.info.height);
        let from = served_from(self.info.services).saturating_add(since).saturating_add(Keep::FEWEST);
        let is_old = height.saturating_add(Keep::FEWEST) <= tip.saturating_add(AHEAD);
        self.info.services & SERVICE_PRUNED != 0 && is_old && height < from
    }

    /// Whether it shows a chain with the block at this height, and many more, and states that it keeps that one no more.
    fn has_let_go(&self, index: &Index, height: u32) -> Result<bool, StoreError> {
        if self.closing || served_from(self.info.services) <= height {
            return Ok(false);
        }
        let Some((tip, node)) = self.shows.and_then(|tip| Some((tip, index.nodes.get(&tip)?))) else {
            return Ok(false);
        };
        Ok(node.height >= height.saturating_add(Keep::FEWEST) && index.is_on_best(node.height, &tip)?)
    }
}

impl Headers {
    /// Whether peers show a chain with this block of the best chain that they no longer keep.
    pub(super) fn is_kept_no_more(&self, hash: &Hash) -> Result<bool, StoreError> {
        let Some(index) = &self.index else { return Ok(false) };
        let Some(height) = index.nodes.get(hash).map(|node| node.height) else { return Ok(false) };
        for (_, peer) in self.peers.iter() {
            if peer.has_let_go(index, height)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether that is so of the next block of the best chain.
    pub(super) fn lacks_old_blocks(&self) -> bool {
        let Some(index) = &self.index else { return false };
        let next = self.fetched.saturating_add(1);
        self.peers.iter().any(|(_, peer)| peer.has_let_go(index, next).unwrap_or(false))
    }

    /// A chain that was set aside counts again once a pruned peer shows it that keeps the next block of it no more.
    pub(super) fn release_kept_no_more(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        if !self.candidates.is_again() || self.withheld.is_empty() {
            return Ok(());
        }
        let lowest = self.peers.iter().find_map(|(_, peer)| self.set_aside_and_let_go(peer));
        lowest.map_or(Ok(()), |lowest| self.release(now, lowest, out))
    }

    /// The lowest block of the chain that a pruned peer shows, if that was set aside and the peer keeps the block no more.
    fn set_aside_and_let_go(&self, peer: &HeaderSource) -> Option<Hash> {
        let (index, from) = (self.index.as_ref()?, served_from(peer.info.services));
        let tip = peer.shows.filter(|_| from > 0 && !peer.closing)?;
        let lowest = index.withheld_from(&tip)?;
        let (next, top) = (index.nodes.get(&lowest)?.height, index.nodes.get(&tip)?.height);
        (from > next && top >= next.saturating_add(Keep::FEWEST)).then_some(lowest)
    }
}
