//! Which addresses to dial, and when: anchors, configured addresses, the book, bootnodes, feelers; with back-off for
//! each.

mod by_name;
mod names;
mod rules;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use self::names::Names;
use super::{
    backoff::Backoffs,
    book::{Book, Table},
};
use crate::{
    base::{
        gather::gather,
        ids::{DialId, NodeId},
        limits::{
            DIAL_BURST_TEST, DIAL_INTERVAL, DIAL_INTERVAL_TEST, FEELER_INTERVAL, MAX_CONFIGURED, MAX_OWN_ADDRESSES,
            PENDING_DIALS, REDIAL_MAX,
        },
        rng::Rng,
        time::Time,
    },
    node::{
        HostName, Outbox,
        netgroup::{NetGroup, host},
        rate_limit::RateLimit,
    },
};

/// What a dial is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A peer to stay.
    Peer,
    /// A test of an address; the link is closed after its handshake.
    Feeler,
}

/// Links that we opened to stay, in the handshake or up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Outbound {
    /// To addresses that the operator wants kept. There may be more of these than peers are wanted.
    pub(super) kept: usize,
    /// To all others.
    pub(super) others: usize,
}

/// The part of the world that a dial depends on.
pub(super) struct World<'a> {
    /// The peer book.
    pub(super) book: &'a Book,
    /// Addresses that lead to nodes that are linked.
    pub(super) linked: BTreeSet<SocketAddr>,
    /// Addresses that linked nodes claim for their own.
    pub(super) claimed: BTreeSet<SocketAddr>,
    /// Network groups of the links that we opened.
    pub(super) groups: BTreeSet<NetGroup>,
    /// Links that we opened to stay.
    pub(super) outbound: Outbound,
    /// Who must answer at an address.
    pub(super) expected: &'a dyn Fn(SocketAddr) -> Option<NodeId>,
    /// Addresses that are kept out: banned or denied.
    pub(super) barred: &'a dyn Fn(SocketAddr) -> bool,
}

/// The dialler.
pub(super) struct Dialer {
    test_chain: bool,
    max_outbound: usize,
    /// Peers wanted beyond that for the moment.
    extra: usize,
    /// Whether one more is wanted, for what no peer gives.
    searches: bool,
    /// Dialled and kept, in any case.
    configured: BTreeSet<SocketAddr>,
    /// Dialled when the book does not offer enough.
    bootnodes: BTreeSet<SocketAddr>,
    /// Nodes of both kinds that are known by name.
    names: Names,
    /// Never dialled.
    own: BTreeSet<SocketAddr>,
    /// Dialled before all others: anchors at the start, and nodes that are denied no more.
    soon: VecDeque<SocketAddr>,
    pending: BTreeMap<DialId, (SocketAddr, Purpose)>,
    backoffs: Backoffs,
    last_dial: u64,
    /// Whether the next address from the book comes from the tried table.
    from_tried: bool,
    /// Keep dials to addresses from the book at a distance.
    learned: RateLimit,
    next_feeler: Option<Time>,
    /// Something changed that decides which addresses are dialled.
    again: bool,
    /// When there may be something to dial that is not allowed yet.
    wake: Option<Time>,
}

impl Dialer {
    /// A dialler that starts with `anchors`.
    pub(super) fn new(
        test_chain: bool,
        max_outbound: usize,
        configured: impl IntoIterator<Item = SocketAddr>,
        bootnodes: impl IntoIterator<Item = SocketAddr>,
        own: impl IntoIterator<Item = SocketAddr>,
    ) -> Self {
        Self {
            test_chain,
            max_outbound,
            extra: 0,
            searches: false,
            configured: gather(configured),
            bootnodes: gather(bootnodes),
            names: Names::default(),
            own: gather(own),
            soon: VecDeque::new(),
            pending: BTreeMap::new(),
            backoffs: Backoffs::default(),
            last_dial: 0,
            from_tried: true,
            learned: if test_chain {
                RateLimit::new(Time(0), DIAL_BURST_TEST, DIAL_BURST_TEST, DIAL_INTERVAL_TEST)
            } else {
                RateLimit::new(Time(0), 1, 1, DIAL_INTERVAL)
            },
            next_feeler: None,
            again: true,
            wake: None,
        }
    }

