//! Branches that leave the applied chain below the blocks that the ledger keeps whole: they cannot be followed, so none of their
//! bodies is asked for. Their headers are kept like those of branches that are set aside, only for good.

use crate::{
    base::{
        hash::Hash,
        time::{Now, Time},
    },
    chain::{
        archive::{HeaderRow, StoreError},
        target::Work,
    },
    node::{
        Outbox,
        headers::{
            Headers,
            header_node::{Change, HeaderLookup},
            index::Index,
        },
        hindrance::{Finding, HindranceId},
    },
};

/// Those that peers show now.
#[derive(Debug, Default)]
pub(super) struct DeepBranches {
    /// Work and fork of the best.
    best: Option<(Work, u32)>,
    /// Peers that show one.
    peers: usize,
}

impl DeepBranches {
    /// A peer shows one.
    pub(super) fn add(&mut self, work: Work, fork: u32) {
        self.peers += 1;
        self.best = self.best.max(Some((work, fork)));
    }
}

impl Index {
    /// Whether a branch could not be followed that leaves the applied chain after the block at this height.
    pub(super) fn leaves_too_deep(&self, fork: u32) -> Result<bool, StoreError> {
        Ok(fork.saturating_add(1) < self.archive().replaceable_from()?)
    }

    /// Whether the branch with this header could not be followed.
    pub(super) fn is_too_deep(&self, hash: &Hash) -> Result<bool, StoreError> {
        let lowest = self.archive().replaceable_from()?;
        let is_best_too_deep = self.is_best_too_deep(lowest)?;
        let mut hash = *hash;
        while lowest > 1
            && let HeaderLookup::Valid(node) = self.find(&hash)?
        {
            if node.height.saturating_add(1) < lowest {
                return Ok(true);
            }
            // Usually the best chain is the applied chain below the lowest, and is known without a look at the archive.
            let is_left = if is_best_too_deep { self.is_applied(&hash)? } else { self.is_on_best(node.height, &hash)? };
            if is_left {
                return Ok(false);
            }
            hash = node.parent;
        }
        Ok(false)
    }

    /// Whether the best chain is one of them, if blocks from here on can be disconnected.
    fn is_best_too_deep(&self, lowest: u32) -> Result<bool, StoreError> {
        let (tip, node) = self.applied;
        let below = lowest.saturating_sub(1);
        if below == 0 || self.is_on_best(node.height, &tip)? {
            return Ok(false);
        }
        let row = self.archive().applied_at(below)?;
        Ok(row.map(|row| self.is_on_best(below, &row.hash)).transpose()? == Some(false))
    }

    /// If the best chain has become one of them, another is the best. Returns the change.
    pub(super) fn leave_too_deep(&mut self) -> Result<Option<Change>, StoreError> {
        let (tip, node) = self.applied;
        if self.is_on_best(node.height, &tip)? || !self.is_best_too_deep(self.archive().replaceable_from()?)? {
            return Ok(None);
        }
        self.leave_best()
    }

    /// Sets the best chain aside from where it leaves the applied one.
    pub(super) fn leave_best(&mut self) -> Result<Option<Change>, StoreError> {
        let chain = self.above(0);
        let Some(first) = chain.get(self.applied_among(&chain)?) else { return Ok(None) };
        self.mark_withheld(first, true);
        self.choose_again().map(Some)
    }
}

impl Headers {
    /// Whether new headers, each the parent of the next, belong to a branch that cannot be followed.
    pub(super) fn goes_too_deep(&self, rows: &[HeaderRow]) -> Result<bool, StoreError> {
        let (Some(index), Some(first)) = (&self.index, rows.first()) else { return Ok(false) };
        let extends = first.header.previous == index.best_hash();
        Ok(!extends && self.joining.is_none() && index.is_too_deep(&first.header.previous)?)
    }

    /// Leaves the best chain if it is one of them by now: the ledger prunes when it is idle, and tells nobody.
    pub(super) fn leave_deep_best(&mut self, now: Time, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(index) = self.index.as_mut().filter(|_| self.joining.is_none()) else { return Ok(()) };
        let change = index.leave_too_deep()?;
        self.announce(now, change, false, out)
    }

    /// Says that peers show a chain with more work that cannot be followed, or that none does any more. It keeps the node from
    /// nothing as long as no fewer peers show its own tip: headers without blocks may be a lie.
    pub(super) fn tell_too_deep(&mut self, now: Now, found: &DeepBranches, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(index) = &self.index else { return Ok(()) };
        let id = HindranceId::BranchTooDeep;
        let Some((_, fork)) = found.best else {
            self.candidates.told.set(now.unix, id, None, out);
            return Ok(());
        };
        let tip = index.applied.0;
        let ours = self.peers.iter().filter(|(_, peer)| !peer.closing && peer.shows == Some(tip)).count();
        let finding = Finding::too_deep(fork, index.archive().replaceable_from()?);
        let is_suspicion = ours > 0 && ours >= found.peers;
        self.candidates.told.set(now.unix, id, Some(Finding { is_suspicion, ..finding }), out);
        Ok(())
    }
}
