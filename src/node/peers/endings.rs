//! What the end of a link means: for dialling its address again, and for its address's good name.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{Peers, dialer::Purpose, links::Link};
use crate::{
    base::{
        ids::LinkId,
        limits::{BAN_SCORE, BAN_TIME, REDIAL_MAX_CONFIGURED},
        time::{Now, UnixTime},
    },
    chain::archive::Ban,
    node::{
        CloseReason, Outbox, PeerFault,
        netgroup::{host, is_own_host},
        report::Counter,
    },
    wire::message::GoodbyeCode,
};

impl Peers {
    pub(super) fn closed(&mut self, now: Now, link: LinkId, reason: &CloseReason, out: &mut Outbox) {
        let Some(state) = self.links.0.remove(&link) else { return };
        self.dial_again = true;
        let ip = state.remote.ip();
        if let CloseReason::Fault(fault) = reason {
            out.count(Counter::PeerFaults, 1);
            log::info!("peer closed for a fault address={} fault=\"{fault}\"", state.remote);
            self.punish(now, ip, fault, out);
        } else if state.peer.is_some() && state.purpose == Purpose::Peer {
            log::info!("peer disconnected address={} reason=\"{reason}\"", state.remote);
        }
        if !state.direction.is_inbound() {
            self.dial_closed(now, &state, reason);
        }
        if let (Some(_), Some(listens)) = (&state.peer, state.listens()) {
            self.book.seen(now.unix, listens);
        }
        if *reason != CloseReason::Local(GoodbyeCode::Stopping) {
            self.outbound_changed(state.direction, out);
        }
    }

    /// A link that we opened ended: what that says about dialling the address again.
    fn dial_closed(&mut self, now: Now, link: &Link, reason: &CloseReason) {
        let address = link.remote;
        let lasted = link.peer.as_ref().is_some_and(|peer| now.mono.since(peer.since) >= REDIAL_MAX_CONFIGURED);
        let code = match reason {
            CloseReason::Local(code) => Some(*code),
            CloseReason::Remote { code, .. } => GoodbyeCode::from_number(*code),
            CloseReason::Fault(_) | CloseReason::Lost(_) => None,
        };
        match (code, reason) {
            (Some(GoodbyeCode::SelfConnection), CloseReason::Local(_)) => {
                log::info!("dialled ourselves, not again address={address}");
                self.dialer.found_own(address);
                self.book.forget(address);
            }
            (Some(GoodbyeCode::Duplicate | GoodbyeCode::Feeler), _) => self.dialer.stands_elsewhere(now.mono, address),
            (Some(GoodbyeCode::WrongNetwork | GoodbyeCode::WrongVersion), _) => {
                self.book.forget(address);
                self.dialer.back_off(now.mono, address, false, Duration::MAX, &mut self.rng);
            }
            (_, CloseReason::Remote { retry_after, .. }) if link.peer.is_none() => {
                // It answered, so that it lives; it only does not want us now.
                let advice = Duration::from_secs(u64::from(*retry_after));
                self.dialer.back_off(now.mono, address, false, advice, &mut self.rng);
            }
            (_, CloseReason::Remote { retry_after, .. }) => {
                let advice = Duration::from_secs(u64::from(*retry_after));
                self.dialer.back_off(now.mono, address, lasted, advice, &mut self.rng);
            }
            _ if link.peer.is_none() => self.unreached(now, address, Duration::ZERO),
            _ => self.dialer.back_off(now.mono, address, lasted, Duration::ZERO, &mut self.rng),
        }
    }

    /// A dial led to no peer.
    pub(super) fn unreached(&mut self, now: Now, address: SocketAddr, advice: Duration) {
        self.dialer.back_off(now.mono, address, false, advice, &mut self.rng);
        // A node without any peer is more likely offline itself, and must not forget its whole book over that.
        if self.links.peers().next().is_some() {
            self.book.failed(now.unix, address);
        }
    }

    fn punish(&mut self, now: Now, ip: IpAddr, fault: &PeerFault, out: &mut Outbox) {
        let score = self.scores.add(now.mono, ip, fault.points());
        // All nodes of a cluster share the loopback address: one bad node must not cut off the others.
        let exempt = self.test_chain && is_own_host(ip);
        if score >= BAN_SCORE && !exempt {
            let until = UnixTime(now.unix.0.saturating_add(BAN_TIME.as_secs()));
            self.ban(now, Ban { ip, until, reason: fault.to_string() }, out);
        }
    }

    pub(super) fn ban(&mut self, now: Now, ban: Ban, out: &mut Outbox) {
        let ban = Ban { ip: host(ban.ip), ..ban };
        let ip = ban.ip;
        log::warn!("address banned ip={ip} until={} reason=\"{}\"", ban.until, ban.reason);
        self.peer_db.put_ban(&ban, out);
        if let Some(first) = self.bans.insert(now, ban) {
            self.peer_db.lift_ban(first, out);
        }
        self.scores.clear(ip);
        let theirs = |link: &&Link| host(link.remote.ip()) == ip;
        let links: Vec<LinkId> = self.links.0.iter().filter(|(_, link)| theirs(link)).map(|(id, _)| *id).collect();
        links.into_iter().for_each(|link| self.goodbye(link, GoodbyeCode::Banned, out));
        self.tell_barred(out);
    }

    pub(super) fn lift_expired(&mut self, now: Now, out: &mut Outbox) {
        let ended = self.bans.expired(now);
        ended.iter().for_each(|ip| self.peer_db.lift_ban(*ip, out));
        if !ended.is_empty() {
            self.tell_barred(out);
        }
    }
}
