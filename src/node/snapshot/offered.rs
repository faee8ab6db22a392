//! The manifests that peers offer, and how deep a block must be.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use crate::{
    base::{
        hash::Hash,
        limits::{JOIN_DEPTH, JOIN_SECONDS, MAX_MANIFEST_PIECES, MAX_MANIFESTS},
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
    /// Those that turned out wrong as a whole, though the headers name their leaves.
    refused: BTreeSet<Hash>,
    /// Those that cut the coins in another way than the only one.
    refuted: BTreeSet<Hash>,
    /// Larger ones do not fit on the disk.
    pub(super) most_bytes: Option<u64>,
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

impl Depth {
    /// The same, or up to this height if that is higher.
    pub(super) fn or_up_to(self, height: Option<u32>) -> Self {
        match (self, height) {
            (Self::UpTo(most), Some(height)) => Self::UpTo(most.max(height)),
            (Self::Nowhere, Some(height)) => Self::UpTo(height),
            (depth, _) => depth,
        }
    }
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
    /// Keeps a manifest; of too many, those that most peers offer, and of these the smaller ones. `peers`: how many offer each.
    /// Whether it is there.
    pub(super) fn insert(&mut self, id: Hash, manifest: Manifest, peers: &BTreeMap<Hash, usize>) -> bool {
        if self.refused.contains(&id) || self.refuted.contains(&id) {
            return false;
        }
        self.by_id.insert(id, manifest);
        while self.by_id.len() > MAX_MANIFESTS || self.pieces() > MAX_MANIFEST_PIECES {
            let worth = |(other, one): &(&Hash, &Manifest)| {
                let offering = peers.get(*other).copied().unwrap_or(usize::from(**other == id));
                (offering, Reverse(one.pieces()))
            };
            let Some(leaves) = self.by_id.iter().min_by_key(worth).map(|(id, _)| *id) else { break };
            self.by_id.remove(&leaves);
        }
        self.by_id.contains_key(&id)
    }

    fn pieces(&self) -> usize {
        self.by_id.values().map(|one| one.pieces() as usize).sum()
    }

    /// A manifest is none of this chain. Its peers cannot know.
    pub(super) fn refuse(&mut self, id: Hash) {
        self.by_id.remove(&id);
        keep(&mut self.refused, id);
    }

    /// A manifest is not that of its block's coins.
    pub(super) fn refute(&mut self, id: Hash) {
        self.by_id.remove(&id);
        keep(&mut self.refuted, id);
    }

    pub(super) fn is_refuted(&self, id: &Hash) -> bool {
        self.refuted.contains(id)
    }
}

fn keep(ids: &mut BTreeSet<Hash>, id: Hash) {
    if ids.len() >= MAX_MANIFESTS * 4 {
        ids.pop_first();
    }
    ids.insert(id);
}
