//! The `peers` role: keep-alive, the peer book, dialling, bans. The only writer of `peers.db`.

mod book;
mod commands;
mod dialer;
mod endings;
mod exchange;
mod keepalive;
mod links;
mod peer_db;
mod score;
mod skew;
mod stale;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};

use self::{
    book::{Book, Table},
    dialer::{Dialer, Purpose, World},
    exchange::Answer,
    keepalive::Step,
    links::{Link, Links, Peer},
    peer_db::PeerDb,
    score::{Bans, Scores},
    stale::Staleness,
};
use crate::{
    base::{
        hash::Hash,
        ids::{DialId, LinkId},
        limits::{BOOK_NEW, BOOK_TRIED, MAX_BANS, PENDING_DIALS},
        rng::Rng,
        time::{Now, Time, UnixTime},
    },
    chain::archive::PeerStore,
    node::{
        CloseReason, Direction, Event, LinkEvent, Notice, Outbox, PeerFault, PeerInfo, Role, RoleId, Setup,
        limit::Limit,
        netgroup::{canonical, may_be_dialled},
        notice::Useful,
        report::Report,
    },
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Kind, Message},
    },
};

/// The `peers` role.
pub struct Peers {
    test_chain: bool,
    links: Links,
    book: Book,
    peer_db: PeerDb,
    dialer: Dialer,
    scores: Scores,
    bans: Bans,
    /// Listening addresses that the operator cut us off from.
    denied: BTreeSet<SocketAddr>,
    answer: Answer,
    /// Height and hash, told in pings.
    tip: (u32, Hash),
    /// Something changed that whom we dial depends on.
    dial_again: bool,
    staleness: Staleness,
    /// The operator was told that the clock is wrong.
    clock_warned: bool,
    /// Inbound and outbound peers as last reported.
    reported: (usize, usize),
    /// When time alone calls for something.
    due: Option<Time>,
    /// Limits as last reported; at first a number that none of them has.
    used: [(Limit, usize); 5],
    rng: Rng,
}

impl Peers {
    /// A role that has heard nothing yet.
    pub fn new(setup: &Setup, store: Box<dyn PeerStore>, mut rng: Rng) -> Self {
        let (peer_db, contents) = PeerDb::open(store);
        let test_chain = setup.spec.test;
        let secret = if contents.secret == [0; 32] { rng.bytes() } else { contents.secret };
        let named = setup.spec.bootnodes.iter().filter_map(|text| text.parse().ok());
        let bootnodes = setup.bootnodes.iter().copied().chain(named).map(canonical);
        let configured = setup.connect.iter().copied().map(canonical);
        let own = setup.own_addresses.iter().copied().map(canonical);
        let mut dialer = Dialer::new(test_chain, setup.max_outbound, configured, bootnodes, own);
        peer_db.anchors().iter().for_each(|anchor| dialer.dial_soon(*anchor));
        let mut bans = Bans::default();
        for ban in contents.bans {
            // Timed at the start, when the time is first told.
            let _ = bans.insert(Now::default(), ban);
        }
        Self {
            test_chain,
            links: Links::default(),
            book: Book::new(secret, test_chain, contents.entries),
            peer_db,
            dialer,
            scores: Scores::default(),
            bans,
            denied: BTreeSet::new(),
            answer: Answer::default(),
            tip: (0, setup.spec.genesis_hash()),
            dial_again: true,
            staleness: Staleness::new(setup.spec.parameters.block_time),
            clock_warned: false,
            reported: (0, 0),
            due: None,
            used: [Limit::Outbound, Limit::Dials, Limit::BookNew, Limit::BookTried, Limit::Bans]
                .map(|limit| (limit, usize::MAX)),
            rng,
        }
    }

    fn start(&mut self, now: Now, out: &mut Outbox) {
        self.peer_db.report(out);
        self.bans.schedule(now);
        self.tell_barred(out);
    }

    fn link_event(&mut self, now: Now, event: LinkEvent, out: &mut Outbox) {
        match event {
            LinkEvent::Opened { link, direction, remote } => self.opened(link, direction, canonical(remote)),
            LinkEvent::DialFailed { dial, address, reason } => self.dial_failed(now, dial, address, &reason),
            LinkEvent::Up { link, peer } => self.up(now, link, peer, out),
            LinkEvent::Frame { link, frame } => self.frame(now, link, &frame, out),
            LinkEvent::Closed { link, reason } => self.closed(now, link, &reason, out),
        }
    }

    fn opened(&mut self, link: LinkId, direction: Direction, remote: SocketAddr) {
        let mut purpose = Purpose::Peer;
        if let Direction::Outbound(dial) = direction {
            purpose = self.dialer.ended(dial).map_or(Purpose::Peer, |(_, purpose)| purpose);
        }
        self.links.0.insert(link, Link { direction, remote, purpose, closing: false, peer: None });
    }

