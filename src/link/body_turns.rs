//! Whose turn it is to get a pushed block.
//!
//! Where this node's own line is what is slow, a block that is sent to five peers at once reaches the first of them when it
//! reaches the last. One after the other, the first has it in a fifth of the time and passes it on meanwhile. Where a reader
//! is what is slow, others must not wait for it. The two are told apart by what the line has carried: while the peers that
//! have a turn take much less, others get theirs, too.

use std::{collections::BTreeMap, time::Duration};

use crate::base::{ids::LinkId, time::Time};

/// The time over which bytes are counted: a slow line takes a buffer's worth several times in it.
const WINDOW: Duration = Duration::from_millis(400);
/// How long a measured rate holds. After that blocks are pushed to all at once, which measures it again.
pub(super) const RATE_HOLDS: Duration = Duration::from_secs(60);
/// Bytes a second below which a rate says something about readers rather than about the line.
const LEAST_RATE: u64 = 16 * 1024;
/// How long a pushed block waits for its turn. Then its peer is told of it instead, and may have it from others.
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// What the line carries, who waits for a turn and who has one.
#[derive(Default)]
pub(super) struct BodyTurns {
    /// Since when bytes are counted, how many were sent since, and whether a link was blocked then.
    since: Time,
    bytes: u64,
    was_blocked: bool,
    /// The most bytes a second that were sent while a link was blocked, and when that was.
    peak: Option<(Time, u64)>,
    waiting: Vec<Waiting>,
    /// Links that have a turn: since when, and the bytes that they get.
    turns: BTreeMap<LinkId, (Time, usize)>,
    /// Links that may have a turn at the same time.
    slots: usize,
}

struct Waiting {
    link: LinkId,
    since: Time,
    /// Bytes a second that it took last time.
    rate: Option<u64>,
}

impl BodyTurns {
    /// Bytes a second that the line carries, as far as known: the limit of uploads, or what was measured.
    fn rate(&self, now: Time, limit: Option<u64>) -> Option<u64> {
        let measured = self.peak.filter(|(at, _)| now.since(*at) < RATE_HOLDS).map(|(_, rate)| rate);
        limit.into_iter().chain(measured).min().filter(|rate| *rate >= LEAST_RATE)
    }

    /// Bytes were sent on any link.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// Counts what was sent. `is_blocked`: a connection takes nothing now although there is something to send.
    pub(super) fn look(&mut self, now: Time, limit: Option<u64>, is_blocked: bool) {
        let time = now.since(self.since);
        if time < WINDOW {
            return;
        }
        let sent = self.bytes.saturating_mul(1000) / u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = self.rate(now, limit);
        if self.was_blocked && is_blocked && rate.is_none_or(|rate| sent >= rate) {
            self.peak = Some((now, sent));
        }
        if !self.turns.is_empty() && rate.is_some_and(|rate| sent < rate / 4 * 3) {
            self.slots = 2 * self.turns.len();
        }
        self.restart(now, is_blocked);
    }

    fn restart(&mut self, now: Time, is_blocked: bool) {
        (self.since, self.bytes, self.was_blocked) = (now, 0, is_blocked);
    }

    /// A link has a block to send. `rate`: bytes a second that its peer took last time.
    pub(super) fn wait(&mut self, now: Time, link: LinkId, rate: Option<u64>) {
        let is_known = self.turns.contains_key(&link) || self.waiting.iter().any(|one| one.link == link);
        if !is_known {
            self.waiting.push(Waiting { link, since: now, rate });
        }
    }

    /// The next link whose turn it is: first those of which nothing is known, then the fastest. Its turn has `bytes` once
    /// [`BodyTurns::begun`] says so. `may_begin`: a link has nothing to send before. `is_unread`: a link's connection takes nothing;
    /// where a limit of uploads is all that the line is known to be slow by, its reader is what is slow, and nobody waits for it.
    pub(super) fn next(
        &mut self,
        now: Time,
        limit: Option<u64>,
        may_begin: impl Fn(&LinkId) -> bool,
        is_unread: impl Fn(&LinkId) -> bool,
    ) -> Option<LinkId> {
        let rate = self.rate(now, limit);
        let slots = if rate.is_some() { self.slots.max(1) } else { usize::MAX };
        let counts = |link: &&LinkId| limit.is_none() || rate != limit || !is_unread(link);
        if self.turns.keys().filter(counts).count() >= slots {
            return None;
        }
        let rank = |one: &&Waiting| std::cmp::Reverse(one.rate.unwrap_or(u64::MAX));
        let next = self.waiting.iter().filter(|one| may_begin(&one.link)).min_by_key(rank)?.link;
        self.waiting.retain(|one| one.link != next);
        Some(next)
    }

    /// A link's turn has begun.
    pub(super) fn begun(&mut self, now: Time, link: LinkId, bytes: usize) {
        if self.turns.is_empty() {
            self.restart(now, false);
            self.slots = 1;
        }
        self.turns.insert(link, (now, bytes));
    }

    /// A link's turn is over: its block is sent. Returns the bytes a second that its peer took.
    pub(super) fn ended(&mut self, now: Time, link: LinkId) -> Option<u64> {
        let (since, bytes) = self.turns.remove(&link)?;
        let micros = u64::try_from(now.since(since).as_micros()).unwrap_or(u64::MAX).max(1);
        Some((bytes as u64).saturating_mul(1_000_000) / micros)
    }

