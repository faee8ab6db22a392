//! A bounded memory of hashes: the oldest makes room for the newest.

use std::collections::{BTreeSet, VecDeque};

use crate::base::hash::Hash;

/// The most recent hashes.
#[derive(Debug)]
pub(crate) struct Recent {
    set: BTreeSet<Hash>,
    order: VecDeque<Hash>,
    max: usize,
}

impl Recent {
    /// Remembers at most `max` hashes.
    pub(crate) fn new(max: usize) -> Self {
        Self { set: BTreeSet::new(), order: VecDeque::new(), max }
    }

    /// Whether the hash is among them.
    pub(crate) fn contains(&self, hash: &Hash) -> bool {
        self.set.contains(hash)
    }

    /// Adds a hash; one that is there keeps its age.
    pub(crate) fn insert(&mut self, hash: Hash) {
        if !self.set.insert(hash) {
            return;
        }
        self.order.push_back(hash);
        if self.order.len() > self.max
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
    }

    /// Forgets a hash.
    pub(crate) fn remove(&mut self, hash: &Hash) {
        if self.set.remove(hash) {
            self.order.retain(|other| other != hash);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut recent = Recent::new(2);
        (0..3).for_each(|n| recent.insert(Hash([n; 32])));
        assert!(!recent.contains(&Hash([0; 32])));
        assert!(recent.contains(&Hash([1; 32])) && recent.contains(&Hash([2; 32])));
        recent.remove(&Hash([2; 32]));
        recent.insert(Hash([3; 32]));
        assert!([1, 3].iter().all(|n| recent.contains(&Hash([*n; 32]))) && !recent.contains(&Hash([2; 32])));
    }
}
