//! Host names of nodes, and what they stand for.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use crate::{
    base::{
        gather::gather,
        limits::{MAX_NAME_ADDRESSES, REDIAL_FIRST, RESOLVE_MAX},
        time::Time,
    },
    node::{HostName, netgroup::canonical},
};

/// The names that the operator or the chain gave.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<HostName, Named>);

/// One name.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Dialled and kept, in any case; else only when the book does not offer enough.
    is_kept: bool,
    /// What it stood for last.
    pub(super) addresses: Vec<SocketAddr>,
    /// Which of them was dialled last, and when.
    pub(super) last_dial: Option<(Time, SocketAddr)>,
    /// A question is on its way.
    pub(super) is_asked: bool,
    /// Before the next question; doubles with each.
    wait: Duration,
    /// Until when the last answer holds. A dial needs one that does.
    pub(super) holds_until: Time,
    /// Why it has no address.
    failure: Option<String>,
}

impl Names {
    /// These names; `kept` are dialled and kept.
    pub(super) fn new<'a>(
        kept: impl IntoIterator<Item = &'a HostName>,
        bootnodes: impl IntoIterator<Item = &'a HostName>,
    ) -> Self {
        let named = |is_kept| move |name: &HostName| (name.clone(), Named { is_kept, ..Named::default() });
        let bootnodes = bootnodes.into_iter().map(named(false));
        Self(gather(bootnodes.chain(kept.into_iter().map(named(true)))))
    }

    /// Keeps a name from now on.
    pub(super) fn keep(&mut self, name: HostName) {
        let named = self.0.entry(name).or_default();
        (named.is_kept, named.wait, named.holds_until) = (true, Duration::ZERO, Time(0));
    }

    /// Forgets a name. Returns what it stood for; `None`: it was not known.
    pub(super) fn remove(&mut self, name: &HostName) -> Option<Vec<SocketAddr>> {
        self.0.remove(name).map(|named| named.addresses)
    }

    /// Forgets the kept names that stand for this address.
    pub(super) fn remove_kept(&mut self, address: SocketAddr) {
        self.0.retain(|_, named| !(named.is_kept && named.addresses.contains(&address)));
    }

    /// One name.
    pub(super) fn get_mut(&mut self, name: &HostName) -> Option<&mut Named> {
        self.0.get_mut(name)
    }

    /// The names that are kept, or the others.
    pub(super) fn list(&self, kept: bool) -> Vec<HostName> {
        self.0.iter().filter(|(_, named)| named.is_kept == kept).map(|(name, _)| name.clone()).collect()
    }

    /// Whether a name stands for this address.
    pub(super) fn contains(&self, address: SocketAddr) -> bool {
        self.0.values().any(|named| named.addresses.contains(&address))
    }

    /// The addresses of the names that are kept.
    pub(super) fn kept(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.values().filter(|named| named.is_kept).flat_map(|named| named.addresses.iter().copied())
    }

    /// The addresses of all names.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.values().flat_map(|named| named.addresses.iter().copied())
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The names without an address, and why; `all`: also those that are not kept.
    pub(super) fn unresolved(&self, all: bool) -> impl Iterator<Item = (&HostName, &str)> {
        let wanted = self.0.iter().filter(move |(_, named)| all || named.is_kept);
        wanted.filter_map(|(name, named)| Some((name, named.failure.as_deref()?)))
    }
}

impl Named {
    /// The answer: the addresses, or why there are none. In that case the last ones are tried again.
    pub(super) fn answered(&mut self, now: Time, name: &HostName, result: Result<Vec<SocketAddr>, String>) {
        self.is_asked = false;
        self.wait = (self.wait * 2).clamp(REDIAL_FIRST, RESOLVE_MAX);
        self.holds_until = now + self.wait;
        match result.map(in_turns) {
            Ok(addresses) if !addresses.is_empty() => {
                if self.addresses != addresses {
                    log::info!("name resolved name={name} addresses={addresses:?}");
                    self.addresses = addresses;
                }
                self.failure = None;
            }
            Ok(_) => self.failure = Some("it has no address".to_owned()),
            Err(problem) => self.failure = Some(problem),
        }
    }

    /// One of its addresses leads to a node that is linked.
    pub(super) fn is_linked(&mut self) {
        (self.wait, self.failure) = (Duration::ZERO, None);
    }
}

/// The addresses with both families in turns, as RFC 8305 orders them: the first one's family begins.
fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let mut seen = Vec::new();
    for address in addresses.into_iter().map(canonical) {
        let ip = address.ip();
        if address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !seen.contains(&address) {
            seen.push(address);
        }
    }
    let first_is_ipv6 = seen.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = seen.into_iter().partition(|address| address.is_ipv6() == first_is_ipv6);
    let (mut first, mut second, mut turns) = (first.into_iter(), second.into_iter(), Vec::new());
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            turns.truncate(MAX_NAME_ADDRESSES);
            return turns;
        }
        turns.extend(pair.into_iter().flatten());
    }
}
