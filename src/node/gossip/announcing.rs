//! Telling peers of transactions: whole to the few to whom we lately were first, by short ids to all others.

use std::sync::Arc;

use super::{Gossip, RelayPeer, announcements::Announcement, salts::OwnIds};
use crate::{
    base::{
        bytes::Bytes,
        codec::List,
        ids::LinkId,
        limits::{LEAD_OF_FEW, LEAD_TO_PUSH, MAX_ANNOUNCED_IDS, PUSHED_PEERS},
        time::{Now, Time},
    },
    chain::block::HashedTransaction,
    node::{Origin, Outbox, PeerFault, SyncState},
    wire::{
        frame::Frame,
        message::{Kind, Message},
        short_id::{Salt, ShortId},
    },
};

impl RelayPeer {
    /// Whether it is known to have a transaction.
    fn has(&self, transaction: &HashedTransaction, ids: &OwnIds) -> bool {
        self.transactions.contains(&transaction.txid) || ids.iter().any(|id| self.transactions.contains_short(id.0))
    }

    /// Announces what is for it, unless it knows that by now. False: it does.
    fn tell(&mut self, link: LinkId, out: &mut Outbox) -> bool {
        let Some((number, salt)) = self.listener.salt() else { return false };
        let mut ids: Vec<ShortId> = self.listener.take_needless().iter().map(|leaf| salt.short_id(leaf)).collect();
        let untold = self.untold.take();
        ids.extend(untold.iter().filter_map(|announcement| self.is_told(announcement, salt)));
        for ids in ids.chunks(MAX_ANNOUNCED_IDS) {
            let ids = List::truncated(ids.iter().copied());
            out.relay(link, Frame::new(&Message::Announce { salt: number, ids }));
        }
        !ids.is_empty()
    }

    /// It is told of a transaction, unless it is known to have it: by this short id.
    fn is_told(&mut self, Announcement { transaction, ids, .. }: &Announcement, salt: Salt) -> Option<ShortId> {
        let lacks = !self.has(transaction, ids);
        lacks.then(|| {
            self.transactions.insert(&transaction.txid);
            salt.short_id(&transaction.leaf)
        })
    }
}

impl Gossip {
    /// Sends a transaction to the peers that must have it whole, and notes it for all others that lack it.
    pub(super) fn tell_of(&mut self, now: Now, origin: Origin, transaction: &Arc<HashedTransaction>, out: &mut Outbox) {
        let ids = self.salts.ids(&transaction.leaf);
        let is_own = matches!(origin, Origin::Command(_));
        let (mut whole, mut leads, mut listeners) = (Vec::new(), Vec::new(), 0);
        for (link, peer) in self.peers.iter_mut() {
            let is_sender = origin.link() == Some(link);
            listeners += usize::from(peer.listener.salt().is_some() && !is_sender);
            if is_sender || peer.has(transaction, &ids) {
                peer.transactions.insert(&transaction.txid);
            } else if peer.listener.salt().is_none() {
                whole.push(link);
            } else {
                leads.push((peer.listener.lead(), link));
            }
        }
        let lacking = leads.len();
        let least = if listeners > PUSHED_PEERS { LEAD_TO_PUSH } else { LEAD_OF_FEW };
        leads.retain(|(lead, _)| is_own || *lead >= least);
        leads.sort_by_key(|(lead, _)| std::cmp::Reverse(*lead));
        leads.truncate(PUSHED_PEERS);
        for (_, link) in &leads {
            // Nobody can have told of this node's own before.
            if let Some(peer) = self.peers.get_mut(link).filter(|_| !is_own) {
                peer.listener.push(ids.current);
            }
            whole.push(*link);
        }
        self.send_whole(transaction, &whole, out);
        if lacking > leads.len() {
            self.announcements.push(Announcement { transaction: transaction.clone(), ids, is_own });
            self.announce_soon(now);
        }
    }

    fn send_whole(&mut self, transaction: &HashedTransaction, links: &[LinkId], out: &mut Outbox) {
        let mut frame = None;
        for link in links {
            if let Some(peer) = self.peers.get_mut(link) {
                peer.transactions.insert(&transaction.txid);
            }
            let encode = || Frame::new(&Message::Transaction(encoded(transaction)));
            out.relay(*link, frame.get_or_insert_with(encode).clone());
        }
    }

    /// There is something to announce.
    pub(super) fn announce_soon(&mut self, now: Now) {
        self.announcements.gather(now.mono, &mut self.rng);
    }

