//! Whose turn it is to get a large block, pushed or asked for.
//!
//! Where this node's own line is what is slow, a block that is sent to five peers at once reaches the first of them when it
//! reaches the last. One after the other, the first has it in a fifth of the time and passes it on meanwhile. Where a reader
//! is what is slow, others must not wait for it. The two are told apart by what the line has carried: while the peers that
//! have a turn take much less, others get theirs, too.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::base::{hash::Hash, ids::LinkId, time::Time};

/// The time over which bytes are counted: a slow line takes a buffer's worth several times in it.
const WINDOW: Duration = Duration::from_millis(400);
/// How long a measured rate holds. After that blocks are pushed to all at once, which measures it again.
pub(super) const RATE_HOLDS: Duration = Duration::from_secs(60);
/// Bytes a second below which a rate says something about readers rather than about the line.
const LEAST_RATE: u64 = 16 * 1024;
/// How long a link waits for its turn. Then a peer to which a block was to be pushed is told of it instead, and may have it
/// from others; and answers go before those that have waited less.
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// Blocks of which it is known how often their turn has come.
const MAX_SERVED: usize = 16;
/// Times of counting for which a line must have been full before its rate is believed: the buffers on its way, which take
/// the first bytes at any rate, are full then.
const FULL_WINDOWS: usize = 6;
/// The system takes large bodies faster than the line carries them. The next turn begins only when no more than a part of a
/// second's bytes should be left of the one before, but no later than this: the rate may be that of slow readers.
const LONGEST_HOLD: Duration = Duration::from_secs(1);
const LEFT_PART: u64 = 4;

/// What the line carries, who waits for a turn and who has one.
#[derive(Default)]
pub(super) struct BodyTurns {
    /// Since when bytes are counted, how many were sent since, and whether a link was blocked then.
    since: Time,
    bytes: u64,
    was_blocked: bool,
    /// Bytes a second of the last times of counting in a row during which a link was blocked, the newest last.
    full: VecDeque<u64>,
    /// The most bytes a second that were sent for long while a link was blocked, and when that was.
    peak: Option<(Time, u64)>,
    waiting: Vec<Waiting>,
    /// Bytes that the system has taken and, at the line's rate, had not carried at that time.
    ahead: u64,
    ahead_at: Time,
    /// When the last turn began.
    begun_at: Time,
    /// How often a turn for each of the last blocks has begun, the newest last.
    served: VecDeque<(Hash, u32)>,
    /// Links that have a turn: since when, and the bytes that they get.
    turns: BTreeMap<LinkId, (Time, usize)>,
    /// Links that may have a turn at the same time.
    slots: usize,
}

