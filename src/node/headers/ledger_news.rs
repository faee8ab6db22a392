//! What the ledger tells: its chain has moved, blocks are invalid, or are no longer.

use crate::{
    base::{hash::Hash, time::Time},
    chain::{
        archive::{HeaderRow, StoreError},
        rules::BlockFault,
    },
    node::{
        ChainMove, Outbox,
        headers::{Headers, header_node::Change, index::Index},
    },
};

impl Headers {
    /// The ledger's chain has moved.
    pub(super) fn take_move(&mut self, now: Time, moved: &ChainMove, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(index) = &mut self.index else { return Ok(()) };
        let change = index.applied_moved(&moved.tip)?;
        let is_withheld = index.nodes.get(&moved.tip.hash).is_some_and(|tip| tip.withheld);
        self.candidates.look_again();
        self.announce(now, change, false, out)?;
        if is_withheld {
            // Its branch is delivered: the rest is wanted again.
            self.reconsider(now, moved.tip.hash, out)?;
        }
        let Some(index) = &self.index else { return Ok(()) };
        let on_best = index.is_on_best(moved.tip.height, &moved.tip.hash)?;
        if on_best {
            self.fetched = self.fetched.max(moved.tip.height);
        }
        if !moved.added.is_empty() {
            self.progress = now;
            // A block that passed the best chain proves nothing of it.
            if on_best {
                self.body_came(now);
                self.resume_ignored()?;
            }
            self.passing.applied(&moved.added);
        }
        self.open = true;
        Ok(())
    }

    /// Blocks have turned out invalid.
    pub(super) fn take_invalid(
        &mut self,
        now: Time,
        hashes: &[Hash],
        fault: &BlockFault,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let Some(index) = &mut self.index else { return Ok(()) };
        let change = index.invalidate(hashes)?;
        self.candidates.look_again();
        if let Some(culprit) = hashes.first() {
            log::warn!("invalid block={culprit} dropped={} best={} fault={fault}", hashes.len(), index.best().height);
        }
        if change.is_some() {
            self.leave_branch(now);
        }
        // The ledger has looked for the best one itself.
        self.told_best = None;
        self.announce(now, change, false, out)
    }

    /// An operator wants blocks again that were set aside.
    pub(super) fn take_valid_again(
        &mut self,
        now: Time,
        rows: &[HeaderRow],
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let Some(index) = &mut self.index else { return Ok(()) };
        let change = index.revalidate(rows)?;
        self.candidates.look_again();
        self.told_best = None;
        self.announce(now, change, false, out)
    }
}

impl Index {
    /// Takes blocks in again that were invalid, parents first. Returns the change if the best chain is now another.
    fn revalidate(&mut self, rows: &[HeaderRow]) -> Result<Option<Change>, StoreError> {
        let (mut best, mut rank) = (None, self.best().rank);
        for row in rows {
            let node = self.node_of(row);
            self.invalid.remove(&row.hash);
            self.fork_headers.insert((node.height, row.hash));
            self.fork_count = self.fork_count.saturating_add(1);
            self.nodes.insert(row.hash, node);
            if node.rank > rank {
                (best, rank) = (Some(row.hash), node.rank);
            }
        }
        best.map(|best| self.adopt(best)).transpose()
    }
}
