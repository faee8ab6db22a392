//! What operators of test chains do to the chain: set blocks aside and take them back, and return to an earlier state.
//!
//! A block that is set aside is marked as an invalid one is, in the store, too, and kept: who was told of its payments hears that they are
//! undone. A return is one commit, so that a kill leaves what was before it or what is after it.

use std::collections::BTreeSet;

use crate::{
    base::{bytes::Bytes, hash::Hash, time::Now},
    chain::{
        archive::{BlockStatus, HeaderRow, StoreError},
        rules::BlockFault,
    },
    node::{
        Halt, Origin, Outbox,
        command::{Reply, TestCommand},
        notice::{ToFetch, ToHeaders},
    },
};

use super::{
    chain_manager::ChainManager,
    reorganise::{Branch, Culprit},
};

impl ChainManager {
    /// Does it, and answers.
    pub(super) fn test_command(&mut self, now: Now, command: TestCommand, out: &mut Outbox) -> Result<Reply, Halt> {
        if let Some(reason) = self.refuse_test_command() {
            return Ok(Reply::Refused(reason));
        }
        // What was told so far is told as it was.
        self.active.commit(now, out)?;
        match command {
            TestCommand::Snapshot => {
                let tip = Box::new(self.active.chain().tip().clone());
                Ok(Reply::TestSnapshot(tip, self.active.saved_pool()))
            }
            TestCommand::Revert { tip, mempool, alone, left } => {
                self.revert(now, &tip, &mempool, (!alone).then_some(&left[..]), out)
            }
            TestCommand::SetAside { block } => self.set_aside(now, &block, out),
            TestCommand::TakeBack { block } => self.take_back(now, &block, out),
            // The role itself takes the time that it takes.
            TestCommand::Reorganise(_) => Ok(Reply::Busy),
        }
    }

    /// Why the chain is none on which these commands work.
    pub(super) fn refuse_test_command(&self) -> Option<String> {
        let spec = self.active.chain().spec();
        if !spec.test {
            let name = &spec.name;
            return Some(format!("this works on test chains only, such as local and dev, and {name} is none"));
        }
        spec.seal_rules()
            .needs_certificate()
            .then(|| "the blocks of this chain are sealed by its authorities, and what is final stays".to_owned())
    }

    fn set_aside(&mut self, now: Now, block: &Hash, out: &mut Outbox) -> Result<Reply, Halt> {
        let Some(row) = self.active.chain().store().header(block)? else { return Ok(no_block(block)) };
        if let Some(reason) = self.must_stay(&row) {
            return Ok(Reply::Refused(reason));
        }
        if row.status == BlockStatus::Applied {
            let rewound = self.active.rewind(now, &row.header.previous, &[], Origin::Ledger, out)?;
            debug_assert!(rewound.is_ok(), "no block was connected");
            self.active.give_back(now, out)?;
        }
        let marked = [(*block, self.active.mark_invalid_later(now, block)?)];
        self.tell_marked(now, &marked, out)?;
        self.follow_best(now, out)?;
        self.keep_pool(now, out)?;
        Ok(Reply::Done)
    }

    fn take_back(&mut self, now: Now, block: &Hash, out: &mut Outbox) -> Result<Reply, Halt> {
        if self.active.chain().store().header(block)?.is_none() {
            return Ok(no_block(block));
        }
        self.unmark(now, block, None, out)?;
        self.follow_best(now, out)?;
        self.active.give_back(now, out)?;
        self.keep_pool(now, out)?;
        Ok(Reply::Done)
    }

    /// Keeps what waits over a kill, before the operator hears that it does.
    fn keep_pool(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.active.keep_pool(now)?;
        self.active.commit(now, out)
    }

    fn revert(
        &mut self,
        now: Now,
        tip: &Hash,
        mempool: &[Bytes],
        only: Option<&[Hash]>,
        out: &mut Outbox,
    ) -> Result<Reply, Halt> {
        let way = self.invalid_down_from(tip)?;
        if !way.is_empty() {
            self.unmark(now, tip, Some(&way), out)?;
        }
        let Some(row) = self.active.chain().store().header(tip)? else { return Ok(no_block(tip)) };
        let branch = match row.status {
            BlockStatus::Applied => Branch::Whole { fork: row.hash, path: Vec::new() },
            _ => Branch::of(self.active.chain(), &row)?,
        };
        let (fork, path) = match branch {
            Branch::Whole { fork, path } => (fork, path),
            Branch::Missing(missing) => return Ok(no_block(&missing)),
        };
        let (mut left, mut undone) = (None, 0);
        let before = self.active.chain().tip().clone();
        if fork != before.hash {
            let forked_at = self.active.chain().row(&fork)?.header.height;
            undone = before.height.saturating_sub(forked_at);
            let first = self.active.chain().applied_at(forked_at.saturating_add(1))?;
            if let Some(reason) = self.must_stay(&first) {
                return Ok(Reply::Refused(reason));
            }
            left = Some(first.hash);
        }
        if let Err(Culprit { row, fault }) = self.active.rewind(now, &fork, &path, Origin::Ledger, out)? {
            return Ok(Reply::Refused(format!("block {} is invalid: {fault}", row.hash)));
        }
        self.active.replace_pool(now, mempool, out)?;
        let mut marked = Vec::new();
        if let Some(first) = left {
            marked.push((first, self.active.mark_invalid_later(now, &first)?));
        }
        marked.extend(self.mark_better_branches(now, only)?);
        self.tell_marked(now, &marked, out)?;
        self.follow_best(now, out)?;
        Ok(Reply::Reverted { undone, aside: marked.into_iter().map(|(first, _)| first).collect() })
    }

