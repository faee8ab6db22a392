//! Blocks that arrived before one of their ancestors.
//!
//! They wait for their parent in memory while there is room, and then in the store. A header proves its work before its
//! body is asked for, so that filling this up is not free.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    base::{hash::Hash, limits},
    chain::{checked::CheckedBlock, target::Work},
    node::Origin,
};

/// A checked block and where it came from.
pub(super) type Arrival = (Origin, Arc<CheckedBlock>);

/// Blocks in memory, by the parent that they wait for.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_parent: BTreeMap<Hash, Vec<Arrival>>,
    bytes: usize,
}

impl Waiting {
    /// Keeps a block until its parent is there; `false` if there is no room. A block is kept once.
    pub(super) fn insert(&mut self, origin: Origin, block: &Arc<CheckedBlock>) -> bool {
        let length = block.bytes.len();
        let siblings = self.by_parent.get(&block.header.previous);
        if siblings.is_some_and(|siblings| siblings.iter().any(|(_, sibling)| sibling.hash == block.hash)) {
            return true;
        }
        if self.bytes.saturating_add(length) > limits::WAITING_BYTES {
            return false;
        }
        self.bytes += length;
        self.by_parent.entry(block.header.previous).or_default().push((origin, block.clone()));
        true
    }

    /// Takes the blocks that waited for this parent.
    pub(super) fn take(&mut self, parent: &Hash) -> Vec<Arrival> {
        let children = self.by_parent.remove(parent).unwrap_or_default();
        self.bytes -= children.iter().map(|(_, block)| block.bytes.len()).sum::<usize>();
        children
    }

    /// Number of blocks.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_parent.values().map(Vec::len).sum()
    }

    /// Drops the descendants of invalid blocks.
    pub(super) fn forget(&mut self, invalid: &[Hash]) {
        let mut parents = invalid.to_vec();
        while let Some(parent) = parents.pop() {
            parents.extend(self.take(&parent).iter().map(|(_, block)| block.hash));
        }
    }
}

/// Stored blocks with more work than the tip, by the ancestor whose body is missing.
#[derive(Debug, Default)]
pub(super) struct Staged {
    by_missing: BTreeMap<Hash, BTreeSet<(Work, Hash)>>,
    count: usize,
}

impl Staged {
    /// Whether no further block can be remembered.
    pub(super) fn is_full(&self) -> bool {
        self.count >= limits::STAGED_BLOCKS
    }

    /// Remembers that `leaf` waits for the body of `missing`. When full, `leaf` is looked at again with the next block
    /// on top of it, or at a restart.
    pub(super) fn insert(&mut self, missing: Hash, work: Work, leaf: Hash) {
        if !self.is_full() && self.by_missing.entry(missing).or_default().insert((work, leaf)) {
            self.count += 1;
        }
    }

    /// Drops blocks without more work than the tip.
    pub(super) fn prune(&mut self, tip: Work) {
        self.by_missing.retain(|_, leaves| {
            leaves.retain(|(work, _)| *work > tip);
            !leaves.is_empty()
        });
        self.count = self.by_missing.values().map(BTreeSet::len).sum();
    }

    /// Takes the blocks that waited for this one, the most work first.
    pub(super) fn take(&mut self, arrived: &Hash) -> Vec<Hash> {
        let leaves = self.by_missing.remove(arrived).unwrap_or_default();
        self.count -= leaves.len();
        leaves.into_iter().rev().map(|(_, leaf)| leaf).collect()
    }

    /// Drops blocks that wait for an invalid one.
    pub(super) fn forget(&mut self, invalid: &[Hash]) {
        for hash in invalid {
            self.take(hash);
        }
    }
}
