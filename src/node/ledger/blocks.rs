//! What arrives for the chain: headers to store, checked blocks to apply, verdicts that a block is invalid.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{
    base::{
        hash::Hash,
        time::{Now, Time},
    },
    chain::{
        archive::{BlockStatus, HeaderRow, StoreError, Tip},
        checked::CheckedBlock,
        coin_diff::CoinDiff,
        rules::BlockFault,
        target::Work,
    },
    node::{Notice, Origin, Outbox, PeerFault, RoleId, fault::Halt},
};

use super::{Ledger, chainstate::Failure, waiting::Arrival};

/// The best header stored so far: how much is known to come.
#[derive(Debug)]
pub(super) struct Best {
    height: u32,
    work: Work,
}

impl Best {
    /// What `headers` says.
    pub(super) fn new(height: u32, work: Work) -> Self {
        Self { height, work }
    }

    /// As if nothing were known beyond the tip.
    pub(super) fn at(tip: &Tip) -> Self {
        Self { height: tip.height, work: tip.work }
    }

    /// How many blocks the best chain is ahead of the tip; 0 if the tip has as much work.
    pub(super) fn ahead_of(&self, tip: &Tip) -> u32 {
        if self.work > tip.work { self.height.saturating_sub(tip.height).max(1) } else { 0 }
    }
}

impl From<HeaderRow> for Best {
    fn from(row: HeaderRow) -> Self {
        Self { height: row.header.height, work: row.work }
    }
}

/// A block that fits on top of the tip, and is not there yet.
pub(super) struct Sound {
    /// When it was found to be sound.
    pub(super) since: Time,
    origin: Origin,
    row: HeaderRow,
    block: Arc<CheckedBlock>,
    diff: CoinDiff,
    /// Others were told of it.
    is_news: bool,
}

/// What became of an arrived block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Placed {
    /// Applied, or stored on a branch: its children can follow.
    There,
    /// Kept back, dropped or refused.
    NotYet,
}

impl Ledger {
    pub(super) fn store_headers(&mut self, now: Now, rows: &[HeaderRow], out: &mut Outbox) -> Result<(), Halt> {
        self.chain.store.put_headers(rows)?;
        self.touch(now);
        let mut previous = None;
        for row in rows {
            // `headers` may not yet have known that a branch is invalid when it sent these.
            let linked = previous == Some(row.header.previous);
            previous = Some(row.hash);
            if !linked && self.builds_on_invalid(row)? {
                return self.invalidate(now, &row.hash, BlockFault::InvalidParent, out);
            }
        }
        Ok(())
    }

