//! Changes of the chain that are not yet committed: when they are, and the news that others hear then.
//!
//! The committer owns the applied chain and makes every change to it, so that each change starts the commit's timer.
//! Blocks are committed in batches while many are missing. At the tip each block is told at once; a commit and its flush
//! may wait for the blocks of some seconds ([`Setup::flush_every`]) that came from peers, which send them again after a
//! crash. Blocks of this node are flushed before anybody hears of them, and [`Report::Unsaved`] makes users wait for a
//! flush, so that a crash never takes back what they were told.

use std::cell::Cell;

use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        limits,
        time::{Now, Time},
    },
    chain::{
        archive::{HeaderRow, LedgerStore, StoreError},
        checked::CheckedBlock,
        coin_diff::CoinDiff,
        target::Work,
    },
    node::{
        ChainMove, Origin, Outbox, Setup,
        report::{Counter, Report},
    },
};

use super::{
    chain_view::ChainView, chainstate::Chainstate, failure::Failure, flushes::Flushes, keeper::Keeper,
    moved::tell_move, progress::Progress, submitted::Keep,
};

/// Blocks that are told before they are committed: what peers send again in a moment.
const MOST_POSTPONED: usize = 64;

/// The applied chain with the changes that wait for its next commit.
pub(super) struct Committer {
    pub(super) chain: Chainstate,
    progress: Progress,
    pub(super) pending: Pending,
    /// When the store may do its housekeeping.
    pub(super) tidy_at: Option<Time>,
    pub(super) flushes: Flushes,
    pub(super) keeper: Keeper,
    /// As last reported.
    pub(super) told_kept_from: Cell<u32>,
}

/// The changes that the next commit makes permanent.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// When the first of the changes was made; `None`: there are none.
    pub(super) since: Option<Time>,
    /// Told blocks that were disconnected, the highest first.
    removed: Vec<Hash>,
    /// Connected blocks, the lowest first.
    added: Vec<(Hash, u32)>,
    /// Number of blocks connected, also of those that were disconnected again since.
    blocks: u64,
    /// Number of transactions in them.
    transactions: u64,
    /// The last block connected, unless others were told of it before it was stored.
    last: Option<(Origin, Bytes)>,
    /// Whether one of the blocks came from no peer.
    has_own: bool,
}

impl Committer {
    /// A committer whose chain stands at genesis until [`Committer::load`].
    pub(super) fn new(setup: &Setup, store: Box<dyn LedgerStore>) -> Self {
        let chain = Chainstate::new(setup, store);
        Self {
            progress: Progress::at(chain.tip()),
            chain,
            pending: Pending::default(),
            tidy_at: None,
            flushes: Flushes::new(setup),
            keeper: Keeper::default(),
            told_kept_from: Cell::new(1),
        }
    }

    /// Takes up where the store was left.
    pub(super) fn load(&mut self) -> Result<(), StoreError> {
        self.chain.load()?;
        self.read_best_header()
    }

    /// The applied chain, to read.
    pub(super) fn chain(&self) -> &Chainstate {
        &self.chain
    }

    /// The applied chain while its coins are not here.
    pub(super) fn bare_mut(&mut self) -> &mut Chainstate {
        &mut self.chain
    }

    /// The applied chain for the mempool.
    pub(super) fn view(&mut self) -> &mut impl ChainView {
        &mut self.chain
    }

    /// Notes the best header.
    pub(super) fn set_best(&mut self, height: u32, work: Work) {
        self.progress.set_best(height, work);
    }

    /// Notes whether the node is synced.
    pub(super) fn set_synced(&mut self, synced: bool) {
        self.progress.set_synced(synced, self.chain.tip().height);
    }

    /// Whether the node is synced, or was a few blocks ago.
    pub(super) fn is_synced(&self) -> bool {
        self.progress.is_synced(self.chain.tip())
    }

    /// Whether no header with more work than this is known.
    pub(super) fn is_best(&self, work: Work) -> bool {
        self.progress.is_best(work)
    }

    /// Stores validated headers.
    pub(super) fn put_headers(&mut self, now: Now, rows: &[HeaderRow]) -> Result<(), StoreError> {
        self.chain.put_headers(rows)?;
        self.touch(now);
        Ok(())
    }

    /// Stores the body of a block on a branch.
    pub(super) fn put_body(&mut self, now: Now, block: &CheckedBlock) -> Result<(), StoreError> {
        self.chain.put_body(block)?;
        self.touch(now);
        Ok(())
    }

    /// Makes sure that the coins are those of the state digest.
    pub(super) fn check_coins(&mut self) -> Result<(), StoreError> {
        self.chain.check_coins()
    }

