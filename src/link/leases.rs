//! A pool of memory for what is large: for frames while they arrive, and for snapshots' pieces until they are sent.
//!
//! A lease covers a whole body before more than its first bytes are read, so that what has begun can also end: pieces
//! of many bodies could fill the pool with none of them complete.

use std::collections::{BTreeMap, VecDeque};

use crate::base::ids::LinkId;

/// The links that hold a part of the pool, and those that wait for one. There are two lines, each first come, first
/// served, whose heads take turns: one of links that have completed a large frame before, and one of all others. So a
/// crowd that announces large frames and never completes them delays an honest link by one turn at most.
pub(super) struct Leases {
    pool: usize,
    free: usize,
    held: BTreeMap<LinkId, usize>,
    known: VecDeque<LinkId>,
    unknown: VecDeque<LinkId>,
    /// The other line had the last turn.
    known_turn: bool,
    /// Something changed for the first link in line.
    changed: bool,
}

impl Leases {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            pool: bytes,
            free: bytes,
            held: BTreeMap::new(),
            known: VecDeque::new(),
            unknown: VecDeque::new(),
            known_turn: true,
            changed: false,
        }
    }

    /// Whether the link may read a body of this size now. If not, the link waits in line until [`Leases::call`] returns
    /// it; then ask again. `is_known`: the link has completed a large frame before.
    pub(super) fn acquire(&mut self, link: LinkId, bytes: usize, is_known: bool) -> bool {
        if self.held.contains_key(&link) {
            return true;
        }
        let line = if is_known { &mut self.known } else { &mut self.unknown };
        if !line.contains(&link) {
            line.push_back(link);
        }
        // A body larger than the whole pool may be read when nothing else is: it would wait for ever otherwise.
        let fits = bytes <= self.free || self.held.is_empty();
        if !fits || self.first() != Some(link) {
            return false;
        }
        self.leave(link);
        self.held.insert(link, bytes);
        self.free = self.free.saturating_sub(bytes);
        self.known_turn = !is_known;
        self.changed = true;
        true
    }

    /// The link no longer needs its lease, or is gone.
    pub(super) fn release(&mut self, link: LinkId) {
        self.changed |= self.leave(link);
        if self.held.remove(&link).is_some() {
            self.free = self.pool.saturating_sub(self.held.values().sum());
            self.changed = true;
        }
    }

    /// The first link in line, if anything has changed for it since the last call.
    pub(super) fn call(&mut self) -> Option<LinkId> {
        std::mem::take(&mut self.changed).then(|| self.first()).flatten()
    }

    /// Whether this link holds a lease.
    pub(super) fn holds(&self, link: LinkId) -> bool {
        self.held.contains_key(&link)
    }

    /// Whether this link waits.
    pub(super) fn waits(&self, link: LinkId) -> bool {
        self.known.contains(&link) || self.unknown.contains(&link)
    }

    /// Whether any link waits.
    pub(super) fn contended(&self) -> bool {
        self.first().is_some()
    }

    fn first(&self) -> Option<LinkId> {
        let (one, other) = if self.known_turn { (&self.known, &self.unknown) } else { (&self.unknown, &self.known) };
        one.front().or_else(|| other.front()).copied()
    }

    /// Takes a link out of its line; whether it was in one.
    fn leave(&mut self, link: LinkId) -> bool {
        let waiters = self.known.len() + self.unknown.len();
        self.known.retain(|waiter| *waiter != link);
        self.unknown.retain(|waiter| *waiter != link);
        waiters > self.known.len() + self.unknown.len()
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

    #[test]
    fn the_pool_is_never_exceeded_and_the_first_in_line_is_next() {
        let mut leases = Leases::new(100);
        assert!(leases.acquire(LinkId(1), 60, false));
        assert!(!leases.acquire(LinkId(2), 60, false));
        assert!(!leases.acquire(LinkId(3), 10, false), "a small one does not overtake a large one for ever");
        leases.call();
        assert_eq!(leases.call(), None, "nothing changed");
        leases.release(LinkId(1));
        assert_eq!(leases.call(), Some(LinkId(2)));
        assert!(leases.acquire(LinkId(2), 60, false));
        assert_eq!(leases.call(), Some(LinkId(3)));
        assert!(leases.acquire(LinkId(3), 10, false));
        assert!(!leases.contended());
    }

    #[test]
    fn a_waiter_that_goes_away_leaves_the_line() {
        let mut leases = Leases::new(100);
        assert!(leases.acquire(LinkId(1), 100, false));
        assert!(!leases.acquire(LinkId(2), 50, false));
        assert!(!leases.acquire(LinkId(3), 50, false));
        leases.release(LinkId(2));
        assert_eq!(leases.call(), Some(LinkId(3)));
    }

    #[test]
    fn a_body_larger_than_the_pool_is_read_alone() {
        let mut leases = Leases::new(100);
        assert!(leases.acquire(LinkId(1), 150, false));
        assert!(!leases.acquire(LinkId(2), 1, false));
        leases.release(LinkId(1));
        assert!(leases.acquire(LinkId(2), 1, false));
    }

    #[test]
    fn a_link_that_completed_a_frame_before_waits_behind_one_stranger_at_most() {
        let mut leases = Leases::new(100);
        assert!(leases.acquire(LinkId(1), 100, false));
        for stranger in 2..40 {
            assert!(!leases.acquire(LinkId(stranger), 100, false));
        }
        assert!(!leases.acquire(LinkId(50), 100, true));
        assert!(!leases.acquire(LinkId(51), 100, true));
        let mut order = Vec::new();
        for holder in [1, 50, 2, 51, 3] {
            leases.release(LinkId(holder));
            let next = leases.call().unwrap();
            assert!(leases.acquire(next, 100, next.0 >= 50));
            order.push(next.0);
        }
        assert_eq!(order, [50, 2, 51, 3, 4]);
    }
}
