//! Nodes that are kept out: banned hosts, and listening addresses that the operator denied.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use super::{
    bans::Bans,
    links::{Link, Links},
    peer_db::PeerDb,
    scores::Scores,
};
use crate::{
    base::{
        limits::{BAN_SCORE, BAN_TIME, MAX_DENIED},
        time::{Now, Time, UnixTime},
    },
    chain::archive::Ban,
    node::{
        Outbox, PeerFault,
        netgroup::{host, is_own_host},
        notice::ToHandshake,
    },
    wire::message::GoodbyeCode,
};

/// Fault points, bans and denied addresses. `handshake` hears of each change, and `peers.db` of each change of a ban;
/// links to nodes that are newly kept out are closed.
pub(super) struct Barred {
    test_chain: bool,
    scores: Scores,
    bans: Bans,
    denied: BTreeSet<SocketAddr>,
}

impl Barred {
    /// Takes up the bans that were kept; [`Barred::start`] sets their timer.
    pub(super) fn new(test_chain: bool, kept: Vec<Ban>) -> Self {
        let mut bans = Bans::default();
        for ban in kept {
            // Timed at the start, when the time is first told.
            let _ = bans.insert(Now::default(), ban);
        }
        Self { test_chain, scores: Scores::default(), bans, denied: BTreeSet::new() }
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

    /// Whether a host is banned.
    pub(super) fn is_banned(&self, ip: IpAddr) -> bool {
        self.bans.contains(ip)
    }

    /// Whether the operator denied a listening address.
    pub(super) fn is_denied(&self, listens: SocketAddr) -> bool {
        self.denied.contains(&listens)
    }

    /// The fault points of a host.
    pub(super) fn points(&self, now: Time, ip: IpAddr) -> u32 {
        self.scores.points(now, ip)
    }

    /// All bans.
    pub(super) fn bans(&self, now: Now) -> Vec<Ban> {
        self.bans.list(now)
    }

    /// Number of bans.
    pub(super) fn ban_count(&self) -> usize {
        self.bans.count()
    }

    /// Adds points for a fault to a host's; returns the ban that it has earned.
    #[must_use]
    pub(super) fn punish(&mut self, now: Now, ip: IpAddr, fault: &PeerFault, points: u32) -> Option<Ban> {
        let score = self.scores.add(now.mono, ip, points);
        // All nodes of a cluster share the loopback address: one bad node must not cut off the others.
        let exempt = self.test_chain && is_own_host(ip);
        let until = UnixTime(now.unix.0.saturating_add(BAN_TIME.as_secs()));
        let seconds = Some(BAN_TIME.as_secs());
        (score >= BAN_SCORE && !exempt).then(|| Ban { ip, until, seconds, reason: fault.to_string() })
    }

    /// Bans a host and closes all its links: an operator wants it.
    pub(super) fn ban(&mut self, now: Now, ban: Ban, links: &mut Links, db: &mut PeerDb, out: &mut Outbox) {
        let ip = host(ban.ip);
        self.keep_out(now, ban, db, out);
        links.goodbye_all(|link| host(link.remote().ip()) == ip, GoodbyeCode::Banned, out);
    }

    /// Bans a host for its faults. An address is not a node: links of it that answer pings stay, and each ends by its own
    /// faults. New links and those that have done nothing yet are refused.
    pub(super) fn ban_untried(&mut self, now: Now, ban: Ban, links: &mut Links, db: &mut PeerDb, out: &mut Outbox) {
        let ip = host(ban.ip);
        self.keep_out(now, ban, db, out);
        let is_untried = |link: &Link| link.peer().is_none_or(|peer| peer.keep_alive.round_trip().is_none());
        links.goodbye_all(|link| host(link.remote().ip()) == ip && is_untried(link), GoodbyeCode::Banned, out);
    }

    /// Notes a ban, clears the host's points, and tells of it.
    fn keep_out(&mut self, now: Now, ban: Ban, db: &mut PeerDb, out: &mut Outbox) {
        let ban = Ban { ip: host(ban.ip), ..ban };
        let ip = ban.ip;
        log::warn!("address banned ip={ip} until={} reason=\"{}\"", ban.until, ban.reason);
        db.put_ban(&ban, out);
        if let Some(first) = self.bans.insert(now, ban) {
            db.lift_ban(first, out);
        }
        self.scores.clear(ip);
        self.tell(out);
    }

    /// Lifts a ban and forgives the host's points; `false` if there was no ban.
    pub(super) fn unban(&mut self, ip: IpAddr, db: &mut PeerDb, out: &mut Outbox) -> bool {
        let ip = host(ip);
        self.scores.clear(ip);
        let found = self.bans.remove(ip);
        if found {
            db.lift_ban(ip, out);
            self.tell(out);
        }
        found
    }

    /// Lifts bans that have ended; `false` if there are none.
    pub(super) fn lift_expired(&mut self, now: Now, db: &mut PeerDb, out: &mut Outbox) -> bool {
        let ended = self.bans.expired(now);
        ended.iter().for_each(|ip| db.lift_ban(*ip, out));
        if !ended.is_empty() {
            self.tell(out);
        }
        !ended.is_empty()
    }

    /// Keeps listening addresses out until [`Barred::allow`]; says why it cannot.
    pub(super) fn deny(
        &mut self,
        addresses: impl ExactSizeIterator<Item = SocketAddr>,
        links: &mut Links,
        out: &mut Outbox,
    ) -> Result<(), String> {
        self.may_be_partitioned()?;
        if self.denied.len().saturating_add(addresses.len()) > MAX_DENIED {
            return Err(format!("{MAX_DENIED} denied addresses are the most"));
        }
        self.denied.extend(addresses);
        let is_denied = |address: SocketAddr| self.denied.contains(&address);
        let hit = |link: &Link| is_denied(link.remote()) || link.listens().is_some_and(is_denied);
        links.goodbye_all(hit, GoodbyeCode::Operator, out);
        self.tell(out);
        Ok(())
    }

    /// Denies no address any more; returns those that it denied.
    pub(super) fn allow(&mut self, out: &mut Outbox) -> Result<BTreeSet<SocketAddr>, String> {
        self.may_be_partitioned()?;
        let denied = std::mem::take(&mut self.denied);
        self.tell(out);
        Ok(denied)
    }

    /// Whether nobody is kept out.
    pub(super) fn is_empty(&self) -> bool {
        self.denied.is_empty() && self.bans.count() == 0
    }

    /// The denied addresses.
    pub(super) fn denied(&self) -> &BTreeSet<SocketAddr> {
        &self.denied
    }

    /// When [`Barred::lift_expired`] has something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.bans.deadline()
    }

    fn may_be_partitioned(&self) -> Result<(), String> {
        if self.test_chain { Ok(()) } else { Err("only test chains can be partitioned".to_owned()) }
    }

    fn tell(&self, out: &mut Outbox) {
        out.tell(ToHandshake::Barred { ips: self.bans.ips(), addresses: self.denied.clone() });
    }
}
