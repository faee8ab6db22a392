//! Who delivered the bodies of branches that were not tried yet. If one turns out invalid, its deliverer pays.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    base::{hash::Hash, ids::LinkId},
    node::Origin,
};

/// The links that bodies came from, for the last bodies.
#[derive(Debug)]
pub(super) struct Deliverers {
    links: BTreeMap<Hash, LinkId>,
    /// Oldest first.
    order: VecDeque<Hash>,
    most: usize,
}

impl Deliverers {
    /// Remembers at most `most` bodies.
    pub(super) fn new(most: usize) -> Self {
        Self { links: BTreeMap::new(), order: VecDeque::new(), most }
    }

    /// A body was stored without being tried.
    pub(super) fn insert(&mut self, hash: Hash, origin: Origin) {
        let Some(link) = origin.liable() else { return };
        if self.links.insert(hash, link).is_none() {
            self.order.push_back(hash);
        }
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.links.remove(&oldest);
        }
    }

    /// Who delivered an invalid body.
    pub(super) fn of(&self, hash: &Hash) -> Option<LinkId> {
        self.links.get(hash).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_bodies_are_remembered() {
        let mut deliverers = Deliverers::new(2);
        for n in 0..3 {
            deliverers.insert(Hash([n; 32]), Origin::Link(LinkId(u64::from(n))));
        }
        deliverers.insert(Hash([3; 32]), Origin::Miner);
        let of = |n| deliverers.of(&Hash([n; 32]));
        assert_eq!((of(0), of(1), of(2), of(3)), (None, Some(LinkId(1)), Some(LinkId(2)), None));
    }
}
