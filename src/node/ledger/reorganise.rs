//! Moving the applied chain onto a stored branch with more work.
//!
//! Off with the old blocks down to the fork, on with the branch's, all in one transaction of the store: a branch that
//! fails half-way is disconnected again and leaves nothing behind but the mark that it is invalid. Bodies are read one at a
//! time, so that depth costs time and disk, not memory.

use crate::{
    base::{hash::Hash, limits, time::Now},
    chain::{
        archive::{BlockStatus, HeaderRow, StoreError, Tip},
        checked::CheckedBlock,
        rules::BlockFault,
    },
    node::{
        Origin, Outbox, PeerFault,
        fault::Halt,
        report::{Counter, Report},
    },
};

use super::{Ledger, chainstate::Failure};

/// A stored block with everything below it.
enum Branch {
    /// All bodies are stored down to the applied chain.
    Whole {
        /// The applied block that the branch grows from.
        fork: Hash,
        /// The branch's blocks, lowest first.
        path: Vec<Hash>,
    },
    /// The highest ancestor whose body is not stored.
    Missing(Hash),
}

/// The block that made a branch fail.
struct Culprit {
    row: HeaderRow,
    fault: BlockFault,
}

impl Ledger {
    /// Moves to the branch that ends with `leaf` if it is whole and has more work than the tip. `sender` is the block
    /// that made us look, with its origin.
    pub(super) fn activate_best_chain(
        &mut self,
        now: Now,
        leaf: &Hash,
        sender: Option<(Hash, Origin)>,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        let mut leaf = *leaf;
        loop {
            let row = self.chain.row(&leaf)?;
            if row.status != BlockStatus::Stored || row.work <= self.chain.tip.work {
                return Ok(());
            }
            let (fork, path) = match self.branch(&row)? {
                Branch::Whole { fork, path } => (fork, path),
                Branch::Missing(missing) => {
                    self.staged.insert(missing, row.work, row.hash);
                    return Ok(());
                }
            };
            let origin = sender.map_or(Origin::Ledger, |(_, origin)| origin);
            let failed = if fork == self.chain.tip.hash {
                self.follow(now, &path, origin, out)?
            } else {
                self.switch(now, &fork, &path, origin, out)?
            };
            let Some(Culprit { row, fault }) = failed else { return Ok(()) };
            self.chain.check_coins()?;
            if let Some((_, Origin::Link(link))) = sender.filter(|(hash, _)| *hash == row.hash) {
                out.fault(link, PeerFault::Block(fault.clone()));
            }
            self.invalidate(now, &row.hash, fault, out)?;
            // What the branch has below its culprit is valid, and may still have more work than the tip.
            leaf = row.header.previous;
        }
    }

    fn branch(&self, leaf: &HeaderRow) -> Result<Branch, StoreError> {
        let mut path = vec![leaf.hash];
        let mut parent = leaf.header.previous;
        loop {
            let row = self.chain.row(&parent)?;
            match row.status {
                BlockStatus::Applied => break,
                BlockStatus::Stored => path.push(row.hash),
                BlockStatus::Header => return Ok(Branch::Missing(row.hash)),
                BlockStatus::Invalid => {
                    let problem = format!("block {} is not invalid though it builds on {parent}", leaf.hash);
                    return Err(StoreError::Corrupt(problem));
                }
            }
            parent = row.header.previous;
        }
        path.reverse();
        Ok(Branch::Whole { fork: parent, path })
    }

    /// Applies stored blocks on top of the tip. Each is a step forward, so that a failure leaves the earlier ones.
    fn follow(&mut self, now: Now, path: &[Hash], origin: Origin, out: &mut Outbox) -> Result<Option<Culprit>, Halt> {
        for hash in path {
            let row = self.chain.row(hash)?;
            let block = CheckedBlock::new(&self.chain.block(hash)?, None);
            match self.chain.check_block(&block) {
                Ok(diff) => {
                    self.pool.confirm(&block.txids, &mut diff.spent());
                    self.chain.connect(&row, &block, diff, true)?;
                    self.applied(now, origin, &block);
                }
                Err(Failure::Block(fault)) => return Ok(Some(Culprit { row, fault })),
                Err(Failure::Halt(halt)) => return Err(halt),
            }
            self.spill()?;
            if self.pending.added.len() >= limits::COMMIT_BLOCKS {
                self.commit(now, out)?;
            }
        }
        Ok(None)
    }

