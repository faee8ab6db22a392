//! The links as this role sees them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use super::{dialer::Purpose, keepalive::KeepAlive};
use crate::{
    base::{
        gather::gather,
        ids::LinkId,
        limits::{ADDRESS_INTERVAL, MAX_PEERS_ADDRESSES, PING_BURST},
        time::Time,
    },
    node::{Direction, PeerInfo, netgroup::NetGroup, rate_limit::RateLimit},
};

/// One link, from its opening to its end.
pub(super) struct Link {
    pub(super) direction: Direction,
    pub(super) remote: SocketAddr,
    /// What our dial was for; inbound links stay.
    pub(super) purpose: Purpose,
    /// We closed it; its end is on its way.
    pub(super) closing: bool,
    /// Once it is a peer's.
    pub(super) peer: Option<Peer>,
}

/// What is known about a peer beyond its link.
pub(super) struct Peer {
    pub(super) info: Arc<PeerInfo>,
    pub(super) since: Time,
    /// Its latest claim.
    pub(super) height: u32,
    pub(super) keep_alive: KeepAlive,
    /// When we may ask it for addresses again.
    pub(super) next_question: Time,
    /// When it may be answered again.
    pub(super) next_answer: Time,
    /// Addresses that it may still tell.
    pub(super) addresses: RateLimit,
    /// Pings that it may still send.
    pub(super) pings: RateLimit,
}

impl Peer {
    /// A peer whose link has just come up.
    pub(super) fn new(now: Time, info: Arc<PeerInfo>) -> Self {
        let most = u32::try_from(MAX_PEERS_ADDRESSES).expect("a hundred fits in 32 bits");
        Self {
            since: now,
            height: info.height,
            keep_alive: KeepAlive::new(now),
            next_question: now,
            next_answer: now,
            addresses: RateLimit::new(now, 1, most, ADDRESS_INTERVAL),
            pings: RateLimit::new(now, PING_BURST, PING_BURST, std::time::Duration::from_secs(1)),
            info,
        }
    }
}

impl Link {
    /// Where the node at the other end listens, as far as we know.
    pub(super) fn listens(&self) -> Option<SocketAddr> {
        match (&self.peer, self.direction.is_inbound()) {
            (Some(peer), _) => peer.info.listens,
            (None, true) => None,
            (None, false) => Some(self.remote),
        }
    }

    /// Whether this is a peer to count: up, to stay, and not about to end.
    pub(super) fn is_peer(&self) -> bool {
        self.peer.is_some() && self.purpose == Purpose::Peer && !self.closing
    }
}

/// All links.
#[derive(Default)]
pub(super) struct Links(pub(super) BTreeMap<LinkId, Link>);

impl Links {
    /// A peer that may be talked to.
    pub(super) fn peer_mut(&mut self, link: LinkId) -> Option<&mut Peer> {
        self.0.get_mut(&link).filter(|link| !link.closing)?.peer.as_mut()
    }

    /// Has all peers pinged soon.
    pub(super) fn hasten_pings(&mut self, now: Time) {
        let peers = self.0.values_mut().filter_map(|link| link.peer.as_mut());
        peers.for_each(|peer| peer.keep_alive.hasten(now));
    }

    /// All peers, by link.
    pub(super) fn peers(&self) -> impl Iterator<Item = (LinkId, &Link, &Peer)> {
        self.0.iter().filter(|(_, link)| link.is_peer()).filter_map(|(id, link)| Some((*id, link, link.peer.as_ref()?)))
    }

    /// All peers that may be talked to, feelers included.
    pub(super) fn talking(&self) -> impl Iterator<Item = (LinkId, &Peer)> {
        self.0.iter().filter(|(_, link)| !link.closing).filter_map(|(id, link)| Some((*id, link.peer.as_ref()?)))
    }

    /// How many peers opened a link to us, and how many we opened one to.
    pub(super) fn counts(&self) -> (usize, usize) {
        let inbound = self.peers().filter(|(_, link, _)| link.direction.is_inbound()).count();
        (inbound, self.peers().count() - inbound)
    }

    /// Links that we opened to stay, in the handshake or up.
    pub(super) fn outbound(&self) -> usize {
        self.opened_by_us().count()
    }

    /// Network groups of the links that we opened to stay.
    pub(super) fn outbound_groups(&self) -> BTreeSet<NetGroup> {
        gather(self.opened_by_us().map(|link| NetGroup::of(link.remote.ip())))
    }

    /// Listening addresses of all links.
    pub(super) fn linked(&self) -> BTreeSet<SocketAddr> {
        gather(self.0.values().filter_map(Link::listens))
    }

    /// Outbound peers, the oldest first.
    pub(super) fn oldest_outbound(&self) -> Vec<SocketAddr> {
        let outbound = self.peers().filter(|(_, link, _)| !link.direction.is_inbound());
        let mut peers: Vec<(Time, SocketAddr)> = outbound.map(|(_, link, peer)| (peer.since, link.remote)).collect();
        peers.sort_unstable_by_key(|(since, _)| *since);
        peers.into_iter().map(|(_, address)| address).collect()
    }

    fn opened_by_us(&self) -> impl Iterator<Item = &Link> {
        let to_stay = |link: &&Link| !link.direction.is_inbound() && link.purpose == Purpose::Peer && !link.closing;
        self.0.values().filter(to_stay)
    }
}
