//! Keep-alive of one link: a ping after silence, the round trip, and the verdict when no answer comes. Both sides take
//! turns: a ping that comes shows that the link works.

use std::time::Duration;

use crate::{
    base::{
        limits::{PING_BURST, PING_INTERVAL, PING_LONGEST, PING_TOGETHER, PING_TURN, PONG_TIMEOUT, TIP_PING_INTERVAL},
        time::Time,
    },
    node::rate_limit::RateLimit,
};

/// The pings of one link, ours and the peer's.
pub(super) struct KeepAlive {
    /// When the next ping is due.
    next: Time,
    /// Until then it waits for no silence: there is something to tell.
    hastened: Option<Time>,
    /// From the answer to a ping to the next ping.
    interval: Duration,
    /// When the last one went out.
    last: Option<Time>,
    /// The ping that awaits its answer.
    pending: Option<Pending>,
    round_trip: Option<Duration>,
    shortest: Option<Duration>,
    /// Pings that the peer may still send.
    received: RateLimit,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    nonce: u64,
    sent: Time,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Wait,
    /// Send a ping with a new nonce.
    Ping,
    /// Give the peer up.
    Dead,
}

impl KeepAlive {
    /// A link that came up now. The first ping goes out at once: it tells the peer a tip that may have moved since
    /// our `Version`, and people the round trip.
    pub(super) fn new(now: Time, is_inbound: bool) -> Self {
        let received = RateLimit::new(now, PING_BURST, PING_BURST, Duration::from_secs(1));
        let interval = if is_inbound { PING_INTERVAL } else { PING_INTERVAL - PING_TOGETHER };
        Self {
            next: now,
            hastened: None,
            interval,
            last: None,
            pending: None,
            round_trip: None,
            shortest: None,
            received,
        }
    }

    /// There is something to tell: the next ping goes out as soon as the last is answered, and is not too recent.
    pub(super) fn hasten(&mut self, now: Time) {
        let earliest = self.last.map_or(now, |last| now.max(last + TIP_PING_INTERVAL));
        self.hastened = Some(self.hastened.map_or(earliest, |at| at.min(earliest)));
    }

    /// Whether a ping may go out with another link's, so that one wake serves both.
    pub(super) fn joins(&self, now: Time) -> bool {
        self.pending.is_none() && self.due() <= now + PING_TOGETHER
    }

    /// What the time calls for.
    pub(super) fn step(&self, now: Time) -> Step {
        match self.pending {
            Some(pending) if pending.sent + PONG_TIMEOUT <= now => Step::Dead,
            None if self.due() <= now => Step::Ping,
            _ => Step::Wait,
        }
    }

    /// A ping went out.
    pub(super) fn sent(&mut self, now: Time, nonce: u64) {
        self.pending = Some(Pending { nonce, sent: now });
        (self.last, self.hastened) = (Some(now), None);
        self.next = now + self.interval;
    }

    /// An answer came: the round trip, if it is the shortest so far. Wrong nonces and answers to nothing mean nothing.
    pub(super) fn pong(&mut self, now: Time, nonce: u64) -> Option<Duration> {
        let pending = self.pending.filter(|pending| pending.nonce == nonce)?;
        let time = now.since(pending.sent);
        self.pending = None;
        self.next = now + self.interval;
        self.round_trip = Some(time);
        let shorter = self.shortest.is_none_or(|shortest| time < shortest);
        shorter.then(|| *self.shortest.insert(time))
    }

    /// A ping came, which shows that the link works; `false` if there were too many.
    pub(super) fn received(&mut self, now: Time) -> bool {
        let longest = self.last.map_or(now, |last| last + PING_LONGEST);
        self.next = longest.min(now + PING_TURN);
        self.received.take(now)
    }

    fn due(&self) -> Time {
        self.hastened.map_or(self.next, |at| at.min(self.next))
    }

    /// The last round trip.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// When [`KeepAlive::step`] will call for something.
    pub(super) fn deadline(&self) -> Time {
        self.pending.map_or_else(|| self.due(), |pending| pending.sent + PONG_TIMEOUT)
    }
}
