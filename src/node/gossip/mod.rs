//! The `gossip` role: who knows what, and passing on what is new.
//!
//! A transaction is verified once, offered to the ledger, and passed on once the ledger has taken it, to each peer that
//! is not known to have it: whole to the few to whom this node lately was the first, by a short id to all others, who ask
//! one of those who announced it. A block is passed on once it is known to be valid, before it is stored. What a peer is
//! known to have is what it sent us, what we sent it, and what it told us it has.
//!
//! The id of a transaction leaves its signatures out. A copy with a bad signature must not keep the good one from
//! spreading. So transactions that are being checked or were refused are remembered by all bytes (the merkle leaf), and
//! those that were taken or that peers know by their id.

mod announced;
mod announcements;
mod announcing;
mod blocks;
mod intake;
mod known;
mod listener;
mod missing;
mod orphans;
mod queue;
mod relay;
mod relayed;
mod salts;
mod source;
#[cfg(test)]
mod tests;
mod untold;
mod wanted;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use self::{
    announcements::Announcements, known::Known, listener::Listener, missing::Missing, orphans::Orphans, queue::Queue,
    relayed::Relayed, salts::Salts, source::Source, untold::Untold, wanted::Wanted,
};
use crate::{
    base::{
        hash::Hash,
        ids::{LinkId, Ticket},
        limits::{KNOWN_BLOCKS_PER_PEER, KNOWN_PER_PEER, MAX_REFUSED, MEMPOOL_ASK_INTERVAL, RECENT_TRANSACTIONS},
        link_map::LinkMap,
        rng::Rng,
        time::{Now, Time},
    },
    chain::block::HashedTransaction,
    node::{
        CloseReason, Input, NewsLost, Origin, Outbox, PeerFault, PeerInfo, PeerLink, Role, Setup, SyncState,
        command::GossipCommand,
        notice::{ToGossip, TransactionVerdict},
        rate_limit::RateLimit,
    },
    wire::{
        frame::Frame,
        message::{Kind, Message, SERVICE_ANNOUNCE, SERVICE_COMPACT},
    },
};

/// The `gossip` role.
pub struct Gossip {
    test_chain: bool,
    /// Whether peers hear of new blocks from here.
    announces_blocks: bool,
    /// Blocks up to this size are pushed whole to all peers.
    whole_block_bytes: usize,
    /// Batches that may be at the verifiers: one being checked and one waiting for each.
    most_batches: usize,
    state: SyncState,
    peers: LinkMap<RelayPeer>,
    /// Peers that have something that we lack: not all peers are looked at with each event.
    lacking: BTreeSet<LinkId>,
    queue: Queue,
    /// Batches at the verifiers, oldest first.
    batches: VecDeque<Batch>,
    /// When the last batch went to the verifiers.
    dispatched: Option<Time>,
    /// Transactions and their bytes that the ledger has not answered yet.
    at_ledger: (usize, usize),
    /// Leaves of what waits, is at a verifier or at the ledger.
    in_progress: BTreeSet<Hash>,
    /// Leaves of what the ledger refused as the chain stood.
    refused: Known,
    /// Ids of what the ledger has, or lately had.
    taken: Known,
    orphans: Orphans,
    /// How peers name transactions to this node.
    salts: Salts,
    /// What is to be announced.
    announcements: Announcements,
    /// Peers that are to be told of something, alone or with what else goes to them.
    telling: BTreeSet<LinkId>,
    relayed: Relayed,
    /// Announced transactions that were asked for.
    wanted: Wanted,
    /// Peers that offer what nobody was asked for yet.
    offering: BTreeSet<LinkId>,
    /// Peers that owe announced transactions for longer than they may.
    late: BTreeSet<LinkId>,
    /// What the ledger took while the node was not synced, and who sent it.
    unsent: Vec<(Origin, Arc<HashedTransaction>)>,
    /// The last block that was passed on.
    passed_on: Hash,
    /// The chain has moved since without a block to pass on.
    untold: bool,
    /// The peers that asked last for a block that they had been told of: the next is pushed to them.
    askers: VecDeque<LinkId>,
    /// The tip when the chain last moved.
    tip: Hash,
    /// Peers that missed a block, because their links had no room for it.
    missed: BTreeSet<LinkId>,
    /// Ids asked for in the current round of mempool questions.
    asked: Known,
    round: Time,
    /// When a round is to begin.
    next_round: Option<Time>,
    rng: Rng,
}

