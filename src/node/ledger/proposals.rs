//! Proposed blocks of a sealed chain that are valid in their place, kept until their headers count.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    base::{hash::Hash, limits::FETCH_BYTES},
    chain::{checked::CheckedBlock, coin_diff::CoinDiff},
    node::Finals,
};

/// Proposed blocks that are kept: several views' while certificates are under way.
const MAX_CANDIDATES: usize = 16;
/// Bytes of their blocks.
const CANDIDATE_BYTES: usize = FETCH_BYTES / 2;
/// Bytes of their changes to the coins, which take some times what the block does. Those for which there is no room are computed
/// again.
const DIFF_BYTES: usize = FETCH_BYTES / 2;

/// A block that is valid on its parent, and its changes to the coins if there is room for them.
struct Candidate {
    block: Arc<CheckedBlock>,
    diff: Option<CoinDiff>,
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
        let Candidate { block, diff } = self.by_view.remove(&key)?;
        self.bytes = self.bytes.saturating_sub(block.bytes.len());
        let mut diff = diff?;
        // The coins may have been moved into the store since; removing them from wherever they are is always right.
        diff.locations.iter_mut().for_each(|location| location.stored = false);
        Some(diff)
    }

    /// Keeps a block; `false` if it is of the lowest view and there is no room.
    pub(super) fn insert(&mut self, block: &Arc<CheckedBlock>, diff: CoinDiff) -> bool {
        let key = (view_of(block), block.hash);
        self.bytes = self.bytes.saturating_add(block.bytes.len());
        let held: usize = self.by_view.values().filter_map(|held| held.diff.as_ref()).map(CoinDiff::size).sum();
        let diff = Some(diff).filter(|diff| held == 0 || held.saturating_add(diff.size()) <= DIFF_BYTES);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{
        block::HashedBlock,
        coin::{Coin, CoinChanges},
        header::Header,
        seal::{AuthoritySeal, Seal, Votes},
        spec::ChainSpec,
        transaction::OutPoint,
    };

    fn block(view: u64) -> Arc<CheckedBlock> {
        let (next_authorities, parent_votes) = (Hash::ZERO, Votes::default());
        let seal = AuthoritySeal { view, next_authorities, parent_view: 0, parent_votes };
        let genesis = ChainSpec::dev().genesis.header.clone();
        let header = Header { seal: Seal::Authorities(Box::new(seal)), ..genesis };
        Arc::new(CheckedBlock::new(&HashedBlock::new(header, Vec::new())))
    }

    fn diff(bytes: usize) -> CoinDiff {
        let count = bytes / size_of::<(OutPoint, Coin)>();
        let created = Vec::with_capacity(count);
        let changes = CoinChanges { spent: Vec::new(), created };
        CoinDiff { changes, locations: Vec::new(), spent_in_block: Vec::new() }
    }

    #[test]
    fn changes_to_the_coins_are_kept_as_far_as_there_is_room_and_one_at_least() {
        let mut proposals = Proposals::default();
        let large = DIFF_BYTES + 1000;
        for (view, size) in [(1, large), (2, 1000), (3, large)] {
            assert!(proposals.insert(&block(view), diff(size)));
        }
        let has = |proposals: &mut Proposals, view| {
            let hash = block(view).hash;
            assert!(proposals.find(&hash).is_some());
            let diff = proposals.take_diff(&hash);
            assert!(proposals.find(&hash).is_none());
            diff.is_some()
        };
        assert_eq!([1, 2, 3].map(|view| has(&mut proposals, view)), [true, false, false]);
        for view in 4..8 {
            proposals.insert(&block(view), diff(DIFF_BYTES / 3));
        }
        assert_eq!([4, 5, 6, 7].map(|view| has(&mut proposals, view)), [true, true, true, false]);
        assert_eq!(proposals.bytes, 0);
    }
}
