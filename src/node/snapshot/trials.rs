//! How fast snapshots come: which is tried next, and when one is left for another.
//!
//! A true manifest costs its sender nothing, and nobody can tell beforehand who will send the pieces. So a snapshot that does not
//! come within a while, where peers offer others, is left, and each other is tried before one is stayed with. Peers that offer others
//! later are tried, too, if this one is slow: it gets twice as long each time, so that who offers new ones without end only delays.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use crate::base::{
    hash::Hash,
    limits::{MAX_MANIFESTS, PLAN_CHOICE, PLAN_PATIENCE, PLAN_TRIAL},
    time::Time,
};

/// A snapshot that is much slower than it was comes at less than this part of its best rate.
const SLOWED: u64 = 8;

/// How often the time of one that is slow doubles: then it has six days.
const MOST_DOUBLED: u32 = 14;

/// How many snapshots in one turn of trials may turn out to be there no more. Whoever offers others without end only delays.
const MOST_GONE: u32 = 2;

/// A block whose snapshot peers offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) block: Hash,
    pub(super) height: u32,
    /// Bytes of its pieces.
    pub(super) bytes: u64,
    /// Peers that offer it.
    pub(super) peers: usize,
}

/// The snapshots that were tried, by their blocks.
#[derive(Debug, Default)]
pub(super) struct Trials {
    /// Bytes a second that came of each when it was last looked at.
    rates: BTreeMap<Hash, u64>,
    /// Until when others are tried.
    until: Option<Time>,
    /// When the present one was begun.
    begun: Time,
    /// How often one was left for others after that time.
    late: u32,
    /// How many that were tried since then nobody had any more.
    gone: u32,
    now: Window,
}

/// What has come of the snapshot that is being fetched.
#[derive(Debug, Default)]
struct Window {
    since: Time,
    length: Duration,
    bytes: u64,
    /// The best rate so far.
    best: u64,
}

impl Trials {
    /// A snapshot is begun.
    pub(super) fn begin(&mut self, now: Time) {
        self.until.get_or_insert(now + PLAN_CHOICE);
        self.begun = now;
        self.now = Window { since: now, length: PLAN_TRIAL, ..Window::default() };
    }

    pub(super) fn arrived(&mut self, bytes: usize) {
        self.now.bytes = self.now.bytes.saturating_add(bytes as u64);
    }

    /// Pieces had to be dropped: they are no progress.
    pub(super) fn dropped(&mut self, bytes: u64) {
        self.now.bytes = self.now.bytes.saturating_sub(bytes);
    }

    /// When it is looked at next.
    pub(super) fn deadline(&self) -> Time {
        self.now.since + self.now.length
    }

    /// Whether the snapshot of `block`, of which so many bytes are missing, is to be left for one of the others.
    pub(super) fn is_left(&mut self, now: Time, block: Hash, missing: u64, others: &[Choice]) -> bool {
        if now < self.deadline() {
            return false;
        }
        let rate = rate(self.now.bytes, now.since(self.now.since));
        let best = self.now.best.max(rate);
        // Nothing has come of this one yet. Peers are asked again now and then, and may soon offer another.
        let length = if best == 0 && self.is_choosing(now) { PLAN_TRIAL } else { PLAN_CHOICE };
        self.now = Window { since: now, length, bytes: 0, best };
        self.note(block, rate);
        let left = time_of(missing, rate);
        if left <= PLAN_PATIENCE {
            return false;
        }
        let may_try = self.is_choosing(now) || rate < best / SLOWED || rate == 0;
        let is_untried = |one: &Choice| !self.rates.contains_key(&one.block);
        let is_faster = |one: &Choice| self.time_for(one).is_some_and(|time| time < left / 2);
        if others.iter().any(|one| is_untried(one) && may_try || is_faster(one)) {
            return true;
        }
        let spent = now.since(self.begun);
        let is_slow = left > spent && spent >= PLAN_CHOICE.saturating_mul(1 << self.late.min(MOST_DOUBLED));
        let is_tried = is_slow && others.iter().any(is_untried);
        if is_tried {
            (self.late, self.gone) = (self.late.saturating_add(1), 0);
            self.until = Some(now + PLAN_TRIAL);
        }
        is_tried
    }

