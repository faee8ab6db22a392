//! The `gossip` role: who knows what, and passing on what is new.
//!
//! A transaction is verified once, offered to the ledger, and passed on once the ledger has taken it, to each peer that
//! is not known to have it. A block is passed on once it is committed. What a peer is known to have is what it sent
//! us, what we sent it, and what it told us it has.
//!
//! The id of a transaction leaves its signatures out. Whoever sends it with a bad signature must not keep the good one
//! from spreading: what is being checked or was refused is remembered by all bytes (the merkle leaf), what was taken
//! and what peers know by id.

mod known;
mod orphans;
mod queue;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use self::{
    known::Known,
    orphans::{Orphan, Orphans},
    queue::{Item, Queue},
};
use crate::{
    base::{
        bytes::Bytes,
        codec::List,
        hash::Hash,
        ids::{LinkId, Ticket},
        limits::{
            KNOWN_BLOCKS_PER_PEER, KNOWN_PER_PEER, MAX_MEMORY_POOL_IDS, MAX_REFUSED, MEMPOOL_ASK_INTERVAL,
            MEMPOOL_ASK_PEERS, RECENT_TRANSACTIONS, VERIFY_QUEUE, VERIFY_QUEUE_BYTES,
        },
        rng::Rng,
        time::{Now, Time},
    },
    chain::{block::HashedTransaction, rules::TransactionFault},
    node::{
        CloseReason, Event, LinkEvent, Notice, Origin, Outbox, PeerFault, Role, RoleId, Setup,
        command::{Command, Reply},
        notice::{ChainMove, Refusal, TransactionVerdict, UncheckedTransaction},
        report::{Counter, SyncState},
    },
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// The `gossip` role.
pub struct Gossip {
    test_chain: bool,
    /// Batches that may be at the verifiers: one being checked and one waiting for each.
    most_batches: usize,
    state: SyncState,
    peers: BTreeMap<LinkId, Peer>,
    queue: Queue,
    /// Batches at the verifiers, oldest first: who sent what.
    batches: VecDeque<Vec<(Origin, Hash)>>,
    /// Transactions and their bytes that the ledger has not answered yet.
    at_ledger: (usize, usize),
    /// Leaves of what waits, is at a verifier or at the ledger.
    in_progress: BTreeSet<Hash>,
    /// Leaves of what the ledger refused as the chain stood.
    refused: Known,
    /// Ids of what the ledger has, or lately had.
    taken: Known,
    orphans: Orphans,
    /// Ids asked for in the current round of mempool questions.
    asked: Known,
    round: Time,
    /// When a round is to begin.
    next_round: Option<Time>,
    rng: Rng,
}

/// What a peer is known to have.
struct Peer {
    transactions: Known,
    blocks: Known,
    /// We asked for its mempool, and it has not answered.
    asked: bool,
}

impl Gossip {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, rng: Rng) -> Self {
        Self {
            test_chain: setup.spec.test,
            most_batches: setup.verifiers.max(1).saturating_mul(2),
            state: SyncState::Starting,
            peers: BTreeMap::new(),
            queue: Queue::default(),
            batches: VecDeque::new(),
            at_ledger: (0, 0),
            in_progress: BTreeSet::new(),
            refused: Known::new(MAX_REFUSED),
            taken: Known::new(RECENT_TRANSACTIONS),
            orphans: Orphans::default(),
            asked: Known::new(RECENT_TRANSACTIONS),
            round: Time(0),
            next_round: None,
            rng,
        }
    }

    fn link_event(&mut self, now: Now, event: LinkEvent, out: &mut Outbox) {
        match event {
            LinkEvent::Opened { .. } | LinkEvent::DialFailed { .. } => {}
            LinkEvent::Up { link, peer } => {
                let mut blocks = Known::new(KNOWN_BLOCKS_PER_PEER);
                blocks.insert(&peer.tip);
                self.peers.insert(link, Peer { transactions: Known::new(KNOWN_PER_PEER), blocks, asked: false });
                if self.state == SyncState::Synced {
                    self.ask_mempool(link, out);
                }
            }
            LinkEvent::Frame { link, frame } => self.frame(now, link, frame, out),
            LinkEvent::Closed { link, reason } => self.closed(link, &reason),
        }
    }

    fn closed(&mut self, link: LinkId, reason: &CloseReason) {
        self.peers.remove(&link);
        // What an honest peer sent is good without it, and others may have been turned away for sending the same.
        if matches!(reason, CloseReason::Fault(_)) {
            for item in self.queue.forget(link) {
                self.in_progress.remove(&item.leaf);
            }
        }
    }

    fn frame(&mut self, now: Now, link: LinkId, frame: Frame, out: &mut Outbox) {
        if !self.peers.contains_key(&link) {
            return;
        }
        match frame.kind {
            Kind::Transaction => self.transaction(link, frame, out),
            Kind::MemoryPool => match frame.open() {
                Ok(Message::MemoryPool(ids)) => self.mempool(now, link, &ids, out),
                Ok(other) => out.fault(link, PeerFault::Unexpected(other.kind())),
                Err(fault) => out.fault(link, fault.into()),
            },
            other => out.fault(link, PeerFault::Unexpected(other)),
        }
    }

    // ---- Transactions on their way in. ----

    fn transaction(&mut self, link: LinkId, frame: Frame, out: &mut Outbox) {
        out.count(Counter::TransactionsReceived, 1);
        if self.state != SyncState::Synced {
            return;
        }
        let decoded = frame.check().and_then(|()| Ok(HashedTransaction::decode(&frame.body)?));
        let transaction = match decoded {
            Ok(transaction) => transaction,
            Err(fault) => return out.fault(link, fault.into()),
        };
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.transactions.insert(&transaction.txid);
        }
        if self.is_old(&transaction) {
            return out.count(Counter::TransactionsRepeated, 1);
        }
        let leaf = transaction.leaf;
        if !self.queue.push(Item { origin: Origin::Link(link), leaf, frame }) {
            return out.count(Counter::TransactionsDropped, 1);
        }
        self.in_progress.insert(leaf);
        self.dispatch(out);
    }

    /// Whether a peer's transaction needs no check.
    fn is_old(&self, transaction: &HashedTransaction) -> bool {
        let leaf = &transaction.leaf;
        self.taken.contains(&transaction.txid)
            || self.in_progress.contains(leaf)
            || self.refused.contains(leaf)
            || self.orphans.contains(leaf)
    }

    /// A command's transaction goes all the way whatever we remember of it: who asks hears how it stands now.
    fn submit(&mut self, ticket: Ticket, bytes: Bytes, out: &mut Outbox) {
        let lone = self.test_chain && self.state == SyncState::Isolated;
        if self.state != SyncState::Synced && !lone {
            return refuse(ticket, &Refusal::NotSynced(self.state), out);
        }
        let leaf = match HashedTransaction::decode(&bytes) {
            Ok(transaction) => transaction.leaf,
            Err(error) => return out.reply(ticket, Reply::Refused(format!("not a transaction: {error}"))),
        };
        let frame = Frame::new(&Message::Transaction(bytes));
        if !self.queue.push(Item { origin: Origin::Command(ticket), leaf, frame }) {
            return refuse(ticket, &Refusal::Busy, out);
        }
        self.in_progress.insert(leaf);
        self.dispatch(out);
    }

    /// Batches form by themselves: while the verifiers are busy, what arrives gathers into the next one.
    fn dispatch(&mut self, out: &mut Outbox) {
        let (count, bytes) = self.at_ledger;
        if count >= VERIFY_QUEUE || bytes >= VERIFY_QUEUE_BYTES {
            return;
        }
        while self.batches.len() < self.most_batches {
            let batch = self.queue.batch();
            if batch.is_empty() {
                return;
            }
            self.batches.push_back(batch.iter().map(|item| (item.origin, item.leaf)).collect());
            let unchecked = |item: Item| UncheckedTransaction { origin: item.origin, frame: item.frame };
            out.tell(RoleId::Verify, Notice::CheckTransactions(batch.into_iter().map(unchecked).collect()));
        }
    }

    fn checked(&mut self, verdicts: Vec<TransactionVerdict>, out: &mut Outbox) {
        for (_, leaf) in self.take_batch(&verdicts) {
            self.in_progress.remove(&leaf);
        }
        for TransactionVerdict { origin, result } in verdicts {
            match (result, origin) {
                (Ok(transaction), _) => self.admit(origin, transaction, out),
                (Err(invalid), Origin::Command(ticket)) => out.reply(ticket, Reply::Refused(invalid.to_string())),
                // Its sender has been dealt with. The bytes are not remembered: whoever sends them pays for it.
                (Err(_), _) => {}
            }
        }
        self.dispatch(out);
    }

    /// The batch that these verdicts are about. Verifiers overtake each other, and a verdict names its sender and, if
    /// good, its transaction. Between batches of nothing but bad transactions of the same senders it makes no
    /// difference which goes first.
    fn take_batch(&mut self, verdicts: &[TransactionVerdict]) -> Vec<(Origin, Hash)> {
        let fits = |batch: &Vec<(Origin, Hash)>| {
            batch.len() == verdicts.len()
                && batch.iter().zip(verdicts).all(|((origin, leaf), verdict)| {
                    *origin == verdict.origin && verdict.result.as_ref().map_or(true, |good| good.leaf == *leaf)
                })
        };
        let at = self.batches.iter().position(fits).unwrap_or(0);
        self.batches.remove(at).unwrap_or_default()
    }

    fn admit(&mut self, origin: Origin, transaction: Arc<HashedTransaction>, out: &mut Outbox) {
        self.in_progress.insert(transaction.leaf);
        self.at_ledger = (self.at_ledger.0.saturating_add(1), self.at_ledger.1.saturating_add(transaction.size));
        out.tell(RoleId::Ledger, Notice::Admit { origin, transaction });
    }

    fn readmit(&mut self, orphans: Vec<Orphan>, out: &mut Outbox) {
        orphans.into_iter().for_each(|orphan| self.admit(orphan.origin, orphan.transaction, out));
    }

    fn admitted(
        &mut self,
        origin: Origin,
        transaction: Arc<HashedTransaction>,
        result: Result<(), Refusal>,
        out: &mut Outbox,
    ) {
        if origin != Origin::Ledger {
            let (count, bytes) = self.at_ledger;
            self.at_ledger = (count.saturating_sub(1), bytes.saturating_sub(transaction.size));
            self.in_progress.remove(&transaction.leaf);
        }
        if let Origin::Command(ticket) = origin {
            match &result {
                Ok(()) => out.reply(ticket, Reply::Accepted(transaction.txid)),
                Err(refusal) => refuse(ticket, refusal, out),
            }
        }
        match result {
            Ok(()) => {
                self.taken.insert(&transaction.txid);
                self.relay(origin, &transaction, out);
                let children = self.orphans.children(&transaction.txid);
                self.readmit(children, out);
            }
            Err(Refusal::Known | Refusal::Confirmed) => {
                self.taken.insert(&transaction.txid);
            }
            Err(Refusal::Invalid(TransactionFault::MissingCoin(input))) if origin.link().is_some() => {
                self.orphans.insert(origin, transaction, input);
            }
            // Passing states of this node, not of the transaction.
            Err(Refusal::Busy | Refusal::NotSynced(_)) => {}
            Err(_) => {
                self.refused.insert(&transaction.leaf);
            }
        }
        self.dispatch(out);
    }

    // ---- Passing on. ----

    fn relay(&mut self, origin: Origin, transaction: &HashedTransaction, out: &mut Outbox) {
        if self.state != SyncState::Synced {
            return;
        }
        let mut frame = None;
        for (link, peer) in &mut self.peers {
            // The sender is known to have it, unless it has sent very much more since.
            if peer.transactions.insert(&transaction.txid) && origin.link() != Some(*link) {
                let encode = || Frame::new(&Message::Transaction(transaction.transaction.to_bytes().into()));
                out.send_frame(*link, frame.get_or_insert_with(encode).clone());
                out.count(Counter::TransactionsRelayed, 1);
            }
        }
    }

    fn chain_moved(&mut self, moved: &ChainMove, out: &mut Outbox) {
        if let Some((origin, bytes)) = &moved.news {
            self.relay_block(&moved.tip.hash, *origin, bytes, out);
        }
        if moved.added.is_empty() && moved.removed.is_empty() {
            return;
        }
        // What was wrong before this block may be right after it.
        self.refused.clear();
        let orphans = self.orphans.all();
        self.readmit(orphans, out);
    }

    fn relay_block(&mut self, hash: &Hash, origin: Origin, bytes: &Bytes, out: &mut Outbox) {
        if let Some(peer) = origin.link().and_then(|link| self.peers.get_mut(&link)) {
            peer.blocks.insert(hash);
        }
        let mut frame = None;
        for (link, peer) in &mut self.peers {
            if peer.blocks.insert(hash) {
                let encode = || Frame::new(&Message::Block(bytes.clone()));
                out.send_frame(*link, frame.get_or_insert_with(encode).clone());
                out.count(Counter::BlocksRelayed, 1);
            }
        }
    }

    // ---- What we missed. ----

    fn state_changed(&mut self, now: Now, state: SyncState) {
        if state == SyncState::Synced && self.state != SyncState::Synced {
            // A node at the edge of being synced must not ask again with each block.
            let earliest = if self.round == Time(0) { now.mono } else { self.round + MEMPOOL_ASK_INTERVAL };
            self.next_round = Some(earliest.max(now.mono));
        }
        self.state = state;
    }

    /// Asks a few peers what we missed while we were not synced.
    fn begin_round(&mut self, now: Now, out: &mut Outbox) {
        if self.next_round.is_none_or(|time| now.mono < time) {
            return;
        }
        self.next_round = None;
        if self.state != SyncState::Synced {
            return;
        }
        let mut links: Vec<LinkId> = self.peers.keys().copied().collect();
        self.rng.shuffle(&mut links);
        self.fresh_round(now);
        links.into_iter().take(MEMPOOL_ASK_PEERS).for_each(|link| self.ask_mempool(link, out));
    }

    fn fresh_round(&mut self, now: Now) {
        self.asked.clear();
        self.round = now.mono;
    }

    fn ask_mempool(&mut self, link: LinkId, out: &mut Outbox) {
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.asked = true;
            out.send(link, &Message::GetMemoryPool(List::EMPTY));
        }
    }

    fn mempool(&mut self, now: Now, link: LinkId, ids: &[Hash], out: &mut Outbox) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        for id in ids {
            peer.transactions.insert(id);
        }
        if !std::mem::take(&mut peer.asked) || self.state != SyncState::Synced {
            return;
        }
        if now.mono.since(self.round) >= MEMPOOL_ASK_INTERVAL {
            self.fresh_round(now);
        }
        let new = |id: &&Hash| !self.taken.contains(id);
        let wanted: Vec<Hash> = ids.iter().filter(new).copied().take(MAX_MEMORY_POOL_IDS).collect();
        let wanted: Vec<Hash> = wanted.into_iter().filter(|id| self.asked.insert(id)).collect();
        // A question without ids would ask for the list again.
        if !wanted.is_empty() {
            out.send(link, &Message::GetMemoryPool(List::truncated(wanted)));
        }
    }
}

