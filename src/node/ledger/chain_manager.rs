//! What arrives for the chain: headers to store, checked blocks to connect, verdicts that a block is invalid.
//!
//! A block goes on top of the tip, onto a stored branch, or waits for its parent. The chain always moves to the stored
//! branch with the most work; of branches with equal work the first stays.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{
    base::{
        hash::Hash,
        limits::STAGED_BLOCKS,
        time::{Now, Time},
    },
    chain::{
        archive::{BlockStatus, HeaderRow, LedgerStore, StoreError},
        checked::CheckedBlock,
        coin_diff::CoinDiff,
        rules::BlockFault,
        target::Work,
    },
    node::{
        Halt, Origin, Outbox, PeerFault, Setup,
        notice::{ToFetch, ToGossip},
    },
};

use super::{
    active_chain::ActiveChain,
    blame::{blame, refuse},
    compact::CompactBlocks,
    deliverers::Deliverers,
    early::{Early, Found},
    failure::Failure,
    proposals::Proposals,
    reorganise::{Branch, Culprit},
    too_deep::TooDeep,
    waiting::{Arrival, Staged, Waiting},
};

/// The applied chain and the blocks that are not part of it.
pub(super) struct ChainManager {
    pub(super) active: ActiveChain,
    pub(super) compact: CompactBlocks,
    pub(super) waiting: Waiting,
    pub(super) staged: Staged,
    pub(super) early: Early,
    deliverers: Deliverers,
    /// Proposed blocks of a sealed chain.
    pub(super) proposals: Proposals,
    /// The next block, which others were told of and which is not connected yet.
    validated: Option<Validated>,
    too_deep: TooDeep,
    /// A block that was notarised again, and what its chain counts as.
    pub(super) lifted: Option<(Hash, Work)>,
    /// Blocks whose bodies `fetch` need not ask for any more; told at the end of each event.
    pub(super) taken: Vec<(u32, Hash)>,
}

/// A block that fits on top of the tip.
struct Validated {
    /// When it was found to be valid.
    since: Time,
    origin: Origin,
    row: HeaderRow,
    block: Arc<CheckedBlock>,
    diff: CoinDiff,
}

/// What became of an arrived block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    /// Connected, or stored on a branch: its children can follow.
    There,
    /// Kept back, dropped or refused.
    NotYet,
}

impl ChainManager {
    /// A manager of a chain that stands at genesis until [`ChainManager::start`].
    pub(super) fn new(setup: &Setup, store: Box<dyn LedgerStore>, mempool_bytes: usize) -> Self {
        Self {
            active: ActiveChain::new(setup, store, mempool_bytes),
            compact: CompactBlocks::new(setup),
            waiting: Waiting::default(),
            staged: Staged::default(),
            early: Early::default(),
            deliverers: Deliverers::new(STAGED_BLOCKS),
            proposals: Proposals::default(),
            validated: None,
            too_deep: TooDeep::default(),
            lifted: None,
            taken: Vec::new(),
        }
    }

    /// Takes up where the store was left, and connects bodies that an earlier run stored and did not connect.
    pub(super) fn start(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        self.active.load()?;
        let mut by_work = BTreeSet::new();
        for row in self.active.chain().store().stored_above(self.active.chain().tip().height)? {
            self.taken.push((row.header.height, row.hash));
            by_work.insert((row.work, row.hash));
        }
        for (_, hash) in by_work.iter().rev() {
            self.activate_best_chain(now, hash, None, out)?;
        }
        Ok(self.active.finish_start(now, out)?)
    }

    /// The applied chain with its mempool, to read.
    pub(super) fn active(&self) -> &ActiveChain {
        &self.active
    }

    /// The applied chain with its mempool. The role connects a validated block before it gets here.
    pub(super) fn active_mut(&mut self) -> &mut ActiveChain {
        &mut self.active
    }

    /// What is known of links.
    pub(super) fn compact_mut(&mut self) -> &mut CompactBlocks {
        &mut self.compact
    }

    /// Stores headers that `headers` validated.
    pub(super) fn store_headers(&mut self, now: Now, rows: &[HeaderRow], out: &mut Outbox) -> Result<(), Halt> {
        self.active.put_headers(now, rows)?;
        let mut previous = None;
        for row in rows {
            // `headers` may not yet have known that a branch is invalid when it sent these.
            let linked = previous == Some(row.header.previous);
            previous = Some(row.hash);
            if !linked && self.status_of(&row.header.previous)? == Some(BlockStatus::Invalid) {
                return self.invalidate(now, &row.hash, BlockFault::InvalidParent, out);
            }
        }
        rows.iter().try_for_each(|row| self.connect_candidate(now, &row.hash, out))
    }

