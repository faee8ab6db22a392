//! A network that is partly cut: this node keeps known nodes out, or known nodes keep it out.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use super::{
    barred::Barred,
    book::{Book, Table},
    dial_errors::{DialErrors, some_of},
    dialer::Dialer,
    identities::Identities,
    links::Links,
};
use crate::{
    base::{gather::gather, limits::DIAL_FAILING_AFTER, time::Time},
    node::hindrance::Finding,
};

/// What the node's place among others is judged by.
pub(super) struct Facts<'a> {
    pub(super) links: &'a Links,
    pub(super) dialer: &'a Dialer,
    pub(super) errors: &'a DialErrors,
    pub(super) barred: &'a Barred,
    pub(super) book: &'a Book,
    pub(super) identities: &'a Identities,
}

impl Facts<'_> {
    /// Finds out of an address whether its node is a peer, whoever opened the link.
    pub(super) fn is_linked(&self) -> impl Fn(SocketAddr) -> bool {
        let (addresses, nodes) = (self.links.of_peers(), self.links.nodes());
        move |address| {
            let node = || self.identities.known(address, self.book);
            addresses.contains(&address) || node().is_some_and(|node| nodes.contains(&node))
        }
    }
}

/// Nodes whose last word was that they keep this node out. On public networks an attacker's addresses could say so, too: there
/// only known nodes count. `has_lasted` tells whether a time is so long ago; if not, it is looked at again then. After twice
/// the longest wait for a dial nobody knows whether it still holds.
pub(super) fn refusing(facts: &Facts<'_>, mut has_lasted: impl FnMut(Time, Duration) -> bool) -> BTreeSet<SocketAddr> {
    let mut refusing = facts.errors.refusals().peekable();
    if refusing.peek().is_none() {
        return BTreeSet::new();
    }
    // A dial that has only opened a link says nothing yet: each one that is refused did so.
    let (known, is_linked) = (known(facts), facts.is_linked());
    let is_apart = |address: &SocketAddr| !is_linked(*address);
    let is_node = |address: &SocketAddr| facts.dialer.is_of_test_chain() || known.contains(address);
    let counts =
        |address: &SocketAddr| is_node(address) && is_apart(address) && !facts.barred.keeps_out(*address, facts.book);
    gather(
        refusing
            .filter(|(address, ..)| counts(address))
            .filter(|(address, since, said)| {
                let is_over = has_lasted(*said, facts.dialer.longest(*address) * 2);
                !is_over && has_lasted(*since, DIAL_FAILING_AFTER)
            })
            .map(|(address, ..)| address),
    )
}

/// What is to be told if known nodes are kept out, or if these refuse this node.
pub(super) fn partly(facts: &Facts<'_>, refusing: &BTreeSet<SocketAddr>) -> Option<Finding> {
    if refusing.is_empty() && facts.barred.is_empty() {
        return None;
    }
    let mut known = known(facts);
    known.extend(facts.barred.denied().iter().copied().chain(facts.links.linked()).chain(facts.links.claimed()));
    let kept_out: Vec<SocketAddr> =
        known.iter().copied().filter(|address| facts.barred.keeps_out(*address, facts.book)).collect();
    let list = |addresses: Vec<String>| some_of(&addresses, ", ");
    let mut parts = Vec::new();
    if !kept_out.is_empty() {
        let names = list(kept_out.iter().map(SocketAddr::to_string).collect());
        parts.push(format!("this node keeps out {} of {} known nodes: {names}", kept_out.len(), known.len()));
    }
    if !refusing.is_empty() {
        let names = list(refusing.iter().map(SocketAddr::to_string).collect());
        parts.push(match refusing.len() {
            1 => format!("one node keeps this one out: {names}"),
            count => format!("{count} nodes keep this one out: {names}"),
        });
    }
    let advice = match () {
        () if kept_out.is_empty() => "the operator there can let this node in",
        () if facts.barred.denied().is_empty() && facts.barred.denied_nodes().is_empty() => {
            "tussock peers unban IP lets a node in again"
        }
        () => "tussock net list shows what is denied, tussock net allow ends it",
    };
    (!parts.is_empty()).then(|| Finding::new(parts.join("; "), advice))
}

/// Addresses that the operator gave, or that have led to a node before.
fn known(facts: &Facts<'_>) -> BTreeSet<SocketAddr> {
    let reached = facts.book.table(Table::Tried).map(|entry| entry.address);
    gather(reached.chain(facts.dialer.named()).filter(|address| !facts.dialer.is_own(*address)))
}
