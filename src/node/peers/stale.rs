//! A tip that does not move: perhaps nobody mines, or all our peers withhold new blocks. One more outbound peer,
//! replaced now and then, costs little and ends the second case.

use std::time::Duration;

use super::{dialer::Dialer, links::Links};
use crate::{
    base::{limits::STALE_DIAL_INTERVAL, time::Time},
    node::Outbox,
    wire::message::GoodbyeCode,
};

/// Watches the tip's age by our own clock. The times that blocks claim do not count.
#[derive(Debug)]
pub(super) struct Staleness {
    after: Duration,
    /// When to do something about it; `None` until the first time is told.
    next: Option<Time>,
    stale: bool,
}

impl Staleness {
    /// For a chain on which a block is late after this time.
    pub(super) fn new(after: Duration) -> Self {
        Self { after, next: None, stale: false }
    }

    /// When there is something to do.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.next
    }

    /// When the tip is stale, looks for one more peer, and replaces that peer if it brought nothing.
    pub(super) fn look_beyond(&mut self, now: Time, links: &mut Links, dialer: &mut Dialer, out: &mut Outbox) {
        if !self.due(now) {
            return;
        }
        if self.stale {
            drop_surplus(links, dialer, out);
        } else {
            log::info!("no new block for {} s, looking for a further peer", self.after.as_secs());
        }
        self.stale = true;
        dialer.set_extra(1);
        dialer.look_again();
    }

    /// The tip moved: the peer that brought it stays, and the number of peers is the usual one again.
    pub(super) fn tip_moved(&mut self, now: Time, links: &mut Links, dialer: &mut Dialer, out: &mut Outbox) {
        let was_stale = std::mem::take(&mut self.stale);
        self.next = Some(now + self.after);
        if was_stale {
            dialer.set_extra(0);
            drop_surplus(links, dialer, out);
        }
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

/// Closes the least useful outbound peer if there is one too many. Those that an operator wants stay.
fn drop_surplus(links: &mut Links, dialer: &Dialer, out: &mut Outbox) {
    if !dialer.has_surplus(links.outbound()) {
        return;
    }
    if let Some(link) = links.least_useful_outbound(|remote| !dialer.is_configured(remote)) {
        links.goodbye(link, GoodbyeCode::Evicted, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tip_that_stays_for_long_is_stale() {
        let least = Duration::from_secs(180);
        let (mut links, mut out) = (Links::default(), Outbox::default());
        let mut dialer = Dialer::new(false, 2, [], [], []);
        let mut staleness = Staleness::new(least);
        let start = Time(1);
        staleness.tip_moved(start, &mut links, &mut dialer, &mut out);
        assert_eq!(staleness.deadline(), Some(start + least));
        staleness.look_beyond(start + least / 2, &mut links, &mut dialer, &mut out);
        assert_eq!(dialer.slots(), 2);
        staleness.look_beyond(start + least, &mut links, &mut dialer, &mut out);
        assert_eq!(dialer.slots(), 3, "one more peer is wanted");
        staleness.tip_moved(start + least, &mut links, &mut dialer, &mut out);
        assert_eq!((dialer.slots(), staleness.deadline()), (2, Some(start + least + least)));
    }
}
