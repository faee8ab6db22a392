//! The applied chain and the mempool, kept in step: each block that is connected or disconnected reaches both.

use std::sync::Arc;

use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        limits,
        time::{Now, Time},
    },
    chain::{
        archive::{HeaderRow, LedgerStore, StoreError, Tip},
        block::HashedTransaction,
        checked::CheckedBlock,
        coin_diff::CoinDiff,
        past::PastBlock,
        target::Work,
    },
    node::{
        Halt, Origin, Outbox, Setup,
        report::{Counter, Report},
    },
};

use super::{
    chainstate::Chainstate,
    committer::Committer,
    failure::Failure,
    mempool::Mempool,
    pool::Pool,
    reorganise::{Culprit, Switch},
};

/// The applied chain with its mempool.
pub(super) struct ActiveChain {
    chain: Committer,
    mempool: Mempool,
}

impl ActiveChain {
    /// A chain that stands at genesis until [`ActiveChain::load`], and an empty mempool of at most `mempool_bytes`.
    pub(super) fn new(setup: &Setup, store: Box<dyn LedgerStore>, mempool_bytes: usize) -> Self {
        Self { chain: Committer::new(setup, store), mempool: Mempool::new(mempool_bytes) }
    }

    /// Takes up where the store was left.
    pub(super) fn load(&mut self) -> Result<(), StoreError> {
        self.chain.load()
    }

    /// Ends the start: commits, tells the tip, and takes in the mempool of the last clean stop, and what users have submitted
    /// since.
    pub(super) fn finish_start(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.chain.commit_start(now, out)?;
        let store = self.chain.chain().store();
        let (saved, submitted) = (store.load_mempool()?, store.load_submitted()?);
        if self.mempool.reload(self.chain.view(), &saved, &submitted, now, out)? {
            self.chain.keep(now, self.mempool.forget_settled(now), out);
        }
        Ok(())
    }

    /// Leaves everything as a clean restart should find it.
    pub(super) fn stop(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.mempool.give_back(self.chain.view(), now, out)?;
        self.chain.commit_stop(&mut self.mempool.saved(), out)
    }

    /// The applied chain, to read.
    pub(super) fn chain(&self) -> &Chainstate {
        self.chain.chain()
    }

    /// The applied chain while its coins are not here.
    pub(super) fn bare_mut(&mut self) -> &mut Chainstate {
        self.chain.bare_mut()
    }

    /// The mempool, to read.
    pub(super) fn pool(&self) -> &Pool {
        self.mempool.pool()
    }

    /// Notes the best header.
    pub(super) fn set_best(&mut self, height: u32, work: Work) {
        self.chain.set_best(height, work);
    }

    /// Notes whether the node is synced. If it is, the transactions of abandoned blocks come back at once, so that a
    /// caller that waited for the node to be synced finds them.
    pub(super) fn set_synced(&mut self, now: Now, synced: bool, out: &mut Outbox) -> Result<(), StoreError> {
        self.chain.set_synced(synced);
        if synced { self.mempool.give_back(self.chain.view(), now, out) } else { Ok(()) }
    }

    /// Whether a block with this work would be news: the node is synced and knows of no better one.
    pub(super) fn is_news(&self, work: Work) -> bool {
        self.chain.is_synced() && self.chain.is_best(work)
    }

    /// Takes a transaction that a peer or a program offers into the mempool, and answers. `replace`: others may leave for it.
    pub(super) fn admit(
        &mut self,
        now: Now,
        origin: Origin,
        (transaction, replace): (Arc<HashedTransaction>, bool),
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let txid = transaction.txid;
        self.mempool.admit(self.chain.view(), now, origin, (transaction, replace), out)?;
        // Before the user hears that it was taken.
        if matches!(origin, Origin::Command(_)) {
            self.keep(now, &txid, out);
        }
        Ok(())
    }

    /// Keeps a transaction that a user has submitted, and what it builds on.
    fn keep(&mut self, now: Now, txid: &Hash, out: &mut Outbox) {
        if let Some(keep) = self.mempool.keep(now, txid) {
            self.chain.keep(now, keep, out);
        }
        // Once blocks are stored, what they confirm may be dropped.
        if self.mempool.keeps_much() && self.chain.is_stored() {
            self.chain.keep(now, self.mempool.forget_settled(now), out);
        }
    }

