//! The latest time among a node's own newest blocks.
//!
//! Blocks need not be in the order of their times. A miner whose clock ran ahead and is set right makes blocks of the right
//! time on those from the future, and everybody else still refuses the ones below.

use super::{header_node::HeaderLookup, header_node::HeaderNode, index::Index};
use crate::{
    base::{hash::Hash, limits::HEADERS_BEHIND},
    chain::archive::StoreError,
};

/// A block of the node's own chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnBlock {
    pub(super) height: u32,
    /// Unix seconds.
    pub(super) time: u64,
    /// Nothing is above it.
    pub(super) is_newest: bool,
}

/// Looks for the block with the latest time, once for each tip.
#[derive(Debug, Default)]
pub(super) struct LatestTime(Option<([Hash; 2], OwnBlock)>);

impl LatestTime {
    /// The latest among the newest [`HEADERS_BEHIND`] blocks of the applied and of the best chain.
    pub(super) fn look(&mut self, index: &Index) -> Result<OwnBlock, StoreError> {
        let tips = [index.applied.0, index.best_hash()];
        if let Some((_, block)) = self.0.filter(|(seen, _)| *seen == tips) {
            return Ok(block);
        }
        let mut latest = latest(index, index.best())?;
        if !index.is_on_best(index.applied().height, &tips[0])? {
            let applied = self::latest(index, index.applied())?;
            latest = if applied.time > latest.time { applied } else { latest };
        }
        self.0 = Some((tips, latest));
        Ok(latest)
    }
}

fn latest(index: &Index, tip: HeaderNode) -> Result<OwnBlock, StoreError> {
    let mut latest = OwnBlock { height: tip.height, time: tip.time, is_newest: true };
    let (mut node, lowest) = (tip, tip.height.saturating_sub(HEADERS_BEHIND));
    while node.height > lowest
        && let HeaderLookup::Valid(parent) = index.find(&node.parent)?
    {
        node = parent;
        if node.time > latest.time {
            latest = OwnBlock { height: node.height, time: node.time, is_newest: false };
        }
    }
    Ok(latest)
}