    /// Connects a checked block on top of the tip and stores its body. `is_told`: others have heard of it already.
    pub(super) fn connect_new(
        &mut self,
        now: Now,
        row: &HeaderRow,
        block: &CheckedBlock,
        diff: CoinDiff,
        (origin, is_told): (Origin, bool),
    ) -> Result<(), StoreError> {
        self.chain.put_body(block)?;
        self.chain.connect(row, block, diff)?;
        self.connected(now, block, origin, is_told);
        Ok(())
    }

    /// Connects a checked block whose body is stored on top of the tip.
    pub(super) fn connect_stored(
        &mut self,
        now: Now,
        row: &HeaderRow,
        block: &CheckedBlock,
        diff: CoinDiff,
        origin: Origin,
    ) -> Result<(), StoreError> {
        self.chain.connect(row, block, diff)?;
        self.connected(now, block, origin, false);
        Ok(())
    }

    /// Disconnects the tip; returns its hash.
    pub(super) fn disconnect(&mut self, now: Now) -> Result<Hash, StoreError> {
        let hash = self.chain.tip().hash;
        self.chain.disconnect()?;
        self.touch(now);
        // Others were not told that it was connected, so they are not told that it is disconnected either.
        if self.pending.added.pop_if(|(added, _)| *added == hash).is_none() {
            self.pending.removed.push(hash);
        }
        Ok(hash)
    }

    /// Connects a block again after [`Committer::disconnect`].
    pub(super) fn reconnect(&mut self, now: Now, row: &HeaderRow, block: &CheckedBlock) -> Result<(), Failure> {
        let diff = self.chain.check_block(block)?;
        self.chain.connect(row, block, diff)?;
        if self.pending.removed.pop_if(|removed| *removed == row.hash).is_none() {
            self.connected(now, block, Origin::Ledger, false);
        }
        Ok(())
    }

    /// The last block connected, for [`Committer::set_last`].
    pub(super) fn last(&self) -> Option<(Origin, Bytes)> {
        self.pending.last.clone()
    }

    /// Sets [`Committer::last`] back after a failed branch.
    pub(super) fn set_last(&mut self, last: Option<(Origin, Bytes)>) {
        self.pending.last = last;
    }

    /// Moves all coin changes into the open transaction if they have grown to the overlay's limit, of which the mempool uses
    /// `mempool_bytes`.
    pub(super) fn spill(&mut self, mempool_bytes: usize) -> Result<(), StoreError> {
        if self.chain.overlay_full(mempool_bytes) { self.chain.flush() } else { Ok(()) }
    }

    /// Whether as many blocks wait as one commit takes.
    pub(super) fn is_batch_full(&self) -> bool {
        self.pending.added.len() >= limits::COMMIT_BLOCKS
    }

    /// Whether it is time for a commit.
    pub(super) fn is_due(&self, now: Now) -> bool {
        let Some(since) = self.pending.since else { return false };
        let moved = !self.pending.added.is_empty();
        now.mono >= since + limits::COMMIT_INTERVAL
            || self.is_batch_full()
            || self.chain.store().is_commit_due()
            || (moved && self.progress.is_at_tip(self.chain.tip()))
    }

    /// Commits the pending changes, or postpones that, and tells of them.
    pub(super) fn settle(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        if !self.may_postpone(now) {
            return self.commit(now, out);
        }
        self.flushes.due = self.flushes.wait_until(now);
        let blocks = self.flushes.postponed.get_or_insert_with(|| {
            out.report(Report::Unsaved(true));
            0
        });
        *blocks += self.pending.added.len();
        self.chain.postpone_commit();
        self.tidy_at = None; // the store tidies only between transactions
        let pending = std::mem::take(&mut self.pending);
        self.tell(pending, out);
        Ok(())
    }

    /// Commits the pending changes and tells of them.
    pub(super) fn commit(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        if self.pending.since.is_none() { Ok(()) } else { self.commit_all(now, false, out) }
    }

    /// Commits all that was told, and flushes it at once or when that is due.
    pub(super) fn commit_all(&mut self, now: Now, at_once: bool, out: &mut Outbox) -> Result<(), StoreError> {
        let pending = self.write(now, at_once, out)?;
        // While more is to come, the log may grow: the more changes a page gathers in it, the less is written.
        self.tidy_at = self.progress.is_at_tip(self.chain.tip()).then(|| now.mono + limits::LEDGER_TIDY_AFTER);
        self.tell(pending, out);
        Ok(())
    }

    /// Commits and flushes what was told, if that was postponed.
    pub(super) fn save(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        if self.flushes.postponed.is_none() { Ok(()) } else { self.commit_all(now, true, out) }
    }