    /// Stores validated headers.
    pub(super) fn put_headers(&mut self, now: Now, rows: &[HeaderRow]) -> Result<(), StoreError> {
        self.chain.put_headers(now, rows)
    }

    /// Stores the body of a block on a branch.
    pub(super) fn put_body(&mut self, now: Now, block: &CheckedBlock) -> Result<(), StoreError> {
        self.chain.put_body(now, block)
    }

    /// Marks a block and its descendants as invalid and commits that; returns their hashes.
    pub(super) fn mark_invalid(&mut self, now: Now, hash: &Hash, out: &mut Outbox) -> Result<Vec<Hash>, StoreError> {
        let hashes = self.chain.mark_invalid(now, hash)?;
        self.chain.commit_marks(now, out)?;
        Ok(hashes)
    }

    /// The same, to be committed with [`ActiveChain::commit_marks`].
    pub(super) fn mark_invalid_later(&mut self, now: Now, hash: &Hash) -> Result<Vec<Hash>, StoreError> {
        self.chain.mark_invalid(now, hash)
    }

    /// Takes the mark off a block, its ancestors and its descendants, or off exactly these instead, and commits that; returns those
    /// that had it.
    pub(super) fn unmark_invalid(
        &mut self,
        now: Now,
        hash: &Hash,
        only: Option<&[Hash]>,
        out: &mut Outbox,
    ) -> Result<Vec<HeaderRow>, StoreError> {
        let rows = self.chain.unmark_invalid(now, hash, only)?;
        self.chain.commit_marks(now, out)?;
        Ok(rows)
    }

    /// Commits all changes, and looks for the best header again.
    pub(super) fn commit_marks(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.chain.commit_marks(now, out)
    }

    /// Keeps blocks of the past.
    pub(super) fn keep_past(&mut self, now: Now, blocks: &[PastBlock], out: &mut Outbox) -> Result<(), StoreError> {
        self.chain.keep_past(now, blocks, out)
    }

    /// Makes sure that the coins are those of the state digest.
    pub(super) fn check_coins(&mut self) -> Result<(), StoreError> {
        self.chain.check_coins()
    }

    /// Connects a checked block on top of the tip and stores its body. `is_told`: others have heard of it already.
    pub(super) fn connect(
        &mut self,
        now: Now,
        row: &HeaderRow,
        block: &CheckedBlock,
        diff: CoinDiff,
        (origin, is_told): (Origin, bool),
    ) -> Result<(), StoreError> {
        self.mempool.confirm(&block.txids, &mut diff.spent());
        self.chain.connect_new(now, row, block, diff, (origin, is_told))
    }

    /// Connects stored blocks on top of the tip. Each is a step forward, so that a failure leaves the earlier ones.
    pub(super) fn follow(
        &mut self,
        now: Now,
        path: &[Hash],
        origin: Origin,
        out: &mut Outbox,
    ) -> Result<Result<(), Culprit>, Halt> {
        for hash in path {
            let (row, block) = self.chain().stored_block(hash)?;
            match self.chain().check_block(&block) {
                Ok(diff) => {
                    self.mempool.confirm(&block.txids, &mut diff.spent());
                    self.chain.connect_stored(now, &row, &block, diff, origin)?;
                }
                Err(Failure::Block(fault)) => return Ok(Err(Culprit { row, fault })),
                Err(Failure::Halt(halt)) => return Err(halt),
            }
            self.spill()?;
            if self.chain.is_batch_full() {
                self.chain.commit(now, out)?;
            }
        }
        Ok(Ok(()))
    }

    /// Disconnects blocks down to `fork` and connects the stored branch: all of it, or after a fault nothing.
    pub(super) fn switch(
        &mut self,
        now: Now,
        fork: &Hash,
        path: &[Hash],
        origin: Origin,
        out: &mut Outbox,
    ) -> Result<Result<(), Culprit>, Halt> {
        let height = self.chain().tip().height;
        match self.rewind(now, fork, path, origin, out)? {
            Ok(depth) if depth > limits::DEEP_REORGANISATION => {
                let text = format!("{depth} blocks were replaced at once, from height {height} down");
                out.report(Report::Warning { key: "deep-reorganisation", text: Some(text) });
            }
            Ok(_) => {}
            Err(culprit) => return Ok(Err(culprit)),
        }
        if self.chain.is_due(now) {
            self.chain.commit(now, out)?;
        }
        if self.chain.is_synced() {
            self.give_back(now, out)?;
        }
        Ok(Ok(()))
    }