/// A batch at a verifier.
struct Batch {
    /// Who sent what, and whether others may leave for it.
    items: Vec<(Origin, Hash, bool)>,
    /// What came of it, while an older batch is out.
    verdicts: Option<Vec<TransactionVerdict>>,
}

/// What a peer is known to have.
struct RelayPeer {
    transactions: Known,
    blocks: Known,
    /// It takes compact blocks.
    compact: bool,
    /// We asked for its mempool, and it has not answered.
    asked: bool,
    /// Lists of its mempool that are of use although nobody asked for them.
    lists: RateLimit,
    /// What it has and we lack.
    missing: Missing,
    /// It told of transactions while this node was not synced.
    is_unheard: bool,
    /// It takes salts and short ids.
    announces: bool,
    /// It opened the link: it chose this node, not this node it.
    is_inbound: bool,
    listener: Listener,
    /// What it is to be told of.
    untold: Untold,
    source: Source,
    /// When it was last asked for its mempool because it announced what did not come.
    listed: Option<Time>,
    /// When it was last told to be useful for a transaction.
    praised: Option<Time>,
}

impl Gossip {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, mut rng: Rng) -> Self {
        Self {
            test_chain: setup.spec.test,
            announces_blocks: setup.spec.seal_rules().announces_blocks(),
            whole_block_bytes: setup.whole_block_bytes,
            most_batches: setup.verifiers.max(1).saturating_mul(2),
            state: SyncState::Starting,
            peers: LinkMap::default(),
            lacking: BTreeSet::new(),
            queue: Queue::default(),
            batches: VecDeque::new(),
            dispatched: None,
            at_ledger: (0, 0),
            in_progress: BTreeSet::new(),
            refused: Known::new(MAX_REFUSED, &mut rng),
            taken: Known::new(RECENT_TRANSACTIONS, &mut rng),
            orphans: Orphans::default(),
            salts: Salts::new(&mut rng),
            announcements: Announcements::default(),
            telling: BTreeSet::new(),
            relayed: Relayed::default(),
            wanted: Wanted::default(),
            offering: BTreeSet::new(),
            late: BTreeSet::new(),
            unsent: Vec::new(),
            passed_on: Hash::ZERO,
            untold: false,
            askers: VecDeque::new(),
            tip: Hash::ZERO,
            missed: BTreeSet::new(),
            asked: Known::new(RECENT_TRANSACTIONS, &mut rng),
            round: Time(0),
            next_round: None,
            rng,
        }
    }

    fn on_link(&mut self, now: Now, event: PeerLink<NewsLost>, out: &mut Outbox) {
        match event {
            PeerLink::Up { link, peer } => self.up(now, link, &peer, out),
            PeerLink::Frame { link, frame } => self.on_message(now, link, frame, out),
            PeerLink::Closed { link, reason } => self.closed(link, &reason),
            PeerLink::Own(NewsLost { link, block, transactions }) => self.news_lost(link, (block, transactions), out),
        }
    }

    fn on_message(&mut self, now: Now, link: LinkId, frame: Frame, out: &mut Outbox) {
        if !self.peers.contains_key(&link) {
            return;
        }
        match frame.kind {
            Kind::Transaction => self.transaction(now, link, frame, out),
            _ => match frame.open() {
                Ok(Message::MemoryPool(ids)) => self.mempool(now, link, &ids),
                Ok(Message::RelaySalt { number, salt }) => self.relay_salt(now, link, number, salt, out),
                Ok(Message::Announce { salt, ids }) => self.announced(now, link, salt, &ids, out),
                Ok(Message::GetTransactions(ids)) => self.serve_announced(now, link, &ids, out),
                Ok(Message::AbsentTransactions(ids)) => self.absent_announced(now, link, &ids, out),
                Ok(other) => out.fault(link, PeerFault::Unexpected(other.kind())),
                Err(fault) => out.fault(link, fault.into()),
            },
        }
    }

    fn on_notice(&mut self, now: Now, notice: ToGossip, out: &mut Outbox) {
        match notice {
            ToGossip::PeerTip { link, tip } => {
                if let Some(peer) = self.peers.get_mut(&link) {
                    peer.blocks.insert(&tip);
                }
            }
            ToGossip::State(state) => self.state_changed(now, state, out),
            ToGossip::Shown { link, hash } => self.shown(link, &hash),
            ToGossip::BlockAsked { link } => self.asked(link),
            ToGossip::BlockValidated { origin, hash, bytes, compact } => {
                self.relay_block(&hash, origin, (&bytes, compact), out);
            }
            ToGossip::ChainMoved(moved) => self.chain_moved(&moved, out),
            ToGossip::TransactionsChecked(verdicts) => self.checked(verdicts, out),
            // Peers may still have what was turned away, and will not offer it again.
            ToGossip::PoolHasRoom => self.plan_round(now),
            ToGossip::Admitted { origin, transaction, result } => {
                self.praise(now, origin, &result, out);
                self.admitted(now, origin, transaction, result, out);
            }
        }
    }

    fn on_command(&mut self, ticket: Ticket, command: GossipCommand, out: &mut Outbox) {
        match command {
            GossipCommand::SubmitTransaction { bytes, replace } => self.submit(ticket, &bytes, replace, out),
        }
    }

    /// What the time, or any input, may call for.
    fn on_wake(&mut self, now: Now, out: &mut Outbox) {
        self.dispatch(now, out);
        self.begin_round(now, out);
        self.renew_salt(now, out);
        self.announce(now);
        self.look_at_announced(now, out);
        self.ask_announced(now, out);
        self.ask_missing(now, out);
        self.tell_untold(now, out);
    }

    fn up(&mut self, now: Now, link: LinkId, info: &PeerInfo, out: &mut Outbox) {
        let mut blocks = Known::new(KNOWN_BLOCKS_PER_PEER, &mut self.rng);
        blocks.insert(&info.tip);
        let transactions = Known::new(KNOWN_PER_PEER, &mut self.rng);
        let missing = Missing::default();
        let lists = RateLimit::new(Time(0), 1, 1, MEMPOOL_ASK_INTERVAL);
        let announces = info.services & SERVICE_ANNOUNCE != 0;
        let peer = RelayPeer {
            transactions,
            blocks,
            compact: info.services & SERVICE_COMPACT != 0,
            asked: false,
            lists,
            missing,
            is_unheard: false,
            announces,
            is_inbound: info.direction.is_inbound(),
            listener: Listener::new(),
            untold: Untold::default(),
            source: Source::new(),
            listed: None,
            praised: None,
        };
        self.peers.insert(link, peer);
        if announces {
            self.tell_salt(now, link, out);
        }
        if self.state == SyncState::Synced {
            self.ask_mempool(link, out);
        }
    }

    fn closed(&mut self, link: LinkId, reason: &CloseReason) {
        self.peers.remove(&link);
        self.lacking.remove(&link);
        self.missed.remove(&link);
        self.telling.remove(&link);
        self.forget_source(link);
        self.askers.retain(|asker| *asker != link);
        // What an honest peer sent is good without it, and others may have been turned away for sending the same.
        if matches!(reason, CloseReason::Fault(_)) {
            for item in self.queue.forget(link) {
                self.in_progress.remove(&item.transaction.leaf);
                self.salts.forget(&item.transaction.leaf);
            }
        }
    }
}

impl Role for Gossip {
    type Input = Input<PeerLink<NewsLost>, ToGossip, GossipCommand>;

    fn handle(&mut self, now: Now, input: Self::Input, out: &mut Outbox) {
        match input {
            Input::Link(event) => self.on_link(now, event, out),
            Input::Notice(notice) => self.on_notice(now, notice, out),
            Input::Command(ticket, command) => self.on_command(ticket, command, out),
            Input::Start | Input::Wake | Input::Stop => {}
        }
        self.on_wake(now, out);
    }

    fn deadline(&self) -> Option<Time> {
        let missing = self.lacking.iter().filter_map(|link| self.peers.get(link)?.missing.deadline());
        let announced = [self.salts.expires(), self.announce_due(), self.announced_deadline()].into_iter().flatten();
        missing.chain(self.next_round).chain(self.dispatch_due()).chain(announced).min()
    }
}
