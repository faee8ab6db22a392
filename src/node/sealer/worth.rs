//! What messages bring. Those that bring nothing cost this node little, but not nothing, so that a peer may send some of them, and
//! no more.
//!
//! A peer that keeps the rules sends a message once on a link, unless it repeats what it holds because nothing moves. So what it
//! sends in vain is little more than what was news to this node, its own words included.

use std::{collections::BTreeSet, time::Duration};

use crate::base::{limits::MAX_PROPOSAL_BYTES, time::Time};

use super::core::Fate;

/// Bytes that a peer may send in vain at once. More than all certificates that a node keeps, and what a link holds back.
const AT_ONCE: u64 = 32 << 20;
/// And in each second. More than is repeated for as long as nothing becomes final: that is seldom where it is much.
const PER_SECOND: u64 = 256 << 10;

/// A peer may send twice what was news: a proposal comes once more from each peer that takes this node for one that is behind.
const COPIES: u64 = 2;
/// Bytes that a peer may send at once of what is of unknown worth, such as the words of a later set: this node cannot tell which of them
/// are news. As much as in vain.
const UNKNOWN_AT_ONCE: u64 = AT_ONCE;
/// What a view brings at most: a proposal, and the votes and certificates of all authorities.
const VIEW_BYTES: u64 = MAX_PROPOSAL_BYTES as u64 + (64 << 10);
/// Views before and after the own one whose proposal may come too late from each peer, once: they take their own way on a link, and
/// on a slow one certificates overtake them. Those of more views wait on no link, unless they are small.
const LATE_VIEWS: u64 = 256;

/// What a message was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worth {
    /// Passed on.
    News,
    /// Nothing.
    Nothing,
    /// It may be news to others, or to this node later.
    Unknown,
}

impl From<Fate> for Worth {
    fn from(fate: Fate) -> Self {
        match fate {
            Fate::Fresh => Self::News,
            Fate::Stale | Fate::Behind => Self::Nothing,
        }
    }
}

/// What a peer may still send in vain.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u64,
    /// News that it was credited for.
    credited: u64,
    counted: Time,
    /// Bytes of unknown worth, and when they were counted.
    unknown: (u64, Time),
    /// Views whose proposal came too late.
    late: BTreeSet<u64>,
}

impl Allowance {
    /// That of a new peer. `news`: bytes of it so far.
    pub(super) fn new(now: Time, news: u64) -> Self {
        Self { left: AT_ONCE, credited: news, counted: now, unknown: (UNKNOWN_AT_ONCE, now), late: BTreeSet::new() }
    }

    /// Whether a proposal of this view, which is of no use, is the first such one near the node's own view.
    pub(super) fn may_be_late(&mut self, view: u64, own: u64) -> bool {
        let is_near = |view: u64| view.abs_diff(own) <= LATE_VIEWS;
        self.late.retain(|view| is_near(*view));
        is_near(view) && self.late.insert(view)
    }

    /// Takes these bytes from what may be sent of unknown worth; no, if they are not left. A peer that keeps the rules sends the words of
    /// each view once, and its proposal once more. Views follow each other no faster than blocks, but for some that are skipped.
    pub(super) fn take_unknown(&mut self, now: Time, block_time: Duration, bytes: usize) -> bool {
        let (left, counted) = self.unknown;
        let passed = u64::try_from(now.since(counted).as_millis()).unwrap_or(u64::MAX);
        let block_ms = u64::try_from(block_time.as_millis()).unwrap_or(u64::MAX).max(1);
        let per_second = PER_SECOND.saturating_add(COPIES * VIEW_BYTES * 1000 / block_ms);
        let left = left.saturating_add(passed.saturating_mul(per_second) / 1000).min(UNKNOWN_AT_ONCE);
        let rest = left.checked_sub(bytes as u64);
        self.unknown = (rest.unwrap_or(left), counted + Duration::from_millis(passed));
        rest.is_some()
    }

    /// Takes these bytes from it; no, if they are not left.
    pub(super) fn take(&mut self, now: Time, news: u64, bytes: usize) -> bool {
        let passed = u64::try_from(now.since(self.counted).as_millis()).unwrap_or(u64::MAX);
        self.counted = self.counted + Duration::from_millis(passed);
        let returned = passed.saturating_mul(PER_SECOND) / 1000;
        let credit = news.saturating_sub(self.credited).saturating_mul(COPIES).saturating_add(returned);
        self.credited = news;
        self.left = self.left.saturating_add(credit).min(AT_ONCE);
        let left = self.left.checked_sub(bytes as u64);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    #[test]
    fn what_was_news_may_come_twice_from_each_and_little_beyond_that() {
        let mut peer = Allowance::new(Time(0), 5);
        // Blocks of a megabyte, five a second, for an hour; all come from another peer first.
        let news = |n: u64| 5 + (n << 20);
        for n in 1..18_000 {
            assert!((0..2).all(|_| peer.take(Time(n * SECOND / 5), news(n), 1 << 20)), "{n}");
        }
        let now = 3_600 * SECOND;
        let count = |peer: &mut Allowance, at| (0..100).filter(|_| peer.take(Time(at), news(18_000), 1 << 20)).count();
        assert_eq!(count(&mut peer, now), 32);
        assert_eq!(count(&mut peer, now + 4 * SECOND), 1);
        assert_eq!(count(&mut peer, now + 4_000 * SECOND), 32, "no more is saved up");
    }

    #[test]
    fn of_unknown_worth_is_as_much_free_as_an_honest_peer_sends_of_a_later_set() {
        let mut peer = Allowance::new(Time(0), 0);
        let block_time = Duration::from_millis(200);
        // The largest blocks, each twice, five a second, with the votes of 64 authorities, for an hour.
        for n in 1..18_000 {
            let now = Time(n * SECOND / 5);
            assert!((0..2).all(|_| peer.take_unknown(now, block_time, MAX_PROPOSAL_BYTES)), "{n}");
            assert!(peer.take_unknown(now, block_time, 3 * 64 * 118 + 3 * 64 * 73), "{n}");
        }
        let slow = Duration::from_secs(1 << 40);
        let count = |peer: &mut Allowance, at| (0..100).filter(|_| peer.take_unknown(Time(at), slow, 1 << 20)).count();
        let now = 3_600 * SECOND;
        assert!(count(&mut peer, now) <= 32);
        assert_eq!(count(&mut peer, now + 4 * SECOND), 1);
        assert_eq!(count(&mut peer, now + 4_000 * SECOND), 32, "no more is saved up");
        assert!(peer.take(Time(now), 0, 32 << 20), "apart from what is in vain");
    }

    #[test]
    fn each_view_s_proposal_may_be_late_once_if_the_view_is_near() {
        let mut peer = Allowance::new(Time(0), 0);
        let late = |peer: &mut Allowance, view| peer.may_be_late(view, 1_000);
        assert_eq!([744, 1_256, 743, 1_257, 744].map(|view| late(&mut peer, view)), [true, true, false, false, false]);
        assert!((0..5_000).filter(|view| late(&mut peer, *view)).count() < 512);
        assert!(!peer.may_be_late(744, 1_256) && peer.late.len() < 300, "forgotten with its window");
    }

    #[test]
    fn small_messages_do_not_lose_what_time_returns() {
        let mut peer = Allowance::new(Time(0), 0);
        assert!(peer.take(Time(0), 0, 32 << 20));
        let taken = (0..100_000).filter(|n| peer.take(Time(n * 100), 0, 118)).count();
        assert!((21_000..22_300).contains(&taken), "{taken} of {} in ten seconds", (10 * PER_SECOND) / 118);
    }
}
