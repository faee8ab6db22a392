//! The manifests that are asked for, as bytes.

use crate::base::{bytes::Bytes, hash::Hash};

/// How many are kept in memory: those of the two snapshots that there are.
const KEPT: usize = 2;

/// Manifests by their blocks, the last that was read first.
#[derive(Debug, Default)]
pub(super) struct Served(Vec<(Hash, Bytes)>);

impl Served {
    pub(super) fn find(&self, block: &Hash) -> Option<Bytes> {
        self.0.iter().find(|(known, _)| known == block).map(|(_, bytes)| bytes.clone())
    }

    pub(super) fn keep(&mut self, block: Hash, bytes: Bytes) {
        self.0.truncate(KEPT - 1);
        self.0.insert(0, (block, bytes));
    }
}
