//! Pings of all links: ours, which keep links alive and tell our tip and clock, and those of peers.

use std::time::Duration;

use super::{
    keepalive::Step,
    links::{LinkedPeer, Links},
    ping_clock,
};
use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        rng::Rng,
        time::{Now, Time},
    },
    node::{
        Outbox, PeerFault,
        notice::{ToFetch, ToGossip, ToHandshake, ToHeaders, Useful},
    },
    wire::message::Message,
};

/// Sends and answers pings.
#[derive(Debug)]
pub(super) struct Pinger {
    /// Height and hash, told in pings.
    tip: (u32, Hash),
}

impl Pinger {
    /// A pinger of a node whose tip is genesis.
    pub(super) fn new(genesis: Hash) -> Self {
        Self { tip: (0, genesis) }
    }

    /// Sets the tip that pings tell.
    pub(super) fn set_tip(&mut self, height: u32, tip: Hash) {
        self.tip = (height, tip);
    }

    /// The hash of that tip.
    pub(super) fn tip(&self) -> Hash {
        self.tip.1
    }

    /// Sends a ping.
    pub(super) fn ping(&self, now: Now, link: LinkId, links: &mut Links, rng: &mut Rng, out: &mut Outbox) {
        let Some(peer) = links.peer_mut(link) else { return };
        let (height, tip) = self.tip;
        let nonce = ping_clock::nonce(now.unix, rng);
        peer.keep_alive.sent(now.mono, nonce);
        out.send(link, &Message::Ping { nonce, height, tip });
    }

    /// Pings each peer that is due, and with them those that are nearly due. Gives up peers that do not answer.
    pub(super) fn keep_all_alive(&self, now: Now, links: &mut Links, rng: &mut Rng, out: &mut Outbox) {
        let (mut due, mut dead, mut soon) = (false, Vec::new(), Vec::new());
        for (link, peer) in links.talking() {
            match peer.keep_alive.step(now.mono) {
                Step::Dead => dead.push(link),
                Step::Ping => due = true,
                Step::Wait => {}
            }
            if peer.keep_alive.joins(now.mono) {
                soon.push(link);
            }
        }
        dead.into_iter().for_each(|link| links.fault(link, PeerFault::PingTimeout, out));
        if due {
            soon.into_iter().for_each(|link| self.ping(now, link, links, rng, out));
        }
    }
}

/// Has all peers pinged soon, since there is something to tell.
pub(super) fn hasten(now: Time, links: &mut Links) {
    links.promoted_mut().for_each(|peer| peer.keep_alive.hasten(now));
}

/// Answers a ping and passes on the clock that it tells, and the tip, unless that is ours and no news; `false` if the peer
/// sends too many.
pub(super) fn answer(
    now: Time,
    link: LinkId,
    peer: &mut LinkedPeer,
    ours: Hash,
    (nonce, height, tip): (u64, u32, Hash),
    out: &mut Outbox,
) -> bool {
    if !peer.keep_alive.received(now) {
        return false;
    }
    out.send(link, &Message::Pong(nonce));
    // Each role that is told wakes up, on an idle node for nothing.
    if let Some(clock) = ping_clock::clock(peer.info().services, nonce)
        && peer.shows_clock(now, clock)
    {
        out.tell(ToHeaders::PeerClock { link, clock });
    }
    if !peer.claims(height, tip, ours) {
        return true;
    }
    out.tell(ToHeaders::PeerTip { link, height, tip });
    out.tell(ToFetch::PeerTip { link, height, tip });
    out.tell(ToGossip::PeerTip { link, tip });
    true
}

/// Notes the answer to a ping. The shortest round trip counts when a slot is needed.
pub(super) fn pong(now: Time, link: LinkId, peer: &mut LinkedPeer, nonce: u64, out: &mut Outbox) {
    let shortest: Option<Duration> = peer.keep_alive.pong(now, nonce);
    if let Some(time) = shortest {
        out.tell(ToHandshake::Useful { link, what: Useful::RoundTrip(time) });
    }
}
