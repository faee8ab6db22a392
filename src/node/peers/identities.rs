//! Which node answers at an address: what the operator or the chain said, and what links have shown.

use std::{collections::BTreeMap, net::SocketAddr};

use super::book::Book;
use crate::{
    base::ids::NodeId,
    node::{Members, NodeAddress, netgroup::canonical, report::Protection},
};

/// Addresses whose nodes are remembered from links.
const MAX_SHOWN: usize = 1024;

/// What is known of nodes' identities.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// Who must answer.
    pins: BTreeMap<NodeAddress, NodeId>,
    /// What the addresses of pinned names are, as last resolved. Each name for itself: a node may have several.
    resolved: BTreeMap<NodeAddress, Vec<SocketAddr>>,
    /// Who answered last: a hint, which may be out of date.
    shown: BTreeMap<SocketAddr, NodeId>,
    /// Who may link; `None`: everybody.
    members: Option<Members>,
}

impl Identities {
    pub(super) fn new(pins: &BTreeMap<NodeAddress, NodeId>, members: Option<Members>) -> Self {
        let pins = pins.iter().map(|(address, node)| (same(address.clone()), *node)).collect();
        Self { pins, members, ..Self::default() }
    }

    /// Pins an address from now on.
    pub(super) fn pin(&mut self, address: NodeAddress, node: NodeId) {
        self.pins.insert(same(address), node);
    }

    /// What a name stands for now.
    pub(super) fn resolved(&mut self, name: &NodeAddress, addresses: &[SocketAddr]) {
        if self.pins.contains_key(name) {
            self.resolved.insert(name.clone(), addresses.iter().map(|address| canonical(*address)).collect());
        }
    }

    /// A link has shown who answers at an address.
    pub(super) fn showed(&mut self, address: SocketAddr, node: NodeId) {
        if self.shown.len() >= MAX_SHOWN && !self.shown.contains_key(&address) {
            self.shown.pop_first();
        }
        self.shown.insert(address, node);
    }

    /// Who must answer a dial. On chains with members a dial needs to know, so that a hint has to do.
    pub(super) fn expected(&self, address: SocketAddr, book: &Book) -> Option<NodeId> {
        let known = || self.shown.get(&address).copied().or_else(|| book.node(address));
        let hint = || self.members.as_ref().and_then(|members| known().filter(|node| members.contains(node)));
        self.pinned(address).or_else(hint)
    }

    /// Which node is at an address: who must be, or who was there when a link came up. No other node's word counts.
    pub(super) fn known(&self, address: SocketAddr, book: &Book) -> Option<NodeId> {
        let shown = || self.shown.get(&address).copied();
        self.pinned(address).or_else(shown).or_else(|| book.proven_node(address))
    }

    fn pinned(&self, address: SocketAddr) -> Option<NodeId> {
        let by_name = || self.resolved.iter().find(|(_, addresses)| addresses.contains(&address));
        let name = || self.pins.get(by_name()?.0);
        self.pins.get(&NodeAddress::Ip(address)).or_else(name).copied()
    }

    /// Who may link; `None`: everybody.
    pub(super) fn members(&self) -> Option<&Members> {
        self.members.as_ref()
    }

    /// Only these may link from now on.
    pub(super) fn set_members(&mut self, members: Option<Members>) {
        self.members = members;
    }

    /// What is known of a linked node.
    pub(super) fn protection(&self, node: NodeId) -> Protection {
        match () {
            () if self.members.is_some() => Protection::Member,
            () if self.pins.values().any(|pinned| *pinned == node) => Protection::Pinned,
            () => Protection::Encrypted,
        }
    }
}

/// An address in the form in which dials have it.
fn same(address: NodeAddress) -> NodeAddress {
    match address {
        NodeAddress::Ip(address) => NodeAddress::Ip(canonical(address)),
        NodeAddress::Name(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::UnixTime;

    #[test]
    fn a_pin_holds_and_a_hint_counts_only_among_members() {
        let [one, other] = [1, 2].map(|byte| NodeId([byte; 32]));
        let at = |port| SocketAddr::from(([9, 9, 9, 9], port));
        let name: NodeAddress = "node.example:1".parse().unwrap();
        let pins = BTreeMap::from([(NodeAddress::Ip(at(1)), one), (name.clone(), other)]);
        let mut book = Book::new([0; 32], true, Vec::new());
        let mut identities = Identities::new(&pins, None);
        identities.showed(at(1), other);
        identities.showed(at(2), other);
        assert_eq!([1, 2].map(|port| identities.expected(at(port), &book)), [Some(one), None]);
        identities.resolved(&name, &[at(3)]);
        assert_eq!(identities.expected(at(3), &book), Some(other));
        identities.resolved(&name, &[at(4)]);
        assert_eq!([3, 4].map(|port| identities.expected(at(port), &book)), [None, Some(other)]);
        // A second name of the same node takes nothing from the first.
        let second: NodeAddress = "second.example:1".parse().unwrap();
        identities.pin(second.clone(), other);
        identities.resolved(&second, &[at(6), at(7)]);
        assert_eq!([4, 6, 7].map(|port| identities.expected(at(port), &book)), [Some(other); 3]);
        assert_eq!(identities.protection(one), Protection::Pinned);
        book.add(UnixTime(1), at(5), None, UnixTime(1));
        book.hint(at(5), one);
        identities.set_members(Some(Members::from([other])));
        assert_eq!([2, 5].map(|port| identities.expected(at(port), &book)), [Some(other), None], "no member");
        identities.set_members(Some(Members::from([one, other])));
        assert_eq!(identities.expected(at(5), &book), Some(one), "the book's word");
        (0..3000).for_each(|port| identities.showed(at(port), one));
        assert!(identities.shown.len() <= MAX_SHOWN);
    }
}