    /// Takes a block whose stateless checks hold, and then whatever had to wait for it.
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
                    self.connect_sound(now)?;
                }
                for leaf in leaves {
                    self.activate_best_chain(now, &leaf, Some((hash, origin)), out)?;
                }
            }
            self.spill()?;
        }
        Ok(())
    }

    /// The verifier found that the header commits to an invalid body.
    pub(super) fn body_invalid(
        &mut self,
        now: Now,
        hash: &Hash,
        fault: BlockFault,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        match self.chain.store.status_of(hash)? {
            None | Some(BlockStatus::Invalid) => Ok(()),
            Some(BlockStatus::Applied) => Err(Halt::Invariant(format!("block {hash} is applied and invalid: {fault}"))),
            Some(BlockStatus::Header | BlockStatus::Stored) => self.invalidate(now, hash, fault, out),
        }
    }

    /// Marks a block and its descendants as invalid, for ever, and says so.
    pub(super) fn invalidate(
        &mut self,
        now: Now,
        hash: &Hash,
        fault: BlockFault,
        out: &mut Outbox,
    ) -> Result<(), Halt> {
        let hashes = self.chain.store.mark_invalid(hash)?;
        self.touch(now);
        self.commit(now, out)?;
        self.waiting.forget(&hashes);
        self.staged.forget(&hashes);
        self.best = Best::from(self.chain.store.best_header()?);
        log::warn!("block is invalid: block={hash} blocks={} fault={fault}", hashes.len());
        // The culprit first, as the notice promises, whatever order the store has.
        let mut ordered = vec![*hash];
        ordered.extend(hashes.into_iter().filter(|other| other != hash));
        let notice = Notice::BlocksInvalid { hashes: ordered, fault: Box::new(fault) };
        out.tell(RoleId::Headers, notice.clone());
        out.tell(RoleId::Fetch, notice);
        Ok(())
    }

    /// Applies bodies that an earlier run stored and did not come to apply.
    pub(super) fn resume(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        let mut by_work = BTreeSet::new();
        for row in self.chain.store.stored_above(self.chain.tip.height)? {
            self.taken.push((row.header.height, row.hash));
            by_work.insert((row.work, row.hash));
        }
        for (_, hash) in by_work.iter().rev() {
            self.activate_best_chain(now, hash, None, out)?;
        }
        Ok(())
    }

    /// Notes that something is uncommitted.
    pub(super) fn touch(&mut self, now: Now) {
        self.pending.since.get_or_insert(now.mono);
    }

    /// Notes an applied block, and frees the mempool of what it confirms or contradicts.
    pub(super) fn applied(&mut self, now: Now, origin: Origin, block: &CheckedBlock) {
        self.touch(now);
        self.pending.added.push((block.hash, block.header.height));
        self.pending.blocks += 1;
        self.pending.transactions += block.txids.len() as u64;
        self.pending.last = Some((origin, block.bytes.clone()));
    }

    fn place(&mut self, now: Now, (origin, block): &Arrival, out: &mut Outbox) -> Result<Placed, Halt> {
        let Some(row) = self.chain.store.row_of(block)? else {
            self.refuse(*origin, block.hash, "its header is not known", out);
            return Ok(Placed::NotYet);
        };
        let taken = (row.header.height, row.hash);
        match row.status {
            BlockStatus::Invalid => Ok(Placed::NotYet),
            BlockStatus::Applied => {
                self.taken.push(taken);
                Ok(Placed::There)
            }
            BlockStatus::Stored => {
                self.taken.push(taken);
                self.activate_best_chain(now, &row.hash, Some((row.hash, *origin)), out)?;
                Ok(Placed::There)
            }
            BlockStatus::Header if row.header.previous == self.chain.tip.hash => {
                self.extend(now, *origin, &row, block, out)
            }
            BlockStatus::Header => self.keep(now, *origin, &row, block, out),
        }
    }

    /// Applies a block on top of the tip. If it is news, it is passed on before it is stored: what the rest takes is not
    /// to be added up along its way through the network. It is stored with the next event, which is due at once.
    fn extend(
        &mut self,
        now: Now,
        origin: Origin,
        row: &HeaderRow,
        block: &Arc<CheckedBlock>,
        out: &mut Outbox,
    ) -> Result<Placed, Halt> {
        match self.chain.check_block(block) {
            Ok(diff) => {
                let is_news = self.is_synced() && row.work >= self.best.work;
                let (row, block) = (row.clone(), block.clone());
                let sound = self.sound.insert(Sound { since: now.mono, origin, row, block, diff, is_news });
                if is_news {
                    let (hash, bytes) = (sound.block.hash, sound.block.bytes.clone());
                    out.tell(RoleId::Gossip, Notice::BlockValidated { origin, hash, bytes });
                    out.hurry();
                } else {
                    self.connect_sound(now)?;
                }
                Ok(Placed::There)
            }
            Err(Failure::Block(fault)) => {
                self.chain.check_coins()?;
                if let Some(link) = origin.link() {
                    out.fault(link, PeerFault::Block(fault.clone()));
                }
                self.invalidate(now, &row.hash, fault, out)?;
                Ok(Placed::NotYet)
            }
            Err(Failure::Halt(halt)) => Err(halt),
        }
    }

    /// Puts the block on the chain that was found to be sound.
    pub(super) fn connect_sound(&mut self, now: Now) -> Result<(), Halt> {
        let Some(Sound { origin, row, block, diff, is_news, .. }) = self.sound.take() else { return Ok(()) };
        self.pool.confirm(&block.txids, &mut diff.spent());
        self.chain.connect(&row, &block, diff, false)?;
        self.applied(now, origin, &block);
        if is_news {
            // Told already.
            self.pending.last = None;
        }
        self.taken.push((row.header.height, row.hash));
        Ok(())
    }

    /// Stores a block of another branch, or lets one wait whose parent's body is not here yet.
    fn keep(
        &mut self,
        now: Now,
        origin: Origin,
        row: &HeaderRow,
        block: &Arc<CheckedBlock>,
        out: &mut Outbox,
    ) -> Result<Placed, Halt> {
        match self.chain.store.status_of(&row.header.previous)? {
            Some(BlockStatus::Invalid) => {
                self.invalidate(now, &row.hash, BlockFault::InvalidParent, out)?;
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
            self.staged.prune(self.chain.tip.work);
            if self.staged.is_full() {
                self.refuse(origin, row.hash, "too many blocks wait for an ancestor", out);
                return Ok(Placed::NotYet);
            }
        }
        self.chain.store.put_body(&block.hash, &block.bytes)?;
        self.touch(now);
        self.taken.push((row.header.height, row.hash));
        self.activate_best_chain(now, &row.hash, Some((row.hash, origin)), out)?;
        Ok(Placed::There)
    }

    /// Lets `fetch` ask for a body again later. Nobody is to blame.
    fn refuse(&self, origin: Origin, hash: Hash, why: &str, out: &mut Outbox) {
        log::debug!("block not taken: block={hash} reason={why}");
        let fault = BlockFault::Malformed(why.to_owned());
        out.tell(RoleId::Fetch, Notice::BodyRefused { hash, origin, fault: Box::new(fault) });
    }

    fn builds_on_invalid(&self, row: &HeaderRow) -> Result<bool, StoreError> {
        Ok(self.chain.store.status_of(&row.header.previous)? == Some(BlockStatus::Invalid))
    }
}
