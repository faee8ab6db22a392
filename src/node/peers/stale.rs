//! A tip that does not move: perhaps nobody mines, perhaps all our peers keep the news from us. One more outbound peer,
//! exchanged for another now and then, costs little and ends the second case.

use std::time::Duration;

use super::Peers;
use crate::{
    base::{
        ids::LinkId,
        limits::{STALE_AFTER, STALE_DIAL_INTERVAL, STALE_INTERVALS},
        time::{Now, Time},
    },
    node::Outbox,
    wire::message::GoodbyeCode,
};

/// Watches the tip's age by our own clock: what blocks say about their time is not at issue.
#[derive(Debug)]
pub(super) struct Staleness {
    after: Duration,
    /// When to do something about it; `None` until the first time is told.
    next: Option<Time>,
    stale: bool,
}

impl Staleness {
    /// For a chain with this many seconds between blocks.
    pub(super) fn new(block_time: u32) -> Self {
        let (least, most) = STALE_AFTER;
        let after = Duration::from_secs(u64::from(block_time)).saturating_mul(STALE_INTERVALS).clamp(least, most);
        Self { after, next: None, stale: false }
    }

    /// Whether an extra outbound peer is wanted.
    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    /// When there is something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.next
    }

    /// The tip moved.
    pub(super) fn moved(&mut self, now: Time) {
        (self.next, self.stale) = (Some(now + self.after), false);
    }

    /// Whether it is time to do something.
    fn due(&mut self, now: Time) -> bool {
        if now < *self.next.get_or_insert(now + self.after) {
            return false;
        }
        self.next = Some(now + if self.stale { STALE_DIAL_INTERVAL } else { self.after.min(STALE_DIAL_INTERVAL) });
        true
    }
}

impl Peers {
    /// Looks for a further peer when the tip is stale, and for another when that one brought nothing.
    pub(super) fn look_beyond(&mut self, now: Now, out: &mut Outbox) {
        if !self.staleness.due(now.mono) {
            return;
        }
        if self.staleness.stale {
            self.drop_surplus(out);
        } else {
            log::info!("no new block for {} s, looking for a further peer", self.staleness.after.as_secs());
        }
        self.staleness.stale = true;
        self.dialer.set_extra(1);
        self.dial_again = true;
    }

    /// The tip moved: whoever brought it stays, and the number of peers is the usual one again.
    pub(super) fn tip_moved(&mut self, now: Now, out: &mut Outbox) {
        let was_stale = self.staleness.is_stale();
        self.staleness.moved(now.mono);
        if was_stale {
            self.dialer.set_extra(0);
            self.drop_surplus(out);
        }
    }

    /// Closes the outbound peer with the lowest claim, of several the youngest, if there is one too many. Those that
    /// an operator wants stay.
    fn drop_surplus(&mut self, out: &mut Outbox) {
        if !self.dialer.has_surplus(self.links.outbound()) {
            return;
        }
        let ours = self.links.peers().filter(|(_, link, _)| !link.direction.is_inbound());
        let may_go = ours.filter(|(_, link, _)| !self.dialer.is_configured(link.remote));
        let worst = may_go.min_by_key(|(id, _, peer)| (peer.height, std::cmp::Reverse((peer.since, *id))));
        let worst: Option<LinkId> = worst.map(|(id, _, _)| id);
        if let Some(link) = worst {
            self.goodbye(link, GoodbyeCode::Evicted, out);
        }
    }
}
