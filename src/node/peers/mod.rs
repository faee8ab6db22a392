//! The `peers` role: keep-alive, the peer book, dialling, bans. The only writer of `peers.db`.
//!
//! | object | owns, and keeps true |
//! |---|---|
//! | [`Links`] | each link from its opening to its end; one that we closed is not talked to |
//! | [`Dialer`] | which address is dialled and when; each dial ends once |
//! | [`DialErrors`] | why dials led to no peer; the log, `headers` and the lists say the same |
//! | [`Barred`] | fault points, bans, denied addresses; `handshake` hears of each change |
//! | [`Departed`] | peers whose links have ended; each still pays for its worst fault |
//! | [`Book`] | known addresses; no attacker can fill the book with their own |
//! | [`PeerDb`] | the book's file, until it fails |
//! | [`Pinger`] | our pings, with the tip that they tell |
//! | [`AddressExchange`] | the addresses that we tell and those that we believe |
//! | [`Elsewhere`] | the further peers that are looked for while no peer keeps what is missing |
//! | [`Staleness`] | how long the tip has not moved, and the extra peer that is wanted then |
//! | [`Reach`] | what keeps the node from peers, as hindrances |
//! | [`Usage`] | the news that the operator heard last, so that it is not repeated |

mod address_turns;
mod backoff;
mod bans;
mod barred;
mod book;
mod closing;
mod commands;
mod cut;
mod departed;
mod dial_errors;
mod dialer;
mod elsewhere;
mod ending;
mod exchange;
mod identities;
mod keepalive;
mod links;
mod peer_db;
mod ping_clock;
mod pinger;
mod reach;
mod scores;
mod stale;
#[cfg(test)]
mod tests;
mod usage;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use self::{
    barred::Barred,
    book::Book,
    cut::Facts,
    departed::Departed,
    dial_errors::DialErrors,
    dialer::{Dialer, Outbound, Purpose, World},
    elsewhere::Elsewhere,
    exchange::{AddressExchange, Known},
    identities::Identities,
    links::Links,
    peer_db::PeerDb,
    pinger::Pinger,
    reach::Reach,
    stale::Staleness,
    usage::Usage,
};
use crate::{
    base::{
        ids::LinkId,
        rng::Rng,
        time::{Now, Time},
    },
    chain::{address::Prefix, archive::PeerStore, node_id},
    node::{
        CloseReason, Direction, Input, LinkEvent, NodeAddress, Outbox, PeerFault, PeerInfo, Role, Setup,
        command::PeersCommand, netgroup::canonical, notice::ToPeers, rate_limit::RateLimit,
    },
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Kind, Message},
    },
};

type PeersInput = Input<LinkEvent, ToPeers, PeersCommand>;

/// The `peers` role.
pub struct Peers {
    links: Links,
    book: Book,
    peer_db: PeerDb,
    prefix: Prefix,
    dialer: Dialer,
    identities: Identities,
    dial_errors: DialErrors,
    barred: Barred,
    departed: Departed,
    /// Lines in the log about peers that were closed for a fault.
    fault_lines: RateLimit,
    exchange: AddressExchange,
    pinger: Pinger,
    staleness: Staleness,
    elsewhere: Elsewhere,
    usage: Usage,
    reach: Reach,
    /// When something is due by time alone.
    due: Option<Time>,
    rng: Rng,
}

