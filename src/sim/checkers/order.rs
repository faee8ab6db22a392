//! Sealed chains: of the notarised blocks that a node has, it follows that of the highest view, unless it knows that another one is
//! final in its place.

use crate::{
    base::hash::Hash,
    chain::{
        archive::{BlockStatus, HeaderRow, LedgerStore, StoreError},
        header::Header,
        seal::{AuthoritySet, Epoch},
    },
    sim::world::World,
};

/// Blocks below the tip among which others are looked for.
const DEPTH: u32 = 20;

impl World {
    /// Looks whether a node has a block of a later view than that of the chain which it follows.
    pub(in crate::sim) fn check_order(&mut self) {
        if self.options.authorities == 0 || self.options.is_overthrown() {
            return;
        }
        for node in 0..self.options.nodes {
            if self.nodes[node].life.is_some()
                && let Ok(Some((tip, other))) = self.nodes[node].disk.read(|ledger| self.passed_over(node, ledger))
            {
                let what = format!("follows {tip:?}, and has {other:?} of a later view");
                return self.fail("order of views", Some(node), what);
            }
        }
    }

    /// The block at which a ledger is, and one that it should be at. The tip is what the ledger applied, whatever it takes a
    /// chain for.
    fn passed_over(&self, node: usize, ledger: &dyn LedgerStore) -> Result<Option<(Hash, Hash)>, StoreError> {
        let tip = ledger.tip()?;
        let Some(row) = ledger.header(&tip.hash)? else { return Ok(None) };
        // It may have been notarised again, in a later view than its own.
        if self.spec.authorities.is_last_of_set(tip.height) {
            return Ok(None);
        }
        let followed = self.place_of(&row.header);
        for other in ledger.stored_above(tip.height.saturating_sub(DEPTH))? {
            let place = self.place_of(&other.header);
            if place.is_some()
                && place > followed
                && is_whole(ledger, &other, self.checkers.finality.own.get(&node).copied())?
            {
                return Ok(Some((tip.hash, other.hash)));
            }
        }
        Ok(None)
    }

    /// Read here from the header, so that a mistake in the program is not repeated.
    fn place_of(&self, header: &Header) -> Option<(Epoch, u64)> {
        let epoch = self.spec.authorities.at(header.height).map(AuthoritySet::epoch)?;
        Some((epoch, header.authority_seal()?.view))
    }
}

/// Whether all blocks are here from one that is applied up to this one, and none is in the place of the final one.
fn is_whole(ledger: &dyn LedgerStore, last: &HeaderRow, last_final: Option<(u32, Hash)>) -> Result<bool, StoreError> {
    let mut row = last.clone();
    while row.status == BlockStatus::Stored {
        if last_final.is_some_and(|(height, hash)| row.header.height == height && row.hash != hash) {
            return Ok(false);
        }
        let Some(parent) = ledger.header(&row.header.previous)? else { return Ok(false) };
        row = parent;
    }
    Ok(row.status == BlockStatus::Applied)
}
