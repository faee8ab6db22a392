//! A pool of memory for what is large: for frames while they arrive, and for snapshots' pieces until they are sent.
//!
//! A lease covers a whole body before more than its first bytes are read, so that what has begun can also end: pieces
//! of many bodies could fill the pool with none of them complete.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    base::{ids::LinkId, time::Time},
    link::shares::{Share, Shares},
};

/// What a link has to say for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It brings an answer that it was asked for.
    Asked,
    /// It has completed something large before.
    Known,
    /// Neither.
    Unknown,
}

/// A link in a line.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    link: LinkId,
    bytes: usize,
    claim: Claim,
    /// Where it stands by what it has had and wants.
    share: Share,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    bytes: usize,
    since: Time,
    /// It counts as a share.
    counts: bool,
}

/// The links that hold a part of the pool, and those that wait for one, in three lines that take turns: of answers, first come,
/// first served; of links that have completed something large before, who has had least of the pool first; and of all others,
/// first come, first served. So a crowd that never completes what it announces delays an honest link by one turn at most, and
/// one that completes it as slowly as it may goes behind those that are quick. A part of the pool is for answers only: what
/// nobody asked for cannot keep out what the node waits for.
pub(super) struct Leases {
    pool: usize,
    free: usize,
    /// Of these, bytes that are for answers only.
    reserve: usize,
    held: BTreeMap<LinkId, Held>,
    shares: Shares,
    asked: VecDeque<Waiting>,
    /// Lowest share first.
    known: VecDeque<Waiting>,
    unknown: VecDeque<Waiting>,
    /// The others had the last turn.
    asked_turn: bool,
    /// Of the other two lines, that of strangers had the last turn.
    known_turn: bool,
    /// Something changed for the first links in the lines.
    changed: bool,
}

impl Leases {
    /// A pool of so many bytes, of which `reserve` are for answers only.
    pub(super) fn new(bytes: usize, reserve: usize) -> Self {
        Self {
            pool: bytes,
            free: bytes,
            reserve,
            held: BTreeMap::new(),
            shares: Shares::default(),
            asked: VecDeque::new(),
            known: VecDeque::new(),
            unknown: VecDeque::new(),
            asked_turn: true,
            known_turn: true,
            changed: false,
        }
    }

    /// Whether the link may have this many bytes now. If not, the link waits in line until [`Leases::call`] names it; then ask
    /// again.
    pub(super) fn acquire(&mut self, now: Time, link: LinkId, bytes: usize, claim: Claim) -> bool {
        if self.held.contains_key(&link) {
            return true;
        }
        self.join(link, bytes, claim);
        let Some(place) = self.next().filter(|waiting| waiting.link == link) else { return false };
        self.leave(link);
        self.asked_turn = place.claim != Claim::Asked;
        match place.claim {
            Claim::Asked => {}
            Claim::Known => {
                self.known_turn = false;
                self.shares.serve(link);
            }
            Claim::Unknown => self.known_turn = true,
        }
        self.held.insert(link, Held { bytes: place.bytes, since: now, counts: place.claim != Claim::Asked });
        self.free = self.free.saturating_sub(place.bytes);
        self.changed = true;
        true
    }

    /// Puts a link into its line, unless it is there.
    fn join(&mut self, link: LinkId, bytes: usize, claim: Claim) {
        if self.waiting().any(|waiting| waiting.link == link && (waiting.claim == claim || claim != Claim::Asked)) {
            return;
        }
        // What waits already may have been asked for meanwhile.
        self.leave(link);
        let waiting = Waiting { link, bytes, claim, share: self.shares.of(link) };
        match claim {
            Claim::Asked => self.asked.push_back(waiting),
            Claim::Unknown => self.unknown.push_back(waiting),
            Claim::Known => {
                let at = self.known.partition_point(|other| other.share <= waiting.share);
                self.known.insert(at, waiting);
            }
        }
    }

    /// Who may have a lease now: whose turn it is, or an answer, where those that nobody asked for hold as much as they may.
    fn next(&self) -> Option<Waiting> {
        let first = self.first()?;
        // What is larger than the whole pool may have it when nobody else has any: it would wait for ever otherwise.
        let fits = |waiting: &Waiting| waiting.bytes <= self.free || self.held.is_empty();
        if self.exceeds_share(&first) { self.asked.front().copied().filter(fits) } else { Some(first).filter(fits) }
    }

