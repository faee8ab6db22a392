//! Nodes that are kept out: banned hosts, and listening addresses that the operator denied.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use super::{
    bans::{Bans, whole},
    book::Book,
    links::{Link, Links},
    peer_db::PeerDb,
    scores::Scores,
};
use crate::{
    base::{
        gather::gather,
        ids::NodeId,
        limits::{BAN_SCORE, BAN_TIME, MAX_DENIED},
        time::{Now, Time, UnixTime},
    },
    chain::{
        address::Prefix,
        archive::{Ban, Banned},
        node_id,
    },
    node::{
        Outbox, PeerFault,
        netgroup::{host, is_own_host},
        notice::{KeptOut, ToHandshake},
    },
    wire::message::GoodbyeCode,
};

/// Fault points, bans and denied addresses. `handshake` hears of each change, and `peers.db` of each change of a ban;
/// links to nodes that are newly kept out are closed.
pub(super) struct Barred {
    prefix: Prefix,
    test_chain: bool,
    scores: Scores,
    bans: Bans,
    denied: BTreeSet<SocketAddr>,
    denied_nodes: BTreeSet<NodeId>,
}

impl Barred {
    /// Takes up the bans that were kept; [`Barred::start`] sets their timer.
    pub(super) fn new(prefix: Prefix, test_chain: bool, kept: Vec<Ban>) -> Self {
        let mut bans = Bans::default();
        for ban in kept {
            // Timed at the start, when the time is first told.
            let _ = bans.insert(Now::default(), ban);
        }
        Self {
            prefix,
            test_chain,
            scores: Scores::default(),
            bans,
            denied: BTreeSet::new(),
            denied_nodes: BTreeSet::new(),
        }
    }

    /// Sets the timer, and tells which nodes are kept out.
    pub(super) fn start(&mut self, now: Now, out: &mut Outbox) {
        self.bans.start(now);
        self.tell(out);
    }

    /// Whether an address is kept out.
    pub(super) fn contains(&self, address: SocketAddr) -> bool {
        self.is_banned(address.ip()) || self.is_denied(address)
    }

    /// Whether an address is kept out, or the node that has answered there.
    pub(super) fn keeps_out(&self, address: SocketAddr, book: &Book) -> bool {
        let is_kept_out = |node| self.denied_nodes.contains(&node) || self.bans.contains(Banned::Node(node));
        self.contains(address) || book.proven_node(address).is_some_and(is_kept_out)
    }

    /// Whether a host is banned.
    pub(super) fn is_banned(&self, ip: IpAddr) -> bool {
        self.bans.contains(Banned::Host(ip))
    }

    /// Why a link of this node from this host is not wanted, if it is not.
    pub(super) fn refuses(&self, ip: IpAddr, node: NodeId) -> Option<GoodbyeCode> {
        if self.bans.contains(Banned::Node(node)) {
            return Some(GoodbyeCode::Banned);
        }
        if self.is_banned(ip) && !self.bans.spared().contains(&node) {
            return Some(GoodbyeCode::Banned);
        }
        self.denied_nodes.contains(&node).then_some(GoodbyeCode::Operator)
    }

    /// Whether the operator denied a listening address.
    pub(super) fn is_denied(&self, listens: SocketAddr) -> bool {
        self.denied.contains(&listens)
    }

    /// The fault points of a host.
    pub(super) fn points(&self, now: Time, ip: IpAddr) -> u32 {
        self.scores.points(now, Banned::Host(ip))
    }

    /// All bans.
    pub(super) fn bans(&self, now: Now) -> Vec<Ban> {
        self.bans.list(now)
    }

    /// Number of bans.
    pub(super) fn ban_count(&self) -> usize {
        self.bans.count()
    }

    /// Adds points for a fault to a host's, and to a node's if it has proven who it is; returns the bans that they have
    /// earned.
    #[must_use]
    pub(super) fn punish(
        &mut self,
        now: Now,
        (ip, node): (IpAddr, Option<NodeId>),
        fault: &PeerFault,
        points: u32,
    ) -> Vec<Ban> {
        // All nodes of a cluster share the loopback address: one bad node must not cut off the others.
        let exempt = self.test_chain && is_own_host(ip);
        let until = UnixTime(now.unix.0.saturating_add(BAN_TIME.as_secs()));
        let seconds = Some(BAN_TIME.as_secs());
        let culprits = [Some(Banned::Host(ip)), node.map(Banned::Node)].into_iter().flatten();
        let earned = culprits.filter(|who| self.scores.add(now.mono, *who, points) >= BAN_SCORE && !exempt);
        earned.map(|who| Ban { who, until, seconds, reason: fault.to_string() }).collect()
    }

    /// Bans a host or a node and closes all its links: an operator wants it.
    pub(super) fn ban(&mut self, now: Now, ban: Ban, links: &mut Links, db: &mut PeerDb, out: &mut Outbox) {
        let who = whole(ban.who);
        self.keep_out(now, ban, BTreeSet::new(), db, out);
        links.goodbye_all(|link| is_of(link, who), GoodbyeCode::Banned, out);
    }

