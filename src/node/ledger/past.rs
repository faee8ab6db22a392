//! A second chain, on which the `history` role verifies the past with the same code as the first.

use crate::{
    base::limits::COMMIT_BLOCKS,
    chain::{
        archive::{BlockStatus, HeaderRow, LedgerStore, StoreError, Tip},
        checked::CheckedBlock,
        past::PastBlock,
        rules::BlockFault,
    },
    node::{Halt, Setup},
};

use super::{chainstate::Chainstate, failure::Failure};

/// A chain that is only ever extended.
pub(in crate::node) struct PastChain {
    chain: Chainstate,
    /// Blocks since the last commit.
    pending: usize,
}

impl PastChain {
    /// Takes up where the store was left.
    pub(in crate::node) fn open(setup: &Setup, store: Box<dyn LedgerStore>) -> Result<Self, StoreError> {
        let mut chain = Chainstate::new(setup, store);
        chain.load()?;
        Ok(Self { chain, pending: 0 })
    }

    /// The last block.
    pub(in crate::node) fn tip(&self) -> &Tip {
        self.chain.tip()
    }

    /// Connects the block after the tip, whose stateless checks hold, if the rules allow it. An error: this chain's own file
    /// is damaged, or the disk fails.
    pub(in crate::node) fn connect(
        &mut self,
        row: &HeaderRow,
        block: &CheckedBlock,
    ) -> Result<Result<(), BlockFault>, StoreError> {
        let diff = match self.chain.check_block(block) {
            Ok(diff) => diff,
            Err(Failure::Block(fault)) => {
                // Our disk may be wrong and the block right.
                self.check_coins()?;
                return Ok(Err(fault));
            }
            Err(Failure::Halt(Halt::Store(error))) => return Err(error),
            Err(Failure::Halt(halt)) => return Err(StoreError::Other(halt.to_string())),
        };
        let row = &HeaderRow { status: BlockStatus::Header, ..row.clone() };
        self.chain.put_headers(std::slice::from_ref(row))?;
        self.chain.put_body(block)?;
        self.chain.connect(row, block, diff)?;
        self.pending += 1;
        if self.chain.overlay_full(0) {
            self.chain.flush()?;
        }
        Ok(Ok(()))
    }

    /// Makes sure that the coins are those of the tip's digest.
    pub(in crate::node) fn check_coins(&mut self) -> Result<(), StoreError> {
        self.chain.check_coins()
    }

    /// Whether blocks wait for a commit.
    pub(in crate::node) fn has_pending(&self) -> bool {
        self.pending > 0
    }

    /// Whether as much waits as one commit takes.
    pub(in crate::node) fn is_commit_due(&self) -> bool {
        self.pending >= COMMIT_BLOCKS || self.pending > 0 && self.chain.store().is_commit_due()
    }

    /// Commits what waits. A power failure may take it back.
    pub(in crate::node) fn commit(&mut self) -> Result<(), StoreError> {
        self.pending = 0;
        self.chain.commit(false)
    }

    /// A block that was connected and committed, with what it spent.
    pub(in crate::node) fn block_at(&self, height: u32) -> Result<PastBlock, StoreError> {
        let hash = self.chain.applied_at(height)?.hash;
        let missing = || StoreError::Corrupt(format!("the body of block {hash} is missing"));
        let body = self.chain.store().body(&hash)?.ok_or_else(missing)?;
        let spent = self.chain.store().changes_of(height, &hash)?.spent;
        Ok(PastBlock { height, hash, body, spent })
    }
}
