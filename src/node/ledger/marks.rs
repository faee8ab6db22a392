//! Changes of the committer's chain that no block makes: which blocks count as invalid, what is kept of the mempool.

use crate::{
    base::{bytes::Bytes, hash::Hash, time::Now},
    chain::archive::{HeaderRow, StoreError},
    node::Outbox,
};

use super::committer::Committer;

impl Committer {
    /// Marks a block and its descendants as invalid; returns their hashes.
    pub(super) fn mark_invalid(&mut self, now: Now, hash: &Hash) -> Result<Vec<Hash>, StoreError> {
        self.touch(now);
        self.chain.mark_invalid(hash)
    }

    /// Takes the mark off a block, its ancestors and its descendants, or off exactly these instead; returns those that had it.
    pub(super) fn unmark_invalid(
        &mut self,
        now: Now,
        hash: &Hash,
        only: Option<&[Hash]>,
    ) -> Result<Vec<HeaderRow>, StoreError> {
        self.touch(now);
        self.chain.unmark_invalid(hash, only)
    }

    /// Commits such marks.
    pub(super) fn commit_marks(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.commit(now, out)?;
        self.read_best_header()
    }

    /// Replaces the transactions kept over a restart.
    pub(super) fn save_mempool(
        &mut self,
        now: Now,
        transactions: &mut dyn Iterator<Item = Bytes>,
    ) -> Result<(), StoreError> {
        self.touch(now);
        self.chain.save_mempool(transactions)
    }
}
