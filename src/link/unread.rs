//! Which links end when too much waits on all of them together.

use std::time::Duration;

use crate::{
    base::time::Time,
    link::{Endpoint, EventSink, link::Link},
    node::{CloseReason, PeerFault},
};

/// Time that each link has to read what was queued just now.
const GRACE: Duration = Duration::from_millis(100);

/// What waited on a link at some moment, and still does.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// That moment, and the bytes of it that the connection has not taken.
    mark: Option<(Time, usize)>,
}

impl Unread {
    /// These bytes wait now.
    pub(super) fn note(&mut self, now: Time, bytes: usize) {
        if bytes > 0 {
            self.mark.get_or_insert((now, bytes));
        }
    }

    /// The connection has taken bytes. Those that came later wait since the next [`Unread::note`].
    pub(super) fn sent(&mut self, bytes: usize) {
        self.mark = self.mark.and_then(|(since, left)| Some((since, left.checked_sub(bytes)?)));
        self.mark.take_if(|(_, left)| *left == 0);
    }

    /// For how long some of it has waited.
    fn age(&self, now: Time) -> Duration {
        self.mark.map_or(Duration::ZERO, |(since, _)| now.since(since))
    }
}

impl Link {
    /// The memory that its peer holds by not reading, and for how long: byte milliseconds. The length of the queue alone
    /// would name a link that has just been answered, since of older answers the host has taken a part.
    fn burden(&self, now: Time) -> u128 {
        self.unshared() as u128 * (GRACE + self.unread.age(now)).as_millis()
    }
}

impl<S: EventSink> Endpoint<S> {
    /// Ends links until what waits on the others fits: first those that have ended and only linger, then those whose peers
    /// hold the most memory for the longest.
    pub(super) fn end_slowest_readers(&mut self, now: Time) {
        while self.queued + self.pushed.bytes() > self.config.send_budget {
            let holders = self.links.values().filter(|link| link.unshared() > 0);
            let Some(id) = holders.max_by_key(|link| (link.ends.is_some(), link.burden(now))).map(|link| link.id)
            else {
                return;
            };
            if self.is_live(id) {
                self.close(now, id, CloseReason::Fault(PeerFault::SendStall), 0);
            }
            self.remove(id);
        }
    }
}