fn refuse(ticket: Ticket, refusal: &Refusal, out: &mut Outbox) {
    out.reply(ticket, Reply::Refused(refusal.to_string()));
}

impl Role for Gossip {
    fn handle(&mut self, now: Now, event: Event, out: &mut Outbox) {
        match event {
            Event::Start | Event::Wake | Event::Stop => {}
            Event::Link(event) => self.link_event(now, event, out),
            Event::Notice(Notice::State(state)) => self.state_changed(now, state),
            Event::Notice(Notice::TransactionsChecked(verdicts)) => self.checked(verdicts, out),
            Event::Notice(Notice::Admitted { origin, transaction, result }) => {
                self.admitted(origin, transaction, result, out);
            }
            Event::Notice(Notice::ChainMoved(moved)) => self.chain_moved(&moved, out),
            Event::Notice(Notice::PeerTip { link, tip, .. }) => {
                if let Some(peer) = self.peers.get_mut(&link) {
                    peer.blocks.insert(&tip);
                }
            }
            Event::Notice(_) => {}
            Event::Command(ticket, Command::SubmitTransaction(bytes)) => self.submit(ticket, bytes, out),
            Event::Command(ticket, _) => out.reply(ticket, Reply::Refused("no command for this role".to_owned())),
        }
        self.begin_round(now, out);
    }

    fn deadline(&self) -> Option<Time> {
        self.next_round
    }
}