    /// When to announce what has gathered.
    pub(super) fn announce_due(&self) -> Option<Time> {
        let untold = self.telling.iter().filter_map(|link| Some(self.peers.get(link)?.untold.due()));
        self.announcements.due().into_iter().chain(untold).min().filter(|_| self.state == SyncState::Synced)
    }

    /// What has gathered is for the peers that still lack it, as far as is known: now for those where this node is to speak
    /// first, and later for the others. By then most of these have spoken themselves. [`Gossip::tell_untold`] follows.
    pub(super) fn announce(&mut self, now: Now) {
        if self.announcements.due().is_none_or(|due| now.mono < due) || self.state != SyncState::Synced {
            return;
        }
        let (fresh, late) = (self.announcements.take(now.mono), self.announcements.take_later(now.mono));
        let mut waits = vec![false; fresh.len()];
        for (link, peer) in self.peers.iter_mut() {
            let Some((_, salt)) = peer.listener.salt() else { continue };
            for announcement in &late {
                if !peer.has(&announcement.transaction, &announcement.ids) {
                    peer.untold.push(announcement.clone());
                }
            }
            for (announcement, waits) in fresh.iter().zip(&mut waits) {
                if peer.has(&announcement.transaction, &announcement.ids) {
                    continue;
                }
                if announcement.is_first(salt.short_id(&announcement.transaction.leaf)) {
                    peer.untold.push(announcement.clone());
                } else {
                    *waits = true;
                }
            }
            if !peer.untold.is_empty() || peer.listener.has_needless() {
                self.telling.insert(link);
            }
        }
        for (announcement, waits) in fresh.into_iter().zip(waits) {
            self.relayed.push(announcement.transaction.clone(), announcement.is_own);
            if waits {
                self.announcements.put_off(announcement, now.mono);
            }
        }
    }

    /// Announces to each peer what is for it, if something else goes to it just now, or if it is time.
    pub(super) fn tell_untold(&mut self, now: Now, out: &mut Outbox) {
        if self.telling.is_empty() || self.state != SyncState::Synced {
            return;
        }
        let receivers = out.receivers();
        let (peers, rng) = (&mut self.peers, &mut self.rng);
        self.telling.retain(|link| {
            let Some(peer) = peers.get_mut(link) else { return false };
            let is_time = receivers.contains(link) || peer.untold.is_urgent() || peer.untold.due() <= now.mono;
            if is_time && peer.tell(*link, out) {
                peer.untold.told(now.mono, rng);
            }
            !is_time
        });
    }

    /// Draws a new salt when the current one has had its time, and tells it.
    pub(super) fn renew_salt(&mut self, now: Now, out: &mut Outbox) {
        if self.salts.expires().is_none_or(|time| now.mono < time) {
            return;
        }
        self.salts.renew(&mut self.rng);
        let links: Vec<LinkId> = self.peers.iter().filter(|(_, peer)| peer.announces).map(|(link, _)| link).collect();
        links.into_iter().for_each(|link| self.tell_salt(now, link, out));
    }

    pub(super) fn tell_salt(&mut self, now: Now, link: LinkId, out: &mut Outbox) {
        self.salts.told(now.mono);
        out.send(link, &self.salts.message());
    }

    /// A peer says how it wants transactions to be named.
    pub(super) fn relay_salt(&mut self, now: Now, link: LinkId, number: u8, salt: Salt, out: &mut Outbox) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        if !peer.listener.take_salt(now.mono, number, salt) {
            out.fault(link, PeerFault::Flood("salts"));
        }
    }

    /// Sends a peer the announced transactions that it asks for. A node does so in any state.
    pub(super) fn serve_announced(&mut self, now: Now, link: LinkId, ids: &[ShortId], out: &mut Outbox) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        let (mut answer, mut absent) = (Vec::new(), Vec::new());
        let mut found = vec![None; ids.len()];
        if peer.listener.may_search(now.mono) {
            let (searched, count) = self.relayed.find(ids, peer.listener.salts());
            peer.listener.searched(now.mono, count);
            found = searched;
        }
        for (id, transaction) in ids.iter().zip(found) {
            match transaction {
                Some(kept) => {
                    if !kept.is_own {
                        peer.listener.gain();
                    }
                    answer.push(Message::Transaction(encoded(&kept.transaction)));
                }
                None => absent.push(*id),
            }
        }
        if !absent.is_empty() {
            answer.push(Message::AbsentTransactions(List::truncated(absent)));
        }
        out.answer(link, Kind::GetTransactions, answer);
    }
}

fn encoded(transaction: &HashedTransaction) -> Bytes {
    transaction.transaction.to_bytes().into()
}
