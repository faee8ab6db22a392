//! The links as this role sees them, and the peers at their other ends.

use std::{cmp::Reverse, collections::BTreeSet, net::SocketAddr, sync::Arc};

use super::{
    address_turns::AddressTurns,
    dialer::{Outbound, Purpose},
    keepalive::KeepAlive,
};
use crate::{
    base::{
        gather::gather,
        hash::Hash,
        ids::{LinkId, NodeId},
        limits::CLOCK_NEWS_SECONDS,
        link_map::LinkMap,
        time::{Time, UnixTime},
    },
    chain::archive::Anchor,
    node::{CloseReason, Direction, Outbox, PeerFault, PeerInfo, netgroup::NetGroup},
    wire::message::{GoodbyeCode, served_from},
};

/// One link, from its opening to its end.
pub(super) struct Link {
    direction: Direction,
    remote: SocketAddr,
    /// What our dial was for; inbound links stay.
    purpose: Purpose,
    /// We closed it; its end is on its way.
    closing: bool,
    /// Where we reached the node that opened this link to us.
    leads_to: Option<SocketAddr>,
    /// Once it is a peer's.
    peer: Option<LinkedPeer>,
}

/// What is known about a peer beyond its link.
pub(super) struct LinkedPeer {
    info: Arc<PeerInfo>,
    since: Time,
    /// Its latest claim.
    height: u32,
    /// The tip that its last ping told.
    told: Option<Hash>,
    /// Seconds of its clock at our monotonic time zero, as others heard of it.
    clock: Option<u64>,
    pub(super) keep_alive: KeepAlive,
    pub(super) turns: AddressTurns,
}

impl LinkedPeer {
    fn new(now: Time, info: Arc<PeerInfo>) -> Self {
        let (height, is_inbound) = (info.height, info.direction.is_inbound());
        let (keep_alive, turns) = (KeepAlive::new(now, is_inbound), AddressTurns::new(now));
        Self { info, since: now, height, told: None, clock: None, keep_alive, turns }
    }

    /// How the peer presented itself.
    pub(super) fn info(&self) -> &Arc<PeerInfo> {
        &self.info
    }

    /// When the link came up.
    pub(super) fn since(&self) -> Time {
        self.since
    }

    /// The height that the peer claimed last.
    pub(super) fn height(&self) -> u32 {
        self.height
    }

    /// Whether it keeps the block at this height.
    pub(super) fn keeps(&self, height: u32) -> bool {
        served_from(self.info.services) <= height
    }

    /// Notes a claim. Returns whether others need to hear of it: not if it only repeats that we agree on the tip.
    pub(super) fn claims(&mut self, height: u32, tip: Hash, ours: Hash) -> bool {
        self.height = height;
        self.told.replace(tip) != Some(tip) || tip != ours
    }

    /// Notes what the peer's clock shows. Returns whether others need to hear of it: not if it only went on.
    pub(super) fn shows_clock(&mut self, now: Time, clock: UnixTime) -> bool {
        let at_zero = clock.0.saturating_sub(now.since(Time(0)).as_secs());
        let is_news = self.clock.is_none_or(|told| told.abs_diff(at_zero) > CLOCK_NEWS_SECONDS);
        if is_news {
            self.clock = Some(at_zero);
        }
        is_news
    }
}

impl Link {
    /// The other end.
    pub(super) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Whether the other side opened the link.
    pub(super) fn is_inbound(&self) -> bool {
        self.direction.is_inbound()
    }

    /// What our dial was for.
    pub(super) fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The peer, once the link was promoted.
    pub(super) fn peer(&self) -> Option<&LinkedPeer> {
        self.peer.as_ref()
    }

    /// An address at which a dial reached the node at the other end. A claim does not count.
    fn reached(&self) -> Option<SocketAddr> {
        if self.is_inbound() { self.leads_to } else { Some(self.remote) }
    }

    /// Where the node at the other end listens, as far as we know.
    pub(super) fn listens(&self) -> Option<SocketAddr> {
        match (&self.peer, self.is_inbound()) {
            (Some(peer), _) => peer.info.listens,
            (None, true) => None,
            (None, false) => Some(self.remote),
        }
    }

