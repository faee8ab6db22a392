//! The `ledger` role: the applied chain, reorganisations, the mempool, and the serving of both. The only writer of the
//! ledger's store.
//!
//! Blocks are applied at once and committed in batches while much is missing, one by one at the tip. What others hear
//! of the chain ([`Notice::ChainMoved`], [`Report::Tip`]) is always committed: after a crash nobody was told too much.
//! Only peers hear of a block earlier ([`Notice::BlockValidated`]), once nothing but storing it is left to do.

mod abandoned;
mod blocks;
mod chainstate;
mod expected;
#[cfg(test)]
pub(crate) mod fake;
mod mempool;
mod pool;
mod reorganise;
mod serve;
mod template;
#[cfg(test)]
mod tests;
mod waiting;

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        ids::LinkId,
        limits,
        time::{Now, Time},
    },
    chain::archive::{LedgerStore, StoreError},
    node::{
        Event, LinkEvent, Notice, Origin, Outbox, Role, RoleId, Setup,
        command::Reply,
        fault::Halt,
        notice::ChainMove,
        report::{Counter, Report, SyncState},
    },
};

use abandoned::Abandoned;
use blocks::{Best, Sound};
use chainstate::Chainstate;
use pool::{Pool, Rank};
use waiting::{Staged, Waiting};

/// Who hears of the applied chain's moves. `peers` before `gossip`, which may ask it to tell of the new tip.
const CHAIN_LISTENERS: [RoleId; 6] =
    [RoleId::Headers, RoleId::Fetch, RoleId::Peers, RoleId::Gossip, RoleId::Miner, RoleId::Handshake];

/// The `ledger` role.
pub struct Ledger {
    chain: Chainstate,
    pool: Pool,
    waiting: Waiting,
    staged: Staged,
    best: Best,
    pending: Pending,
    /// The next block, which others were told of and which is not stored yet.
    sound: Option<Sound>,
    /// Blocks that `fetch` need not think of any more; told at the end of each event.
    taken: Vec<(u32, Hash)>,
    /// What abandoned blocks had confirmed and the mempool is to have again.
    abandoned: Abandoned,
    /// Whether the node is synced.
    synced: bool,
    /// The tip's height when it last ceased to be.
    synced_until: Option<u32>,
    /// When to look for expired mempool transactions.
    expiry: Time,
    /// When the store may do what no commit has to wait for.
    tidy_at: Option<Time>,
    /// Where a link's next page of the mempool's list begins.
    listed: BTreeMap<LinkId, Rank>,
    /// Makes this node's coinbases its own.
    salt: template::Salt,
    /// Whether the store's tip is loaded.
    started: bool,
    /// Nothing is done after a failure or a stop.
    ended: bool,
}

/// What the next commit will make last, and what to tell then.
#[derive(Debug, Default)]
struct Pending {
    /// When the first of the changes was made; `None`: there are none.
    since: Option<Time>,
    removed: Vec<Hash>,
    added: Vec<(Hash, u32)>,
    /// Blocks that were applied, and their transactions: all, also those that were disconnected again since.
    blocks: u64,
    transactions: u64,
    /// The last block applied.
    last: Option<(Origin, Bytes)>,
}

