//! How the mempool changed since other roles were told.

use std::{collections::BTreeMap, sync::Arc};

use crate::{base::hash::Hash, chain::block::HashedTransaction};

/// The changes, by merkle leaf. What came and went again is none.
#[derive(Debug, Default)]
pub(super) struct PoolChanges(BTreeMap<Hash, (i8, Arc<HashedTransaction>)>);

impl PoolChanges {
    pub(super) fn came(&mut self, transaction: &Arc<HashedTransaction>) {
        self.count(transaction, 1);
    }

    pub(super) fn went(&mut self, transaction: &Arc<HashedTransaction>) {
        self.count(transaction, -1);
    }

    fn count(&mut self, transaction: &Arc<HashedTransaction>, change: i8) {
        self.0.entry(transaction.leaf).or_insert_with(|| (0, transaction.clone())).0 += change;
    }

    /// What came, and the leaves of what went, since the last call; `None` if nothing did.
    pub(super) fn take(&mut self) -> Option<(Vec<Arc<HashedTransaction>>, Vec<Hash>)> {
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for (leaf, (net, transaction)) in std::mem::take(&mut self.0) {
            match net {
                1 => added.push(transaction),
                -1 => removed.push(leaf),
                _ => {}
            }
        }
        (!added.is_empty() || !removed.is_empty()).then_some((added, removed))
    }
}