    fn dial_failed(&mut self, now: Now, dial: DialId, address: SocketAddr, reason: &str) {
        log::debug!("dial failed dial={} address={address} reason=\"{reason}\"", dial.0);
        self.dial_again = true;
        if let Some((address, _)) = self.dialer.ended(dial) {
            self.unreached(now, address, Duration::ZERO);
        }
    }

    fn up(&mut self, now: Now, link: LinkId, info: Arc<PeerInfo>, out: &mut Outbox) {
        self.dial_again = true;
        let Some(state) = self.links.0.get_mut(&link) else { return };
        state.peer = Some(Peer::new(now.mono, info.clone()));
        let (remote, feeler) = (state.remote, state.purpose == Purpose::Feeler);
        match (info.direction, info.listens) {
            (Direction::Outbound(_), _) => self.book.good(now.unix, remote),
            (Direction::Inbound, Some(listens)) => self.learn_inbound(now.unix, remote, listens),
            (Direction::Inbound, None) => {}
        }
        if feeler {
            return self.goodbye(link, GoodbyeCode::Feeler, out);
        }
        // The handshake role may have promoted the link before it heard of the latest ban.
        if self.bans.contains(remote.ip()) {
            return self.goodbye(link, GoodbyeCode::Banned, out);
        }
        if info.listens.is_some_and(|listens| self.denied.contains(&listens)) {
            return self.goodbye(link, GoodbyeCode::Operator, out);
        }
        let (way, agent) = (if info.direction.is_inbound() { "inbound" } else { "outbound" }, &info.agent);
        log::info!("peer connected address={remote} direction={way} height={} agent=\"{agent}\"", info.height);
        self.ask_for_addresses(now, link, out);
        self.ping_peer(now, link, out);
        self.outbound_changed(info.direction, out);
    }

    /// A node that dialled us and says where it listens: worth a try, and worth telling.
    fn learn_inbound(&mut self, now: UnixTime, remote: SocketAddr, listens: SocketAddr) {
        if may_be_dialled(listens, self.test_chain) && !self.dialer.is_own(listens) {
            self.book.add(now, listens, Some(remote), now);
        }
    }

    fn frame(&mut self, now: Now, link: LinkId, frame: &Frame, out: &mut Outbox) {
        if self.links.peer_mut(link).is_none() {
            return;
        }
        let message = match frame.open() {
            Ok(message) => message,
            Err(fault) => return self.fault(link, fault.into(), out),
        };
        match message {
            Message::Ping { nonce, height, tip } => self.ping(now, link, (nonce, height, tip), out),
            Message::Pong(nonce) => {
                if let Some(peer) = self.links.peer_mut(link)
                    && let Some(time) = peer.keep_alive.pong(now.mono, nonce)
                {
                    out.tell(RoleId::Handshake, Notice::Useful { link, what: Useful::RoundTrip(time) });
                }
            }
            Message::GetPeers => self.tell_addresses(now, link, out),
            Message::Peers(told) => self.learn_addresses(now, link, &told),
            Message::Goodbye { code, retry_after } => {
                self.close(link, CloseReason::Remote { code, retry_after }, out);
            }
            other => self.fault(link, PeerFault::Unexpected(other.kind()), out),
        }
    }

    fn ping(&mut self, now: Now, link: LinkId, (nonce, height, tip): (u64, u32, Hash), out: &mut Outbox) {
        let Some(peer) = self.links.peer_mut(link) else { return };
        if !peer.pings.take(now.mono) {
            return self.fault(link, PeerFault::Flood("pings"), out);
        }
        peer.height = height;
        out.send(link, &Message::Pong(nonce));
        for role in [RoleId::Headers, RoleId::Fetch, RoleId::Gossip] {
            out.tell(role, Notice::PeerTip { link, height, tip });
        }
    }

    fn ping_peer(&mut self, now: Now, link: LinkId, out: &mut Outbox) {
        let (height, tip) = self.tip;
        let Some(peer) = self.links.peer_mut(link) else { return };
        let nonce = self.rng.next_u64();
        peer.keep_alive.sent(now.mono, nonce);
        out.send(link, &Message::Ping { nonce, height, tip });
    }

    /// Pings whoever is due, and with them whoever is nearly so.
    fn keep_all_alive(&mut self, now: Now, out: &mut Outbox) {
        let (mut due, mut dead, mut soon) = (false, Vec::new(), Vec::new());
        for (link, peer) in self.links.talking() {
            match peer.keep_alive.step(now.mono) {
                Step::Dead => dead.push(link),
                Step::Ping => due = true,
                Step::Wait => {}
            }
            if peer.keep_alive.joins(now.mono) {
                soon.push(link);
            }
        }
        dead.into_iter().for_each(|link| self.fault(link, PeerFault::PingTimeout, out));
        if due {
            soon.into_iter().for_each(|link| self.ping_peer(now, link, out));
        }
    }

    fn tell_barred(&mut self, out: &mut Outbox) {
        self.dial_again = true;
        out.tell(RoleId::Handshake, Notice::Barred { ips: self.bans.ips(), addresses: self.denied.clone() });
    }