impl Ledger {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, store: Box<dyn LedgerStore>) -> Self {
        let chain = Chainstate::new(setup, store);
        let pool_bytes = limits::MEMPOOL_BYTES.saturating_mul(setup.memory_percent) / 100;
        Self {
            best: Best::at(&chain.tip),
            chain,
            pool: Pool::new(pool_bytes),
            waiting: Waiting::default(),
            staged: Staged::default(),
            pending: Pending::default(),
            sound: None,
            taken: Vec::new(),
            abandoned: Abandoned::new(pool_bytes),
            synced: false,
            synced_until: None,
            expiry: Time::default(),
            tidy_at: None,
            listed: BTreeMap::new(),
            salt: template::Salt::new(setup),
            started: false,
            ended: false,
        }
    }

    fn start(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        self.chain.load()?;
        self.started = true;
        self.best = Best::from(self.chain.store.best_header()?);
        self.resume(now, out)?;
        self.write(now)?;
        // Whatever a crash had left is part of the start, not a move.
        self.pending = Pending::default();
        self.announce(Pending::default(), None, out);
        self.reload(now)?;
        self.expiry = now.mono + limits::MEMPOOL_EXPIRY_CHECK;
        out.report(Report::Mempool { count: self.pool.len(), bytes: self.pool.bytes() });
        Ok(())
    }

    /// Leaves everything as a clean restart should find it.
    fn stop(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        self.ended = true;
        if !self.started {
            return Ok(());
        }
        self.give_back(now, out)?;
        let kept = self.pool.in_order_of_arrival();
        self.chain.store.save_mempool(&mut kept.iter().map(|hashed| Bytes::from(hashed.transaction.to_bytes())))?;
        self.chain.commit(true)?;
        let pending = std::mem::take(&mut self.pending);
        self.announce(pending, None, out);
        Ok(())
    }

    /// Stores what was only passed on so far; nothing else happens between the two.
    fn finish(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        if self.sound.is_none() {
            return Ok(());
        }
        self.connect_sound(now)?;
        self.settle(now, out)
    }

    fn take(&mut self, now: Now, event: Event, out: &mut Outbox) -> Result<(), Halt> {
        match event {
            Event::Start => self.start(now, out),
            Event::Wake => self.wake(now),
            Event::Stop => self.stop(now, out),
            Event::Notice(notice) => self.notice(now, notice, out),
            Event::Command(ticket, command) => self.command(now, ticket, command, out),
            Event::Link(LinkEvent::Frame { link, frame }) => self.serve(link, &frame, out),
            Event::Link(LinkEvent::Closed { link, .. }) => {
                self.listed.remove(&link);
                Ok(())
            }
            // Nothing else here belongs to a link: answers to dead ones are ignored.
            Event::Link(_) => Ok(()),
        }
    }

    fn notice(&mut self, now: Now, notice: Notice, out: &mut Outbox) -> Result<(), Halt> {
        match notice {
            Notice::StoreHeaders(rows) => self.store_headers(now, &rows, out),
            Notice::BestChain { height, work } => {
                self.best = Best::new(height, work);
                Ok(())
            }
            Notice::BlockChecked { origin, block } => self.block_checked(now, origin, block, out),
            Notice::BodyInvalid { hash, fault, .. } => self.body_invalid(now, &hash, *fault, out),
            Notice::Admit { origin, transaction } => self.admit(now, origin, transaction, out),
            Notice::WantTemplate { address } => {
                let template = self.template(now, address, out)?;
                out.tell(RoleId::Miner, Notice::Template(template));
                Ok(())
            }
            Notice::State(state) => {
                if self.synced && state != SyncState::Synced {
                    self.synced_until = Some(self.chain.tip.height);
                }
                self.synced = state == SyncState::Synced;
                // At once: who waited for the node to be synced finds it there.
                if self.synced {
                    self.give_back(now, out)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn wake(&mut self, now: Now) -> Result<(), Halt> {
        if now.mono >= self.expiry {
            self.pool.expire(now.unix);
            self.expiry = now.mono + limits::MEMPOOL_EXPIRY_CHECK;
        }
        if self.tidy_at.is_some_and(|at| at <= now.mono) {
            self.tidy_at = None;
            self.chain.store.tidy()?;
        }
        Ok(())
    }

    /// Ends each event: commits if it is time, and tells what changed.
    fn settle(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        if self.commit_due(now) {
            self.commit(now, out)?;
        } else {
            self.spill()?;
        }
        if !self.taken.is_empty() {
            let blocks = std::mem::take(&mut self.taken);
            out.tell(RoleId::Fetch, Notice::BodiesTaken { blocks });
        }
        if let Some((added, removed)) = self.pool.take_changes() {
            let notice = Notice::PoolChanged { added, removed };
            out.tell(RoleId::Fetch, notice.clone());
            out.tell(RoleId::Miner, notice);
            out.report(Report::Mempool { count: self.pool.len(), bytes: self.pool.bytes() });
            if self.pool.take_room() {
                out.tell(RoleId::Gossip, Notice::PoolHasRoom);
            }
        }
        Ok(())
    }

    fn commit_due(&self, now: Now) -> bool {
        let Some(since) = self.pending.since else { return false };
        let moved = !self.pending.added.is_empty();
        now.mono >= since + limits::COMMIT_INTERVAL
            || self.pending.added.len() >= limits::COMMIT_BLOCKS
            || (moved && self.at_tip())
    }

    /// Whether coin changes and mempool together have grown to the overlay's limit, which they share. What other roles
    /// note of the mempool is half as much again.
    fn overlay_full(&self) -> bool {
        self.chain.overlay_full(self.pool.used() / 2 * 3 + self.abandoned.bytes())
    }

    /// Moves coin changes into the open transaction until the overlay is not full.
    fn spill(&mut self) -> Result<(), StoreError> {
        while self.overlay_full() {
            self.chain.spill()?;
        }
        Ok(())
    }

    /// Whether each block is committed by itself: nothing more is known to come, or only little of it and we are
    /// synced.
    fn at_tip(&self) -> bool {
        match self.best.ahead_of(&self.chain.tip) {
            0 => true,
            blocks => blocks <= limits::COMMIT_BURST && self.is_synced(),
        }
    }

    /// Whether the node is synced, or was a few blocks ago: a new block's header ends that state for a moment.
    fn is_synced(&self) -> bool {
        let recently = |height: u32| self.chain.tip.height.saturating_sub(height) <= limits::COMMIT_BURST;
        self.synced || self.synced_until.is_some_and(recently)
    }

    /// Commits what is pending and tells it.
    fn commit(&mut self, now: Now, out: &mut Outbox) -> Result<(), Halt> {
        if self.pending.since.is_none() {
            return Ok(());
        }
        let mut pending = self.write(now)?;
        // While more is to come, the log may grow: the more changes a page gathers in it, the less is written.
        self.tidy_at = self.at_tip().then(|| now.mono + limits::LEDGER_TIDY_AFTER);
        let is_news = self.is_synced() && self.best.ahead_of(&self.chain.tip) == 0;
        let news = pending.last.take().filter(|_| is_news);
        if !pending.added.is_empty() || !pending.removed.is_empty() {
            self.announce(pending, news, out);
        }
        Ok(())
    }

    /// Commits, and returns what has thereby become true.
    fn write(&mut self, now: Now) -> Result<Pending, StoreError> {
        let age = now.unix.0.saturating_sub(self.chain.tip.time);
        self.chain.commit(age < limits::DURABLE_WITHIN.as_secs())?;
        Ok(std::mem::take(&mut self.pending))
    }

    fn announce(&self, pending: Pending, news: Option<(Origin, Bytes)>, out: &mut Outbox) {
        let tip = self.chain.tip.clone();
        out.report(Report::Tip(Box::new(tip.clone())));
        if pending.blocks > 0 {
            out.count(Counter::BlocksApplied, pending.blocks);
            out.count(Counter::TransactionsApplied, pending.transactions);
        }
        let (removed, added) = (pending.removed, pending.added);
        let moved = Arc::new(ChainMove { tip, removed, added, news });
        for role in CHAIN_LISTENERS {
            out.tell(role, Notice::ChainMoved(moved.clone()));
        }
    }
}

impl Role for Ledger {
    fn handle(&mut self, now: Now, event: Event, out: &mut Outbox) {
        if self.ended {
            if let Event::Command(ticket, _) = event {
                out.reply(ticket, Reply::Refused("the ledger has stopped".to_owned()));
            }
            return;
        }
        let done = self.finish(now, out).and_then(|()| self.take(now, event, out));
        let done = if self.ended { done } else { done.and_then(|()| self.settle(now, out)) };
        if let Err(halt) = done {
            self.ended = true;
            log::error!("the ledger stops: {halt}");
            out.halt(halt);
        }
    }

    fn deadline(&self) -> Option<Time> {
        if self.ended {
            return None;
        }
        let commit = self.pending.since.map(|since| since + limits::COMMIT_INTERVAL);
        let expiry = (self.pool.len() > 0).then_some(self.expiry);
        let sound = self.sound.as_ref().map(|sound| sound.since);
        [sound, commit, expiry, self.tidy_at].into_iter().flatten().min()
    }
}
