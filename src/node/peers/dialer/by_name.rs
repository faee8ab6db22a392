//! Dials by name. A name is resolved before its addresses are dialled, since what it stands for may change; then all of them
//! are tried, one shortly after the other, until one leads to a node.

use std::net::SocketAddr;

use super::{Dialer, Purpose, World};
use crate::{
    base::{
        limits::{ATTEMPT_DELAY, MAX_CONFIGURED, PENDING_DIALS},
        time::Time,
    },
    node::{HostName, Outbox},
};

impl Dialer {
    /// Keeps this name connected from now on; says why it cannot.
    pub(in crate::node::peers) fn configure_name(&mut self, name: HostName) -> Result<(), String> {
        if self.configured.len() + self.names.count() >= MAX_CONFIGURED {
            return Err(format!("{MAX_CONFIGURED} configured peers are the most"));
        }
        self.names.keep(name);
        self.look_again();
        Ok(())
    }

    /// Keeps a name no longer. Returns the addresses that it stood for; `None`: it was not known.
    pub(in crate::node::peers) fn drop_name(&mut self, name: &HostName) -> Option<Vec<SocketAddr>> {
        self.names.remove(name)
    }

    /// The answer for a name.
    pub(in crate::node::peers) fn resolved(
        &mut self,
        now: Time,
        name: &HostName,
        result: Result<Vec<SocketAddr>, String>,
    ) {
        self.look_again();
        if let Some(named) = self.names.get_mut(name) {
            named.answered(now, name, result);
        }
    }

    /// The names without an address, and why; `all`: also those that nobody needs while there are peers.
    pub(in crate::node::peers) fn unresolved(&self, all: bool) -> impl Iterator<Item = (&HostName, &str)> {
        self.names.unresolved(all)
    }

    /// Dials the names that are to be kept, or the bootnodes' names.
    pub(super) fn round_names(&mut self, now: Time, world: &World<'_>, kept: bool, out: &mut Outbox) {
        for name in self.names.list(kept) {
            self.advance(now, &name, world, out);
        }
    }

    /// Takes the next step with a name: a dial, or the question what it stands for.
    fn advance(&mut self, now: Time, name: &HostName, world: &World<'_>, out: &mut Outbox) {
        let Some(named) = self.names.get_mut(name).filter(|named| !named.is_asked) else { return };
        let (addresses, last_dial, holds_until) = (named.addresses.clone(), named.last_dial, named.holds_until);
        if addresses.iter().any(|address| world.linked.contains(address) || self.own.contains(address)) {
            return named.is_linked();
        }
        if now >= holds_until {
            let is_under_way = |address: &SocketAddr| self.pending.values().any(|(pending, _)| pending == address);
            if !addresses.iter().any(is_under_way) {
                named.is_asked = true;
                out.resolve(name.clone());
            }
            return;
        }
        self.wake_at(holds_until);
        let next = addresses.into_iter().find(|address| self.is_free(*address, world) && self.is_over(now, *address));
        let Some(address) = next else { return };
        // RFC 8305: an address that does not answer at once holds up the next one for a moment only.
        let is_under_way = |address: SocketAddr| self.pending.values().any(|(pending, _)| *pending == address);
        match last_dial.filter(|(_, last)| is_under_way(*last)).map(|(at, _)| at + ATTEMPT_DELAY) {
            Some(at) if at > now => self.wake_at(at),
            _ if self.pending.len() >= PENDING_DIALS => {}
            _ => {
                if let Some(named) = self.names.get_mut(name) {
                    named.last_dial = Some((now, address));
                }
                self.wake_at(now + ATTEMPT_DELAY);
                self.dial(now, address, Purpose::Peer, world, out);
            }
        }
    }
}
