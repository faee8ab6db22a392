//! Proposed blocks of a sealed chain: judged in their place before their headers count.

use std::sync::Arc;

use crate::{
    base::{hash::Hash, time::Now},
    chain::{
        archive::{BlockStatus, HeaderRow, StoreError},
        checked::CheckedBlock,
        coin_diff::CoinDiff,
        key::Claim,
        rules::{self, BlockFault, HeaderFault, ParentFacts},
        target::Work,
    },
    node::{
        Halt, Origin, Outbox,
        notice::{ProposalFault, ToSealer},
    },
};

use super::{branch_view::BranchView, chain_manager::ChainManager, chainstate::Chainstate, failure::Failure};

/// Blocks that a proposal's parent may be away from the tip, down and up again. Without faults it is the tip, or one of two
/// notarised blocks at the same height.
const MAX_DETOUR: usize = 32;

impl ChainManager {
    /// Judges a proposed block whose stateless checks hold, and answers.
    pub(super) fn take_proposal(&mut self, now: Now, block: &Arc<CheckedBlock>, out: &mut Outbox) -> Result<(), Halt> {
        let hash = block.hash;
        let result = match self.status_of(&hash)? {
            Some(BlockStatus::Applied) => Ok(()),
            Some(BlockStatus::Invalid) => Err(ProposalFault::Invalid(BlockFault::InvalidParent.to_string())),
            Some(BlockStatus::Header | BlockStatus::Stored) => {
                // It is notarised already.
                self.block_checked(now, Origin::Proposal, block.clone(), out)?;
                let there = self.status_of(&hash)? == Some(BlockStatus::Applied);
                if there { Ok(()) } else { Err(ProposalFault::Unready) }
            }
            None if self.proposals.find(&hash).is_some() => Ok(()),
            None => match self.judge(block)? {
                Ok(diff) => self.proposals.insert(block, diff).then_some(()).ok_or(ProposalFault::Unready),
                Err(fault) => Err(fault),
            },
        };
        out.tell(ToSealer::ProposalChecked { hash, result });
        Ok(())
    }

    fn judge(&self, block: &CheckedBlock) -> Result<Result<CoinDiff, ProposalFault>, Halt> {
        let chain = self.active().chain();
        if let Err(fault) = self.check_header(chain, block)? {
            return Ok(Err(fault));
        }
        let checked = match chain.tip().hash == block.header.previous {
            true => chain.check_block(block),
            false => match self.branch_view(chain, &block.header.previous)? {
                Ok(view) => view.check_block(block),
                Err(fault) => return Ok(Err(fault)),
            },
        };
        match checked {
            Ok(diff) => Ok(Ok(diff)),
            // Nothing is marked as invalid, so that coins which are wrong on our disk cost no more than a vote.
            Err(Failure::Block(fault)) => Ok(Err(ProposalFault::Invalid(fault.to_string()))),
            Err(Failure::Halt(halt)) => Err(halt),
        }
    }

    /// Checks the header, its parent's certificate included: once notarised, a header that breaks a rule would stop every node.
    fn check_header(&self, chain: &Chainstate, block: &CheckedBlock) -> Result<Result<(), ProposalFault>, StoreError> {
        let (spec, previous) = (chain.spec(), block.header.previous);
        let parent = match self.proposals.find(&previous) {
            Some(parent) => Some(parent.header.clone()),
            None => chain.store().header(&previous)?.map(|row| row.header),
        };
        let Some(parent) = parent else { return Ok(Err(ProposalFault::Unready)) };
        let facts = ParentFacts {
            hash: previous,
            height: parent.height,
            time: parent.time,
            median_time: parent.time,
            paused: 0,
            work: spec.chain_work(Work::ZERO, &parent),
        };
        let rules = rules::check_header(spec, &facts, &block.header, &block.hash);
        let claims = || spec.seal_rules().parent_claims(spec, &block.header).iter().all(Claim::holds);
        let checked = rules.and_then(|()| if claims() { Ok(()) } else { Err(HeaderFault::VoteSignature) });
        Ok(checked.map_err(|fault| ProposalFault::Invalid(fault.to_string())))
    }

