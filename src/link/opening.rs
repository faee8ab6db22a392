//! How links begin: connections accepted and dialled, the handshake's gate, the promotion to a peer.

use std::{cmp::Reverse, collections::BTreeMap, net::SocketAddr, sync::Arc};

use crate::{
    base::{
        ids::{DialId, LinkId, NodeId},
        time::Time,
    },
    link::{Endpoint, EventSink, Transport, delivery::hearers, dials::Attempt, link::Link},
    node::{
        CloseReason, DialFailure, Direction, LinkEvent, PeerInfo, RoleId,
        limit::Limit,
        netgroup::{NetGroup, canonical, host},
    },
    wire::message::GoodbyeCode,
};

impl<S: EventSink> Endpoint<S> {
    /// Whether connections are accepted at all. A role that is far behind hears of no new links: the backlog in front of
    /// its inbox stays short.
    pub fn accepts(&self) -> bool {
        !self.retired && !self.delivery.congested()
    }

    /// Somebody has connected to us. `None`: there is no free place, or too much comes from there, and the driver drops the
    /// connection.
    pub fn accepted(&mut self, now: Time, remote: SocketAddr) -> Option<LinkId> {
        if !self.agreements.may_arrive(now, remote) {
            log::debug!("connection refused, too many come from its address remote={remote}");
            return None;
        }
        if self.retired || !self.make_room(now) {
            log::debug!("connection refused, no free place remote={remote}");
            return None;
        }
        let id = self.new_id();
        self.open(now, id, Direction::Inbound, remote, None);
        Some(id)
    }

    /// Whether another connection may be accepted. A link that has ended and only lingers makes room, or else one whose other
    /// side has not shown who it is: those who dial again and again must not keep others out.
    fn make_room(&mut self, now: Time) -> bool {
        if self.accepted < self.config.max_accepted {
            return true;
        }
        self.meters.hit(now, Limit::Accepted);
        let inbound = || self.links.values().filter(|link| link.direction.is_inbound());
        let lingering = inbound().filter_map(|link| Some((link.ends?, link.id))).min().map(|(_, id)| id);
        let Some(id) = lingering.or_else(|| crowding(inbound().filter(|link| !link.is_identified()))) else {
            return false;
        };
        self.close(now, id, CloseReason::Local(GoodbyeCode::Evicted), 0);
        self.remove(id);
        true
    }

    pub(super) fn dial(&mut self, now: Time, dial: DialId, address: SocketAddr, node: Option<NodeId>) {
        if self.retired {
            return self.dial_failed(dial, address, "the node is stopping");
        }
        if self.dials.is_full() {
            return self.dial_failed(dial, address, "too many connection attempts under way");
        }
        if self.config.members.is_some() && self.config.transport == Transport::Noise && node.is_none() {
            return self.dial_failed(
                dial,
                address,
                "only members may link, and it is not known which one is there; ID@ before the address says it",
            );
        }
        let (id, deadline) = (self.new_id(), now + self.config.dial_timeout);
        self.dials.add(id, Attempt { dial, address, node, deadline });
    }

    /// The next connection attempt that the driver has to begin. Its answer is [`Endpoint::connected`] or
    /// [`Endpoint::disconnected`]; if neither comes in time, [`Endpoint::next_dropped`] names the attempt.
    pub fn next_dial(&mut self) -> Option<(LinkId, SocketAddr)> {
        self.dials.next_wanted()
    }

    /// The most bytes in a segment of a connection to this address, in both directions; `None`: as many as the line is said
    /// to carry. For drivers over sockets.
    pub fn segment_limit(&self, address: SocketAddr) -> Option<u32> {
        self.segments.limit(canonical(address))
    }

    /// How many peers have small segments because their lines seem to swallow large packets.
    pub fn small_segment_links(&self) -> usize {
        if self.segments.is_empty() {
            return 0;
        }
        self.links.values().filter(|link| link.has_small_segments && link.up && link.ends.is_none()).count()
    }

    /// A connection that we dialled stands.
    pub fn connected(&mut self, now: Time, id: LinkId) {
        if let Some(Attempt { dial, address, node, .. }) = self.dials.remove(id) {
            self.open(now, id, Direction::Outbound(dial), address, node);
        }
    }

    /// A connection, or the attempt at one, came to an end that we did not choose.
    pub fn disconnected(&mut self, now: Time, id: LinkId, why: impl Into<DialFailure>) {
        let why = why.into();
        if self.give_up(id, &why) {
            return;
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.ends.is_some() {
            return self.remove(id);
        }
        let reason = link.lost(&why.to_string());
        self.close(now, id, reason, 0);
    }

    /// Gives up an attempt. False: there is none with this id.
    fn give_up(&mut self, id: LinkId, why: &DialFailure) -> bool {
        let Some(Attempt { dial, address, .. }) = self.dials.remove(id) else { return false };
        self.dropped.push_back(id);
        self.dial_failed(dial, address, why.clone());
        true
    }

    /// Gives up the attempts whose time is over.
    pub(super) fn give_up_overdue(&mut self, now: Time) {
        while let Some(id) = self.dials.overdue(now) {
            self.give_up(id, &DialFailure::NoAnswer("timed out".to_owned()));
        }
    }

    /// Accepts and dials no more.
    pub(super) fn retire(&mut self) {
        self.retired = true;
        while let Some(id) = self.dials.first() {
            self.give_up(id, &"the node is stopping".into());
        }
    }

    fn dial_failed(&mut self, dial: DialId, address: SocketAddr, why: impl Into<DialFailure>) {
        let reason = why.into();
        self.delivery.tell(RoleId::Peers, LinkEvent::DialFailed { dial, address, reason });
    }

    fn open(&mut self, now: Time, id: LinkId, direction: Direction, remote: SocketAddr, node: Option<NodeId>) {
        let remote = canonical(remote);
        self.accepted += usize::from(direction.is_inbound());
        let mut link = Link::new(now, id, &self.config, direction, remote, node);
        link.has_small_segments = !direction.is_inbound() && self.segments.limit(remote).is_some();
        self.links.insert(id, link);
        self.count(id);
        for role in hearers(false) {
            self.delivery.tell(*role, LinkEvent::Opened { link: id, direction, remote });
        }
        self.list(id);
    }

    pub(super) fn resume(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.framer.resume();
            self.list(id);
        }
    }

    pub(super) fn promote(&mut self, id: LinkId, peer: &Arc<PeerInfo>) {
        let Some(link) = self.links.get_mut(&id).filter(|link| !link.up && link.ends.is_none()) else { return };
        link.up = true;
        link.framer.promote();
        if !link.direction.is_inbound() {
            self.leases.welcome(id);
        }
        for role in hearers(true) {
            self.delivery.tell(*role, LinkEvent::Up { link: id, peer: Arc::clone(peer) });
        }
        self.list(id);
    }
}

/// Of the network group with the most of these links, and of its address with the most, the oldest.
fn crowding<'a>(links: impl Iterator<Item = &'a Link> + Clone) -> Option<LinkId> {
    let group = |link: &Link| NetGroup::of(link.remote.ip());
    let address = |link: &Link| host(link.remote.ip());
    let (mut of_group, mut of_address) = (BTreeMap::new(), BTreeMap::new());
    for link in links.clone() {
        *of_group.entry(group(link)).or_insert(0_usize) += 1;
        *of_address.entry(address(link)).or_insert(0_usize) += 1;
    }
    let rank = |link: &&Link| (of_group[&group(link)], of_address[&address(link)], Reverse(link.id));
    links.max_by_key(rank).map(|link| link.id)
}
