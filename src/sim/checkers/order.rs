//! Sealed chains: of the notarised blocks that a node has, it follows that of the highest view.

use crate::{
    base::hash::Hash,
    chain::{
        archive::{LedgerStore, StoreError},
        header::Header,
        seal::{AuthoritySet, Epoch},
    },
    sim::world::World,
};

/// Blocks below the best header among which others are looked for.
const DEPTH: u32 = 20;

impl World {
    /// Looks whether a node has a block of a later view than that of the chain which it follows.
    pub(in crate::sim) fn check_order(&mut self) {
        if self.options.authorities == 0 || self.options.is_overthrown() {
            return;
        }
        for node in 0..self.options.nodes {
            if self.nodes[node].life.is_some()
                && let Some((best, other)) = self.passed_over(node)
            {
                let what = format!("follows {best:?}, and has {other:?} of a later view");
                return self.fail("order of views", Some(node), what);
            }
        }
    }

    /// The block that a node follows, and one that it has and should follow.
    fn passed_over(&self, node: usize) -> Option<(Hash, Hash)> {
        let rows = |ledger: &dyn LedgerStore| {
            let best = ledger.best_header()?;
            let others = ledger.stored_above(best.header.height.saturating_sub(DEPTH))?;
            Ok::<_, StoreError>((best, others))
        };
        let (best, others) = self.nodes[node].disk.read(rows).ok()?;
        // It may have been notarised again, in a later view than its own.
        if self.spec.authorities.is_last_of_set(best.header.height) {
            return None;
        }
        let view = self.place_of(&best.header)?;
        let later = others.iter().find(|other| self.place_of(&other.header) > Some(view))?;
        Some((best.hash, later.hash))
    }

    /// Read here from the header, so that a mistake in the program is not repeated.
    fn place_of(&self, header: &Header) -> Option<(Epoch, u64)> {
        let epoch = self.spec.authorities.at(header.height).map(AuthoritySet::epoch)?;
        Some((epoch, header.authority_seal()?.view))
    }
}