struct Waiting {
    link: LinkId,
    since: Time,
    /// The block that it waits for.
    block: Hash,
    /// Bytes a second that it took last time.
    rate: Option<u64>,
    /// It has been named as overdue.
    is_named: bool,
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
        self.ahead = self.ahead.saturating_add(bytes as u64);
    }

    /// Whether the line should still be full of what it got.
    fn is_ahead(&mut self, now: Time, rate: u64) -> bool {
        let micros = u64::try_from(now.since(self.ahead_at).as_micros()).unwrap_or(u64::MAX);
        self.ahead = self.ahead.saturating_sub(rate.saturating_mul(micros) / 1_000_000);
        self.ahead_at = now;
        self.ahead > rate / LEFT_PART
    }

    /// Counts what was sent. `is_blocked`: a connection takes nothing now although there is something to send.
    pub(super) fn look(&mut self, now: Time, limit: Option<u64>, is_blocked: bool) {
        let time = now.since(self.since);
        if time < WINDOW {
            return;
        }
        let sent = self.bytes.saturating_mul(1000) / u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = self.rate(now, limit);
        self.note_full(now, rate, (self.was_blocked && is_blocked).then_some(sent));
        if !self.turns.is_empty() && rate.is_some_and(|rate| sent < rate / 4 * 3 && !self.is_ahead(now, rate)) {
            self.slots = 2 * self.turns.len();
        }
        self.restart(now, is_blocked);
    }

    /// Notes what was sent while the line was full, if it was.
    fn note_full(&mut self, now: Time, rate: Option<u64>, sent: Option<u64>) {
        let Some(sent) = sent else { return self.full.clear() };
        self.full.push_back(sent);
        if self.full.len() < FULL_WINDOWS {
            return;
        }
        let least = self.full.iter().copied().min().unwrap_or(sent);
        self.full.pop_front();
        if rate.is_none_or(|rate| least >= rate) {
            self.peak = Some((now, least));
        }
    }

    fn restart(&mut self, now: Time, is_blocked: bool) {
        (self.since, self.bytes, self.was_blocked) = (now, 0, is_blocked);
    }

    /// A link has this block to send before others. `rate`: bytes a second that its peer took last time.
    pub(super) fn wait(&mut self, now: Time, link: LinkId, block: Hash, rate: Option<u64>) {
        if self.turns.contains_key(&link) {
            return;
        }
        match self.waiting.iter_mut().find(|one| one.link == link) {
            Some(known) => known.block = block,
            None => self.waiting.push(Waiting { link, since: now, block, rate, is_named: false }),
        }
    }

    /// The next link whose turn it is: first those that have waited for long, then those for whose block the fewest turns
    /// have begun, since others can pass on a block that they have; then links of which nothing is known, then the fastest,
    /// where rates up to twice as high count as equal. Several nodes that are asked by the same peers should begin with
    /// different ones, so that those get the block from all of them and none gets it twice: hence the last part of the rank.
    /// Its turn has `bytes` once [`BodyTurns::begun`] says so.
    pub(super) fn next(&mut self, now: Time, limit: Option<u64>) -> Option<LinkId> {
        if let Some(rate) = self.rate(now, limit) {
            let is_full = self.is_ahead(now, rate) && now.since(self.begun_at) < LONGEST_HOLD;
            if is_full || self.turns.len() >= self.slots.max(1) {
                return None;
            }
        }
        let rank = |one: &&Waiting| {
            let overdue = if now.since(one.since) >= LONGEST_WAIT { one.since } else { Time(u64::MAX) };
            let rate = one.rate.unwrap_or(u64::MAX).leading_zeros();
            (overdue, self.turns_of(&one.block), rate, mixed(one.link, &one.block))
        };
        let next = self.waiting.iter().min_by_key(rank)?.link;
        self.waiting.retain(|one| one.link != next);
        Some(next)
    }

    /// How many turns for this block have begun.
    fn turns_of(&self, block: &Hash) -> u32 {
        self.served.iter().find(|(served, _)| served == block).map_or(0, |(_, turns)| *turns)
    }

    /// A link's turn has begun, for this block.
    pub(super) fn begun(&mut self, now: Time, link: LinkId, block: Hash, bytes: usize) {
        if self.turns.is_empty() {
            self.restart(now, false);
            self.slots = 1;
        }
        self.turns.insert(link, (now, bytes));
        self.begun_at = now;
        if let Some((_, turns)) = self.served.iter_mut().find(|(served, _)| *served == block) {
            *turns += 1;
            return;
        }
        if self.served.len() >= MAX_SERVED {
            self.served.pop_front();
        }
        self.served.push_back((block, 1));
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

    /// The next link that has waited too long. Each is named once.
    pub(super) fn overdue(&mut self, now: Time) -> Option<LinkId> {
        let is_due = |one: &&mut Waiting| !one.is_named && now.since(one.since) >= LONGEST_WAIT;
        let due = self.waiting.iter_mut().find(is_due)?;
        due.is_named = true;
        Some(due.link)
    }

    /// When to look again, while somebody waits.
    pub(super) fn deadline(&self) -> Option<Time> {
        let look = (!self.waiting.is_empty()).then(|| self.since + WINDOW);
        let overdue = self.waiting.iter().filter(|one| !one.is_named).map(|one| one.since + LONGEST_WAIT).min();
        look.into_iter().chain(overdue).min()
    }
}

