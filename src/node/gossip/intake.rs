//! Transactions on their way in: queued, verified in batches, offered to the ledger.

use std::sync::Arc;

use super::{Batch, Gossip, orphans::Orphan, queue::Item};
use crate::{
    base::{
        ids::{LinkId, Ticket},
        limits::{GATHER_TRANSACTIONS, VERIFY_QUEUE, VERIFY_QUEUE_BYTES},
        time::{Now, Time},
    },
    chain::{block::HashedTransaction, rules::TransactionFault},
    node::{
        Origin, Outbox, Refusal, SyncState,
        command::Reply,
        notice::{ToLedger, ToVerify, TransactionVerdict, UncheckedTransaction},
        report::Counter,
    },
    wire::frame::Frame,
};

impl Gossip {
    pub(super) fn transaction(&mut self, now: Now, link: LinkId, frame: Frame, out: &mut Outbox) {
        out.count(Counter::TransactionsReceived, 1);
        if self.state != SyncState::Synced {
            self.peers.get_mut(&link).into_iter().for_each(|peer| peer.is_unheard = true);
            return;
        }
        let decoded = frame.check().and_then(|()| Ok(HashedTransaction::decode(&frame.body)?));
        let transaction = match decoded {
            Ok(transaction) => Arc::new(transaction),
            Err(fault) => return out.fault(link, fault.into()),
        };
        let mut was_listed = false;
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.transactions.insert(&transaction.txid);
            was_listed = peer.missing.came(&transaction.txid, now.mono);
        }
        let is_old = self.is_old(&transaction);
        self.settle_announced(now, link, &transaction.leaf, was_listed, is_old);
        if is_old {
            // A twin of what was taken: nobody has to send it again.
            if self.taken.contains(&transaction.txid) {
                self.salts.note(&transaction.leaf);
            }
            return out.count(Counter::TransactionsRepeated, 1);
        }
        let leaf = transaction.leaf;
        let txid = transaction.txid;
        if !self.queue.push(Item { origin: Origin::Link(link), transaction, replace: true }) {
            if let Some(peer) = self.peers.get_mut(&link) {
                peer.missing.want(txid, now.mono);
                self.lacking.insert(link);
            }
            return out.count(Counter::TransactionsDropped, 1);
        }
        self.in_progress.insert(leaf);
        self.salts.note(&leaf);
    }

    /// Whether a peer's transaction needs no check.
    fn is_old(&self, transaction: &HashedTransaction) -> bool {
        let leaf = &transaction.leaf;
        self.taken.contains(&transaction.txid)
            || self.in_progress.contains(leaf)
            || self.refused.contains(leaf)
            || self.orphans.contains(leaf)
    }

    /// A command's transaction is always checked again, whatever we remember of it: the caller hears how it stands now.
    pub(super) fn submit(&mut self, ticket: Ticket, bytes: &[u8], replace: bool, out: &mut Outbox) {
        let lone = self.test_chain && self.state == SyncState::Isolated;
        if self.state != SyncState::Synced && !lone {
            return out.reply(ticket, Reply::NotTaken(Refusal::NotSynced(self.state)));
        }
        let transaction = match HashedTransaction::decode(bytes) {
            Ok(transaction) => Arc::new(transaction),
            Err(error) => return out.reply(ticket, Reply::Refused(format!("not a transaction: {error}"))),
        };
        let leaf = transaction.leaf;
        if !self.queue.push(Item { origin: Origin::Command(ticket), transaction, replace }) {
            return out.reply(ticket, Reply::NotTaken(Refusal::Busy));
        }
        self.in_progress.insert(leaf);
        self.salts.note(&leaf);
    }

    /// Sends what waits to the verifiers. A transaction goes at once if no other is under way, so that a client that sends
    /// one after the other never waits. While some are under way, arrivals gather for a moment, as in Nagle's algorithm: a
    /// batch costs less than half, and so does everything that follows, down to the frames that are relayed.
    pub(super) fn dispatch(&mut self, now: Now, out: &mut Outbox) {
        if !self.may_dispatch() || self.gathers_until().is_some_and(|time| now.mono < time) {
            return;
        }
        while self.batches.len() < self.most_batches {
            let batch = self.queue.batch();
            if batch.is_empty() {
                return;
            }
            self.dispatched = Some(now.mono);
            let items = batch.iter().map(|item| (item.origin, item.transaction.leaf, item.replace)).collect();
            self.batches.push_back(Batch { items, verdicts: None });
            let unchecked = |item: Item| UncheckedTransaction { origin: item.origin, transaction: item.transaction };
            out.tell(ToVerify::CheckTransactions(batch.into_iter().map(unchecked).collect()));
        }
    }

    /// When to send what waits, if nothing else happens before.
    pub(super) fn dispatch_due(&self) -> Option<Time> {
        self.gathers_until().filter(|_| !self.queue.is_empty() && self.may_dispatch())
    }

    /// Whether verifiers and ledger have room for more.
    fn may_dispatch(&self) -> bool {
        let (count, bytes) = self.at_ledger;
        count < VERIFY_QUEUE && bytes < VERIFY_QUEUE_BYTES && self.batches.len() < self.most_batches
    }

    /// Until when what waits gathers, unless it is a full batch or what is under way has come through.
    fn gathers_until(&self) -> Option<Time> {
        let under_way = !self.batches.is_empty() || self.at_ledger.0 > 0;
        self.dispatched.filter(|_| under_way && !self.queue.has_batch()).map(|time| time + GATHER_TRANSACTIONS)
    }

    /// Verifiers overtake each other. What the ledger is offered keeps the order in which it came all the same: a
    /// transaction must not get there before one that it spends.
    pub(super) fn checked(&mut self, verdicts: Vec<TransactionVerdict>, out: &mut Outbox) {
        if let Some(batch) = self.batch_of(&verdicts) {
            batch.verdicts = Some(verdicts);
        }
        while let Some(verdicts) = self.batches.front_mut().and_then(|batch| batch.verdicts.take()) {
            let items = self.batches.pop_front().map_or_else(Vec::new, |batch| batch.items);
            for (_, leaf, _) in &items {
                self.in_progress.remove(leaf);
            }
            for (TransactionVerdict { origin, result }, (_, _, replace)) in verdicts.into_iter().zip(items) {
                match (result, origin) {
                    (Ok(transaction), _) => self.admit(origin, transaction, replace, out),
                    (Err(invalid), Origin::Command(ticket)) => out.reply(ticket, Reply::Refused(invalid.to_string())),
                    // Its sender has been dealt with. The bytes are not remembered: each sender is punished for itself.
                    (Err(_), _) => {}
                }
            }
        }
    }

    /// The batch that these verdicts are about: a verdict names its sender and, if good, its transaction. Between batches
    /// of nothing but bad transactions of the same senders it makes no difference which is taken first.
    fn batch_of(&mut self, verdicts: &[TransactionVerdict]) -> Option<&mut Batch> {
        let fits = |batch: &Batch| {
            batch.verdicts.is_none()
                && batch.items.len() == verdicts.len()
                && batch.items.iter().zip(verdicts).all(|((origin, leaf, _), verdict)| {
                    *origin == verdict.origin && verdict.result.as_ref().map_or(true, |good| good.leaf == *leaf)
                })
        };
        self.batches.iter_mut().find(|batch| fits(batch))
    }

    fn admit(&mut self, origin: Origin, transaction: Arc<HashedTransaction>, replace: bool, out: &mut Outbox) {
        self.in_progress.insert(transaction.leaf);
        self.at_ledger = (self.at_ledger.0.saturating_add(1), self.at_ledger.1.saturating_add(transaction.size));
        out.tell(ToLedger::Admit { origin, transaction, replace });
    }

    pub(super) fn readmit(&mut self, orphans: Vec<Orphan>, out: &mut Outbox) {
        orphans.into_iter().for_each(|orphan| self.admit(orphan.origin, orphan.transaction, true, out));
    }

    pub(super) fn admitted(
        &mut self,
        now: Now,
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
                Err(refusal) => out.reply(ticket, Reply::NotTaken(refusal.clone())),
            }
        }
        match result {
            Ok(()) => {
                self.taken.insert(&transaction.txid);
                self.salts.note(&transaction.leaf);
                self.relay(now, origin, &transaction, out);
                let children = self.orphans.children(&transaction.txid);
                self.readmit(children, out);
            }
            Err(Refusal::Known | Refusal::Confirmed) => {
                self.taken.insert(&transaction.txid);
            }
            Err(Refusal::Invalid(TransactionFault::MissingCoin(input))) if origin.link().is_some() => {
                let dropped = self.orphans.insert(origin, transaction, input);
                dropped.iter().for_each(|leaf| self.salts.forget(leaf));
            }
            // A node relays only what it has compared with the coins. The bytes are not remembered: each sender pays for itself.
            Err(Refusal::Invalid(fault)) if fault.is_permanent() => {
                if let Some(link) = origin.link() {
                    out.fault(link, fault.into());
                }
            }
            // Passing states of this node, or what its caller wished, and nothing about the transaction.
            Err(Refusal::Busy | Refusal::NotSynced(_) | Refusal::Rival(_)) => self.salts.forget(&transaction.leaf),
            Err(_) => {
                self.salts.refuse(&transaction.leaf);
                self.refused.insert(&transaction.leaf);
            }
        }
    }
}
