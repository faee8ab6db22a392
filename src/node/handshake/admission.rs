//! Who may have a link: slots, limits per address and group, bans.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use super::link::Link;
use crate::{
    base::{
        ids::NodeId,
        limits::{INBOUND_SLACK, MAX_INBOUND_PER_GROUP},
        link_map::LinkMap,
    },
    node::{
        limit::Limit,
        netgroup::{NetGroup, host, is_own_host},
        notice::KeptOut,
    },
    wire::message::GoodbyeCode,
};

/// The rules by which newcomers are let in.
pub(super) struct Admission {
    /// Slots for links that others opened.
    pub(super) max_inbound: usize,
    /// Of these, slots for one IP address.
    pub(super) max_per_address: usize,
    /// On a test chain all nodes share their host's loopback address.
    pub(super) test_chain: bool,
    /// Nodes that are kept out; IP addresses are those of hosts ([`host`]).
    pub(super) kept_out: KeptOut,
}

impl Admission {
    /// Why there is no room for one more link from `ip`, if so: from there come too many. `links` holds the others, in
    /// the handshake or up. (When all slots are taken, another link makes room: see `eviction`.)
    pub(super) fn no_room(&self, ip: IpAddr, links: &LinkMap<Link>) -> Option<(Limit, &'static str)> {
        if self.max_inbound == 0 {
            return Some((Limit::Inbound, "this node takes no links"));
        }
        if self.is_exempt(ip) {
            return None;
        }
        let inbound = || links.values().filter(|link| link.direction.is_inbound() && link.refused.is_none());
        if inbound().filter(|link| host(link.remote.ip()) == host(ip)).count() >= self.max_per_address {
            return Some((Limit::PerAddress, "too many links from one address"));
        }
        let group = NetGroup::of(ip);
        if inbound().filter(|link| NetGroup::of(link.remote.ip()) == group).count() >= self.max_per_group() {
            return Some((Limit::PerNetwork, "too many links from one network"));
        }
        None
    }

    /// What a limit that this role keeps comes to.
    pub(super) fn cap(&self, limit: Limit) -> usize {
        match limit {
            Limit::Inbound => self.max_inbound,
            Limit::PerAddress => self.max_per_address,
            Limit::PerNetwork => self.max_per_group(),
            // Handshakes may take free slots, too.
            _ => self.max_inbound.saturating_add(INBOUND_SLACK),
        }
    }

    /// An operator who lets one address have more links lets its network have as many.
    fn max_per_group(&self) -> usize {
        MAX_INBOUND_PER_GROUP.max(self.max_per_address)
    }

    /// The most links that one address, and one network, have to us.
    pub(super) fn most(&self, links: &LinkMap<Link>) -> (usize, usize) {
        let counted = links.values().filter(|link| link.direction.is_inbound() && link.refused.is_none());
        let counted = counted.filter(|link| !self.is_exempt(link.remote.ip()));
        let (mut addresses, mut networks) = (BTreeMap::new(), BTreeMap::new());
        for link in counted {
            *addresses.entry(host(link.remote.ip())).or_insert(0) += 1;
            *networks.entry(NetGroup::of(link.remote.ip())).or_insert(0) += 1;
        }
        (addresses.into_values().max().unwrap_or(0), networks.into_values().max().unwrap_or(0))
    }

    fn is_exempt(&self, ip: IpAddr) -> bool {
        self.test_chain && is_own_host(ip)
    }

    /// Why a link with this remote and (if known) node and listening address is kept out, if it is.
    pub(super) fn barred(
        &self,
        remote: SocketAddr,
        node: Option<NodeId>,
        listens: Option<SocketAddr>,
    ) -> Option<GoodbyeCode> {
        let is_one_of = |nodes: &BTreeSet<NodeId>| node.is_some_and(|node| nodes.contains(&node));
        if is_one_of(&self.kept_out.nodes) {
            return Some(GoodbyeCode::Banned);
        }
        if self.kept_out.ips.contains(&host(remote.ip())) && !is_one_of(&self.kept_out.spared) {
            return Some(GoodbyeCode::Banned);
        }
        let is_denied = listens.is_some_and(|address| self.kept_out.addresses.contains(&address));
        (is_denied || is_one_of(&self.kept_out.denied_nodes)).then_some(GoodbyeCode::Operator)
    }

    /// Whether any node may link although its address is banned.
    pub(super) fn spares_nodes(&self) -> bool {
        !self.kept_out.spared.is_empty()
    }

    /// Whether this node may link although its address is banned.
    pub(super) fn is_spared(&self, node: NodeId) -> bool {
        self.kept_out.spared.contains(&node) && !self.kept_out.nodes.contains(&node)
    }
}
