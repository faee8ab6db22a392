//! Telling addresses to peers, and believing theirs.

use std::net::SocketAddr;

use super::{
    Peers,
    book::{Book, Table},
    links::Links,
};
use crate::{
    base::{
        codec::List,
        ids::LinkId,
        limits::{GET_PEERS_INTERVAL, MAX_PEERS_ADDRESSES, PEERS_ANSWER_ALL, PEERS_ANSWER_KEPT},
        rng::Rng,
        time::{Now, Time, UnixTime},
    },
    node::{
        Outbox,
        netgroup::{canonical, may_be_dialled},
    },
    wire::message::{Message, PeerAddress},
};

/// Percent of a large book that one answer tells (Bitcoin Core's number).
const TOLD_PERCENT: usize = 23;

/// The answer that all askers get for a while.
#[derive(Debug, Default)]
pub(super) struct Answer {
    told: Vec<(SocketAddr, UnixTime)>,
    until: Option<Time>,
}

impl Peers {
    /// Asks a peer for addresses, if it is time.
    pub(super) fn ask_for_addresses(&mut self, now: Now, link: LinkId, out: &mut Outbox) {
        let Some(peer) = self.links.peer_mut(link) else { return };
        if now.mono < peer.next_question {
            return;
        }
        peer.next_question = now.mono + GET_PEERS_INTERVAL;
        peer.addresses.fill(now.mono);
        out.send(link, &Message::GetPeers);
    }

    /// Answers a question for addresses, once in a while for each peer.
    pub(super) fn tell_addresses(&mut self, now: Now, link: LinkId, out: &mut Outbox) {
        let Some(peer) = self.links.peer_mut(link) else { return };
        if now.mono < peer.next_answer {
            return;
        }
        peer.next_answer = now.mono + GET_PEERS_INTERVAL / 2;
        let asker = peer.info.listens;
        if self.answer.until.is_none_or(|until| until <= now.mono) {
            let all = self.tellable(now.unix);
            self.answer = Answer::choose(now.mono, all, &mut self.rng);
        }
        let told = self.answer.told.iter().filter(|(address, _)| Some(*address) != asker);
        let told = List::truncated(told.map(|(address, seen)| PeerAddress::new(*address, *seen)));
        out.send(link, &Message::Peers(told));
    }

    /// Notes what a peer tells, as far as it may tell anything.
    pub(super) fn learn_addresses(&mut self, now: Now, link: LinkId, told: &[PeerAddress]) {
        let test_chain = self.test_chain;
        let Some(peer) = self.links.peer_mut(link) else { return };
        let source = peer.info.listens.unwrap_or(peer.info.remote);
        for address in told {
            if !peer.addresses.take(now.mono) {
                log::debug!("addresses beyond what the peer may tell ignored link={}", link.0);
                break;
            }
            let last_seen = UnixTime(address.last_seen);
            let address = canonical(address.socket_address());
            if may_be_dialled(address, test_chain) && !self.dialer.is_own(address) {
                self.book.add(now.unix, address, Some(source), last_seen);
            }
        }
        self.dial_again |= self.book.has_changed();
    }

    /// Addresses worth telling: of peers, and of nodes that we reached. A peer that dialled us has proven its IP
    /// address by that; only the port is its word. Addresses that we only heard of are told when there is nothing else.
    fn tellable(&self, now: UnixTime) -> Vec<(SocketAddr, UnixTime)> {
        let mut all = peers_addresses(&self.links, now);
        all.extend(addresses(&self.book, Table::Tried));
        if all.is_empty() {
            all.extend(addresses(&self.book, Table::New));
        }
        all.retain(|(address, _)| may_be_dialled(*address, self.test_chain) && !self.is_barred(*address));
        all.sort_unstable();
        // The same address from both sources: the later time, of the link that still stands, is right.
        all.reverse();
        all.dedup_by_key(|(address, _)| *address);
        all
    }
}

impl Answer {
    /// Chooses what to tell: everything if that is little. Otherwise a part, and the same for a while: who asks often
    /// and from many addresses must not learn the whole book.
    fn choose(now: Time, mut all: Vec<(SocketAddr, UnixTime)>, rng: &mut Rng) -> Self {
        let some = (all.len() * TOLD_PERCENT / 100).clamp(PEERS_ANSWER_ALL, MAX_PEERS_ADDRESSES);
        let until = (all.len() > PEERS_ANSWER_ALL).then(|| now + PEERS_ANSWER_KEPT);
        rng.shuffle(&mut all);
        all.truncate(some);
        Self { told: all, until }
    }
}

fn peers_addresses(links: &Links, now: UnixTime) -> Vec<(SocketAddr, UnixTime)> {
    links.peers().filter_map(|(_, link, _)| Some((link.listens()?, now))).collect()
}

fn addresses(book: &Book, table: Table) -> impl Iterator<Item = (SocketAddr, UnixTime)> + '_ {
    book.table(table).map(|entry| (entry.address, entry.last_seen))
}