    /// Takes blocks off down to `fork` and puts the branch on: all of it, or after a fault nothing.
    ///
    /// Nothing is committed for it as long as much is still to come: two commits for each switch took a quarter of a
    /// sync's time where every tenth block was replaced.
    fn switch(
        &mut self,
        now: Now,
        fork: &Hash,
        path: &[Hash],
        origin: Origin,
        out: &mut Outbox,
    ) -> Result<Option<Culprit>, Halt> {
        let (old, last) = (self.chain.tip.clone(), self.pending.last.clone());
        log::debug!("reorganising: old_tip={} old_height={} fork={fork} blocks={}", old.hash, old.height, path.len());
        let removed = self.disconnect_to(now, fork)?;
        for hash in path {
            let row = self.chain.row(hash)?;
            let block = CheckedBlock::new(&self.chain.block(hash)?, None);
            match self.chain.check_and_connect(&row, &block) {
                Ok(()) => self.applied(now, origin, &block),
                Err(Failure::Block(fault)) => {
                    self.disconnect_to(now, fork)?;
                    self.reconnect(now, &removed)?;
                    self.pending.last = last;
                    log::debug!("reorganisation refused: tip={} culprit={}", old.hash, row.hash);
                    return Ok(Some(Culprit { row, fault }));
                }
                Err(Failure::Halt(halt)) => return Err(halt),
            }
            self.spill()?;
        }
        if self.commit_due(now) {
            self.commit(now, out)?;
        }
        self.tell_switch(&old, removed.len(), out);
        self.change_transactions(now, old.height, &removed, path, out)?;
        Ok(None)
    }

    /// Takes blocks off down to `fork`; returns them, the highest first.
    fn disconnect_to(&mut self, now: Now, fork: &Hash) -> Result<Vec<Hash>, StoreError> {
        let mut removed = Vec::new();
        while self.chain.tip.hash != *fork {
            let hash = self.chain.tip.hash;
            self.chain.disconnect()?;
            self.touch(now);
            // What was never told is not told to be gone either.
            if self.pending.added.pop_if(|(added, _)| *added == hash).is_none() {
                self.pending.removed.push(hash);
            }
            removed.push(hash);
            self.spill()?;
        }
        Ok(removed)
    }

    /// Puts blocks on again that were disconnected, the highest first.
    fn reconnect(&mut self, now: Now, removed: &[Hash]) -> Result<(), Halt> {
        for hash in removed.iter().rev() {
            let row = self.chain.row(hash)?;
            let block = CheckedBlock::new(&self.chain.block(hash)?, None);
            match self.chain.check_and_connect(&row, &block) {
                Ok(()) if self.pending.removed.pop_if(|removed| removed == hash).is_some() => {}
                Ok(()) => self.applied(now, Origin::Ledger, &block),
                Err(Failure::Block(fault)) => {
                    let problem = format!("block {hash} was applied and does not fit its place any more: {fault}");
                    return Err(StoreError::Corrupt(problem).into());
                }
                Err(Failure::Halt(halt)) => return Err(halt),
            }
            self.spill()?;
        }
        Ok(())
    }

    fn tell_switch(&self, old: &Tip, depth: usize, out: &mut Outbox) {
        let tip = &self.chain.tip;
        log::info!(
            "reorganised: depth={depth} old_tip={} old_height={} new_tip={} new_height={}",
            old.hash,
            old.height,
            tip.hash,
            tip.height
        );
        out.report(Report::Reorganised { depth });
        out.count(Counter::Reorganisations, 1);
        if depth > limits::DEEP_REORGANISATION {
            let text = format!("{depth} blocks were replaced at once, from height {} down", old.height);
            out.report(Report::Warning { key: "deep-reorganisation", text: Some(text) });
        }
    }
}
