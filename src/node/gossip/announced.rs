//! What peers announce: each transaction that is not here is asked of one of them, and of the next if it does not come.

use super::{Gossip, source::Look};
use crate::{
    base::{
        codec::List,
        hash::Hash,
        ids::LinkId,
        limits::{ANNOUNCED_IN_FLIGHT, MAX_ASKED_IDS, MEMPOOL_ASK_INTERVAL},
        time::{Now, Time},
    },
    node::{Outbox, PeerFault, SyncState},
    wire::{
        message::{Kind, Message},
        short_id::ShortId,
    },
};

impl Gossip {
    /// A peer announces transactions.
    pub(super) fn announced(&mut self, now: Now, link: LinkId, salt: u8, ids: &[ShortId], out: &mut Outbox) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        let salts = &self.salts;
        peer.source.tidy(|id| salts.know(id));
        let mut is_full = false;
        for id in ids {
            let Some(is_known) = salts.knows(salt, *id) else {
                return out.fault(link, PeerFault::Unexpected(Kind::Announce));
            };
            peer.transactions.insert_short(id.0);
            peer.listener.names(*id);
            if !is_known && self.state == SyncState::Synced {
                is_full |= !peer.source.offer(*id);
            }
        }
        if self.state != SyncState::Synced {
            peer.is_unheard = true;
            return;
        }
        self.offering.insert(link);
        if is_full {
            self.list_soon(now, link);
        }
        self.ask_announced(now, out);
    }

    /// Asks peers for what they offer and nobody was asked for.
    pub(super) fn ask_announced(&mut self, now: Now, out: &mut Outbox) {
        if self.offering.is_empty() || self.state != SyncState::Synced || !self.queue.has_room() {
            return;
        }
        let (peers, salts, wanted) = (&mut self.peers, &self.salts, &mut self.wanted);
        self.offering.retain(|link| {
            let Some(peer) = peers.get_mut(link) else { return false };
            let room = ANNOUNCED_IN_FLIGHT.saturating_sub(peer.source.owes());
            if !peer.source.may_be_asked(now.mono) || room < ANNOUNCED_IN_FLIGHT / 2 {
                return true;
            }
            let mut ids: Vec<ShortId> =
                peer.source.all_offers().filter(|id| !salts.know(*id) && !wanted.has(*id)).collect();
            let has_more = ids.len() > room;
            ids.truncate(room);
            for ids in ids.chunks(MAX_ASKED_IDS) {
                for id in ids {
                    peer.source.ask(*id, now.mono);
                    wanted.ask(*id, *link, now.mono);
                }
                out.send(*link, &Message::GetTransactions(List::truncated(ids.iter().copied())));
            }
            has_more
        });
    }

    /// A transaction has come from a peer. Whether the peer was asked for it by its short id; if it was not, and another one
    /// was, it is told.
    pub(super) fn settle_announced(&mut self, now: Now, link: LinkId, leaf: &Hash, was_listed: bool, is_old: bool) {
        let ids = self.salts.ids(leaf);
        let asked = ids.iter().filter_map(|id| self.wanted.settle(id));
        let of_another = asked.filter(|asked| *asked != link).count() > 0;
        let Some(peer) = self.peers.get_mut(&link) else { return };
        let was_asked = peer.source.came(ids.iter());
        let is_needless = !was_asked && !was_listed && (is_old || of_another);
        if is_needless && peer.listener.note_needless(*leaf) {
            self.announce_soon(now);
        }
    }

    /// A peer has not what it was asked for.
    pub(super) fn absent_announced(&mut self, now: Now, link: LinkId, ids: &[ShortId], out: &mut Outbox) {
        for id in ids {
            let Some(peer) = self.peers.get_mut(&link) else { return };
            if !peer.source.lacks(*id, now.mono) {
                return out.fault(link, PeerFault::Undelivered);
            }
            if self.wanted.fail(*id, link) && !self.ask_another(*id) {
                self.list_soon(now, link);
            }
        }
    }

    /// Asks others for what did not come in time, and closes the links of peers that never answer.
    pub(super) fn look_at_announced(&mut self, now: Now, out: &mut Outbox) {
        for (id, link) in self.wanted.take_overdue(now.mono) {
            if let Some(peer) = self.peers.get_mut(&link) {
                peer.source.withdraw(id);
                peer.source.watch(now.mono);
                self.late.insert(link);
            }
            self.ask_another(id);
        }
        let peers = &mut self.peers;
        self.late.retain(|link| {
            let Some(source) = peers.get_mut(link).map(|peer| &mut peer.source) else { return false };
            if source.look(now.mono) == Look::Undelivered {
                out.fault(*link, PeerFault::Undelivered);
            }
            source.next_look().is_some()
        });
    }

    /// When [`Gossip::look_at_announced`] has something to do.
    pub(super) fn announced_deadline(&self) -> Option<Time> {
        let looks = self.late.iter().filter_map(|link| self.peers.get(link)?.source.next_look());
        looks.chain(self.wanted.deadline()).min()
    }

    /// A peer is gone: asks others for what it was asked for.
    pub(super) fn forget_source(&mut self, link: LinkId) {
        self.offering.remove(&link);
        self.late.remove(&link);
        for id in self.wanted.take_of(link) {
            self.ask_another(id);
        }
    }

    /// What was announced is of no use while the node is not synced.
    pub(super) fn forget_announced(&mut self) {
        self.wanted = Default::default();
        (self.offering, self.late) = Default::default();
        self.peers.values_mut().for_each(|peer| peer.source.forget());
    }

    /// Has this asked of the next peer that offers it. False: none does.
    fn ask_another(&mut self, id: ShortId) -> bool {
        let offer = self.peers.iter().filter(|(_, peer)| peer.source.offers(id)).map(|(link, _)| *link);
        let links: Vec<LinkId> = offer.collect();
        self.offering.extend(&links);
        !links.is_empty()
    }

    /// Has a peer list its mempool, which holds what it announced and this node did not note, or could not get.
    fn list_soon(&mut self, now: Now, link: LinkId) {
        let Some(peer) = self.peers.get_mut(&link) else { return };
        if peer.listed.is_none_or(|last| last + MEMPOOL_ASK_INTERVAL <= now.mono) {
            peer.listed = Some(now.mono);
            peer.missing.more = true;
            self.lacking.insert(link);
        }
    }
}