/// A number that orders links for a block: other links first for another block, and at another node, where the same peers
/// have other links.
fn mixed(link: LinkId, block: &Hash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = block.0;
    // The golden ratio's bits: neighbouring numbers come far apart.
    (u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ link.0).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: [LinkId; 4] = [LinkId(1), LinkId(2), LinkId(3), LinkId(4)];
    const MS: u64 = 1000;

    const BLOCK: Hash = Hash([0; 32]);

    /// The links in the order in which they get a turn for `BLOCK` if nothing else tells them apart.
    fn links() -> [LinkId; 4] {
        let mut links = LINKS;
        links.sort_by_key(|link| mixed(*link, &BLOCK));
        links
    }

    fn wait_all(turns: &mut BodyTurns, now: Time) {
        LINKS.iter().for_each(|link| turns.wait(now, *link, BLOCK, None));
    }

    /// Turns on a line of 250 KB/s that is known, with all links waiting from 10 s on.
    fn measured() -> BodyTurns {
        let mut turns = BodyTurns::default();
        turns.look(Time(6_500 * MS), None, true);
        for at in 0..7 {
            // A buffer on the way takes more at first.
            turns.sent(if at == 0 { 600_000 } else { 125_000 });
            turns.look(Time((7_000 + at * 500) * MS), None, true);
        }
        turns.ahead = 0;
        wait_all(&mut turns, Time(10_000 * MS));
        turns
    }

    fn begin_all(turns: &mut BodyTurns, now: Time) -> Vec<LinkId> {
        std::iter::from_fn(|| {
            let link = turns.next(now, None)?;
            turns.begun(now, link, BLOCK, 500_000);
            Some(link)
        })
        .collect()
    }

    #[test]
    fn on_a_line_that_was_never_full_all_have_a_turn_at_once() {
        let mut turns = BodyTurns::default();
        wait_all(&mut turns, Time(5));
        assert_eq!(begin_all(&mut turns, Time(5)), links());
        assert_eq!(turns.deadline(), None);
    }

    #[test]
    fn on_a_full_line_one_has_a_turn_after_the_other() {
        let mut turns = measured();
        let mut now = 10_000 * MS;
        for link in links() {
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
        assert_eq!(begin_all(&mut turns, Time(10_000 * MS)), links()[..1]);
        turns.sent(20_000);
        turns.look(Time(10_400 * MS), None, true);
        assert_eq!(begin_all(&mut turns, Time(10_400 * MS)), links()[1..2]);
        turns.sent(20_000);
        turns.look(Time(10_800 * MS), None, true);
        assert_eq!(begin_all(&mut turns, Time(10_800 * MS)), links()[2..], "twice as many each time");
    }

    #[test]
    fn strangers_come_first_and_then_the_fastest() {
        let mut turns = measured();
        LINKS.iter().for_each(|link| turns.forget(*link));
        turns.wait(Time(11_000 * MS), LINKS[0], BLOCK, Some(10_000));
        turns.wait(Time(11_000 * MS), LINKS[1], BLOCK, Some(90_000));
        turns.wait(Time(11_000 * MS), LINKS[2], BLOCK, None);
        let mut order = Vec::new();
        while let Some(link) = turns.next(Time(11_000 * MS), None) {
            order.push(link);
        }
        assert_eq!(order, [LINKS[2], LINKS[1], LINKS[0]]);
    }

    #[test]
    fn a_rate_is_forgotten_and_who_waits_too_long_is_named_once() {
        let mut turns = measured();
        assert_eq!(begin_all(&mut turns, Time(10_000 * MS)), links()[..1]);
        assert_eq!(turns.overdue(Time(13_999 * MS)), None);
        let overdue: Vec<LinkId> = std::iter::from_fn(|| turns.overdue(Time(14_000 * MS))).collect();
        assert_eq!((overdue.len(), turns.overdue(Time(60_000 * MS))), (3, None));
        let others = begin_all(&mut turns, Time(71_000 * MS));
        assert_eq!(others, links()[1..], "as long as nothing is known");
    }

    #[test]
    fn a_limit_of_uploads_is_a_known_rate() {
        let mut turns = BodyTurns::default();
        wait_all(&mut turns, Time(5));
        let next = turns.next(Time(5), Some(100_000));
        assert_eq!(next, Some(links()[0]));
        turns.begun(Time(5), links()[0], BLOCK, 500_000);
        assert_eq!(turns.next(Time(5), Some(100_000)), None);
    }

    #[test]
    fn a_block_that_few_have_goes_before_others_until_those_have_waited_long() {
        let mut turns = measured();
        let (first, new) = (links()[0], Hash([7; 32]));
        assert_eq!(begin_all(&mut turns, Time(10_000 * MS)), [first]);
        turns.ended(Time(12_000 * MS), first);
        turns.wait(Time(12_000 * MS), first, new, None);
        assert_eq!(turns.next(Time(12_000 * MS), None), Some(first), "nobody has the new block");
        turns.begun(Time(12_000 * MS), first, new, 500_000);
        turns.ended(Time(14_000 * MS), first);
        turns.wait(Time(14_000 * MS), first, Hash([8; 32]), None);
        let next = turns.next(Time(14_000 * MS), None);
        assert_eq!(next, Some(LINKS.into_iter().find(|link| *link != first).unwrap()), "it has waited for 4 s");
    }

    #[test]
    fn nodes_that_are_asked_by_the_same_peers_begin_with_different_ones() {
        let firsts: std::collections::BTreeSet<u64> = (0..16u8)
            .map(|byte| {
                let block = Hash([byte.wrapping_mul(29); 32]);
                LINKS.into_iter().min_by_key(|link| mixed(*link, &block)).unwrap().0
            })
            .collect();
        assert_eq!(firsts.len(), LINKS.len());
    }
}
