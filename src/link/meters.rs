//! How much of each limit of the link layer is used, and how often each was reached.

use std::time::Duration;

use crate::{
    base::{limits, time::Time},
    link::{Config, link::Link},
    node::limit::{Limit, Limiter, Meter},
};

/// Time between two looks at what each link uses of its own limits.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Limits of one link, their caps, and how much of it a link uses.
type OfLink = (Limit, usize, fn(&Link, Time) -> usize);
const OF_LINK: [OfLink; 4] = [
    (Limit::Frame, limits::MAX_BLOCK_MESSAGE_BYTES, |link, _| link.framer.reader().body_len().unwrap_or(0)),
    (Limit::FrameTime, limits::PARTIAL_BLOCK.as_secs() as usize, Link::frame_seconds),
    (Limit::HandshakeTime, limits::HANDSHAKE_TIMEOUT.as_secs() as usize, Link::handshake_seconds),
    (Limit::Silence, limits::DEAD_AFTER.as_secs() as usize, Link::silent_seconds),
];

/// The limits of an endpoint.
pub type LinkMeters = [(Limit, Meter); 3 + OF_LINK.len()];

/// The meters of an endpoint.
pub(super) struct Meters {
    all: LinkMeters,
    limiter: Limiter,
    next_look: Time,
}

impl Meters {
    pub(super) fn new(config: &Config) -> Self {
        let meter = |limit, cap| (limit, Meter { cap, ..Meter::default() });
        let [frame, frame_time, handshake, silence] = OF_LINK.map(|(limit, cap, _)| meter(limit, cap));
        let receive = meter(Limit::Receive, config.receive_budget);
        let send = meter(Limit::Send, config.send_budget);
        let accepted = meter(Limit::Accepted, config.max_accepted);
        let all = [receive, send, accepted, frame, frame_time, handshake, silence];
        Self { all, limiter: Limiter::default(), next_look: Time::default() }
    }

    /// A limit was reached.
    pub(super) fn hit(&mut self, now: Time, limit: Limit) {
        if let Some((_, meter)) = self.all.iter_mut().find(|(which, _)| *which == limit) {
            meter.hits = meter.hits.saturating_add(1);
            self.limiter.hit(now, limit, meter.cap);
        }
    }

    /// Notes how much of a limit is used.
    pub(super) fn used(&mut self, limit: Limit, used: usize) {
        if let Some((_, meter)) = self.all.iter_mut().find(|(which, _)| *which == limit) {
            meter.used = used;
        }
    }

    /// Notes what each link uses of its own limits, once in a while.
    pub(super) fn look<'a>(&mut self, now: Time, links: impl Iterator<Item = &'a Link> + Clone) {
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK_INTERVAL;
        for (limit, _, use_of) in OF_LINK {
            let most = links.clone().map(|link| use_of(link, now)).max().unwrap_or(0);
            self.used(limit, most);
        }
    }

    pub(super) fn all(&self) -> &LinkMeters {
        &self.all
    }
}
