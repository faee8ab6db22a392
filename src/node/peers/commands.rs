//! What operators and programs ask of the role.

use std::{net::SocketAddr, sync::Arc};

use super::{Peers, usage};
use crate::{
    base::{
        ids::{NodeId, Ticket},
        time::{Now, UnixTime},
    },
    chain::archive::{Ban, Banned},
    node::{
        Action, HostName, LinkAction, NodeAddress, Outbox,
        command::{PeersCommand, Reply},
        netgroup::{canonical, host},
    },
    wire::message::GoodbyeCode,
};

impl Peers {
    pub(super) fn on_command(&mut self, now: Now, ticket: Ticket, command: PeersCommand, out: &mut Outbox) {
        let reply = match command {
            PeersCommand::Peers => {
                Reply::Peers(usage::peers(now.mono, &self.links, &self.barred, &self.dial_errors, &self.identities))
            }
            PeersCommand::Members => Reply::Members(self.identities.members().cloned()),
            PeersCommand::SetMembers(members) => {
                self.identities.set_members(Some(members.clone()));
                out.push(Action::Link(LinkAction::Members(Some(Arc::new(members)))));
                self.dialer.look_again();
                Reply::Done
            }
            PeersCommand::AddPeer(address, node) => done(self.add_peer(address, node)),
            PeersCommand::DropPeer(NodeAddress::Ip(address)) => self.drop_peer(now, canonical(address), out),
            PeersCommand::DropPeer(NodeAddress::Name(name)) => self.drop_name(now, &name, out),
            PeersCommand::Ban { who, time, reason } => {
                let until = UnixTime(now.unix.0.saturating_add(time.as_secs()));
                self.ban(now, Ban { who, until, seconds: Some(time.as_secs()), reason }, out);
                Reply::Done
            }
            PeersCommand::Unban(who) if self.barred.unban(who, &mut self.peer_db, out) => {
                self.dialer.look_again();
                Reply::Done
            }
            PeersCommand::Unban(Banned::Host(ip)) => Reply::NotFound(format!("{} is not banned", host(ip))),
            PeersCommand::Unban(Banned::Node(_)) => Reply::NotFound("this node is not banned".to_owned()),
            PeersCommand::Book => Reply::Book {
                entries: self.book.entries().cloned().collect(),
                bans: self.barred.bans(now),
                errors: self.dial_errors.list(),
                denied: self.barred.denied().iter().copied().collect(),
                denied_nodes: self.barred.denied_nodes().iter().copied().collect(),
            },
            PeersCommand::Deny(addresses, nodes) => {
                let addresses = addresses.into_iter().map(canonical);
                let denied = self.barred.deny(addresses, nodes, &mut self.links, out);
                done(denied.map(|()| self.dialer.look_again()))
            }
            PeersCommand::Allow => done(self.barred.allow(&self.book, out).map(|denied| {
                self.dialer.look_again();
                // The side that allows last finds the other willing: no waiting, so that a partition heals at once.
                denied.into_iter().for_each(|address| self.dialer.dial_soon(address));
            })),
        };
        out.reply(ticket, reply);
    }

    /// Dials a node and keeps it. With an id, only that node may answer.
    fn add_peer(&mut self, address: NodeAddress, node: Option<NodeId>) -> Result<(), String> {
        match &address {
            NodeAddress::Ip(address) => self.dialer.configure(canonical(*address))?,
            NodeAddress::Name(name) => self.dialer.configure_name(name.clone())?,
        }
        node.into_iter().for_each(|node| self.identities.pin(address.clone(), node));
        Ok(())
    }

    fn drop_name(&mut self, now: Now, name: &HostName, out: &mut Outbox) -> Reply {
        let Some(addresses) = self.dialer.drop_name(name) else {
            return Reply::NotFound(format!("no peer {name}"));
        };
        for address in addresses {
            self.drop_peer(now, address, out);
        }
        Reply::Done
    }

    fn drop_peer(&mut self, now: Now, address: SocketAddr, out: &mut Outbox) -> Reply {
        let found = self.links.at(address);
        let mut known = self.dialer.drop_configured(now.mono, address) | !found.is_empty();
        for (link, listens) in found {
            // The list of peers may show the remote address, but the listening address is the configured one.
            known |= listens.is_some_and(|listens| self.dialer.drop_configured(now.mono, listens));
            self.links.goodbye(link, GoodbyeCode::Operator, out);
        }
        if known { Reply::Done } else { Reply::NotFound(format!("no peer {address}")) }
    }

    fn ban(&mut self, now: Now, ban: Ban, out: &mut Outbox) {
        self.barred.ban(now, ban, &mut self.links, &mut self.peer_db, out);
        self.dialer.look_again();
    }
}

fn done(result: Result<(), String>) -> Reply {
    result.map_or_else(Reply::Refused, |()| Reply::Done)
}
