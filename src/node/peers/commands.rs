//! What operators ask of this role.

use std::net::SocketAddr;

use super::Peers;
use crate::{
    base::{
        ids::{LinkId, Ticket},
        limits::{MAX_CONFIGURED, MAX_DENIED},
        time::{Now, UnixTime},
    },
    chain::archive::Ban,
    node::{
        Outbox,
        command::{Command, Reply},
        netgroup::{canonical, host},
        report::PeerReport,
    },
    wire::message::GoodbyeCode,
};

impl Peers {
    /// Carries out a command and answers it.
    pub(super) fn command(&mut self, now: Now, ticket: Ticket, command: Command, out: &mut Outbox) {
        let reply = match command {
            Command::Peers => Reply::Peers(self.reports(now)),
            Command::AddPeer(address) => self.add_peer(canonical(address)),
            Command::DropPeer(address) => self.drop_peer(now, canonical(address), out),
            Command::Ban { ip, time, reason } => {
                let until = UnixTime(now.unix.0.saturating_add(time.as_secs()));
                self.ban(now, Ban { ip, until, reason }, out);
                Reply::Done
            }
            Command::Unban(ip) => self.unban(now, host(ip), out),
            Command::Book => Reply::Book { entries: self.book.entries().cloned().collect(), bans: self.bans.list() },
            Command::Deny(addresses) => self.deny(addresses, out),
            Command::Allow => self.allow(out),
            _ => Reply::Refused("no command for this role".to_owned()),
        };
        out.reply(ticket, reply);
    }

    fn reports(&self, now: Now) -> Vec<PeerReport> {
        let report = |(id, link, peer): (LinkId, &super::links::Link, &super::links::Peer)| PeerReport {
            link: id,
            info: peer.info.clone(),
            height: peer.height,
            ping_us: peer.keep_alive.round_trip().map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX)),
            since: peer.since,
            score: self.scores.points(now.mono, link.remote.ip()),
        };
        self.links.peers().map(report).collect()
    }

    fn add_peer(&mut self, address: SocketAddr) -> Reply {
        if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
            return Reply::Refused(format!("{address} cannot be dialled"));
        }
        if self.dialer.is_own(address) {
            return Reply::Refused(format!("{address} is this node itself"));
        }
        if self.dialer.configured() >= MAX_CONFIGURED {
            return Reply::Refused(format!("{MAX_CONFIGURED} configured peers are the most"));
        }
        self.dialer.configure(address);
        self.dial_again = true;
        Reply::Done
    }

    fn drop_peer(&mut self, now: Now, address: SocketAddr, out: &mut Outbox) -> Reply {
        let is_it = |link: &super::links::Link| link.remote == address || link.listens() == Some(address);
        let found: Vec<(LinkId, Option<SocketAddr>)> =
            self.links.0.iter().filter(|(_, link)| is_it(link)).map(|(id, link)| (*id, link.listens())).collect();
        let mut known = self.dialer.drop_configured(now.mono, address) | !found.is_empty();
        for (link, listens) in found {
            // The name in the list of peers may be the remote address: what is kept is where it listens.
            known |= listens.is_some_and(|listens| self.dialer.drop_configured(now.mono, listens));
            self.goodbye(link, GoodbyeCode::Operator, out);
        }
        if known { Reply::Done } else { Reply::NotFound(format!("no peer {address}")) }
    }

    fn unban(&mut self, now: Now, ip: std::net::IpAddr, out: &mut Outbox) -> Reply {
        self.scores.clear(ip);
        if !self.bans.remove(now, ip) {
            return Reply::NotFound(format!("{ip} is not banned"));
        }
        self.peer_db.lift_ban(ip, out);
        self.tell_barred(out);
        Reply::Done
    }

    fn deny(&mut self, addresses: Vec<SocketAddr>, out: &mut Outbox) -> Reply {
        if !self.test_chain {
            return Reply::Refused("only test chains can be partitioned".to_owned());
        }
        if self.denied.len().saturating_add(addresses.len()) > MAX_DENIED {
            return Reply::Refused(format!("{MAX_DENIED} denied addresses are the most"));
        }
        self.denied.extend(addresses.into_iter().map(canonical));
        let is_denied = |address: SocketAddr| self.denied.contains(&address);
        let hit = |link: &super::links::Link| is_denied(link.remote) || link.listens().is_some_and(is_denied);
        let links: Vec<LinkId> = self.links.0.iter().filter(|(_, link)| hit(link)).map(|(id, _)| *id).collect();
        links.into_iter().for_each(|link| self.goodbye(link, GoodbyeCode::Operator, out));
        self.tell_barred(out);
        Reply::Done
    }

    fn allow(&mut self, out: &mut Outbox) -> Reply {
        if !self.test_chain {
            return Reply::Refused("only test chains can be partitioned".to_owned());
        }
        // Whoever allows last finds the other side willing: no waiting, so that a partition heals at once.
        std::mem::take(&mut self.denied).into_iter().for_each(|address| self.dialer.dial_soon(address));
        self.tell_barred(out);
        Reply::Done
    }
}