    /// The same, without a commit, and leaves the transactions of abandoned blocks where they are. Returns the number of blocks that
    /// were disconnected. However many an operator wants that of, it is no reason to warn him.
    pub(super) fn rewind(
        &mut self,
        now: Now,
        fork: &Hash,
        path: &[Hash],
        origin: Origin,
        out: &mut Outbox,
    ) -> Result<Result<usize, Culprit>, Halt> {
        let old = self.chain().tip().clone();
        let mempool_bytes = self.mempool.overlay_bytes();
        let removed = match (Switch { chain: &mut self.chain, now, mempool_bytes }).run(fork, path, origin)? {
            Ok(removed) => removed,
            Err(culprit) => return Ok(Err(culprit)),
        };
        if !removed.is_empty() {
            tell_switch(&old, self.chain().tip(), removed.len(), out);
        }
        self.mempool.reorganised(self.chain.view(), old.height, &removed, path)?;
        Ok(Ok(removed.len()))
    }

    /// Takes the transactions of abandoned blocks back.
    pub(super) fn give_back(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.mempool.give_back(self.chain.view(), now, out)
    }

    /// Lets the transactions of abandoned blocks not come back, nor after a start.
    pub(super) fn leave_out(&mut self, now: Now, blocks: &[Hash], out: &mut Outbox) -> Result<(), StoreError> {
        let keep = self.mempool.leave_out(self.chain.view(), blocks)?;
        self.chain.keep(now, keep, out);
        Ok(())
    }

    /// Keeps the mempool as it is over a kill: the next commit makes that permanent.
    pub(super) fn keep_pool(&mut self, now: Now) -> Result<(), StoreError> {
        self.chain.save_mempool(now, &mut self.mempool.saved())
    }

    /// The mempool's transactions, ancestors before descendants.
    pub(super) fn saved_pool(&self) -> Vec<Bytes> {
        self.mempool.saved().collect()
    }

    /// Replaces the mempool, and what is kept of it over a kill: the next commit makes that permanent.
    pub(super) fn replace_pool(
        &mut self,
        now: Now,
        transactions: &[Bytes],
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        let keep = self.mempool.replace_all(self.chain.view(), now, transactions, out)?;
        self.chain.keep(now, keep, out);
        self.chain.save_mempool(now, &mut transactions.iter().cloned())
    }

    /// Moves coin changes to the store until they fit into the overlay's limit, which the mempool shares.
    pub(super) fn spill(&mut self) -> Result<(), StoreError> {
        self.chain.spill(self.mempool.overlay_bytes())
    }

    /// Commits the pending changes and tells of them.
    pub(super) fn commit(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.chain.commit(now, out)
    }

    /// Commits and flushes what was told.
    pub(super) fn save(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.chain.save(now, out)
    }

    /// Commits and tells if it is time.
    pub(super) fn settle(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        if self.chain.is_due(now) { self.chain.settle(now, out) } else { self.spill() }
    }

    /// Tells of the mempool's changes.
    pub(super) fn tell_pool_changes(&mut self, out: &mut Outbox) {
        self.mempool.tell_changes(out);
    }

    /// Does what is due by time alone, other than a commit.
    pub(super) fn wake(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.mempool.expire(now);
        self.chain.tidy(now, out)
    }

    /// When there is something to do although nothing happened.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.chain.deadline().into_iter().chain(self.mempool.deadline()).min()
    }
}

fn tell_switch(old: &Tip, tip: &Tip, depth: usize, out: &mut Outbox) {
    log::info!(
        "reorganised: depth={depth} old_tip={} old_height={} new_tip={} new_height={}",
        old.hash,
        old.height,
        tip.hash,
        tip.height
    );
    out.report(Report::Reorganised { depth, old_tip: old.hash });
    out.count(Counter::Reorganisations, 1);
}