    /// Whether this is a peer to count: up, to stay, and not about to end.
    fn is_peer(&self) -> bool {
        self.peer.is_some() && self.purpose == Purpose::Peer && !self.closing
    }
}

/// All links. One that we have closed is kept until it ends, but nothing more is sent over it, and it is closed once.
#[derive(Default)]
pub(super) struct Links(LinkMap<Link>);

impl Links {
    /// A TCP connection stands.
    pub(super) fn opened(&mut self, link: LinkId, direction: Direction, remote: SocketAddr, purpose: Purpose) {
        self.0.insert(link, Link { direction, remote, purpose, closing: false, leads_to: None, peer: None });
    }

    /// The handshake promoted the link; `None` if there is no such link.
    pub(super) fn up(&mut self, now: Time, link: LinkId, info: Arc<PeerInfo>) -> Option<&Link> {
        let state = self.0.get_mut(&link)?;
        state.peer = Some(LinkedPeer::new(now, info));
        Some(state)
    }

    /// The link ended.
    pub(super) fn closed(&mut self, link: LinkId) -> Option<Link> {
        self.0.remove(&link)
    }

    /// Ends the link because of what the peer did.
    pub(super) fn fault(&mut self, link: LinkId, fault: PeerFault, out: &mut Outbox) {
        self.close(link, CloseReason::Fault(fault), out);
    }

    /// Ends the link for a reason that is nobody's fault.
    pub(super) fn goodbye(&mut self, link: LinkId, code: GoodbyeCode, out: &mut Outbox) {
        self.close(link, CloseReason::Local(code), out);
    }

    /// Ends all links that `which` chooses.
    pub(super) fn goodbye_all(&mut self, which: impl Fn(&Link) -> bool, code: GoodbyeCode, out: &mut Outbox) {
        let links: Vec<LinkId> = self.0.iter().filter(|(_, link)| which(link)).map(|(id, _)| id).collect();
        links.into_iter().for_each(|link| self.goodbye(link, code, out));
    }

    /// Ends the link.
    pub(super) fn close(&mut self, link: LinkId, reason: CloseReason, out: &mut Outbox) {
        if let Some(state) = self.0.get_mut(&link)
            && !state.closing
        {
            state.closing = true;
            out.close(link, reason, 0);
        }
    }

    /// A peer that may be talked to.
    pub(super) fn peer_mut(&mut self, link: LinkId) -> Option<&mut LinkedPeer> {
        self.0.get_mut(&link).filter(|link| !link.closing)?.peer.as_mut()
    }

    /// A block extends our tip. Peers that were level with us have sent it or are sent it now; their next ping says if one
    /// refused it.
    pub(super) fn extended(&mut self, height: u32) {
        let level = self.promoted_mut().filter(|peer| peer.height.checked_add(1) == Some(height));
        level.for_each(|peer| peer.height = height);
    }

    /// All peers, by link.
    pub(super) fn peers(&self) -> impl Iterator<Item = (LinkId, &Link, &LinkedPeer)> {
        self.0.iter().filter(|(_, link)| link.is_peer()).filter_map(|(id, link)| Some((id, link, link.peer.as_ref()?)))
    }

    /// All peers that may be talked to, feelers included.
    pub(super) fn talking(&self) -> impl Iterator<Item = (LinkId, &LinkedPeer)> {
        self.0.iter().filter(|(_, link)| !link.closing).filter_map(|(id, link)| Some((id, link.peer.as_ref()?)))
    }

    /// All promoted links that have not ended, also those that we have closed.
    pub(super) fn promoted_mut(&mut self) -> impl Iterator<Item = &mut LinkedPeer> {
        self.0.values_mut().filter_map(|link| link.peer.as_mut())
    }