    /// Takes a block whose stateless checks hold, and then the blocks that waited for it.
    pub(super) fn block_checked(
        &mut self,
        now: Now,
        origin: Origin,
        block: Arc<CheckedBlock>,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        let mut arrivals = VecDeque::from([(origin, block)]);
        while let Some(arrival) = arrivals.pop_front() {
            let hash = arrival.1.hash;
            if self.place(now, &arrival, out)? == Placed::There {
                arrivals.extend(self.waiting.take(&hash));
                let leaves = self.staged.take(&hash);
                if !arrivals.is_empty() || !leaves.is_empty() {
                    self.connect_validated(now)?;
                }
                for leaf in leaves {
                    self.activate_best_chain(now, &leaf, Some((hash, origin)), out)?;
                }
            }
            self.active.spill()?;
        }
        Ok(())
    }

    /// The verifier found that the header commits to an invalid body.
    pub(super) fn body_invalid(
        &mut self,
        now: Now,
        (origin, hash): (Origin, &Hash),
        fault: Box<BlockFault>,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        match self.status_of(hash)? {
            None => {
                self.await_header(now.mono, (origin, *hash), Found::Invalid(fault), out);
                Ok(())
            }
            Some(BlockStatus::Invalid) => Ok(()),
            Some(BlockStatus::Applied) => Err(Halt::Invariant(format!("block {hash} is applied and invalid: {fault}"))),
            Some(BlockStatus::Header | BlockStatus::Stored) => self.invalidate(now, hash, *fault, out),
        }
    }

    /// Connects the block that was only passed on so far; `false` if there is none.
    pub(super) fn connect_validated(&mut self, now: Now) -> Result<bool, StoreError> {
        let Some(Validated { origin, row, block, diff, .. }) = self.validated.take() else { return Ok(false) };
        self.active.connect(now, &row, &block, diff, (origin, true))?;
        self.taken.push((row.header.height, row.hash));
        Ok(true)
    }

    /// Ends each event: commits if it is time, and tells of the changes.
    pub(super) fn settle(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.active.settle(now, out)?;
        self.drop_late(now.mono, out);
        self.too_deep.settle(now, self.tip_rank(), out);
        if !self.taken.is_empty() {
            let blocks = std::mem::take(&mut self.taken);
            out.tell(ToFetch::BodiesTaken { blocks });
        }
        self.active.tell_pool_changes(out);
        Ok(())
    }

    /// When there is something to do although nothing happened.
    pub(super) fn deadline(&self) -> Option<Time> {
        let validated = self.validated.as_ref().map(|validated| validated.since);
        validated.into_iter().chain(self.early.deadline()).chain(self.active.deadline()).min()
    }

