//! Transactions on their way in: queued, verified in batches, offered to the ledger.

use std::sync::Arc;

use super::{Gossip, orphans::Orphan, queue::Item};
use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        ids::{LinkId, Ticket},
        limits::{VERIFY_QUEUE, VERIFY_QUEUE_BYTES},
        time::Now,
    },
    chain::{block::HashedTransaction, rules::TransactionFault},
    node::{
        Notice, Origin, Outbox, RoleId,
        command::Reply,
        notice::{Refusal, TransactionVerdict, UncheckedTransaction},
        report::{Counter, SyncState},
    },
    wire::{frame::Frame, message::Message},
};

impl Gossip {
    pub(super) fn transaction(&mut self, now: Now, link: LinkId, frame: Frame, out: &mut Outbox) {
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
            peer.missing.came(&transaction.txid, now.mono);
        }
        if self.is_old(&transaction) {
            return out.count(Counter::TransactionsRepeated, 1);
        }
        let leaf = transaction.leaf;
        if !self.queue.push(Item { origin: Origin::Link(link), leaf, frame }) {
            if let Some(peer) = self.peers.get_mut(&link) {
                peer.missing.want(transaction.txid, now.mono);
                self.lacking.insert(link);
            }
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
    pub(super) fn submit(&mut self, ticket: Ticket, bytes: Bytes, out: &mut Outbox) {
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
    pub(super) fn dispatch(&mut self, out: &mut Outbox) {
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

    pub(super) fn checked(&mut self, verdicts: Vec<TransactionVerdict>, out: &mut Outbox) {
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

    pub(super) fn readmit(&mut self, orphans: Vec<Orphan>, out: &mut Outbox) {
        orphans.into_iter().for_each(|orphan| self.admit(orphan.origin, orphan.transaction, out));
    }

    pub(super) fn admitted(
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
}

fn refuse(ticket: Ticket, refusal: &Refusal, out: &mut Outbox) {
    out.reply(ticket, Reply::Refused(refusal.to_string()));
}