    /// Bans a host or a node for its faults. An address is not a node: links of it that answer pings stay, each ends by its
    /// own faults, and their nodes may come back. New links and those that have done nothing yet are refused.
    pub(super) fn ban_untried(&mut self, now: Now, ban: Ban, links: &mut Links, db: &mut PeerDb, out: &mut Outbox) {
        let who = whole(ban.who);
        let Banned::Host(_) = who else { return self.ban(now, ban, links, db, out) };
        let answers = |link: &Link| link.peer().is_some_and(|peer| peer.keep_alive.round_trip().is_some());
        let tried = links.peers().filter(|(_, link, _)| is_of(link, who) && answers(link));
        let spared = gather(tried.map(|(_, _, peer)| peer.info().node));
        self.keep_out(now, ban, spared, db, out);
        links.goodbye_all(|link| is_of(link, who) && !answers(link), GoodbyeCode::Banned, out);
    }

    /// Notes a ban, clears the points, and tells of it.
    fn keep_out(&mut self, now: Now, ban: Ban, spared: BTreeSet<NodeId>, db: &mut PeerDb, out: &mut Outbox) {
        let who = whole(ban.who);
        let ban = Ban { who, ..ban };
        match who {
            Banned::Host(ip) => log::warn!("address banned ip={ip} until={} reason=\"{}\"", ban.until, ban.reason),
            Banned::Node(node) => {
                let node = node_id::to_text(&node, &self.prefix);
                log::warn!("node banned node={node} until={} reason=\"{}\"", ban.until, ban.reason);
            }
        }
        db.put_ban(&ban, out);
        if let Some(first) = self.bans.insert(now, ban) {
            db.lift_ban(first, out);
        }
        if let Banned::Host(ip) = who {
            self.bans.spare(ip, spared);
        }
        self.scores.clear(who);
        self.tell(out);
    }

    /// Lifts a ban and forgives the points; `false` if there was no ban.
    pub(super) fn unban(&mut self, who: Banned, db: &mut PeerDb, out: &mut Outbox) -> bool {
        let who = whole(who);
        self.scores.clear(who);
        let found = self.bans.remove(who);
        if found {
            db.lift_ban(who, out);
            self.tell(out);
        }
        found
    }

    /// Lifts bans that have ended; `false` if there are none.
    pub(super) fn lift_expired(&mut self, now: Now, db: &mut PeerDb, out: &mut Outbox) -> bool {
        let ended = self.bans.expired(now);
        ended.iter().for_each(|who| db.lift_ban(*who, out));
        if !ended.is_empty() {
            self.tell(out);
        }
        !ended.is_empty()
    }

    /// Keeps listening addresses and nodes out until [`Barred::allow`]; says why it cannot.
    pub(super) fn deny(
        &mut self,
        addresses: impl ExactSizeIterator<Item = SocketAddr>,
        nodes: Vec<NodeId>,
        links: &mut Links,
        out: &mut Outbox,
    ) -> Result<(), String> {
        self.may_be_partitioned()?;
        let denied = self.denied.len() + self.denied_nodes.len();
        if denied.saturating_add(addresses.len()).saturating_add(nodes.len()) > MAX_DENIED {
            return Err(format!("{MAX_DENIED} denied addresses are the most"));
        }
        self.denied.extend(addresses);
        self.denied_nodes.extend(nodes);
        let is_denied = |address: SocketAddr| self.denied.contains(&address);
        let hit = |link: &Link| {
            let is_node_denied = link.peer().is_some_and(|peer| self.denied_nodes.contains(&peer.info().node));
            is_node_denied || is_denied(link.remote()) || link.listens().is_some_and(is_denied)
        };
        links.goodbye_all(hit, GoodbyeCode::Operator, out);
        self.tell(out);
        Ok(())
    }

    /// Denies nobody any more; returns the addresses that it denied, and those in the book of nodes that it denied.
    pub(super) fn allow(&mut self, book: &Book, out: &mut Outbox) -> Result<BTreeSet<SocketAddr>, String> {
        self.may_be_partitioned()?;
        let mut denied = std::mem::take(&mut self.denied);
        let nodes = std::mem::take(&mut self.denied_nodes);
        let is_of_one = |address: &SocketAddr| book.proven_node(*address).is_some_and(|node| nodes.contains(&node));
        denied.extend(book.entries().map(|entry| entry.address).filter(is_of_one));
        self.tell(out);
        Ok(denied)
    }

    /// Whether nobody is kept out.
    pub(super) fn is_empty(&self) -> bool {
        self.denied.is_empty() && self.denied_nodes.is_empty() && self.bans.count() == 0
    }

    /// The denied addresses.
    pub(super) fn denied(&self) -> &BTreeSet<SocketAddr> {
        &self.denied
    }

    /// The denied nodes.
    pub(super) fn denied_nodes(&self) -> &BTreeSet<NodeId> {
        &self.denied_nodes
    }

    /// When [`Barred::lift_expired`] has something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.bans.deadline()
    }

    fn may_be_partitioned(&self) -> Result<(), String> {
        if self.test_chain { Ok(()) } else { Err("only test chains can be partitioned".to_owned()) }
    }

    fn tell(&self, out: &mut Outbox) {
        out.tell(ToHandshake::Barred(KeptOut {
            ips: self.bans.ips(),
            nodes: self.bans.nodes(),
            spared: self.bans.spared(),
            addresses: self.denied.clone(),
            denied_nodes: self.denied_nodes.clone(),
        }));
    }
}

/// Whether a link is one of this host, or of this node as far as it has proven who it is.
fn is_of(link: &Link, who: Banned) -> bool {
    match who {
        Banned::Host(ip) => host(link.remote().ip()) == ip,
        Banned::Node(node) => link.peer().is_some_and(|peer| peer.info().node == node),
    }
}
