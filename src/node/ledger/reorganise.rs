//! Moving the applied chain onto a stored branch with more work.
//!
//! The chain's blocks are disconnected down to the fork and the branch's are connected, all in one transaction of the
//! store. A branch that fails half-way is disconnected again and leaves nothing behind but the mark that it is invalid.
//! Bodies are read one at a time, so that depth costs time and disk, not memory.

use crate::{
    base::{hash::Hash, time::Now},
    chain::{
        archive::{BlockStatus, HeaderRow, StoreError},
        checked::CheckedBlock,
        rules::BlockFault,
    },
    node::{Halt, Origin},
};

use super::{chainstate::Chainstate, committer::Committer, failure::Failure};

/// A stored block with everything below it.
pub(super) enum Branch {
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

impl Branch {
    /// Follows a stored block down to the applied chain.
    pub(super) fn of(chain: &Chainstate, leaf: &HeaderRow) -> Result<Self, StoreError> {
        let mut path = vec![leaf.hash];
        let mut parent = leaf.header.previous;
        loop {
            let row = chain.row(&parent)?;
            match row.status {
                BlockStatus::Applied => break,
                BlockStatus::Stored => path.push(row.hash),
                BlockStatus::Header => return Ok(Self::Missing(row.hash)),
                BlockStatus::Invalid => {
                    let problem = format!("block {} is not invalid though it builds on {parent}", leaf.hash);
                    return Err(StoreError::Corrupt(problem));
                }
            }
            parent = row.header.previous;
        }
        path.reverse();
        Ok(Self::Whole { fork: parent, path })
    }
}

/// The block that made a branch fail.
pub(super) struct Culprit {
    pub(super) row: HeaderRow,
    pub(super) fault: BlockFault,
}

/// One move of the chain from its own branch to another.
pub(super) struct Switch<'a> {
    pub(super) chain: &'a mut Committer,
    pub(super) now: Now,
    /// What the mempool uses of the overlay's limit.
    pub(super) mempool_bytes: usize,
}

impl Switch<'_> {
    /// Disconnects blocks down to `fork` and connects the branch: all of it, or after a fault nothing. Returns the
    /// blocks that were disconnected, the highest first.
    ///
    /// Nothing is committed here: two commits for each switch took a quarter of a sync's time where every tenth block
    /// was replaced.
    pub(super) fn run(
        mut self,
        fork: &Hash,
        path: &[Hash],
        origin: Origin,
    ) -> Result<Result<Vec<Hash>, Culprit>, Halt> {
        let (old, last) = (self.chain.chain().tip().clone(), self.chain.last());
        log::debug!("reorganising: old_tip={} old_height={} fork={fork} blocks={}", old.hash, old.height, path.len());
        let removed = self.disconnect_to(fork)?;
        for hash in path {
            let (row, block) = self.read(hash)?;
            match self.chain.chain().check_block(&block) {
                Ok(diff) => self.chain.connect_stored(self.now, &row, &block, diff, origin)?,
                Err(Failure::Block(fault)) => {
                    self.disconnect_to(fork)?;
                    self.reconnect(&removed)?;
                    self.chain.set_last(last);
                    log::debug!("reorganisation refused: tip={} culprit={}", old.hash, row.hash);
                    return Ok(Err(Culprit { row, fault }));
                }
                Err(Failure::Halt(halt)) => return Err(halt),
            }
            self.chain.spill(self.mempool_bytes)?;
        }
        Ok(Ok(removed))
    }

    /// Disconnects blocks down to `fork`; returns them, the highest first.
    fn disconnect_to(&mut self, fork: &Hash) -> Result<Vec<Hash>, StoreError> {
        let mut removed = Vec::new();
        while self.chain.chain().tip().hash != *fork {
            removed.push(self.chain.disconnect(self.now)?);
            self.chain.spill(self.mempool_bytes)?;
        }
        Ok(removed)
    }

    /// Connects disconnected blocks again; the highest comes first in `removed`.
    fn reconnect(&mut self, removed: &[Hash]) -> Result<(), Halt> {
        for hash in removed.iter().rev() {
            let (row, block) = self.read(hash)?;
            match self.chain.reconnect(self.now, &row, &block) {
                Ok(()) => {}
                Err(Failure::Block(fault)) => {
                    let problem = format!("block {hash} was applied and does not fit its place any more: {fault}");
                    return Err(StoreError::Corrupt(problem).into());
                }
                Err(Failure::Halt(halt)) => return Err(halt),
            }
            self.chain.spill(self.mempool_bytes)?;
        }
        Ok(())
    }

    fn read(&self, hash: &Hash) -> Result<(HeaderRow, CheckedBlock), StoreError> {
        self.chain.chain().stored_block(hash)
    }
}
