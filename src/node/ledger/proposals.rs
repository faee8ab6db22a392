//! Proposed blocks of a sealed chain that are valid in their place, kept until their headers count.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    base::{hash::Hash, limits::FETCH_BYTES},
    chain::{checked::CheckedBlock, coin_diff::CoinDiff},
    node::Finals,
};

/// Proposed blocks that are kept: several views' while certificates are under way.
const MAX_CANDIDATES: usize = 16;
/// Bytes of their blocks; coin changes take about as much again.
const CANDIDATE_BYTES: usize = FETCH_BYTES / 2;

/// A block that is valid on its parent, and its changes to the coins.
struct Candidate {
    block: Arc<CheckedBlock>,
    diff: CoinDiff,
}

/// Valid proposals. When there is no room, that of the lowest view goes.
#[derive(Default)]
pub(super) struct Proposals {
    by_view: BTreeMap<(u64, Hash), Candidate>,
    bytes: usize,
    pub(super) finals: Finals,
}

impl Proposals {
    /// The block, if it is kept.
    pub(super) fn find(&self, hash: &Hash) -> Option<&Arc<CheckedBlock>> {
        self.by_view.iter().find(|((_, kept), _)| kept == hash).map(|(_, candidate)| &candidate.block)
    }

    /// Takes what the block was found to do to the coins.
    pub(super) fn take_diff(&mut self, hash: &Hash) -> Option<CoinDiff> {
        let key = *self.by_view.keys().find(|(_, kept)| kept == hash)?;
        let Candidate { block, mut diff } = self.by_view.remove(&key)?;
        self.bytes = self.bytes.saturating_sub(block.bytes.len());
        // The coins may have been moved into the store since; removing them from wherever they are is always right.
        diff.locations.iter_mut().for_each(|location| location.stored = false);
        Some(diff)
    }

    /// Keeps a block; `false` if it is of the lowest view and there is no room.
    pub(super) fn insert(&mut self, block: &Arc<CheckedBlock>, diff: CoinDiff) -> bool {
        let key = (view_of(block), block.hash);
        self.bytes = self.bytes.saturating_add(block.bytes.len());
        self.by_view.insert(key, Candidate { block: block.clone(), diff });
        while self.by_view.len() > MAX_CANDIDATES || self.bytes > CANDIDATE_BYTES && self.by_view.len() > 1 {
            let Some((_, Candidate { block, .. })) = self.by_view.pop_first() else { break };
            self.bytes = self.bytes.saturating_sub(block.bytes.len());
        }
        self.by_view.contains_key(&key)
    }

    /// Forgets blocks up to this view.
    pub(super) fn forget_up_to(&mut self, view: u64) {
        while let Some(entry) = self.by_view.first_entry().filter(|entry| entry.key().0 <= view) {
            self.bytes = self.bytes.saturating_sub(entry.remove().block.bytes.len());
        }
    }
}

fn view_of(block: &CheckedBlock) -> u64 {
    block.header.authority_seal().map_or(0, |seal| seal.view)
}