    /// The invalid blocks from this one down, the lowest first.
    fn invalid_down_from(&self, block: &Hash) -> Result<Vec<Hash>, StoreError> {
        let (mut way, mut next) = (Vec::new(), *block);
        while let Some(row) = self.active.chain().store().header(&next)?
            && row.status == BlockStatus::Invalid
        {
            way.push(row.hash);
            next = row.header.previous;
        }
        way.reverse();
        Ok(way)
    }

    /// Commits marks, and tells of them: first blocks, each with all that was marked with it.
    fn tell_marked(&mut self, now: Now, marked: &[(Hash, Vec<Hash>)], out: &mut Outbox) -> Result<(), StoreError> {
        self.active.commit_marks(now, out)?;
        for (first, hashes) in marked {
            log::info!("set aside: block={first} blocks={}", hashes.len());
            self.tell_invalid(*first, hashes.clone(), &BlockFault::SetAside, out);
        }
        Ok(())
    }

    /// Why a block cannot be taken off the chain.
    fn must_stay(&self, row: &HeaderRow) -> Option<String> {
        let kept_from = self.active.chain().store().kept_from();
        match row.header.height {
            0 => Some("the chain's first block cannot be set aside".to_owned()),
            height if height < kept_from && row.status == BlockStatus::Applied => {
                Some(format!("block {height} is pruned, and those below {kept_from} cannot be undone"))
            }
            _ => None,
        }
    }

    /// Marks the branches with more work than the tip: all of them, or only those that this chain has left since the start, and those that
    /// begin with one of these blocks. Returns their first blocks, each with all that is marked with it.
    fn mark_better_branches(&mut self, now: Now, only: Option<&[Hash]>) -> Result<Vec<(Hash, Vec<Hash>)>, StoreError> {
        let mut branches = Vec::new();
        loop {
            let chain = self.active.chain();
            let mut row = chain.store().best_header()?;
            if row.work <= chain.tip().work {
                return Ok(branches);
            }
            let mut parent = chain.row(&row.header.previous)?;
            while parent.status != BlockStatus::Applied {
                row = parent;
                parent = chain.row(&row.header.previous)?;
            }
            if only.is_some_and(|left| !left.contains(&row.hash) && !chain.was_disconnected(&row.hash)) {
                return Ok(branches);
            }
            branches.push((row.hash, self.active.mark_invalid_later(now, &row.hash)?));
        }
    }

    /// Moves to the best of the stored branches.
    fn follow_best(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        let mut by_work = BTreeSet::new();
        for row in self.active.chain().store().stored_above(0)? {
            by_work.insert((row.work, row.hash));
        }
        by_work.iter().rev().try_for_each(|(_, hash)| self.activate_best_chain(now, hash, None, out))
    }

    /// A block, its ancestors and its descendants are not invalid any more, or exactly these instead.
    fn unmark(&mut self, now: Now, block: &Hash, only: Option<&[Hash]>, out: &mut Outbox) -> Result<(), Halt> {
        let rows = self.active.unmark_invalid(now, block, only, out)?;
        if !rows.is_empty() {
            // Before the chain moves onto them.
            out.tell(ToHeaders::BlocksValidAgain(rows));
        }
        Ok(())
    }

    /// Tells that blocks are invalid, of which the others build on the first.
    pub(super) fn tell_invalid(&mut self, first: Hash, hashes: Vec<Hash>, fault: &BlockFault, out: &mut Outbox) {
        self.waiting.forget(&hashes);
        self.staged.forget(&hashes);
        // The culprit first, as the notice promises, whatever order the store has.
        let mut ordered = vec![first];
        ordered.extend(hashes.into_iter().filter(|other| *other != first));
        let fault = Box::new(fault.clone());
        out.tell(ToHeaders::BlocksInvalid { hashes: ordered.clone(), fault: fault.clone() });
        out.tell(ToFetch::BlocksInvalid { hashes: ordered, fault });
    }
}

fn no_block(hash: &Hash) -> Reply {
    Reply::NotFound(format!("block {hash}"))
}