    /// Whether a link that brings no answer would take of what is for answers.
    fn exceeds_share(&self, waiting: &Waiting) -> bool {
        let unasked: usize = self.held.values().filter(|held| held.counts).map(|held| held.bytes).sum();
        let most = self.pool.saturating_sub(self.reserve);
        waiting.claim != Claim::Asked && !self.held.is_empty() && unasked.saturating_add(waiting.bytes) > most
    }

    /// The link was chosen by this node, and is no newcomer: nobody can become that at will.
    pub(super) fn welcome(&mut self, link: LinkId) {
        self.shares.welcome(link);
    }

    /// The link no longer needs its lease.
    pub(super) fn release(&mut self, now: Time, link: LinkId) {
        self.changed |= self.leave(link);
        if let Some(held) = self.held.remove(&link) {
            if held.counts {
                self.shares.held(link, held.bytes, now.since(held.since));
            }
            self.free = self.pool.saturating_sub(self.held.values().map(|held| held.bytes).sum());
            self.changed = true;
        }
    }

    /// The link is gone.
    pub(super) fn forget(&mut self, now: Time, link: LinkId) {
        self.release(now, link);
        self.shares.forget(link);
    }

    /// The link that may ask again, if anything has changed for it since the last call.
    pub(super) fn call(&mut self) -> Option<LinkId> {
        std::mem::take(&mut self.changed).then(|| self.next()).flatten().map(|waiting| waiting.link)
    }

    /// Whether this link holds a lease.
    pub(super) fn holds(&self, link: LinkId) -> bool {
        self.held.contains_key(&link)
    }

    /// Whether this link waits.
    pub(super) fn waits(&self, link: LinkId) -> bool {
        self.waiting().any(|waiting| waiting.link == link)
    }

    /// Whether any link waits.
    pub(super) fn contended(&self) -> bool {
        self.first().is_some()
    }

    fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.asked.iter().chain(&self.known).chain(&self.unknown)
    }

    fn first(&self) -> Option<Waiting> {
        let asked = self.asked.front();
        let (one, other) = if self.known_turn { (&self.known, &self.unknown) } else { (&self.unknown, &self.known) };
        let unasked = one.front().or_else(|| other.front());
        let first = if self.asked_turn { asked.or(unasked) } else { unasked.or(asked) };
        first.copied()
    }

    /// Takes a link out of its line; whether it was in one.
    fn leave(&mut self, link: LinkId) -> bool {
        let mut left = false;
        for line in [&mut self.asked, &mut self.known, &mut self.unknown] {
            let before = line.len();
            line.retain(|waiting| waiting.link != link);
            left |= line.len() < before;
        }
        left
    }

    /// Bytes that are leased out.
    pub(super) fn used(&self) -> usize {
        self.pool.saturating_sub(self.free)
    }

    /// The links that hold a lease.
    pub(super) fn holders(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.held.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Claim::{Asked, Known, Unknown};

    /// A pool in whose tests a second passes with each step.
    struct Bench {
        leases: Leases,
        now: Time,
    }

    impl Bench {
        fn new(bytes: usize, reserve: usize) -> Self {
            Self { leases: Leases::new(bytes, reserve), now: Time(0) }
        }

        fn acquire(&mut self, link: u64, bytes: usize, claim: Claim) -> bool {
            self.leases.acquire(self.now, LinkId(link), bytes, claim)
        }

        fn release(&mut self, link: u64) {
            self.now.0 += 1_000_000;
            self.leases.release(self.now, LinkId(link));
        }

        fn call(&mut self) -> Option<u64> {
            self.leases.call().map(|link| link.0)
        }
    }

    #[test]
    fn the_pool_is_never_exceeded_and_the_first_in_line_is_next() {
        let mut bench = Bench::new(100, 0);
        assert!(bench.acquire(1, 60, Unknown));
        assert!(!bench.acquire(2, 60, Unknown));
        assert!(!bench.acquire(3, 10, Unknown), "a small one does not overtake a large one for ever");
        assert_eq!(bench.call(), None);
        bench.release(1);
        assert_eq!((bench.call(), bench.call()), (Some(2), None), "nothing changed since");
        assert!(bench.acquire(2, 60, Unknown));
        assert_eq!(bench.call(), Some(3));
        assert!(bench.acquire(3, 10, Unknown));
        assert!(!bench.leases.contended());
    }

    #[test]
    fn a_waiter_that_goes_away_leaves_the_line() {
        let mut bench = Bench::new(100, 0);
        assert!(bench.acquire(1, 50, Unknown));
        assert!(!bench.acquire(2, 60, Unknown));
        assert!(!bench.acquire(3, 50, Unknown));
        bench.release(2);
        assert_eq!(bench.call(), Some(3));
    }

    #[test]
    fn a_body_larger_than_the_pool_is_read_alone() {
        for claim in [Asked, Unknown] {
            let mut bench = Bench::new(100, 20);
            assert!(bench.acquire(1, 150, claim));
            assert!(!bench.acquire(2, 1, claim));
            bench.release(1);
            assert!(bench.acquire(2, 1, claim));
        }
    }

    #[test]
    fn a_link_that_completed_a_frame_before_waits_behind_one_stranger_at_most() {
        let mut bench = Bench::new(100, 0);
        assert!(bench.acquire(1, 100, Unknown));
        (2..40).for_each(|stranger| assert!(!bench.acquire(stranger, 100, Unknown)));
        assert!(!bench.acquire(50, 100, Known) && !bench.acquire(51, 100, Known));
        let mut order = Vec::new();
        for holder in [1, 50, 2, 51, 3] {
            bench.release(holder);
            let next = bench.call().unwrap();
            assert!(bench.acquire(next, 100, if next < 50 { Unknown } else { Known }));
            order.push(next);
        }
        assert_eq!(order, [50, 2, 51, 3, 4]);
    }

    #[test]
    fn of_those_that_completed_frames_before_the_one_that_held_least_is_first() {
        let mut bench = Bench::new(100, 0);
        for link in 1..=9 {
            assert!(bench.acquire(link, 100, Unknown));
            // The last one is quick.
            bench.now.0 += if link == 9 { 0 } else { 30_000_000 };
            bench.leases.release(bench.now, LinkId(link));
        }
        assert!(bench.acquire(20, 100, Unknown));
        (1..=9).for_each(|link| assert!(!bench.acquire(link, 100, Known)));
        bench.release(20);
        assert_eq!(bench.call(), Some(9));
        // Whom this node chose is no newcomer.
        assert!(bench.acquire(9, 100, Known));
        bench.leases.welcome(LinkId(12));
        assert!(!bench.acquire(11, 100, Known) && !bench.acquire(12, 100, Known));
        bench.release(9);
        assert_eq!(bench.call(), Some(12));
    }

    #[test]
    fn what_nobody_asked_for_leaves_room_for_answers() {
        let mut bench = Bench::new(100, 30);
        assert!(bench.acquire(1, 40, Known) && bench.acquire(2, 30, Known));
        assert!(!bench.acquire(3, 30, Known), "the rest is for answers");
        assert!(bench.acquire(4, 30, Asked) && !bench.acquire(5, 30, Asked));
        bench.release(4);
        assert_eq!(bench.call(), Some(5), "it is the turn of the other, for which there is no room");
        assert!(bench.acquire(5, 30, Asked) && !bench.acquire(6, 30, Asked));
        bench.release(1);
        assert_eq!(bench.call(), Some(3));
        assert!(bench.acquire(3, 30, Known));
        assert_eq!(bench.call(), None);
        bench.release(2);
        assert_eq!(bench.call(), Some(6));
    }

    #[test]
    fn answers_and_others_take_turns_and_what_waits_may_be_asked_for() {
        let mut bench = Bench::new(100, 0);
        assert!(bench.acquire(1, 100, Known));
        (2..=3).for_each(|link| assert!(!bench.acquire(link, 100, Asked)));
        (4..=6).for_each(|link| assert!(!bench.acquire(link, 100, Unknown)));
        assert!(!bench.acquire(6, 100, Asked));
        let mut order = Vec::new();
        for holder in [1, 2, 4, 3, 5] {
            bench.release(holder);
            let next = bench.call().unwrap();
            assert!(bench.acquire(next, 100, Unknown));
            order.push(next);
        }
        assert_eq!(order, [2, 4, 3, 5, 6]);
    }
}
