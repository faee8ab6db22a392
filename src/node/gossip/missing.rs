//! What a peer has and we lack. It is asked for in portions, so that no more comes than the verifiers' queue takes.

use std::collections::{BTreeSet, VecDeque};

use crate::base::{
    hash::Hash,
    limits::{MISSING_IN_FLIGHT, MISSING_PER_PEER, MISSING_PORTION, MISSING_TIMEOUT},
    time::Time,
};

/// Ids of one peer's transactions.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// To be asked for.
    wanted: VecDeque<Hash>,
    /// Asked for, and not here yet.
    open: BTreeSet<Hash>,
    /// Whether something came since the last question.
    progress: bool,
    /// When what is open counts as not coming.
    until: Option<Time>,
    /// The peer's list was full: it may have more.
    pub(super) more: bool,
}

impl Missing {
    /// Notes an id. What finds no room is not asked for: others may bring it.
    pub(super) fn want(&mut self, id: Hash, now: Time) {
        if self.wanted.len() < MISSING_PER_PEER {
            self.wanted.push_back(id);
            self.until.get_or_insert(now + MISSING_TIMEOUT);
        }
    }

    /// One of the peer's transactions is here. Whether it was asked for.
    pub(super) fn came(&mut self, id: &Hash, now: Time) -> bool {
        let was_asked = self.open.remove(id);
        if was_asked {
            self.progress = true;
            self.until = Some(now + MISSING_TIMEOUT);
        }
        was_asked
    }

    /// The next portion, if it is time for one; `lacking` says what is still of use.
    pub(super) fn portion(&mut self, now: Time, lacking: impl Fn(&Hash) -> bool) -> Vec<Hash> {
        if self.until.is_some_and(|until| until <= now) {
            // A peer answers within what a link takes at once: the rest of a portion may follow if a part of it came.
            let open = std::mem::take(&mut self.open);
            if std::mem::take(&mut self.progress) {
                self.wanted.extend(open);
            }
            self.until = None;
        }
        let mut portion = Vec::new();
        if self.open.len() <= MISSING_IN_FLIGHT - MISSING_PORTION {
            while portion.len() < MISSING_PORTION
                && let Some(id) = self.wanted.pop_front()
            {
                if lacking(&id) && self.open.insert(id) {
                    portion.push(id);
                }
            }
        }
        if !portion.is_empty() {
            self.until = Some(now + MISSING_TIMEOUT);
        }
        portion
    }

    /// There is no room for more now.
    pub(super) fn wait(&mut self, now: Time) {
        if self.until.is_some_and(|until| until <= now) {
            self.until = Some(now + MISSING_TIMEOUT);
        }
    }

    /// Whether nothing is asked for, nor to be.
    pub(super) fn is_done(&self) -> bool {
        self.wanted.is_empty() && self.open.is_empty()
    }

    /// When to look again although nothing came.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.until.filter(|_| !self.is_done())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> Hash {
        let mut hash = Hash::ZERO;
        hash.0[..8].copy_from_slice(&(n as u64).to_le_bytes());
        hash
    }

    #[test]
    fn portions_follow_as_what_was_asked_for_comes() {
        let (mut missing, now) = (Missing::default(), Time(0));
        (0..2 * MISSING_IN_FLIGHT).for_each(|n| missing.want(id(n), now));
        let mut asked = Vec::new();
        loop {
            let portion = missing.portion(now, |_| true);
            if portion.is_empty() {
                break;
            }
            asked.extend(portion);
        }
        assert_eq!(asked.len(), MISSING_IN_FLIGHT);
        asked[1..MISSING_PORTION].iter().for_each(|id| assert!(missing.came(id, now)));
        assert!(missing.portion(now, |_| true).is_empty());
        missing.came(&asked[0], now);
        let last = missing.portion(now, |id| id.0[0] % 2 == 0);
        assert_eq!(last.len(), MISSING_PORTION);
        assert!(missing.deadline().is_some());
        asked[MISSING_PORTION..].iter().chain(&last).for_each(|id| assert!(missing.came(id, now)));
        while !missing.is_done() {
            missing.portion(now, |_| false);
        }
        assert_eq!(missing.deadline(), None, "nothing to wake for");
    }

    #[test]
    fn what_does_not_come_is_asked_for_again_as_long_as_something_comes() {
        let (mut missing, now) = (Missing::default(), Time(0));
        (0..3).for_each(|n| missing.want(id(n), now));
        assert_eq!(missing.portion(now, |_| true).len(), 3);
        missing.came(&id(1), now);
        let later = now + MISSING_TIMEOUT;
        assert_eq!(missing.deadline(), Some(later));
        assert_eq!(missing.portion(later, |_| true), [id(0), id(2)]);
        assert!(missing.portion(later + MISSING_TIMEOUT, |_| true).is_empty());
        assert!(missing.is_done() && missing.deadline().is_none());
    }
}