    /// How many blocks wait in memory for their parents.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn place(&mut self, now: Now, (origin, block): &Arrival, out: &mut Outbox) -> Result<Placed, Halt> {
        let Some(row) = self.active.chain().store().row_of(block)? else {
            self.await_header(now.mono, (*origin, block.hash), Found::Valid(block.clone()), out);
            return Ok(Placed::NotYet);
        };
        let taken = (row.header.height, row.hash);
        match row.status {
            BlockStatus::Invalid => {
                blame(*origin, PeerFault::InvalidBranch, out);
                Ok(Placed::NotYet)
            }
            BlockStatus::Applied => {
                self.taken.push(taken);
                Ok(Placed::There)
            }
            BlockStatus::Stored => {
                self.taken.push(taken);
                self.activate_best_chain(now, &row.hash, Some((row.hash, *origin)), out)?;
                Ok(Placed::There)
            }
            BlockStatus::Header if self.extends(&row)? => self.extend(now, *origin, row, block, out),
            BlockStatus::Header => self.keep(now, *origin, &row, block, out),
        }
    }

    /// Connects a block on top of the tip. News is passed on first and connected with the next event, which is due at
    /// once: the time that storing takes must not add up along a block's way through the network.
    fn extend(
        &mut self,
        now: Now,
        origin: Origin,
        row: HeaderRow,
        block: &Arc<CheckedBlock>,
        out: &mut Outbox,
    ) -> Result<Placed, Halt> {
        let checked = match self.proposals.take_diff(&block.hash) {
            Some(diff) => Ok(diff),
            None => self.active.chain().check_block(block),
        };
        match checked {
            Ok(diff) if self.announces() && self.active.is_news(row.work) => {
                let (hash, bytes) = (block.hash, block.bytes.clone());
                let compact = self.compact.make_news(block, self.active.pool());
                out.tell(ToGossip::BlockValidated { origin, hash, bytes, compact });
                out.hurry();
                self.validated = Some(Validated { since: now.mono, origin, row, block: block.clone(), diff });
                Ok(Placed::There)
            }
            Ok(diff) => {
                self.active.connect(now, &row, block, diff, (origin, false))?;
                self.taken.push((row.header.height, row.hash));
                Ok(Placed::There)
            }
            Err(Failure::Block(fault)) => {
                self.active.check_coins()?;
                if let Some(link) = origin.liable() {
                    out.fault(link, PeerFault::Block(fault.clone()));
                }
                self.invalidate(now, &row.hash, fault, out)?;
                Ok(Placed::NotYet)
            }
            Err(Failure::Halt(halt)) => Err(halt),
        }
    }

    /// Stores a block of another branch. If its parent's body is not here yet, the block waits in memory.
    fn keep(
        &mut self,
        now: Now,
        origin: Origin,
        row: &HeaderRow,
        block: &Arc<CheckedBlock>,
        out: &mut Outbox,
    ) -> Result<Placed, Halt> {
        match self.status_of(&row.header.previous)? {
            Some(BlockStatus::Invalid) => {
                blame(origin, PeerFault::InvalidBranch, out);
                self.invalidate(now, &row.hash, BlockFault::InvalidParent, out)?;
                return Ok(Placed::NotYet);
            }
            Some(BlockStatus::Applied) if let Some(fault) = self.active.chain().contradicts_sibling(&row.header)? => {
                blame(origin, PeerFault::Block(fault.clone()), out);
                self.invalidate(now, &row.hash, fault, out)?;
                return Ok(Placed::NotYet);
            }
            Some(BlockStatus::Header) if self.waiting.insert(origin, block) => return Ok(Placed::NotYet),
            Some(_) => {}
            None => {
                let problem = format!("the parent of header {} is missing", row.hash);
                return Err(StoreError::Corrupt(problem).into());
            }
        }
        if self.staged.is_full() {
            self.staged.prune(self.tip_rank());
            if self.staged.is_full() {
                refuse(origin, row.hash, "too many blocks wait for an ancestor", out);
                return Ok(Placed::NotYet);
            }
        }
        self.active.put_body(now, block)?;
        self.deliverers.insert(row.hash, origin);
        self.taken.push((row.header.height, row.hash));
        self.activate_best_chain(now, &row.hash, Some((row.hash, origin)), out)?;
        Ok(Placed::There)
    }

    /// Moves to the branch that ends with `leaf` if it is whole and has more work than the tip. `sender` is the block
    /// that made us look, with its origin.
    pub(super) fn activate_best_chain(
        &mut self,
        now: Now,
        leaf: &Hash,
        sender: Option<(Hash, Origin)>,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        let origin = sender.map_or(Origin::Ledger, |(_, origin)| origin);
        let mut leaf = *leaf;
        loop {
            let chain = self.active.chain();
            let row = chain.row(&leaf)?;
            let rank = self.rank(&row.hash, row.work);
            if row.status != BlockStatus::Stored || rank <= self.tip_rank() {
                return Ok(());
            }
            let moved = match Branch::of(chain, &row)? {
                Branch::Whole { fork, path } if fork == chain.tip().hash && !self.bypasses_final(&fork, &path)? => {
                    self.active.follow(now, &path, origin, out)?
                }
                Branch::Whole { fork, path } => {
                    self.refuse_to_leave_final(&fork, &path)?;
                    if self.bypasses_final(&fork, &path)? {
                        return Ok(());
                    }
                    let fork_height = chain.row(&fork)?.header.height;
                    if self.too_deep.refuses(now, (fork_height, rank), self.active.chain(), out) {
                        return Ok(());
                    }
                    self.active.switch(now, &fork, &path, origin, out)?
                }
                Branch::Missing(missing) => {
                    self.staged.insert(missing, rank, row.hash);
                    return Ok(());
                }
            };
            let Err(Culprit { row, fault }) = moved else { return Ok(()) };
            self.active.check_coins()?;
            if let Some(link) = self.deliverers.of(&row.hash) {
                out.fault(link, PeerFault::Block(fault.clone()));
            }
            self.invalidate(now, &row.hash, fault, out)?;
            // The branch's blocks below the culprit are valid, and may still have more work than the tip.
            leaf = row.header.previous;
        }
    }

    /// Marks a block and its descendants as invalid, for ever, and says so. Since our disk may be wrong and not the
    /// block, the caller first makes sure of our coins ([`ActiveChain::check_coins`]) where the fault depends on them.
    fn invalidate(&mut self, now: Now, hash: &Hash, fault: BlockFault, out: &mut Outbox) -> Result<(), Halt> {
        if self.active.chain().spec().seal_rules().needs_certificate() {
            // Headers are stored only once they are certified.
            return Err(Halt::certified_but_invalid(hash, &fault.to_string()));
        }
        let hashes = self.active.mark_invalid(now, hash, out)?;
        log::warn!("block is invalid: block={hash} blocks={} fault={fault}", hashes.len());
        self.tell_invalid(*hash, hashes, &fault, out);
        Ok(())
    }

    /// Whether peers hear of new blocks by announcements.
    fn announces(&self) -> bool {
        self.active.chain().spec().seal_rules().announces_blocks()
    }

    pub(super) fn status_of(&self, hash: &Hash) -> Result<Option<BlockStatus>, StoreError> {
        self.active.chain().store().status_of(hash)
    }
}