    /// Nobody has the snapshot of `block` any more: its peers may have let it go for a newer one. So another may still be tried.
    pub(super) fn gone(&mut self, now: Time, block: Hash) {
        let known = self.rates.get(&block).copied();
        self.note(block, known.unwrap_or(0));
        if self.gone < MOST_GONE {
            self.gone += 1;
            self.until = self.until.max(Some(now + PLAN_TRIAL));
        }
    }

    fn note(&mut self, block: Hash, rate: u64) {
        if self.rates.len() >= 4 * MAX_MANIFESTS && !self.rates.contains_key(&block) {
            self.rates.pop_first();
        }
        self.rates.insert(block, rate);
    }

    fn is_choosing(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// How long all of it takes at the rate at which it came; `None`: it was not tried, or did not come.
    fn time_for(&self, choice: &Choice) -> Option<Duration> {
        let rate = self.rates.get(&choice.block).filter(|rate| **rate > 0)?;
        Some(time_of(choice.bytes, *rate))
    }

    /// The one to fetch: while others are tried, that which most peers offer, and of these the highest; then the fastest.
    pub(super) fn choose(&self, now: Time, choices: &[Choice]) -> Option<Hash> {
        let class = |one: &Choice| match (self.rates.get(&one.block), self.is_choosing(now)) {
            (None, true) => 3,
            (Some(1..), _) => 2,
            (None, false) => 1,
            (Some(0), _) => 0,
        };
        let rank = |one: &&Choice| (class(one), Reverse(self.time_for(one)), one.peers, one.height);
        choices.iter().max_by_key(rank).map(|one| one.block)
    }
}

fn rate(bytes: u64, time: Duration) -> u64 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    bytes.saturating_mul(1_000) / millis
}

