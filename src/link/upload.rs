//! The limit of what this node sends (`--max-upload`): one bucket of tokens for all links.
//!
//! What is sent first is decided by what is queued at all: requests of peers are handed on only while little waits, so that
//! news, our own requests and pings find short queues.

use std::{collections::VecDeque, time::Duration};

use crate::base::{ids::LinkId, limits, time::Time};

/// Microseconds in a second.
const SECOND: u64 = 1_000_000;
/// Parts of a second whose bytes may leave at once.
const BURST_PART: u64 = 4;
/// Parts of a second after which links that wait get another turn.
const TURN_PART: u64 = 50;
/// Parts of a second whose bytes may wait on all links when another request is handed on.
const SERVE_PART: u64 = 2;

/// What may be sent now, and who waits.
pub(super) struct Upload {
    /// Bytes a second.
    rate: u64,
    /// Bytes that may be sent now, in millionths, so that no look at the clock loses a part of one.
    tokens: u64,
    /// Up to when the tokens are counted.
    at: Time,
    /// Links that have bytes to send and no tokens.
    held: VecDeque<LinkId>,
    /// Links whose peers' requests wait.
    askers: VecDeque<LinkId>,
}

impl Upload {
    pub(super) fn new(rate: u64) -> Self {
        let mut upload = Self { rate, tokens: 0, at: Time::default(), held: VecDeque::new(), askers: VecDeque::new() };
        upload.tokens = upload.burst() * SECOND;
        upload
    }

    /// Bytes a second.
    pub(super) fn rate(&self) -> u64 {
        self.rate
    }

    /// Bytes that may leave at once: a few segments at least.
    fn burst(&self) -> u64 {
        (self.rate / BURST_PART).max(limits::READ_BYTES as u64)
    }

    /// Tokens with which a link's turn is worth its system call.
    fn turn(&self) -> u64 {
        (self.rate / TURN_PART).clamp(1, limits::READ_BYTES as u64)
    }

    /// Bytes that may be sent now.
    pub(super) fn allows(&self) -> usize {
        usize::try_from(self.tokens / SECOND).unwrap_or(usize::MAX)
    }

    /// Bytes were sent.
    pub(super) fn take(&mut self, bytes: usize) {
        self.tokens = self.tokens.saturating_sub(bytes as u64 * SECOND);
    }

    /// A link has bytes to send and no tokens.
    pub(super) fn hold(&mut self, link: LinkId) {
        if !self.held.contains(&link) {
            self.held.push_back(link);
        }
    }

    /// Whether a link has bytes to send and no tokens.
    pub(super) fn holds(&self, link: LinkId) -> bool {
        self.held.contains(&link)
    }

    /// Whether a link, or a peer's request, waits.
    pub(super) fn is_reached(&self) -> bool {
        !self.held.is_empty() || !self.askers.is_empty()
    }

    /// Adds the tokens of the time that has passed, and names the links that may go on. They take turns at being first.
    pub(super) fn refill(&mut self, now: Time) -> VecDeque<LinkId> {
        let passed = u64::try_from(now.since(self.at).as_micros()).unwrap_or(u64::MAX).min(SECOND);
        self.at = self.at.max(now);
        self.tokens = self.tokens.saturating_add(self.rate.saturating_mul(passed)).min(self.burst() * SECOND);
        if self.tokens < self.turn() * SECOND || self.held.is_empty() {
            return VecDeque::new();
        }
        let first = self.held.pop_front();
        std::mem::take(&mut self.held).into_iter().chain(first).collect()
    }

    /// When links that wait may go on.
    pub(super) fn deadline(&self) -> Option<Time> {
        let missing = (self.turn() * SECOND).saturating_sub(self.tokens);
        let wait = Duration::from_micros(missing.div_ceil(self.rate.max(1)));
        (!self.held.is_empty()).then(|| self.at + wait)
    }

    /// Whether a link's peer gets an answer to one more request while `load` bytes wait for the limit, or will.
    pub(super) fn serves(&self, link: LinkId, load: usize) -> bool {
        self.has_room(load) && self.askers.front().is_none_or(|first| *first == link)
    }

    /// Notes whether a link's peer waits in line for an answer.
    pub(super) fn note_asker(&mut self, link: LinkId, waits: bool) {
        if !waits {
            self.askers.retain(|asker| *asker != link);
        } else if !self.askers.contains(&link) {
            self.askers.push_back(link);
        }
    }

    /// The link whose peer's next request may be handed on now.
    pub(super) fn next_asker(&self, load: usize) -> Option<LinkId> {
        self.askers.front().copied().filter(|_| self.has_room(load))
    }

    fn has_room(&self, load: usize) -> bool {
        (load as u64) < (self.rate / SERVE_PART).max(limits::READ_BYTES as u64)
    }

    /// A link is gone.
    pub(super) fn forget(&mut self, link: LinkId) {
        self.held.retain(|held| *held != link);
        self.askers.retain(|asker| *asker != link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_with_time_and_are_not_saved_up_for_long() {
        let mut upload = Upload::new(100_000);
        assert_eq!(upload.allows(), 25_000);
        upload.take(25_000);
        upload.hold(LinkId(1));
        assert_eq!(upload.deadline(), Some(Time(20_000)), "2,000 bytes");
        assert!(upload.refill(Time(19_999)).is_empty());
        assert_eq!((upload.refill(Time(20_000)), upload.allows()), (VecDeque::from([LinkId(1)]), 2_000));
        assert_eq!(upload.deadline(), None);
        // A driver that looks very often loses nothing by rounding.
        (20_002..1_020_002).step_by(7).for_each(|time| drop(upload.refill(Time(time))));
        assert_eq!(upload.allows(), 25_000);
        upload.take(25_000);
        (1_020_002..1_120_003).step_by(7).for_each(|time| drop(upload.refill(Time(time))));
        assert!((9_900..=10_000).contains(&upload.allows()), "{}", upload.allows());
    }

    #[test]
    fn links_that_wait_take_turns_at_being_first() {
        let mut upload = Upload::new(100_000);
        upload.take(25_000);
        let links = [1, 2, 3].map(LinkId);
        let mut firsts = Vec::new();
        for turn in 1..=6 {
            links.iter().for_each(|link| upload.hold(*link));
            let order = upload.refill(Time(turn * 50_000));
            firsts.push(order[0]);
            order.iter().for_each(|link| upload.hold(*link));
            upload.take(25_000);
        }
        firsts.sort_unstable();
        assert_eq!(firsts, [1, 1, 2, 2, 3, 3].map(LinkId));
    }

    #[test]
    fn requests_are_handed_on_in_turns_while_little_waits() {
        let mut upload = Upload::new(100_000);
        let [one, two] = [1, 2].map(LinkId);
        assert!(upload.serves(one, 49_999) && !upload.serves(one, 50_000));
        upload.note_asker(one, true);
        upload.note_asker(two, true);
        upload.note_asker(one, true);
        assert!(upload.serves(one, 0) && !upload.serves(two, 0));
        assert_eq!((upload.next_asker(0), upload.next_asker(50_000)), (Some(one), None));
        upload.note_asker(one, false);
        assert_eq!(upload.next_asker(0), Some(two));
        upload.note_asker(one, true);
        upload.note_asker(two, false);
        assert_eq!(upload.next_asker(0), Some(one));
        upload.forget(one);
        assert_eq!(upload.next_asker(0), None);
    }
}
