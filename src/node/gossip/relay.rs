//! Passing on new transactions, and asking for what we missed.

use std::sync::Arc;

use super::{Gossip, missing::Missing};
use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::LinkId,
        limits::{MAX_MEMORY_POOL_IDS, MEMPOOL_ASK_INTERVAL, MEMPOOL_ASK_PEERS, RECENT_TRANSACTIONS, USEFUL_INTERVAL},
        time::{Now, Time},
    },
    chain::block::HashedTransaction,
    node::{
        Origin, Outbox, Refusal, SyncState,
        notice::{ToHandshake, Useful},
    },
    wire::message::Message,
};

impl Gossip {
    /// Relays a transaction that the ledger has taken. No other node may have it: if this node is no longer synced, it
    /// relays the transaction once it is again. Transactions of an abandoned branch are not kept for that: other nodes have
    /// them too, and a sync would pile them up.
    pub(super) fn relay(&mut self, now: Now, origin: Origin, transaction: &Arc<HashedTransaction>, out: &mut Outbox) {
        if self.state != SyncState::Synced {
            if origin != Origin::Ledger && self.unsent.len() < RECENT_TRANSACTIONS {
                self.unsent.push((origin, transaction.clone()));
            }
            return;
        }
        self.tell_of(now, origin, transaction, out);
    }

    /// Notes who brings new transactions, for the choice of who keeps a slot.
    pub(super) fn praise(&mut self, now: Now, origin: Origin, result: &Result<(), Refusal>, out: &mut Outbox) {
        let Some((link, peer)) = origin.link().and_then(|link| Some((link, self.peers.get_mut(&link)?))) else {
            return;
        };
        if result.is_ok() && peer.praised.is_none_or(|last| last + USEFUL_INTERVAL <= now.mono) {
            peer.praised = Some(now.mono);
            out.tell(ToHandshake::Useful { link, what: Useful::Transaction });
        }
    }

    pub(super) fn state_changed(&mut self, now: Now, state: SyncState, out: &mut Outbox) {
        let was_synced = std::mem::replace(&mut self.state, state) == SyncState::Synced;
        if state == SyncState::Synced && !was_synced {
            self.plan_round(now);
            self.tell_tip(out);
            for (origin, transaction) in std::mem::take(&mut self.unsent) {
                self.relay(now, origin, &transaction, out);
            }
        }
        if state != SyncState::Synced {
            self.peers.values_mut().for_each(|peer| peer.missing = Missing::default());
            self.lacking.clear();
            self.forget_announced();
        }
    }

    /// Plans to ask for what we missed. A node at the edge of being synced must not do so with each block.
    pub(super) fn plan_round(&mut self, now: Now) {
        let earliest = if self.round == Time(0) { now.mono } else { self.round + MEMPOOL_ASK_INTERVAL };
        self.next_round.get_or_insert(earliest.max(now.mono));
    }

    /// Asks a few peers what we missed while we were not synced, or had no room.
    pub(super) fn begin_round(&mut self, now: Now, out: &mut Outbox) {
        if self.next_round.is_none_or(|time| now.mono < time) {
            return;
        }
        self.next_round = None;
        if self.state != SyncState::Synced {
            return;
        }
        let mut links: Vec<LinkId> = self.peers.keys().collect();
        self.rng.shuffle(&mut links);
        // First those who told of something that this node did not hear.
        links.sort_by_key(|link| !self.peers.get(link).is_some_and(|peer| peer.is_unheard));
        self.peers.values_mut().for_each(|peer| peer.is_unheard = false);
        self.fresh_round(now);
        links.into_iter().take(MEMPOOL_ASK_PEERS).for_each(|link| self.ask_mempool(link, out));
    }

    fn fresh_round(&mut self, now: Now) {
        self.asked.clear();
        self.round = now.mono;
    }

    pub(super) fn ask_mempool(&mut self, link: LinkId, out: &mut Outbox) {
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.asked = true;
            out.send(link, &Message::GetMemoryPool(List::EMPTY));
        }
    }

    /// Notes what a peer has; [`Gossip::ask_missing`] follows.
    pub(super) fn mempool(&mut self, now: Now, link: LinkId, ids: &[Hash]) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        for id in ids {
            peer.transactions.insert(id);
        }
        let has_token = peer.lists.take(now.mono);
        if !(std::mem::take(&mut peer.asked) || has_token) || self.state != SyncState::Synced {
            return;
        }
        if now.mono.since(self.round) >= MEMPOOL_ASK_INTERVAL {
            self.fresh_round(now);
        }
        let Some(peer) = self.peers.get_mut(&link) else { return };
        self.lacking.insert(link);
        peer.missing.more = ids.len() >= MAX_MEMORY_POOL_IDS;
        for id in ids {
            if !self.taken.contains(id) && self.asked.insert(id) {
                peer.missing.want(*id, now.mono);
            }
        }
    }

    /// Asks each peer for the next portion of what it has and we lack, and for more of its list when that is through.
    pub(super) fn ask_missing(&mut self, now: Now, out: &mut Outbox) {
        let (room, taken) = (self.queue.has_room(), &self.taken);
        let (peers, lacking) = (&mut self.peers, &mut self.lacking);
        lacking.retain(|link| {
            let Some(peer) = peers.get_mut(link) else { return false };
            let missing = &mut peer.missing;
            if !room {
                missing.wait(now.mono);
                return true;
            }
            loop {
                let portion = missing.portion(now.mono, |id| !taken.contains(id));
                // A question without ids would ask for the list again.
                if portion.is_empty() {
                    break;
                }
                out.send(*link, &Message::GetMemoryPool(List::truncated(portion)));
            }
            if missing.more && missing.is_done() {
                (missing.more, peer.asked) = (false, true);
                out.send(*link, &Message::GetMemoryPool(List::EMPTY));
            }
            !missing.is_done()
        });
    }
}