    /// The links with this remote address or this listening address, each with its listening address.
    pub(super) fn at(&self, address: SocketAddr) -> Vec<(LinkId, Option<SocketAddr>)> {
        let is_it = |link: &Link| link.remote == address || link.listens() == Some(address);
        self.0.iter().filter(|(_, link)| is_it(link)).map(|(id, link)| (id, link.listens())).collect()
    }

    /// How many peers opened a link to us, and how many we opened one to.
    pub(super) fn counts(&self) -> (usize, usize) {
        let inbound = self.peers().filter(|(_, link, _)| link.is_inbound()).count();
        (inbound, self.peers().count() - inbound)
    }

    /// Links that we opened to stay, in the handshake or up.
    pub(super) fn outbound(&self) -> usize {
        self.opened_by_us().count()
    }

    /// The same, with those apart that `is_kept`.
    pub(super) fn outbound_apart(&self, is_kept: impl Fn(SocketAddr) -> bool) -> Outbound {
        let kept = self.opened_by_us().filter(|link| is_kept(link.remote)).count();
        Outbound { kept, others: self.outbound() - kept }
    }

    /// Network groups of the links that we opened to stay.
    pub(super) fn outbound_groups(&self) -> BTreeSet<NetGroup> {
        gather(self.opened_by_us().map(|link| NetGroup::of(link.remote.ip())))
    }

    /// The node that opened this link to us was reached at an address. Returns which node it is, if the link is up.
    pub(super) fn leads_to(&mut self, link: LinkId, address: SocketAddr) -> Option<NodeId> {
        let state = self.0.get_mut(&link)?;
        state.leads_to = Some(address);
        state.peer.as_ref().map(|peer| peer.info.node)
    }

    /// Addresses at which the linked nodes say they listen.
    pub(super) fn claimed(&self) -> BTreeSet<SocketAddr> {
        gather(self.0.values().filter_map(Link::listens))
    }

    /// Addresses that lead to nodes that are linked. They need no dial.
    pub(super) fn linked(&self) -> BTreeSet<SocketAddr> {
        gather(self.0.values().filter_map(Link::reached))
    }

    /// Addresses at which linked peers were reached, or at which they listen. Not those of links in their handshake.
    pub(super) fn of_peers(&self) -> BTreeSet<SocketAddr> {
        gather(self.peers().flat_map(|(_, link, _)| link.reached().into_iter().chain(link.listens())))
    }

    /// The nodes at the other ends of the links that are up.
    pub(super) fn nodes(&self) -> BTreeSet<NodeId> {
        gather(self.peers().map(|(_, _, peer)| peer.info.node))
    }

    /// Outbound peers.
    pub(super) fn outbound_peers(&self) -> impl Iterator<Item = (LinkId, &Link, &LinkedPeer)> {
        self.peers().filter(|(_, link, _)| !link.is_inbound())
    }

    /// Outbound peers, the oldest link first.
    pub(super) fn oldest_outbound(&self) -> Vec<Anchor> {
        let anchor = |link: &Link, peer: &LinkedPeer| Anchor { address: link.remote, node: Some(peer.info.node) };
        let mut peers: Vec<(Time, Anchor)> =
            self.outbound_peers().map(|(_, link, peer)| (peer.since, anchor(link, peer))).collect();
        peers.sort_unstable_by_key(|(since, _)| *since);
        peers.into_iter().map(|(_, anchor)| anchor).collect()
    }

    /// The outbound peer with the lowest claim, of several the youngest, among those that `may_go`.
    pub(super) fn least_useful_outbound(&self, may_go: impl Fn(SocketAddr) -> bool) -> Option<LinkId> {
        let candidates = self.outbound_peers().filter(|(_, link, _)| may_go(link.remote));
        candidates.min_by_key(|(id, _, peer)| (peer.height, Reverse((peer.since, *id)))).map(|(id, _, _)| id)
    }

    /// The outbound peer with the oldest link, among those that `may_go`.
    pub(super) fn oldest_outbound_of(
        &self,
        may_go: impl Fn(LinkId, SocketAddr, &LinkedPeer) -> bool,
    ) -> Option<LinkId> {
        let candidates = self.outbound_peers().filter(|(id, link, peer)| may_go(*id, link.remote, peer));
        candidates.min_by_key(|(id, _, peer)| (peer.since, *id)).map(|(id, _, _)| id)
    }

