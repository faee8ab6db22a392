//! The memory of blocks that are pushed to many links at once.

use std::collections::BTreeMap;

use crate::base::{hash::Hash, time::Time};

/// Bodies of blocks that wait on several links, each counted once.
#[derive(Default)]
pub(super) struct PushedBodies {
    bodies: BTreeMap<Hash, Body>,
    bytes: usize,
}

struct Body {
    /// On how many links it waits.
    links: usize,
    bytes: usize,
    /// Since when.
    since: Time,
}

impl PushedBodies {
    /// The body waits on one more link.
    pub(super) fn add(&mut self, now: Time, block: Hash, bytes: usize) {
        let body = self.bodies.entry(block).or_insert(Body { links: 0, bytes, since: now });
        self.bytes += if body.links == 0 { bytes } else { 0 };
        body.links += 1;
    }

    /// The body has left the queue of a link.
    pub(super) fn remove(&mut self, block: &Hash) {
        let Some(body) = self.bodies.get_mut(block) else { return };
        body.links -= 1;
        if body.links == 0 {
            self.bytes -= body.bytes;
            self.bodies.remove(block);
        }
    }

    /// The body that has waited longest, and since when.
    pub(super) fn oldest(&self) -> Option<(Hash, Time)> {
        self.bodies.iter().map(|(block, body)| (*block, body.since)).min_by_key(|(_, since)| *since)
    }

    pub(super) fn has(&self, block: &Hash) -> bool {
        self.bodies.contains_key(block)
    }

    /// Bytes of all of them.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_counts_once_however_many_links_it_waits_on() {
        let mut pushed = PushedBodies::default();
        let [one, other] = [1, 2].map(|byte| Hash([byte; 32]));
        pushed.add(Time(1), one, 100);
        pushed.add(Time(1), one, 100);
        pushed.add(Time(2), other, 7);
        assert_eq!((pushed.bytes(), pushed.oldest()), (107, Some((one, Time(1)))));
        pushed.remove(&one);
        assert_eq!(pushed.bytes(), 107);
        pushed.remove(&one);
        pushed.remove(&one);
        assert_eq!((pushed.bytes(), pushed.bodies.len()), (7, 1));
    }
}
