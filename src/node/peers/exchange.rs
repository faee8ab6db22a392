//! Telling addresses to peers, and believing theirs.

use std::{net::SocketAddr, time::Duration};

use super::{
    barred::Barred,
    book::{Book, Table},
    dialer::Dialer,
    links::{LinkedPeer, Links},
};
use crate::{
    base::{
        codec::List,
        ids::{LinkId, NodeId},
        limits::{MAX_PEERS_ADDRESSES, PEERS_ANSWER_ALL, PEERS_ANSWER_KEPT, PING_TOGETHER},
        rng::Rng,
        time::{Now, Time, UnixTime},
    },
    node::{Outbox, PeerInfo, netgroup::canonical},
    wire::message::{Message, PeerAddress},
};

/// Percent of a large book that one answer tells (Bitcoin Core's number).
const TOLD_PERCENT: usize = 23;

/// The exchange of addresses with peers.
#[derive(Debug, Default)]
pub(super) struct AddressExchange {
    answer: Answer,
}

/// The answer that all askers get for a while.
#[derive(Debug, Default)]
struct Answer {
    told: Vec<Told>,
    until: Option<Time>,
}

/// An address, when it was last seen, and which node is there.
type Told = (SocketAddr, UnixTime, Option<NodeId>);

/// Where addresses worth telling come from.
pub(super) struct Known<'a> {
    pub(super) links: &'a Links,
    pub(super) book: &'a Book,
    pub(super) barred: &'a Barred,
    pub(super) dialer: &'a Dialer,
}

impl AddressExchange {
    /// The answer to a question for addresses, without the one where the asker listens, and those that it cannot reach.
    pub(super) fn answer(&mut self, now: Now, asker: &PeerInfo, known: &Known<'_>, rng: &mut Rng) -> Message {
        if self.answer.until.is_none_or(|until| until <= now.mono) {
            self.answer = Answer::choose(now.mono, tellable(now.unix, known), rng);
        }
        let is_told = |address| Some(address) != asker.listens && known.dialer.may_pass(address, asker.remote);
        let told = self.answer.told.iter().filter(|(address, ..)| is_told(*address));
        let told = told.map(|(address, seen, node)| PeerAddress::new(*address, *seen).with_node(*node));
        Message::Peers(List::truncated(told))
    }

    /// Adds the addresses that a peer tells to the book, up to its budget.
    pub(super) fn learn(
        &self,
        now: Now,
        link: LinkId,
        peer: &mut LinkedPeer,
        told: &[PeerAddress],
        (book, dialer): (&mut Book, &mut Dialer),
    ) {
        let remote = peer.info().remote;
        let source = peer.info().listens.unwrap_or(remote);
        let mut news = false;
        for address in told {
            if !peer.turns.learn(now.mono) {
                log::debug!("addresses beyond what the peer may tell ignored link={}", link.0);
                break;
            }
            let (last_seen, node) = (UnixTime(address.last_seen), address.node());
            let address = canonical(address.socket_address());
            if is_worth_learning(address, dialer) && dialer.may_pass(address, remote) {
                news |= book.add(now.unix, address, Some(source), last_seen);
                node.into_iter().for_each(|node| book.hint(address, node));
            }
        }
        if news {
            peer.turns.hasten(now.mono);
        }
        if book.has_changed() {
            dialer.look_again();
        }
    }

    /// Notes a node that dialled us and says where it listens: worth a try, and worth telling.
    pub(super) fn learn_inbound(
        &self,
        now: UnixTime,
        peer: &PeerInfo,
        listens: SocketAddr,
        book: &mut Book,
        dialer: &Dialer,
    ) {
        if is_worth_learning(listens, dialer) {
            book.add(now, listens, Some(peer.remote), now);
            book.hint(listens, peer.node);
        }
    }
}

fn is_worth_learning(address: SocketAddr, dialer: &Dialer) -> bool {
    dialer.may_be_dialled(address) && !dialer.is_own(address)
}

/// Addresses worth telling: of peers, and of nodes that we reached. A peer that dialled us has proven its IP address by
/// that; only the port is its word. Addresses that we only heard of are told when there is nothing else.
fn tellable(now: UnixTime, known: &Known<'_>) -> Vec<Told> {
    let peers = known.links.peers().filter_map(|(_, link, peer)| Some((link.listens()?, now, Some(peer.info().node))));
    let peers = peers.filter(|(address, ..)| known.dialer.may_be_told(*address));
    let of = |table| addresses(known.book, table).filter(|(address, ..)| known.dialer.may_be_dialled(*address));
    let mut all: Vec<Told> = peers.chain(of(Table::Tried)).collect();
    if all.is_empty() {
        all.extend(of(Table::New));
    }
    all.retain(|(address, ..)| !known.barred.contains(*address));
    all.sort_unstable();
    // The same address from both sources: the later time, of the link that still stands, is right.
    all.reverse();
    all.dedup_by_key(|(address, ..)| *address);
    all
}

/// Asks a peer for addresses, if it is time, or this much too early.
pub(super) fn ask(now: Time, early: Duration, link: LinkId, links: &mut Links, out: &mut Outbox) {
    if links.peer_mut(link).is_some_and(|peer| peer.turns.ask(now, early)) {
        out.send(link, &Message::GetPeers);
    }
}

/// Asks each peer whose turn it is, and with them those whose turn is near, so that one wake serves all.
pub(super) fn ask_all(now: Time, links: &mut Links, out: &mut Outbox) {
    if links.talking().any(|(_, peer)| peer.turns.next_question() <= now) {
        let talking: Vec<LinkId> = links.talking().map(|(link, _)| link).collect();
        talking.into_iter().for_each(|link| ask(now, PING_TOGETHER, link, links, out));
    }
}

impl Answer {
    /// Chooses what to tell: everything if that is little. Otherwise a part, and the same for a while: a node that asks
    /// often and from many addresses must not learn the whole book.
    fn choose(now: Time, mut all: Vec<Told>, rng: &mut Rng) -> Self {
        let some = (all.len() * TOLD_PERCENT / 100).clamp(PEERS_ANSWER_ALL, MAX_PEERS_ADDRESSES);
        let until = (all.len() > PEERS_ANSWER_ALL).then(|| now + PEERS_ANSWER_KEPT);
        rng.shuffle(&mut all);
        all.truncate(some);
        Self { told: all, until }
    }
}

fn addresses(book: &Book, table: Table) -> impl Iterator<Item = Told> + '_ {
    book.table(table).map(|entry| (entry.address, entry.last_seen, entry.node))
}