    /// A link is gone, or has nothing to push any more.
    pub(super) fn forget(&mut self, link: LinkId) {
        self.turns.remove(&link);
        self.waiting.retain(|one| one.link != link);
    }

    /// The next link that has waited too long.
    pub(super) fn overdue(&mut self, now: Time) -> Option<LinkId> {
        let at = self.waiting.iter().position(|one| now.since(one.since) >= LONGEST_WAIT)?;
        Some(self.waiting.remove(at).link)
    }

    /// When to look again, while somebody waits.
    pub(super) fn deadline(&self) -> Option<Time> {
        let first = self.waiting.iter().map(|one| one.since).min()?;
        Some((self.since + WINDOW).min(first + LONGEST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: [LinkId; 4] = [LinkId(1), LinkId(2), LinkId(3), LinkId(4)];
    const MS: u64 = 1000;

    /// Turns on a line of 250 KB/s that is known, with all links waiting from 10 s on.
    fn measured() -> BodyTurns {
        let mut turns = BodyTurns::default();
        turns.look(Time(9_000 * MS), None, true);
        turns.sent(250_000);
        turns.look(Time(10_000 * MS), None, true);
        LINKS.iter().for_each(|link| turns.wait(Time(10_000 * MS), *link, None));
        turns
    }

    fn begin_all(turns: &mut BodyTurns, now: Time) -> Vec<LinkId> {
        std::iter::from_fn(|| {
            let link = turns.next(now, None, |_| true, |_| false)?;
            turns.begun(now, link, 500_000);
            Some(link)
        })
        .collect()
    }

    #[test]
    fn on_a_line_that_was_never_full_all_have_a_turn_at_once() {
        let mut turns = BodyTurns::default();
        LINKS.iter().for_each(|link| turns.wait(Time(5), *link, None));
        assert_eq!(begin_all(&mut turns, Time(5)), LINKS);
        assert_eq!(turns.deadline(), None);
    }

    #[test]
    fn on_a_full_line_one_has_a_turn_after_the_other() {
        let mut turns = measured();
        let mut now = 10_000 * MS;
        for link in LINKS {
            assert_eq!(begin_all(&mut turns, Time(now)), [link]);
            for _ in 0..5 {
                now += 400 * MS;
                turns.sent(100_000);
                turns.look(Time(now), None, true);
                assert!(begin_all(&mut turns, Time(now)).is_empty(), "the line is full");
            }
            assert_eq!(turns.ended(Time(now), link), Some(250_000));
        }
    }

    #[test]
    fn others_do_not_wait_for_a_slow_reader() {
        let mut turns = measured();
        assert_eq!(begin_all(&mut turns, Time(10_000 * MS)), LINKS[..1]);
        turns.sent(20_000);
        turns.look(Time(10_400 * MS), None, true);
        assert_eq!(begin_all(&mut turns, Time(10_400 * MS)), LINKS[1..2]);
        turns.sent(20_000);
        turns.look(Time(10_800 * MS), None, true);
        assert_eq!(begin_all(&mut turns, Time(10_800 * MS)), LINKS[2..], "twice as many each time");
    }

    #[test]
    fn strangers_come_first_and_then_the_fastest() {
        let mut turns = measured();
        LINKS.iter().for_each(|link| turns.forget(*link));
        turns.wait(Time(11_000 * MS), LINKS[0], Some(10_000));
        turns.wait(Time(11_000 * MS), LINKS[1], Some(90_000));
        turns.wait(Time(11_000 * MS), LINKS[2], None);
        let mut order = Vec::new();
        while let Some(link) = turns.next(Time(11_000 * MS), None, |_| true, |_| false) {
            order.push(link);
        }
        assert_eq!(order, [LINKS[2], LINKS[1], LINKS[0]]);
    }

    #[test]
    fn a_rate_is_forgotten_and_who_waits_too_long_is_told_instead() {
        let mut turns = measured();
        assert_eq!(begin_all(&mut turns, Time(10_000 * MS)), LINKS[..1]);
        assert_eq!(turns.overdue(Time(13_999 * MS)), None);
        let overdue: Vec<LinkId> = std::iter::from_fn(|| turns.overdue(Time(14_000 * MS))).collect();
        assert_eq!(overdue, LINKS[1..]);
        LINKS.iter().for_each(|link| turns.wait(Time(71_000 * MS), *link, None));
        assert_eq!(begin_all(&mut turns, Time(71_000 * MS)), LINKS[1..], "as long as nothing is known");
    }

    #[test]
    fn a_limit_of_uploads_is_a_known_rate() {
        let mut turns = BodyTurns::default();
        LINKS.iter().for_each(|link| turns.wait(Time(5), *link, None));
        let next = |turns: &mut BodyTurns, busy: &[LinkId], unread: &[LinkId]| {
            turns.next(Time(5), Some(100_000), |link| !busy.contains(link), |link| unread.contains(link))
        };
        assert_eq!(next(&mut turns, &[], &[]), Some(LINKS[0]));
        turns.begun(Time(5), LINKS[0], 500_000);
        assert_eq!(next(&mut turns, &[], &[]), None);
        assert_eq!(
            next(&mut turns, &LINKS[..2], &LINKS[..1]),
            Some(LINKS[2]),
            "the first reads nothing, the second is busy"
        );
    }
}