fn time_of(bytes: u64, rate: u64) -> Duration {
    bytes.checked_div(rate).map_or(Duration::MAX, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEGABYTE: usize = 1 << 20;

    fn choice(number: u8, peers: usize) -> Choice {
        Choice { block: Hash([number; 32]), height: u32::from(number), bytes: 100 << 20, peers }
    }

    fn at(seconds: u64) -> Time {
        Time(0) + Duration::from_secs(seconds)
    }

    #[test]
    fn most_peers_then_the_height_decide_what_is_tried_first() {
        let choices = [choice(1, 3), choice(3, 1), choice(2, 3)];
        assert_eq!(Trials::default().choose(at(0), &choices), Some(choices[2].block));
        assert_eq!(Trials::default().choose(at(0), &[]), None);
    }

    #[test]
    fn each_is_tried_for_a_moment_and_the_fastest_is_stayed_with() {
        let (mut trials, choices) = (Trials::default(), [choice(1, 1), choice(2, 2), choice(3, 3)]);
        let mut order = Vec::new();
        for (turn, speed) in [0, 4, 1].into_iter().enumerate() {
            let now = at(3 * turn as u64);
            let chosen = trials.choose(now, &choices).unwrap();
            order.push(chosen.0[0]);
            trials.begin(now);
            trials.arrived(speed * 3 * MEGABYTE);
            let others: Vec<Choice> = choices.iter().copied().filter(|one| one.block != chosen).collect();
            assert!(!trials.is_left(now + PLAN_TRIAL / 2, chosen, 100 << 20, &others), "not yet");
            assert!(trials.is_left(now + PLAN_TRIAL, chosen, 100 << 20, &others), "{turn}");
        }
        assert_eq!(order, [3, 2, 1]);
        let chosen = trials.choose(at(9), &choices).unwrap();
        assert_eq!(chosen, choices[1].block, "the fastest");
        trials.begin(at(9));
        trials.arrived(3 * MEGABYTE);
        assert!(
            !trials.is_left(at(12), chosen, 100 << 20, &[choices[0], choices[2]]),
            "half as fast again is no reason"
        );
    }

    #[test]
    fn what_comes_soon_or_alone_is_not_left_and_later_ones_take_nothing_from_what_goes_on() {
        let (mut trials, block) = (Trials::default(), choice(1, 1).block);
        trials.begin(at(0));
        trials.arrived(3 * MEGABYTE);
        assert!(!trials.is_left(at(3), block, 10 << 20, &[choice(2, 9)]), "ten seconds more");
        trials.begin(at(10));
        assert!(!trials.is_left(at(13), block, 100 << 20, &[]), "nobody offers another");
        trials.begin(at(20));
        trials.arrived(3 * MEGABYTE);
        assert!(!trials.is_left(at(31), block, 1 << 30, &[]));
        trials.arrived(20 * MEGABYTE);
        assert!(!trials.is_left(at(61), block, 20 << 20, &[choice(2, 9)]), "it is soon here");
        trials.arrived(MEGABYTE);
        assert!(trials.is_left(at(91), block, 1 << 30, &[choice(2, 9)]), "but not if it hardly moves any more");
    }

    #[test]
    fn one_that_takes_long_is_left_for_those_that_come_later_and_has_twice_the_time_after_each() {
        let (mut trials, slow) = (Trials::default(), choice(0, 1));
        let mut now = 0;
        let mut lost = Vec::new();
        for other in 1..=4 {
            trials.begin(at(now));
            let begun = now;
            loop {
                now += 30;
                trials.arrived(MEGABYTE);
                if trials.is_left(at(now), slow.block, 1 << 30, &[choice(other, 1)]) {
                    break;
                }
            }
            lost.push(now - begun);
            let both = [slow, choice(other, 1)];
            assert_eq!(trials.choose(at(now), &both), Some(both[1].block), "the other is tried");
            trials.begin(at(now));
            now += 3;
            assert!(trials.is_left(at(now), both[1].block, 1 << 30, &[slow]), "which does not come");
            assert_eq!(trials.choose(at(now), &both), Some(slow.block));
        }
        assert_eq!(lost, [30, 60, 120, 240]);
    }

    #[test]
    fn what_nobody_has_any_more_was_no_trial_and_another_is_tried_but_not_without_end() {
        let (mut trials, slow) = (Trials::default(), choice(0, 1));
        trials.begin(at(0));
        trials.arrived(MEGABYTE);
        assert!(!trials.is_left(at(3), slow.block, 1 << 30, &[]), "nobody offers another");
        trials.arrived(10 * MEGABYTE);
        assert!(trials.is_left(at(33), slow.block, 1 << 30, &[choice(1, 4)]));
        let (mut now, mut tried) = (33, 0);
        for other in 1..=9 {
            let chosen = trials.choose(at(now), &[slow, choice(other, 4)]);
            if chosen == Some(slow.block) {
                break;
            }
            tried += 1;
            trials.begin(at(now));
            now += 3;
            trials.gone(at(now), choice(other, 4).block);
            assert_eq!(trials.choose(at(now), &[slow, choice(other, 4)]), Some(slow.block), "it does not come back");
        }
        assert_eq!(tried, 1 + MOST_GONE);
    }

    #[test]
    fn one_of_which_nothing_comes_is_soon_looked_at_again_while_others_are_tried() {
        let (mut trials, [one, other]) = (Trials::default(), [choice(1, 1), choice(2, 1)]);
        trials.begin(at(0));
        assert!(!trials.is_left(at(3), one.block, 1 << 30, &[]));
        assert_eq!(trials.deadline(), at(6));
        assert!(trials.is_left(at(6), one.block, 1 << 30, &[other]), "it has come meanwhile");
        trials.begin(at(6));
        trials.arrived(MEGABYTE);
        assert!(!trials.is_left(at(9), other.block, 1 << 30, &[one]));
        assert_eq!(trials.deadline(), at(39), "this one comes");
    }

    #[test]
    fn dropped_pieces_are_no_progress() {
        let mut trials = Trials::default();
        trials.begin(at(0));
        trials.arrived(90 * MEGABYTE);
        trials.dropped(90 << 20);
        assert!(trials.is_left(at(3), choice(1, 1).block, 100 << 20, &[choice(2, 1)]));
    }
}