    fn is_barred(&self, address: SocketAddr) -> bool {
        self.bans.contains(address.ip()) || self.denied.contains(&address)
    }

    fn outbound_changed(&mut self, direction: Direction, out: &mut Outbox) {
        if !direction.is_inbound() {
            self.compare_clocks(out);
            self.peer_db.set_anchors(&self.links.oldest_outbound(), out);
        }
    }

    fn fault(&mut self, link: LinkId, fault: PeerFault, out: &mut Outbox) {
        self.close(link, CloseReason::Fault(fault), out);
    }

    fn goodbye(&mut self, link: LinkId, code: GoodbyeCode, out: &mut Outbox) {
        self.close(link, CloseReason::Local(code), out);
    }

    fn close(&mut self, link: LinkId, reason: CloseReason, out: &mut Outbox) {
        if let Some(state) = self.links.0.get_mut(&link)
            && !state.closing
        {
            state.closing = true;
            out.close(link, reason, 0);
        }
    }

    /// Everything that time alone calls for.
    fn timers(&mut self, now: Now, out: &mut Outbox) {
        self.lift_expired(now, out);
        self.look_beyond(now, out);
        let lonely = self.dialer.missing(self.links.outbound()) > 0;
        self.keep_all_alive(now, out);
        if lonely {
            let links: Vec<LinkId> = self.links.talking().map(|(link, _)| link).collect();
            links.into_iter().for_each(|link| self.ask_for_addresses(now, link, out));
        }
        if self.dial_again || self.dialer.deadline().is_some_and(|deadline| deadline <= now.mono) {
            self.dial_again = false;
            let (bans, denied) = (&self.bans, &self.denied);
            let world = World {
                book: &self.book,
                linked: self.links.linked(),
                groups: self.links.outbound_groups(),
                outbound: self.links.outbound(),
                barred: &|address: SocketAddr| bans.contains(address.ip()) || denied.contains(&address),
            };
            self.dialer.round(now.mono, &world, &mut self.rng, out);
        }
    }

    fn next_due(&self) -> Option<Time> {
        let lonely = self.dialer.missing(self.links.outbound()) > 0;
        let questions = self.links.peers().filter(|_| lonely).map(|(_, _, peer)| peer.next_question);
        let pings = self.links.peers().map(|(_, _, peer)| peer.keep_alive.deadline());
        let others = [self.bans.deadline(), self.dialer.deadline(), self.staleness.deadline()];
        questions.chain(pings).chain(others.into_iter().flatten()).min()
    }

    fn report_count(&mut self, out: &mut Outbox) {
        let counts = self.links.counts();
        if counts != self.reported {
            self.reported = counts;
            out.report(Report::PeerCount { inbound: counts.0, outbound: counts.1 });
        }
        for (limit, last) in &mut self.used {
            let (used, cap) = match limit {
                Limit::Outbound => (self.links.outbound(), self.dialer.slots()),
                Limit::Dials => (self.dialer.pending(), PENDING_DIALS),
                Limit::BookNew => (self.book.count(Table::New), BOOK_NEW),
                Limit::BookTried => (self.book.count(Table::Tried), BOOK_TRIED),
                _ => (self.bans.count(), MAX_BANS),
            };
            if std::mem::replace(last, used) != used {
                out.report(Report::Used { limit: *limit, used, cap });
            }
        }
    }
}

/// The link of a frame that changes no timer but this link's own. There are far more of these than of anything else, and
/// looking at all links for each of them would cost a node with many links most of its time.
fn routine(event: &Event) -> Option<LinkId> {
    match event {
        Event::Link(LinkEvent::Frame { link, frame }) if is_upkeep(frame.kind) => Some(*link),
        _ => None,
    }
}

fn is_upkeep(kind: Kind) -> bool {
    matches!(kind, Kind::Ping | Kind::Pong | Kind::GetPeers)
}

impl Role for Peers {
    fn handle(&mut self, now: Now, event: Event, out: &mut Outbox) {
        let routine = routine(&event);
        match event {
            Event::Start => self.start(now, out),
            Event::Wake | Event::Stop => {}
            Event::Link(event) => self.link_event(now, event, out),
            Event::Notice(Notice::ChainMoved(moved)) => {
                self.tip = (moved.tip.height, moved.tip.hash);
                self.tip_moved(now, out);
            }
            Event::Notice(Notice::TipUntold) => self.links.hasten_pings(now.mono),
            Event::Notice(_) => {}
            Event::Command(ticket, command) => self.command(now, ticket, command, out),
        }
        if let Some(peer) = routine.and_then(|link| self.links.peer_mut(link))
            && self.due.is_some_and(|due| due > now.mono)
        {
            // A pong brings the next ping forward.
            self.due = self.due.min(Some(peer.keep_alive.deadline()));
            return;
        }
        self.timers(now, out);
        self.peer_db.write(&self.book.take_changes(), out);
        self.report_count(out);
        self.due = self.next_due();
    }

    fn deadline(&self) -> Option<Time> {
        self.due
    }
}
