//! Which addresses may be dialled, and after what wait.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use super::{Dialer, World};
use crate::{
    base::{
        gather::gather,
        limits::{REDIAL_MAX, REDIAL_MAX_CONFIGURED, REDIAL_MAX_TEST},
        time::Time,
    },
    node::netgroup::{NetGroup, Scope, is_close, may_be_dialled},
};

impl Dialer {
    /// The addresses whose back-off is over. Notes when the next back-off ends.
    pub(super) fn ready(&mut self, now: Time, addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        addresses.into_iter().filter(|address| self.is_over(now, *address)).collect()
    }

    pub(super) fn is_over(&mut self, now: Time, address: SocketAddr) -> bool {
        match self.backoffs.until(address) {
            Some(until) if now < until => {
                self.wake_at(until);
                false
            }
            _ => true,
        }
    }

    /// Whether the book's address may become an outbound peer.
    pub(super) fn suits(&self, address: SocketAddr, world: &World<'_>, groups: &BTreeSet<NetGroup>) -> bool {
        let ip = address.ip();
        // A local network is one group, and nobody from outside can be in it.
        let is_ours = self.test_chain || Scope::of(ip) != Scope::Internet;
        let new_group = is_ours && is_close(ip) || !groups.contains(&NetGroup::of(ip));
        new_group && self.is_free(address, world)
    }

    /// Whether nothing but time speaks against dialling the address.
    pub(super) fn is_free(&self, address: SocketAddr, world: &World<'_>) -> bool {
        // An operator's addresses are dialled as they are; the filter is for addresses that peers told.
        let sensible = self.is_trusted(address) || self.may_be_dialled(address);
        let dialling = self.pending.values().any(|(pending, _)| *pending == address);
        sensible
            && !dialling
            && !self.own.contains(&address)
            && !world.linked.contains(&address)
            // A claim may be false. That of a linked node is enough to leave an address of the book alone.
            && (self.is_trusted(address) || !world.claimed.contains(&address))
            && !(world.barred)(address)
    }

    pub(super) fn groups_in_use(&self, world: &World<'_>) -> BTreeSet<NetGroup> {
        let dialling = self.pending.values().map(|(address, _)| NetGroup::of(address.ip()));
        gather(world.groups.iter().copied().chain(dialling))
    }

    /// Whether an address that peers told may be dialled. Where the operator or the chain named nodes of a local network, all of
    /// that network's may: else they would find each other through the named nodes only.
    pub(in crate::node::peers) fn may_be_dialled(&self, address: SocketAddr) -> bool {
        may_be_dialled(address, self.test_chain, |scope| self.named().any(|named| Scope::of(named.ip()) == scope))
    }

    /// Whether the address of a linked peer may be told to others of its own network, also where nobody named a node of that: a
    /// network's first node dials nobody, and those that dial it would find each other through it only.
    pub(in crate::node::peers) fn may_be_told(&self, address: SocketAddr) -> bool {
        may_be_dialled(address, self.test_chain, |_| true)
    }

    /// Whether an address may be told to, or believed from, a peer at this one. Addresses of a local network are nobody's
    /// business outside it.
    pub(in crate::node::peers) fn may_pass(&self, address: SocketAddr, peer: SocketAddr) -> bool {
        let scope = Scope::of(address.ip());
        self.test_chain || scope == Scope::Internet || scope == Scope::of(peer.ip())
    }

    /// Whether the chain is one for tests.
    pub(in crate::node::peers) fn is_of_test_chain(&self) -> bool {
        self.test_chain
    }

    /// Whether the operator gave this address.
    pub(in crate::node::peers) fn is_trusted(&self, address: SocketAddr) -> bool {
        self.configured.contains(&address) || self.bootnodes.contains(&address) || self.names.contains(address)
    }

    /// The longest wait for this address.
    pub(in crate::node::peers) fn longest(&self, address: SocketAddr) -> Duration {
        match (self.test_chain, self.is_trusted(address)) {
            (true, _) => REDIAL_MAX_TEST,
            (false, true) => REDIAL_MAX_CONFIGURED,
            (false, false) => REDIAL_MAX,
        }
    }
}