    fn opened_by_us(&self) -> impl Iterator<Item = &Link> {
        let to_stay = |link: &&Link| !link.is_inbound() && link.purpose == Purpose::Peer && !link.closing;
        self.0.values().filter(to_stay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::ids::DialId,
        node::testing::{address, inbound_peer, outbound_peer},
    };

    /// Links 1 and 2, which we opened at times 1 and 2, and link 3, which a peer opened.
    fn links() -> Links {
        let mut links = Links::default();
        for id in 1..=2 {
            let remote = address(&format!("9.{id}.1.1:4130"));
            links.opened(LinkId(id), Direction::Outbound(DialId(id)), remote, Purpose::Peer);
            links.up(Time(id), LinkId(id), Arc::new(outbound_peer(DialId(id), remote)));
        }
        let info = inbound_peer("9.3.1.1:4130");
        links.opened(LinkId(3), Direction::Inbound, info.remote, Purpose::Peer);
        links.up(Time(3), LinkId(3), Arc::new(info));
        links
    }

    #[test]
    fn a_link_is_closed_once_and_not_talked_to_afterwards() {
        let mut links = links();
        let mut out = Outbox::default();
        links.goodbye(LinkId(1), GoodbyeCode::Operator, &mut out);
        links.fault(LinkId(1), PeerFault::PingTimeout, &mut out);
        links.goodbye(LinkId(9), GoodbyeCode::Operator, &mut out);
        assert_eq!(out.drain().count(), 1);
        assert!(links.peer_mut(LinkId(1)).is_none() && links.peer_mut(LinkId(2)).is_some());
        assert_eq!((links.counts(), links.outbound(), links.linked().len()), ((1, 1), 1, 2));
        assert!(links.closed(LinkId(1)).is_some() && links.closed(LinkId(1)).is_none());
        assert_eq!(links.linked().len(), 1);
    }

    #[test]
    fn a_claimed_address_is_linked_once_a_dial_proved_it() {
        let mut links = links();
        let claimed = address("9.3.1.1:4130");
        assert!(!links.linked().contains(&claimed));
        links.leads_to(LinkId(3), claimed);
        assert!(links.linked().contains(&claimed));
    }

    #[test]
    fn the_oldest_peer_comes_first_and_the_youngest_of_equals_goes() {
        let mut links = links();
        let oldest: Vec<SocketAddr> = links.oldest_outbound().iter().map(|anchor| anchor.address).collect();
        assert_eq!(oldest, [address("9.1.1.1:4130"), address("9.2.1.1:4130")]);
        assert_eq!(links.least_useful_outbound(|_| true), Some(LinkId(2)));
        assert_eq!(links.least_useful_outbound(|remote| remote != address("9.2.1.1:4130")), Some(LinkId(1)));
        links.peer_mut(LinkId(2)).unwrap().claims(5, Hash::ZERO, Hash::ZERO);
        assert_eq!(links.least_useful_outbound(|_| true), Some(LinkId(1)), "its claim is lower");
    }

    #[test]
    fn peers_that_were_level_with_us_are_level_after_a_block_and_others_stay() {
        let mut links = links();
        for (link, height) in [(1, 5), (2, 4), (3, 9)] {
            links.peer_mut(LinkId(link)).unwrap().claims(height, Hash::ZERO, Hash::ZERO);
        }
        links.extended(6);
        let heights: Vec<u32> = links.peers().map(|(_, _, peer)| peer.height()).collect();
        assert_eq!(heights, [6, 4, 9]);
    }

    #[test]
    fn a_link_is_found_by_its_remote_and_its_listening_address() {
        let links = links();
        let listens = Some(address("9.3.1.1:4130"));
        assert_eq!(links.at(address("9.3.1.1:50000")), [(LinkId(3), listens)]);
        assert_eq!(links.at(address("9.3.1.1:4130")), [(LinkId(3), listens)]);
    }
}
