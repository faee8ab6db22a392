//! How fast a peer delivers headers. The choice of the sync node goes by it: what a peer claims costs it nothing.

use std::time::Duration;

use crate::base::{
    limits::{MAX_SYNC_HEADERS, SYNC_NODE_PAUSE},
    time::Time,
};

/// Waiting time after which the sync node is judged: three round trips by satellite.
const WINDOW: Duration = Duration::from_secs(2);
/// After that it is judged each time that so much more was waited, so that its time is known beforehand.
const STEP: Duration = Duration::from_millis(500);
/// A sync node that takes at most this long for a full round keeps its role: 1,000 headers a second. A peer behind a
/// satellite that is asked ahead takes 40 ms, and 80 ms while that begins.
const GOOD: Duration = Duration::from_millis(100);
/// How many times as long as another peer's a sync node's round may take.
const FACTOR: u32 = 2;

/// The pace of one peer, as time for each full round.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// As sync node: how long its answers were waited for, up to `counted`, and how many headers came.
    waited: Duration,
    headers: u32,
    counted: Time,
    /// The last answer that it gave as any other peer.
    answer: Option<Duration>,
    /// What it last showed as sync node, and when.
    shown: Option<(Time, Duration)>,
    /// It lost the role of the sync node while it owed an answer, whose wait still counts.
    owes: bool,
}

/// How much another peer's pace is worth; the smallest value is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trust {
    /// It was the sync node lately.
    Shown,
    /// It has only answered a question, which anybody can do fast.
    Untried,
    /// It was the sync node a while ago, and is worth another try.
    Retried,
}

impl Pace {
    /// It becomes the sync node, or has no more headers for now.
    pub(super) fn start(&mut self, now: Time) {
        (self.waited, self.headers, self.counted, self.owes) = (Duration::ZERO, 0, now, false);
    }

    /// The sync node's answer has been waited for since then.
    pub(super) fn wait(&mut self, now: Time, since: Option<Time>) {
        if let Some(since) = since {
            self.waited += now.since(since.max(self.counted));
        }
        self.counted = now;
    }

    /// The sync node has sent headers that are of use.
    pub(super) fn deliver(&mut self, now: Time, headers: usize) {
        self.headers = self.headers.saturating_add(u32::try_from(headers).unwrap_or(u32::MAX));
        if self.waited >= WINDOW {
            self.keep(now);
            self.start(now);
        }
    }

    /// It loses the role of the sync node to another peer. `since`: it has owed an answer since then.
    pub(super) fn lose(&mut self, now: Time, since: Option<Time>) {
        self.wait(now, since);
        self.keep(now);
        self.owes = since.is_some();
    }

    /// Another peer has answered, or leaves, after it was asked at this time. If it owed the answer as sync node, it has shown
    /// how long that takes.
    pub(super) fn answered(&mut self, now: Time, since: Time) {
        if std::mem::take(&mut self.owes) {
            self.wait(now, Some(since));
            self.keep(now);
        } else {
            self.answer = Some(now.since(since));
        }
    }

    /// The peer leaves. `since`: it has owed an answer since then.
    pub(super) fn leave(&mut self, now: Time, is_node: bool, since: Option<Time>) {
        match since {
            Some(since) if self.owes => self.answered(now, since),
            since if is_node => self.lose(now, since),
            _ => {}
        }
    }

    /// Remembers what the sync node has shown.
    pub(super) fn keep(&mut self, now: Time) {
        if let Some(pace) = self.as_node(now) {
            self.shown = Some((now, pace));
        }
    }

    /// The pace of the sync node; `None` before it has had time to show it.
    pub(super) fn as_node(&self, now: Time) -> Option<Duration> {
        let shown = self.shown.filter(|(at, _)| now.since(*at) < SYNC_NODE_PAUSE).map(|(_, pace)| pace);
        if self.waited < WINDOW {
            return shown;
        }
        Some((self.waited - self.beyond_step()) * (MAX_SYNC_HEADERS as u32) / self.headers.max(1))
    }

    /// What the pace of a peer is worth if it is clearly better than this pace of the sync node.
    pub(super) fn beats(&self, now: Time, node: Duration) -> Option<(Trust, Duration)> {
        let (trust, pace) = match self.shown {
            Some((at, pace)) if now.since(at) < SYNC_NODE_PAUSE => (Trust::Shown, pace),
            Some(_) => (Trust::Retried, self.answer.unwrap_or_default()),
            None => (Trust::Untried, self.answer?),
        };
        (node > GOOD && pace * FACTOR < node).then_some((trust, pace))
    }

    /// When the sync node is to be judged next if its answer does not come.
    pub(super) fn judged(&self, since: Time) -> Time {
        let left = if self.waited < WINDOW { WINDOW - self.waited } else { STEP - self.beyond_step() };
        since.max(self.counted) + left
    }

    /// When what it showed as sync node no longer counts.
    pub(super) fn forgotten(&self) -> Option<Time> {
        self.shown.map(|(at, _)| at + SYNC_NODE_PAUSE)
    }

    fn beyond_step(&self) -> Duration {
        let micros = self.waited.as_micros() % STEP.as_micros();
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by seed 790019795: nothing woke the role when a silent sync node had become slower than half of another peer.
    #[test]
    fn what_a_silent_sync_node_is_worth_changes_only_when_it_was_said_to() {
        let mut pace = Pace::default();
        pace.start(Time(0));
        pace.wait(Time(700_000), Some(Time(0)));
        pace.deliver(Time(700_000), 100);
        let (since, mut due, mut worth) = (Time(900_000), pace.judged(Time(900_000)), pace.as_node(Time(900_000)));
        let mut changes = 0;
        for now in (900..9_000).map(|milliseconds| Time(milliseconds * 1_000)) {
            pace.wait(now, Some(since));
            let next = pace.as_node(now);
            assert!(next == worth || due <= now, "at {now:?}, due at {due:?}");
            changes += u32::from(next != worth);
            (worth, due) = (next, pace.judged(since));
        }
        assert_eq!(changes, 14, "2 s, 2.5 s, … 8.5 s of waiting");
    }
}