    /// Commits the changes of the start and tells the tip. Blocks that a crash had left are part of the start, not a
    /// move.
    pub(super) fn commit_start(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        self.write(now, false, out)?;
        self.tidy_at = self.chain.store().prunes().then(|| now.mono + limits::LEDGER_TIDY_AFTER);
        self.announce(Pending::default(), None, out);
        Ok(())
    }

    /// Commits durably, with the mempool's transactions, and tells the tip. The last thing before the end.
    pub(super) fn commit_stop(
        &mut self,
        mempool: &mut dyn Iterator<Item = Bytes>,
        out: &mut Outbox,
    ) -> Result<(), StoreError> {
        self.chain.save_mempool(mempool)?;
        self.chain.commit(true)?;
        self.tell_saved(out);
        let pending = std::mem::take(&mut self.pending);
        self.announce(pending, None, out);
        Ok(())
    }

    /// Keeps transactions of users at once.
    pub(super) fn keep(&mut self, now: Now, keep: Keep, out: &mut Outbox) {
        self.keeper.keep(now, keep, &mut self.chain, out);
    }

    /// Whether a crash loses no block that others were told of.
    pub(super) fn is_stored(&self) -> bool {
        self.pending.since.is_none() && self.flushes.postponed.is_none()
    }

    /// When [`Committer::is_due`] or [`Committer::tidy`] has something to do although nothing happened.
    pub(super) fn deadline(&self) -> Option<Time> {
        // A commit that is to come flushes, too.
        let commit = self.pending.since.map(|since| since + limits::COMMIT_INTERVAL).or(self.flushes.due);
        commit.into_iter().chain(self.tidy_at).chain(self.keeper.deadline()).min()
    }

    /// Notes that something is uncommitted.
    pub(super) fn touch(&mut self, now: Now) {
        self.pending.since.get_or_insert(now.mono);
    }

    fn connected(&mut self, now: Now, block: &CheckedBlock, origin: Origin, is_told: bool) {
        self.touch(now);
        self.pending.added.push((block.hash, block.header.height));
        self.pending.blocks += 1;
        self.pending.transactions += block.txids.len() as u64;
        self.pending.last = (!is_told).then(|| (origin, block.bytes.clone()));
        self.pending.has_own |= origin.link().is_none();
    }

    pub(super) fn read_best_header(&mut self) -> Result<(), StoreError> {
        let best = self.chain.store().best_header()?;
        self.progress.set_best(best.header.height, best.work);
        Ok(())
    }

    /// Whether the pending changes can be told before they are committed.
    fn may_postpone(&self, now: Now) -> bool {
        let blocks = self.flushes.postponed.unwrap_or(0) + self.pending.added.len();
        self.flushes.wait_until(now).is_some()
            && blocks <= MOST_POSTPONED
            && !self.pending.has_own
            && self.pending.removed.is_empty()
            && self.pending.since.is_some()
            && self.is_young(now)
            && self.progress.is_at_tip(self.chain.tip())
            && !self.chain.store().is_commit_due()
    }

    /// Whether commits wait for the disk at this tip.
    fn is_young(&self, now: Now) -> bool {
        self.flushes.all || now.unix.0.saturating_sub(self.chain.tip().time) < limits::DURABLE_WITHIN.as_secs()
    }

    /// Commits; returns the changes that are permanent now.
    fn write(&mut self, now: Now, at_once: bool, out: &mut Outbox) -> Result<Pending, StoreError> {
        let durable = at_once || self.is_young(now) && (self.pending.has_own || self.flushes.take(now));
        self.chain.commit(durable)?;
        if durable {
            self.flushes.flushed(now);
        }
        self.tell_saved(out);
        Ok(std::mem::take(&mut self.pending))
    }

    fn tell_saved(&mut self, out: &mut Outbox) {
        if self.flushes.postponed.take().is_some() {
            out.report(Report::Unsaved(false));
        }
    }

    /// Tells what has changed, if the chain has.
    fn tell(&self, mut pending: Pending, out: &mut Outbox) {
        let is_news = self.is_synced() && self.progress.ahead_of(self.chain.tip()) == 0;
        let news = pending.last.take().filter(|_| is_news);
        if !pending.added.is_empty() || !pending.removed.is_empty() {
            self.announce(pending, news, out);
        }
    }

    fn announce(&self, pending: Pending, news: Option<(Origin, Bytes)>, out: &mut Outbox) {
        let tip = self.chain.tip().clone();
        out.report(Report::Tip(Box::new(tip.clone())));
        if pending.blocks > 0 {
            out.count(Counter::BlocksApplied, pending.blocks);
            out.count(Counter::TransactionsApplied, pending.transactions);
        }
        self.tell_kept(out);
        tell_move(ChainMove { tip, removed: pending.removed, added: pending.added, news }, out);
    }
}
