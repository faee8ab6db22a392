//! Bounded memory of ids: the oldest is forgotten when a new one needs its place.

use std::collections::{BTreeSet, VecDeque};

use crate::base::hash::Hash;

/// The last so many distinct ids. Eight bytes of each are kept: fifty peers' sets would not fit into a small host's
/// memory otherwise. Who finds two ids that agree in them wins that one of his own transactions spreads more slowly.
#[derive(Debug)]
pub(super) struct Known {
    ids: BTreeSet<u64>,
    order: VecDeque<u64>,
    most: usize,
}

impl Known {
    /// An empty memory for `most` ids.
    pub(super) fn new(most: usize) -> Self {
        Self { ids: BTreeSet::new(), order: VecDeque::new(), most }
    }

    /// Notes an id; `false` if it was known.
    pub(super) fn insert(&mut self, id: &Hash) -> bool {
        let id = short(id);
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }

    /// Whether an id is remembered.
    pub(super) fn contains(&self, id: &Hash) -> bool {
        self.ids.contains(&short(id))
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.ids.clear();
        self.order.clear();
    }
}

fn short(id: &Hash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_id_is_forgotten_first() {
        let mut known = Known::new(2);
        assert!(known.insert(&Hash([1; 32])) && known.insert(&Hash([2; 32])));
        assert!(!known.insert(&Hash([1; 32])), "known ids are not noted twice");
        known.insert(&Hash([3; 32]));
        assert!(!known.contains(&Hash([1; 32])) && known.contains(&Hash([2; 32])));
        assert_eq!((known.ids.len(), known.order.len()), (2, 2));
    }
}
