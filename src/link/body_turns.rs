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

use crate::{
    base::{hash::Hash, ids::LinkId, time::Time},
    link::line_rate::LineRate,
};

/// How long a link waits for its turn. Then a peer to which a block was to be pushed is told of it instead, and may have it
/// from others. So long an answer may also wait for those to blocks that were sent once less.
const LONGEST_WAIT: Duration = Duration::from_secs(4);
/// Blocks of which it is known how often their turn has come.
const MAX_SERVED: usize = 16;
/// The next turn begins only when the line has carried most of the one before, but no later than this: the rate may be that of
/// slow readers.
const LONGEST_HOLD: Duration = Duration::from_secs(1);
/// Links that have a turn at once at first while the line's rate is not known. As long as all of them take what there is, more
/// get one.
const UNKNOWN_SLOTS: usize = 2;

/// What the line carries, who waits for a turn and who has one.
#[derive(Default)]
pub(super) struct BodyTurns {
    line: LineRate,
    waiting: Vec<Waiting>,
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
    /// Bytes were sent on any link.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.line.sent(bytes);
    }

    /// Counts what was sent. `is_blocked`: a connection takes no bytes now although there is something to send.
    pub(super) fn look(&mut self, now: Time, limit: Option<u64>, is_blocked: bool) {
        let rate = self.line.known(now, limit);
        let Some(sent) = self.line.look(now, is_blocked) else { return };
        let is_free = match rate {
            Some(rate) => sent < rate / 4 * 3 && !self.line.is_full(now, rate),
            None => !is_blocked,
        };
        if !self.turns.is_empty() && is_free {
            self.slots = 2 * self.turns.len();
        }
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

    /// The next link whose turn it is: the one that has waited longest, where each turn that has begun for its block counts as
    /// if it had come later, since others can pass on a block that they have; then links of which nothing is known, then the
    /// fastest, where rates up to twice as high count as equal. Several nodes that are asked by the same peers should begin with
    /// different ones, so that those get the block from all of them and none gets it twice: hence the last part of the rank.
    /// Its turn has `bytes` once [`BodyTurns::begun`] says so.
    pub(super) fn next(&mut self, now: Time, limit: Option<u64>) -> Option<LinkId> {
        let rate = self.line.known(now, limit);
        let is_full = rate.is_some_and(|rate| self.line.is_full(now, rate) && now.since(self.begun_at) < LONGEST_HOLD);
        let least = if rate.is_some() { 1 } else { UNKNOWN_SLOTS };
        if is_full || self.turns.len() >= self.slots.max(least) {
            return None;
        }
        let rank = |one: &&Waiting| {
            let since = one.since + LONGEST_WAIT * self.turns_of(&one.block);
            let rate = one.rate.unwrap_or(u64::MAX).leading_zeros();
            (since, rate, mixed(one.link, &one.block))
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
            self.line.restart(now, false);
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
        let look = (!self.waiting.is_empty()).then(|| self.line.next_look());
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
        for at in 0..=10 {
            turns.look(Time((5_000 + at * 500) * MS), None, true);
            turns.sent(125_000);
        }
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
    fn on_a_line_that_is_not_known_two_have_a_turn_at_once_and_more_if_they_take_all() {
        for is_blocked in [false, true] {
            let mut turns = BodyTurns::default();
            wait_all(&mut turns, Time(5));
            assert_eq!(begin_all(&mut turns, Time(5)), links()[..2]);
            turns.look(Time(500 * MS), None, is_blocked);
            assert_eq!(begin_all(&mut turns, Time(500 * MS)), links()[2..if is_blocked { 2 } else { 4 }]);
            turns.ended(Time(600 * MS), links()[0]);
            assert_eq!(begin_all(&mut turns, Time(600 * MS)).len(), usize::from(is_blocked));
        }
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
        assert_eq!(others, links()[1..2], "as long as nothing is known, two at once");
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
        turns.ended(Time(15_000 * MS), first);
        turns.wait(Time(15_000 * MS), first, Hash([8; 32]), None);
        assert_eq!(turns.next(Time(15_000 * MS), None), Some(links()[1]), "it has waited for 5 s");
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
