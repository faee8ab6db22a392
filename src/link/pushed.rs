//! The memory of blocks that are pushed to many links at once.

use std::collections::BTreeMap;

use crate::base::hash::Hash;

/// Bodies of blocks that wait on several links, each counted once.
#[derive(Default)]
pub(super) struct PushedBodies {
    /// On how many links, and bytes.
    bodies: BTreeMap<Hash, (usize, usize)>,
    bytes: usize,
}

impl PushedBodies {
    /// The body waits on one more link.
    pub(super) fn add(&mut self, block: Hash, bytes: usize) {
        let body = self.bodies.entry(block).or_insert((0, bytes));
        self.bytes += if body.0 == 0 { bytes } else { 0 };
        body.0 += 1;
    }

    /// The body has left the queue of a link.
    pub(super) fn remove(&mut self, block: &Hash) {
        let Some((links, bytes)) = self.bodies.get_mut(block) else { return };
        *links -= 1;
        if *links == 0 {
            self.bytes -= *bytes;
            self.bodies.remove(block);
        }
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
        pushed.add(one, 100);
        pushed.add(one, 100);
        pushed.add(other, 7);
        assert_eq!(pushed.bytes(), 107);
        pushed.remove(&one);
        assert_eq!(pushed.bytes(), 107);
        pushed.remove(&one);
        pushed.remove(&one);
        assert_eq!((pushed.bytes(), pushed.bodies.len()), (7, 1));
    }
}