impl Peers {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, store: Box<dyn PeerStore>, mut rng: Rng) -> Self {
        let (peer_db, contents) = PeerDb::open(store);
        let test_chain = setup.spec.test;
        let secret = if contents.secret == [0; 32] { rng.bytes() } else { contents.secret };
        let (of_chain, names_of_chain) =
            NodeAddress::split(setup.spec.bootnodes.iter().filter_map(|text| without_id(text).parse().ok()));
        let bootnodes = setup.bootnodes.iter().copied().chain(of_chain).map(canonical);
        let bootnode_names = setup.bootnode_names.iter().chain(&names_of_chain);
        let configured = setup.connect.iter().copied().map(canonical);
        let own = setup.own_addresses.iter().copied().map(canonical);
        let mut dialer = Dialer::new(test_chain, setup.max_outbound, configured, bootnodes, own)
            .with_names(&setup.connect_names, bootnode_names);
        let mut identities = Identities::new(&setup.pins, setup.members.clone());
        for anchor in peer_db.anchors() {
            dialer.dial_soon(anchor.address);
            anchor.node.into_iter().for_each(|node| identities.showed(anchor.address, node));
        }
        Self {
            links: Links::default(),
            book: Book::new(secret, test_chain, contents.entries),
            peer_db,
            prefix: setup.spec.prefix,
            dialer,
            identities,
            dial_errors: DialErrors::default(),
            barred: Barred::new(setup.spec.prefix, test_chain, contents.bans),
            departed: Departed::default(),
            fault_lines: RateLimit::per_second(1),
            exchange: AddressExchange::default(),
            pinger: Pinger::new(setup.spec.genesis_hash()),
            elsewhere: Elsewhere::default(),
            staleness: Staleness::new(setup.spec.seal_rules().stale_after(&setup.spec)),
            usage: Usage::new(),
            reach: Reach::new(setup),
            due: None,
            rng,
        }
    }

    fn on_start(&mut self, now: Now, out: &mut Outbox) {
        self.peer_db.report(out);
        self.barred.start(now, out);
        self.dialer.look_again();
    }

    fn on_link(&mut self, now: Now, event: LinkEvent, out: &mut Outbox) {
        match event {
            LinkEvent::Opened { link, direction, remote } => self.opened(link, direction, canonical(remote)),
            LinkEvent::DialFailed { dial, address, reason } => self.dial_failed(now, dial, address, &reason),
            LinkEvent::Up { link, peer } => self.up(now, link, peer, out),
            LinkEvent::Frame { link, frame } => self.on_message(now, link, &frame, out),
            LinkEvent::Closed { link, reason } => self.closed(now, link, &reason, out),
            LinkEvent::LateFault { link, fault } => self.late_fault(now, link, &fault, out),
            // For other roles.
            LinkEvent::Agree { .. }
            | LinkEvent::Secured { .. }
            | LinkEvent::NewsLost { .. }
            | LinkEvent::Drained { .. }
            | LinkEvent::Bringing { .. } => {}
        }
    }

    fn opened(&mut self, link: LinkId, direction: Direction, remote: SocketAddr) {
        let dial = if let Direction::Outbound(dial) = direction { self.dialer.ended(dial) } else { None };
        if direction.is_inbound() {
            self.reach.reached();
        }
        self.links.opened(link, direction, remote, dial.map_or(Purpose::Peer, |(_, purpose)| purpose));
    }

    fn up(&mut self, now: Now, link: LinkId, info: Arc<PeerInfo>, out: &mut Outbox) {
        self.dialer.look_again();
        let Some(state) = self.links.up(now.mono, link, info.clone()) else { return };
        let (remote, feeler) = (state.remote(), state.purpose() == Purpose::Feeler);
        match (info.direction, info.listens) {
            (Direction::Outbound(_), _) => {
                self.book.good(now.unix, remote);
                self.book.proven(remote, info.node);
                self.identities.showed(remote, info.node);
                self.dial_errors.succeeded(remote);
            }
            (Direction::Inbound, Some(listens)) => {
                self.exchange.learn_inbound(now.unix, &info, listens, &mut self.book, &self.dialer);
            }
            (Direction::Inbound, None) => {}
        }
        if feeler {
            return self.links.goodbye(link, GoodbyeCode::Feeler, out);
        }
        // The handshake role may have promoted the link before it heard of the latest ban.
        if let Some(code) = self.barred.refuses(remote.ip(), info.node) {
            return self.links.goodbye(link, code, out);
        }
        if info.listens.is_some_and(|listens| self.barred.is_denied(listens)) {
            return self.links.goodbye(link, GoodbyeCode::Operator, out);
        }
        let (way, agent) = (if info.direction.is_inbound() { "inbound" } else { "outbound" }, &info.agent);
        let (height, node) = (info.height, node_id::to_text(&info.node, &self.prefix));
        log::info!("peer connected address={remote} direction={way} height={height} agent=\"{agent}\" node={node}");
        exchange::ask(now.mono, Duration::ZERO, link, &mut self.links, out);
        self.pinger.ping(now, link, &mut self.links, &mut self.rng, out);
        self.outbound_changed(info.direction.is_inbound(), out);
    }

    fn outbound_changed(&mut self, inbound: bool, out: &mut Outbox) {
        if !inbound {
            self.peer_db.set_anchors(&self.links.oldest_outbound(), out);
        }
    }

    fn on_message(&mut self, now: Now, link: LinkId, frame: &Frame, out: &mut Outbox) {
        let Some(peer) = self.links.peer_mut(link) else { return };
        let message = match frame.open() {
            Ok(message) => message,
            Err(fault) => return self.links.fault(link, fault.into(), out),
        };
        match message {
            Message::Ping { nonce, height, tip } => {
                if !pinger::answer(now.mono, link, peer, self.pinger.tip(), (nonce, height, tip), out) {
                    self.links.fault(link, PeerFault::Flood("pings"), out);
                }
            }
            Message::Pong(nonce) => pinger::pong(now.mono, link, peer, nonce, out),
            Message::GetPeers => self.tell_addresses(now, link, out),
            Message::Peers(told) => {
                self.exchange.learn(now, link, peer, &told, (&mut self.book, &mut self.dialer));
            }
            Message::Goodbye { code, retry_after } => {
                self.links.close(link, CloseReason::Remote { code, retry_after }, out);
            }
            other => self.links.fault(link, PeerFault::Unexpected(other.kind()), out),
        }
    }

    /// Answers a question for addresses, once in a while for each peer.
    fn tell_addresses(&mut self, now: Now, link: LinkId, out: &mut Outbox) {
        let peer = self.links.peer_mut(link);
        let asker = peer.and_then(|peer| peer.turns.answer(now.mono).then(|| peer.info().clone()));
        let Some(asker) = asker else { return };
        let (links, book, barred, dialer) = (&self.links, &self.book, &self.barred, &self.dialer);
        let known = Known { links, book, barred, dialer };
        out.send(link, &self.exchange.answer(now, &asker, &known, &mut self.rng));
    }

    fn on_notice(&mut self, now: Now, notice: &ToPeers, out: &mut Outbox) {
        match notice {
            ToPeers::ChainMoved(moved) => {
                self.pinger.set_tip(moved.tip.height, moved.tip.hash);
                if moved.removed.is_empty() && moved.added.len() == 1 {
                    self.links.extended(moved.tip.height);
                }
                self.staleness.tip_moved(now.mono, &mut self.links, &mut self.dialer, out);
            }
            ToPeers::Resolved { name, result } => {
                if let Ok(addresses) = result {
                    self.identities.resolved(&NodeAddress::Name(name.clone()), addresses);
                }
                self.dialer.resolved(now.mono, name, result.clone());
            }
            ToPeers::Lacks(height) => {
                self.elsewhere.lacks(now.mono, *height, &mut self.links, &mut self.dialer, out);
            }
            ToPeers::LacksSnapshot { lacks, idle } => {
                self.elsewhere.lacks_snapshot(*lacks, idle, &mut self.links, &mut self.dialer, out);
            }
            ToPeers::TipUntold | ToPeers::ClockSet => pinger::hasten(now.mono, &mut self.links),
            ToPeers::BlockMissed { link } => {
                if let Some(peer) = self.links.peer_mut(*link) {
                    peer.keep_alive.hasten(now.mono);
                }
            }
            ToPeers::LeadsTo { link, address } => {
                let node = self.links.leads_to(*link, *address);
                self.book.good(now.unix, *address);
                node.into_iter().for_each(|node| self.book.proven(*address, node));
                self.dial_errors.succeeded(*address);
            }
        }
    }

    /// Does everything that is due by time alone.
    fn on_wake(&mut self, now: Now, out: &mut Outbox) {
        if self.barred.lift_expired(now, &mut self.peer_db, out) {
            self.dialer.look_again();
        }
        self.staleness.look_beyond(now.mono, &mut self.links, &mut self.dialer, out);
        self.elsewhere.look_on(now.mono, &mut self.links, &mut self.dialer, out);
        // More outbound peers are wanted: then addresses are asked for.
        let lonely = self.dialer.missing(self.outbound()) > 0;
        self.pinger.keep_all_alive(now, &mut self.links, &mut self.rng, out);
        if lonely {
            exchange::ask_all(now.mono, &mut self.links, out);
        }
        if self.dialer.is_due(now.mono) {
            let world = World {
                book: &self.book,
                linked: self.links.linked(),
                claimed: self.links.claimed(),
                groups: self.links.outbound_groups(),
                outbound: self.outbound(),
                expected: &|address| self.identities.expected(address, &self.book),
                barred: &|address| self.barred.keeps_out(address, &self.book),
            };
            self.dialer.round(now.mono, &world, &mut self.rng, out);
        }
    }

    fn outbound(&self) -> Outbound {
        self.links.outbound_apart(|address| self.dialer.is_configured(address))
    }

    fn next_due(&self) -> Option<Time> {
        let lonely = self.dialer.missing(self.outbound()) > 0;
        let questions = self.links.peers().filter(|_| lonely).map(|(_, _, peer)| peer.turns.next_question());
        let pings = self.links.peers().map(|(_, _, peer)| peer.keep_alive.deadline());
        let others = [self.barred.deadline(), self.dialer.deadline(), self.staleness.deadline(), self.reach.deadline()];
        let others = others.into_iter().chain([self.elsewhere.deadline()]);
        questions.chain(pings).chain(others.flatten()).min()
    }
}

