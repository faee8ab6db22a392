//! What the index knows of branches that are not the best chain.

use crate::{
    base::hash::Hash,
    chain::archive::{BlockStatus, StoreError},
    node::headers::index::Index,
};

impl Index {
    /// Whether this is the committed tip.
    pub(super) fn is_tip(&self, hash: &Hash) -> bool {
        self.applied.0 == *hash
    }

    /// Whether the block's body is here: applied, or stored on a branch.
    pub(super) fn has_body(&self, hash: &Hash) -> Result<bool, StoreError> {
        if self.nodes.get(hash).is_some_and(|node| node.is_here) {
            return Ok(true);
        }
        let status = self.archive().header(hash)?.map(|row| row.status);
        Ok(matches!(status, Some(BlockStatus::Applied | BlockStatus::Stored)))
    }

    /// The ledger has taken the block's body. The archive may show it only later.
    pub(super) fn body_is_here(&mut self, hash: &Hash) {
        if let Some(node) = self.nodes.get_mut(hash) {
            node.is_here = true;
        }
    }

    /// Whether a header that is in memory is this block or one of its descendants.
    pub(super) fn builds_on(&self, header: &Hash, block: &Hash) -> bool {
        let Some(floor) = self.nodes.get(block).map(|node| node.height) else { return false };
        let mut hash = *header;
        while let Some(node) = self.nodes.get(&hash).filter(|node| node.height > floor) {
            hash = node.parent;
        }
        hash == *block
    }

    /// The lowest withheld block of the branch with this one.
    pub(super) fn withheld_from(&self, hash: &Hash) -> Option<Hash> {
        let (mut hash, mut lowest) = (*hash, None);
        while let Some(node) = self.nodes.get(&hash).filter(|node| node.withheld) {
            lowest = Some(hash);
            hash = node.parent;
        }
        lowest
    }

    /// Whether a header without this block has more work than the applied chain and is not set aside.
    pub(super) fn has_rival(&self, block: &Hash) -> bool {
        let candidate = |hash: &Hash| {
            let node = self.nodes.get(hash).filter(|node| !node.withheld && node.rank > self.applied.1.rank);
            node.is_some() && !self.builds_on(hash, block)
        };
        self.fork_headers.iter().any(|(_, hash)| candidate(hash))
    }

    /// Headers in memory.
    #[cfg(test)]
    pub(super) fn in_memory(&self) -> usize {
        self.nodes.len()
    }
}