    /// The coins after a block that is not the tip: an applied one below it, one of a branch, or a proposal.
    fn branch_view<'a>(
        &'a self,
        chain: &'a Chainstate,
        parent: &Hash,
    ) -> Result<Result<BranchView<'a>, ProposalFault>, Halt> {
        let (mut path, mut at) = (Vec::new(), *parent);
        let fork = loop {
            let row = chain.store().header(&at)?;
            let block = match (self.proposals.find(&at), row) {
                (_, Some(row)) if row.status == BlockStatus::Applied => break row.header.height,
                (Some(block), _) => block.clone(),
                (None, Some(row)) if row.status == BlockStatus::Stored => Arc::new(chain.stored_block(&at)?.1),
                (None, _) => return Ok(Err(ProposalFault::Unready)),
            };
            at = block.header.previous;
            path.push(block);
            if path.len() > MAX_DETOUR {
                return Ok(Err(ProposalFault::Unready));
            }
        };
        if let Some(fault) = self.leaves_final(fork, &path)? {
            return Ok(Err(fault));
        }
        if chain.tip().height.saturating_sub(fork) as usize > MAX_DETOUR {
            return Ok(Err(ProposalFault::Unready));
        }
        let mut view = BranchView::at_tip(chain);
        for height in (fork.saturating_add(1)..=chain.tip().height).rev() {
            let row = chain.applied_at(height)?;
            view.undo(&chain.store().changes_of(height, &row.hash)?, &row.header.state_digest)?;
        }
        for block in path.iter().rev() {
            match view.check_block(block) {
                Ok(diff) => view.apply(&diff.changes),
                Err(Failure::Block(fault)) => {
                    return Ok(Err(ProposalFault::Invalid(format!("builds on block {}: {fault}", block.hash))));
                }
                Err(Failure::Halt(halt)) => return Err(halt),
            }
        }
        Ok(Ok(view))
    }

    /// Why a proposal gets no vote whose branch leaves the applied chain at this height and has these blocks, the highest first.
    fn leaves_final(&self, fork: u32, path: &[Arc<CheckedBlock>]) -> Result<Option<ProposalFault>, StoreError> {
        let end = path.first().map_or(fork, |block| block.header.height);
        let finals = self.proposals.finals.binding(&self.active().chain().spec().authorities, end);
        for (height, hash) in finals.filter(|(height, _)| fork < *height) {
            let leaves = match path.iter().find(|block| block.header.height == height) {
                Some(block) => block.hash != hash,
                None => self.has_applied(height, &hash)?,
            };
            if leaves {
                return Ok(Some(ProposalFault::Invalid("leaves a final block".to_owned())));
            }
            // The branch may lead to the final block: the next move of the chain tells.
            if path.first().is_none_or(|parent| parent.header.height < height) {
                return Ok(Some(ProposalFault::Unready));
            }
        }
        Ok(None)
    }

    /// Connects the notarised block with this header if it was proposed and judged before.
    pub(super) fn connect_candidate(&mut self, now: Now, hash: &Hash, out: &mut Outbox) -> Result<(), Halt> {
        match self.proposals.find(hash).cloned() {
            Some(block) => self.block_checked(now, Origin::Proposal, block, out),
            None => Ok(()),
        }
    }

    /// The chain never leaves this block any more.
    pub(super) fn set_final(&mut self, height: u32, hash: Hash) -> Result<(), Halt> {
        let mut finals = self.proposals.finals;
        let is_newest = finals.advance(height, hash, |height, hash| self.has_applied(height, hash))?;
        self.proposals.finals = finals;
        if !is_newest {
            return Ok(());
        }
        if let Some(row) = self.active().chain().store().header(&hash)? {
            self.proposals.forget_up_to(row.work.view());
        }
        Ok(())
    }

    fn has_applied(&self, height: u32, hash: &Hash) -> Result<bool, StoreError> {
        Ok(self.active().chain().store().applied_at(height)?.is_some_and(|row| row.hash == *hash))
    }

    /// Whether a branch that leaves the chain after this block has another block in the place of a final one. It is not followed: the
    /// final one comes.
    pub(super) fn bypasses_final(&self, fork: &Hash, path: &[Hash]) -> Result<bool, StoreError> {
        let chain = self.active().chain();
        let fork_height = chain.row(fork)?.header.height;
        let end = fork_height.saturating_add(u32::try_from(path.len()).unwrap_or(u32::MAX));
        let mut finals = self.proposals.finals.binding(&chain.spec().authorities, end);
        Ok(finals.any(|(height, hash)| {
            let at = height.checked_sub(fork_height).and_then(|above| above.checked_sub(1));
            at.and_then(|at| path.get(at as usize)).is_some_and(|block| *block != hash)
        }))
    }

    /// Whether a block is the next one of the chain.
    pub(super) fn extends(&self, row: &HeaderRow) -> Result<bool, StoreError> {
        let tip = self.active().chain().tip().hash;
        Ok(row.header.previous == tip && !self.bypasses_final(&tip, std::slice::from_ref(&row.hash))?)
    }

    /// Stops the node if a branch that begins at this height would leave the last final block.
    pub(super) fn refuse_to_leave_final(&self, fork: &Hash, path: &[Hash]) -> Result<(), Halt> {
        let chain = self.active().chain();
        let (leaf, fork_height) = (path.last().unwrap_or(fork), chain.row(fork)?.header.height);
        let end = chain.row(leaf)?.header.height;
        let mut left = None;
        for (height, hash) in self.proposals.finals.binding(&chain.spec().authorities, end) {
            if fork_height < height && self.has_applied(height, &hash)? {
                left = Some((height, hash));
            }
        }
        let Some((height, hash)) = left else { return Ok(()) };
        Err(Halt::Authorities(format!(
            "the authorities have notarised block {leaf} on a branch that leaves block {height}, {hash}, which they had made \
             final; more of them fail or lie than the chain tolerates: this node follows them no further"
        )))
    }
}
