//! The pool of memory for large frames while they arrive.
//!
//! A lease covers a whole body before more than its first bytes are read, so that what has begun can also end: pieces
//! of many bodies could fill the pool with none of them complete.

use std::collections::{BTreeMap, VecDeque};

use crate::base::ids::LinkId;

/// Who holds how much of the pool, and who waits for it, first come first served.
pub(super) struct Leases {
    pool: usize,
    free: usize,
    held: BTreeMap<LinkId, usize>,
    waiting: VecDeque<LinkId>,
    /// Something changed for whoever is first in line.
    changed: bool,
}

impl Leases {
    pub(super) fn new(bytes: usize) -> Self {
        Self { pool: bytes, free: bytes, held: BTreeMap::new(), waiting: VecDeque::new(), changed: false }
    }

    /// Whether the link may read a body of so many bytes now. If not, it waits in line and comes out of
    /// [`Leases::call`] some time later. Ask with the same number again then.
    pub(super) fn acquire(&mut self, link: LinkId, bytes: usize) -> bool {
        if self.held.contains_key(&link) {
            return true;
        }
        let first = self.waiting.front().is_none_or(|first| *first == link);
        // A body larger than the whole pool may be read when nothing else is: it would wait for ever otherwise.
        if first && (bytes <= self.free || self.held.is_empty()) {
            self.waiting.retain(|waiter| *waiter != link);
            self.held.insert(link, bytes);
            self.free = self.free.saturating_sub(bytes);
            self.changed = true;
            return true;
        }
        if !self.waiting.contains(&link) {
            self.waiting.push_back(link);
        }
        false
    }

    /// The link needs its lease no more, or is gone.
    pub(super) fn release(&mut self, link: LinkId) {
        let waiters = self.waiting.len();
        self.waiting.retain(|waiter| *waiter != link);
        self.changed |= waiters > self.waiting.len();
        if self.held.remove(&link).is_some() {
            self.free = self.pool.saturating_sub(self.held.values().sum());
            self.changed = true;
        }
    }

    /// Who is first in line, if anything has changed for it since the last call.
    pub(super) fn call(&mut self) -> Option<LinkId> {
        std::mem::take(&mut self.changed).then(|| self.waiting.front().copied()).flatten()
    }

    /// Whether anybody waits.
    pub(super) fn contended(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Bytes that are leased out.
    pub(super) fn used(&self) -> usize {
        self.pool.saturating_sub(self.free)
    }

    /// Who holds a lease.
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
        assert!(leases.acquire(LinkId(1), 60));
        assert!(!leases.acquire(LinkId(2), 60));
        assert!(!leases.acquire(LinkId(3), 10), "a small one does not overtake a large one for ever");
        leases.call();
        assert_eq!(leases.call(), None, "nothing changed");
        leases.release(LinkId(1));
        assert_eq!(leases.call(), Some(LinkId(2)));
        assert!(leases.acquire(LinkId(2), 60));
        assert_eq!(leases.call(), Some(LinkId(3)));
        assert!(leases.acquire(LinkId(3), 10));
        assert!(!leases.contended());
    }

    #[test]
    fn a_waiter_that_goes_away_leaves_the_line() {
        let mut leases = Leases::new(100);
        assert!(leases.acquire(LinkId(1), 100));
        assert!(!leases.acquire(LinkId(2), 50));
        assert!(!leases.acquire(LinkId(3), 50));
        leases.release(LinkId(2));
        assert_eq!(leases.call(), Some(LinkId(3)));
    }

    #[test]
    fn a_body_larger_than_the_pool_is_read_alone() {
        let mut leases = Leases::new(100);
        assert!(leases.acquire(LinkId(1), 150));
        assert!(!leases.acquire(LinkId(2), 1));
        leases.release(LinkId(1));
        assert!(leases.acquire(LinkId(2), 1));
    }
}