    /// The same with names: those to be kept, and those of bootnodes.
    pub(super) fn with_names<'a>(
        self,
        kept: impl IntoIterator<Item = &'a HostName>,
        bootnodes: impl IntoIterator<Item = &'a HostName>,
    ) -> Self {
        Self { names: Names::new(kept, bootnodes), ..self }
    }

    /// Something changed that decides which addresses are dialled: the next round is due.
    pub(super) fn look_again(&mut self) {
        self.again = true;
    }

    /// Dials this address before others, and without waiting for its back-off.
    pub(super) fn dial_soon(&mut self, address: SocketAddr) {
        self.backoffs.forget(address);
        if !self.soon.contains(&address) {
            self.soon.push_back(address);
        }
    }

    /// Keeps this address connected from now on; says why it cannot.
    pub(super) fn configure(&mut self, address: SocketAddr) -> Result<(), String> {
        if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
            return Err(format!("{address} cannot be dialled"));
        }
        if self.is_own(address) {
            return Err(format!("{address} is this node itself"));
        }
        if self.configured.len() + self.names.count() >= MAX_CONFIGURED {
            return Err(format!("{MAX_CONFIGURED} configured peers are the most"));
        }
        self.configured.insert(address);
        self.backoffs.forget(address);
        self.look_again();
        Ok(())
    }

    /// Keeps it no longer, and leaves it alone for a while; `false` if it was not configured.
    pub(super) fn drop_configured(&mut self, now: Time, address: SocketAddr) -> bool {
        self.backoffs.hold(now, address, REDIAL_MAX);
        self.soon.retain(|other| *other != address);
        self.names.remove_kept(address);
        self.configured.remove(&address)
    }

    /// Whether an address is our own.
    pub(super) fn is_own(&self, address: SocketAddr) -> bool {
        self.own.contains(&address)
    }

    /// Dialling this address reached ourselves.
    pub(super) fn found_own(&mut self, address: SocketAddr) {
        if self.own.len() < MAX_OWN_ADDRESSES {
            self.own.insert(address);
        }
    }

    /// A dial has ended, as a link or a failure. Returns its address and purpose.
    pub(super) fn ended(&mut self, dial: DialId) -> Option<(SocketAddr, Purpose)> {
        self.pending.remove(&dial)
    }

    /// The address led to no peer, or its link is gone: it is left alone for a while, longer each time. A link that
    /// lasted is no failure. `advice` is the time that the peer asked us to wait.
    pub(super) fn back_off(&mut self, now: Time, address: SocketAddr, lasted: bool, advice: Duration, rng: &mut Rng) {
        self.backoffs.failed(now, address, self.longest(address), (lasted, advice), rng);
    }

    /// What answers at the address is no node of ours, and will hardly become one: the wait grows up to [`REDIAL_MAX`],
    /// on every chain, also if the operator gave the address.
    pub(super) fn back_off_stranger(&mut self, now: Time, address: SocketAddr, rng: &mut Rng) {
        self.backoffs.failed(now, address, REDIAL_MAX, (false, Duration::ZERO), rng);
    }

    /// This host's own network may be to blame: the address is dialled again after this time.
    pub(super) fn retry_after(&mut self, now: Time, address: SocketAddr, wait: Duration) {
        self.backoffs.retry_after(now, address, wait);
    }

    /// Another link leads to the node: no failure, and no hurry.
    pub(super) fn stands_elsewhere(&mut self, now: Time, address: SocketAddr) {
        self.backoffs.pause(now, address);
    }

    /// Whether [`Dialer::round`] may have something to do.
    pub(super) fn is_due(&self, now: Time) -> bool {
        self.again || self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// Dials the addresses that may be dialled now.
    pub(super) fn round(&mut self, now: Time, world: &World<'_>, rng: &mut Rng, out: &mut Outbox) {
        (self.again, self.wake) = (false, None);
        self.round_soon(now, world, out);
        self.round_configured(now, world, out);
        self.round_names(now, world, true, out);
        self.round_learned(now, world, rng, out);
        self.round_feeler(now, world, rng, out);
    }

    /// Wants `extra` peers more than usual from now on, unless none at all are wanted.
    pub(super) fn set_extra(&mut self, extra: usize) {
        self.extra = if self.max_outbound == 0 { 0 } else { extra };
    }

    /// Wants one more than that, or no longer.
    pub(super) fn set_search(&mut self, searches: bool) {
        self.searches = searches && self.max_outbound > 0;
    }

    /// Outbound links that are wanted.
    pub(super) fn slots(&self) -> usize {
        self.max_outbound.saturating_add(self.extra).saturating_add(self.searches.into())
    }

    /// Whether there are more outbound links than are usual.
    pub(super) fn has_surplus(&self, outbound: usize) -> bool {
        outbound > self.max_outbound
    }

    /// Whether there are as many outbound links as are usual.
    pub(super) fn is_content(&self, outbound: usize) -> bool {
        outbound >= self.max_outbound
    }

    /// The addresses that the operator gave.
    pub(super) fn named(&self) -> impl Iterator<Item = SocketAddr> {
        self.configured.iter().chain(&self.bootnodes).copied().chain(self.names.addresses())
    }

    /// Whether an operator wants this address kept.
    pub(super) fn is_configured(&self, address: SocketAddr) -> bool {
        self.configured.contains(&address) || self.names.kept().any(|kept| kept == address)
    }

    /// Whether an operator wants an address of this host kept.
    pub(super) fn is_configured_host(&self, ip: IpAddr) -> bool {
        self.configured.iter().copied().chain(self.names.kept()).any(|address| host(address.ip()) == host(ip))
    }

    /// Dials under way.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// What a dial that is under way is for.
    #[cfg(test)]
    pub(super) fn purpose(&self, dial: DialId) -> Option<Purpose> {
        self.pending.get(&dial).map(|(_, purpose)| *purpose)
    }

    /// Outbound links that are missing. Peers wanted beyond the usual ones are wanted beyond those that the operator gave, too, however
    /// many these are: none of them may have what is looked for.
    pub(super) fn missing(&self, outbound: Outbound) -> usize {
        let dialling = self.pending.values().filter(|(_, purpose)| *purpose == Purpose::Peer).count();
        let is_kept =
            |(address, purpose): &&(SocketAddr, Purpose)| *purpose == Purpose::Peer && self.is_configured(*address);
        let dialling_kept = self.pending.values().filter(is_kept).count();
        let usual = self.max_outbound.saturating_sub(outbound.kept + dialling_kept);
        let beyond = self.slots() - self.max_outbound;
        usual.saturating_add(beyond).saturating_sub(outbound.others + dialling - dialling_kept)
    }

    /// When [`Dialer::round`] has something to do although nothing happened.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.wake
    }

    fn round_soon(&mut self, now: Time, world: &World<'_>, out: &mut Outbox) {
        for address in std::mem::take(&mut self.soon) {
            let wanted = self.configured.contains(&address) || self.missing(world.outbound) > 0;
            if !wanted || !self.is_free(address, world) {
                continue;
            }
            if self.pending.len() >= PENDING_DIALS {
                self.soon.push_back(address);
            } else {
                self.dial(now, address, Purpose::Peer, world, out);
            }
        }
    }

    fn round_configured(&mut self, now: Time, world: &World<'_>, out: &mut Outbox) {
        for address in self.configured.clone() {
            if self.is_free(address, world) && self.is_over(now, address) && self.pending.len() < PENDING_DIALS {
                self.dial(now, address, Purpose::Peer, world, out);
            }
        }
    }

    fn round_learned(&mut self, now: Time, world: &World<'_>, rng: &mut Rng, out: &mut Outbox) {
        while self.missing(world.outbound) > 0 {
            if !self.learned.may_take(now) {
                return self.wake_at(self.learned.next());
            }
            let Some(address) = self.pick_learned(now, world, rng) else {
                return self.round_names(now, world, false, out);
            };
            self.learned.take(now);
            self.dial(now, address, Purpose::Peer, world, out);
        }
    }

    /// From the tried and the new table in turn; else a bootnode.
    fn pick_learned(&mut self, now: Time, world: &World<'_>, rng: &mut Rng) -> Option<SocketAddr> {
        let groups = self.groups_in_use(world);
        let order = if self.from_tried { [Table::Tried, Table::New] } else { [Table::New, Table::Tried] };
        for table in order {
            let known = world.book.table(table).map(|entry| entry.address);
            let known: Vec<SocketAddr> = known.filter(|address| self.suits(*address, world, &groups)).collect();
            let ready = self.ready(now, known);
            if let Some(address) = rng.pick(&ready) {
                self.from_tried = table == Table::New;
                return Some(*address);
            }
        }
        let bootnodes = self.bootnodes.iter().copied().filter(|address| self.is_free(*address, world)).collect();
        let ready = self.ready(now, bootnodes);
        rng.pick(&ready).copied()
    }

    fn round_feeler(&mut self, now: Time, world: &World<'_>, rng: &mut Rng, out: &mut Outbox) {
        let due = *self.next_feeler.get_or_insert(now + FEELER_INTERVAL);
        let busy = self.pending.values().any(|(_, purpose)| *purpose == Purpose::Feeler);
        if busy || self.max_outbound == 0 || self.missing(world.outbound) > self.extra + usize::from(self.searches) {
            return;
        }
        if now < due {
            return self.wake_at(due);
        }
        let (holders, untested) = world.book.to_test();
        for candidates in [holders, untested] {
            let free = candidates.into_iter().filter(|address| self.is_free(*address, world)).collect();
            let ready = self.ready(now, free);
            if let Some(address) = rng.pick(&ready) {
                self.next_feeler = Some(now + FEELER_INTERVAL);
                return self.dial(now, *address, Purpose::Feeler, world, out);
            }
        }
    }

    fn dial(&mut self, now: Time, address: SocketAddr, purpose: Purpose, world: &World<'_>, out: &mut Outbox) {
        self.last_dial += 1;
        let dial = DialId(self.last_dial);
        self.pending.insert(dial, (address, purpose));
        if self.longest(address) == REDIAL_MAX {
            // Whether it succeeds or not: a stranger must not make us dial an address again and again.
            self.backoffs.hold(now, address, REDIAL_MAX);
        }
        log::debug!("dial dial={} address={address} purpose={purpose:?}", dial.0);
        out.dial(dial, address, (world.expected)(address));
    }

    fn wake_at(&mut self, time: Time) {
        self.wake = Some(self.wake.map_or(time, |wake| wake.min(time)));
    }
}
