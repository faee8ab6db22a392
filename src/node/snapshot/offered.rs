//! The manifests that peers offer, and how deep a block must be.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{
        hash::Hash,
        limits::{JOIN_DEPTH, JOIN_SECONDS, MAX_MANIFESTS},
    },
    chain::{
        archive::{HeaderArchive, StoreError},
        snapshot::Manifest,
    },
    node::Join,
};

/// The manifests that are of use.
#[derive(Debug, Default)]
pub(super) struct Offered {
    pub(super) by_id: BTreeMap<Hash, Manifest>,
    /// Those that turned out wrong as a whole.
    refused: BTreeSet<Hash>,
}

/// How deep the block may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// Up to this height.
    UpTo(u32),
    /// Only this block.
    Block(Hash),
    /// No block is deep enough.
    Nowhere,
}

/// The highest height at which a work chain may be joined.
pub(super) fn depth_by_work(archive: &dyn HeaderArchive, best: u32, join: &Join) -> Result<Depth, StoreError> {
    let Some(most) = best.checked_sub(join.depth.unwrap_or(JOIN_DEPTH).max(1)) else { return Ok(Depth::Nowhere) };
    let time_at = |height| Ok::<_, StoreError>(archive.applied_at(height)?.map_or(u64::MAX, |row| row.header.time));
    let (mut low, mut high) = (0, most);
    if join.depth.is_none() {
        // Times ascend but for a few blocks.
        let latest = time_at(best)?.saturating_sub(JOIN_SECONDS);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if time_at(middle)? <= latest { low = middle } else { high = middle - 1 }
        }
    }
    Ok(if high == 0 { Depth::Nowhere } else { Depth::UpTo(high) })
}

impl Offered {
    /// Keeps a manifest; of too many, the higher ones. Whether it is there.
    pub(super) fn insert(&mut self, id: Hash, manifest: Manifest, in_use: &BTreeSet<Hash>) -> bool {
        if self.refused.contains(&id) {
            return false;
        }
        if self.by_id.len() >= MAX_MANIFESTS && !self.by_id.contains_key(&id) {
            let unused = self.by_id.iter().filter(|(id, _)| !in_use.contains(*id)).map(|(id, _)| *id).next();
            let lower = self.by_id.iter().filter(|(_, one)| one.height() < manifest.height()).map(|(id, _)| *id);
            let Some(leaves) = unused.or_else(|| lower.min()) else { return false };
            self.by_id.remove(&leaves);
        }
        self.by_id.insert(id, manifest);
        true
    }

    /// A manifest is none of this chain.
    pub(super) fn refuse(&mut self, id: Hash) {
        self.by_id.remove(&id);
        if self.refused.len() >= MAX_MANIFESTS * 4 {
            self.refused.pop_first();
        }
        self.refused.insert(id);
    }
}