/// The link of a frame that changes no timer but this link's own. There are far more of these than of anything else,
/// and looking at all links for each of them would cost a node with many links most of its time.
fn routine(input: &PeersInput) -> Option<LinkId> {
    let Input::Link(LinkEvent::Frame { link, frame }) = input else { return None };
    matches!(frame.kind, Kind::Ping | Kind::Pong | Kind::GetPeers).then_some(*link)
}

impl Role for Peers {
    type Input = PeersInput;

    fn handle(&mut self, now: Now, input: PeersInput, out: &mut Outbox) {
        let routine = routine(&input);
        match input {
            Input::Start => self.on_start(now, out),
            Input::Link(event) => self.on_link(now, event, out),
            Input::Notice(notice) => self.on_notice(now, &notice, out),
            Input::Command(ticket, command) => self.on_command(now, ticket, command, out),
            Input::Wake | Input::Stop => {}
        }
        if let Some(peer) = routine.and_then(|link| self.links.peer_mut(link))
            && self.due.is_some_and(|due| due > now.mono)
        {
            // A pong brings the next ping forward.
            self.due = self.due.min(Some(peer.keep_alive.deadline()));
            return;
        }
        self.on_wake(now, out);
        self.peer_db.write(&self.book.take_changes(), out);
        self.usage.report(&self.links, &self.dialer, &self.book, &self.barred, out);
        let facts = Facts {
            links: &self.links,
            dialer: &self.dialer,
            errors: &self.dial_errors,
            barred: &self.barred,
            book: &self.book,
            identities: &self.identities,
        };
        self.reach.look(now, &facts, out);
        let given = |one| (!self.barred.contains(one)).then(|| self.dialer.is_trusted(one));
        self.dial_errors.tell(self.reach.why_none(), given, out);
        self.due = self.next_due();
    }

    fn deadline(&self) -> Option<Time> {
        self.due
    }
}

/// `ID@HOST:PORT` without its id.
fn without_id(text: &str) -> &str {
    text.split_once('@').map_or(text, |(_, address)| address)
}
