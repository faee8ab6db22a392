//! What peers announce: each transaction that is not here is asked of one of them, and of the next if it does not come.

use std::collections::BTreeMap;

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
        if self.offering.is_empty() || !self.may_ask() {
            return;
        }
        let (peers, offering) = (&self.peers, &self.offering);
        let is_ready = |link: &LinkId| {
            peers
                .get(link)
                .is_some_and(|peer| peer.source.may_be_asked(now.mono) && peer.source.owes() <= ANNOUNCED_IN_FLIGHT / 2)
        };
        let mut links: Vec<LinkId> = offering.iter().copied().filter(is_ready).collect();
        self.rng.shuffle(&mut links);
        links.sort_by_key(|link| peers.get(link).is_none_or(|peer| peer.is_inbound));
        for link in links {
            if !self.ask_offers(now, link, out) {
                self.offering.remove(&link);
            }
        }
    }

    /// Asks one peer for what it offers, as far as there is room. What it did not deliver before is asked of whoever is best.
    /// True: it offers more.
    fn ask_offers(&mut self, now: Now, link: LinkId, out: &mut Outbox) -> bool {
        let Some(peer) = self.peers.get(&link) else { return false };
        let room = ANNOUNCED_IN_FLIGHT.saturating_sub(peer.source.owes());
        let lacks = |id: &ShortId| !self.salts.know(*id) && !self.wanted.has(*id);
        let (mut ids, failed): (Vec<ShortId>, Vec<ShortId>) =
            peer.source.all_offers().filter(lacks).partition(|id| peer.source.failures(*id) == 0);
        let has_more = ids.len() > room;
        ids.truncate(room);
        self.ask(now, link, &ids, out);
        self.ask_others(now, &failed, out);
        has_more || failed.iter().any(|id| !self.wanted.has(*id))
    }

    /// Asks a peer for what it offers.
    fn ask(&mut self, now: Now, link: LinkId, ids: &[ShortId], out: &mut Outbox) {
        ids.iter().for_each(|id| self.note_asked(now, link, *id));
        send_questions(link, ids, out);
    }

    fn note_asked(&mut self, now: Now, link: LinkId, id: ShortId) {
        if let Some(peer) = self.peers.get_mut(&link) {
            peer.source.ask(id, now.mono);
            self.wanted.ask(id, link, now.mono);
        }
    }

    /// Whether this is a time to ask for anything.
    fn may_ask(&self) -> bool {
        self.state == SyncState::Synced && self.queue.has_room()
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
        let mut open = Vec::new();
        for id in ids {
            let Some(peer) = self.peers.get_mut(&link) else { return };
            let is_fair = peer.source.lacks(*id, now.mono);
            if self.wanted.fail(*id, link) {
                open.push(*id);
            }
            if !is_fair {
                out.fault(link, PeerFault::Undelivered);
                break;
            }
        }
        if !self.ask_others(now, &open, out) {
            self.list_soon(now, link);
        }
    }

    /// Asks others for what did not come in time, and closes the links of peers that never answer.
    pub(super) fn look_at_announced(&mut self, now: Now, out: &mut Outbox) {
        let mut open = Vec::new();
        for (id, link) in self.wanted.take_overdue(now.mono) {
            if let Some(peer) = self.peers.get_mut(&link) {
                peer.source.fails(id);
                peer.source.watch(now.mono);
                self.late.insert(link);
            }
            open.push(id);
        }
        self.ask_others(now, &open, out);
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
            self.offered_by_others(id);
        }
    }

    /// What was announced is of no use while the node is not synced.
    pub(super) fn forget_announced(&mut self) {
        self.wanted = Default::default();
        (self.offering, self.late) = Default::default();
        self.peers.values_mut().for_each(|peer| peer.source.forget());
    }

    /// Asks others for what somebody was asked for in vain: of each the best that offers it and may be asked. Each that offers
    /// it is asked once before any is asked twice: else a few that never deliver could take turns for ever. Those that this
    /// node chose come first, and the lot decides, not who came or spoke first. False: nobody offers one of these.
    fn ask_others(&mut self, now: Now, ids: &[ShortId], out: &mut Outbox) -> bool {
        let mut questions: BTreeMap<LinkId, Vec<ShortId>> = BTreeMap::new();
        let mut all_offered = true;
        for id in ids {
            if self.wanted.has(*id) {
                continue;
            }
            match self.best_source(now, *id).filter(|_| self.may_ask()) {
                Some(link) => {
                    self.note_asked(now, link, *id);
                    questions.entry(link).or_default().push(*id);
                }
                None => all_offered &= self.offered_by_others(*id),
            }
        }
        for (link, ids) in questions {
            send_questions(link, &ids, out);
        }
        all_offered
    }

    /// Whom to ask for this, of those that offer it and may be asked.
    fn best_source(&mut self, now: Now, id: ShortId) -> Option<LinkId> {
        let (peers, rng) = (&self.peers, &mut self.rng);
        let sources = peers.iter().filter(|(_, peer)| peer.source.offers(id) && peer.source.may_be_asked(now.mono));
        let best = sources.min_by_key(|(_, peer)| (peer.source.failures(id), peer.is_inbound, rng.next_u64()));
        best.map(|(link, _)| link)
    }

    /// Notes who else offers this, to be asked later. False: nobody does.
    fn offered_by_others(&mut self, id: ShortId) -> bool {
        let offer = self.peers.iter().filter(|(_, peer)| peer.source.offers(id)).map(|(link, _)| link);
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

fn send_questions(link: LinkId, ids: &[ShortId], out: &mut Outbox) {
    for ids in ids.chunks(MAX_ASKED_IDS) {
        out.send(link, &Message::GetTransactions(List::truncated(ids.iter().copied())));
    }
}
