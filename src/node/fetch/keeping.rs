//! Which bodies peers keep: what they state, and what they deny.

use crate::{
    chain::archive::Keep,
    node::fetch::sources::{BodySource, BodySources},
};

/// Peers that have let go of a block that nobody keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pruned {
    pub(super) peers: usize,
    /// Peers in all.
    pub(super) of: usize,
    /// The lowest height that one of them keeps.
    pub(super) lowest: u32,
}

impl BodySource {
    /// The lowest height whose body it may have.
    pub(super) fn from(&self) -> u32 {
        self.from
    }

    /// Whether it may have the body at this height, or did at the handshake.
    pub(super) fn may_keep(&self, height: u32) -> bool {
        height >= self.from
    }

    /// It says that it does not have the block at this height.
    pub(super) fn denies(&mut self, height: u32) {
        self.denied = self.denied.max(Some(height).filter(|height| self.claims_to_keep(*height)));
    }

    /// Whether it says that it has the body at this height.
    fn claims_to_keep(&self, height: u32) -> bool {
        self.may_keep(height) && self.height >= height
    }

    /// Whether it can be expected to have the body at this height.
    pub(super) fn keeps(&self, height: u32) -> bool {
        self.claims_to_keep(height) && self.denied < Some(height) && !self.closing
    }

    /// Whether it has had the block at this height, and keeps it no more. Both are its own words, so there must be as many headers above
    /// as every pruned node keeps blocks: with the work of fewer, whoever withholds them would hold up everybody.
    pub(super) fn has_pruned(&self, height: u32, best: u32) -> bool {
        let is_old = height.saturating_add(Keep::FEWEST) <= best;
        is_old && self.from > height && self.height >= height && !self.closing
    }

    /// Whether it may have let go of that body since.
    pub(super) fn may_have_pruned(&self, height: u32) -> bool {
        self.from > 0 && height < self.from.saturating_add(self.height.saturating_sub(self.from_at))
    }
}

impl BodySources {
    /// If no peer keeps the body at this height, and some had it: what is known of them.
    pub(super) fn none_keeps(&self, height: u32) -> Option<Pruned> {
        let pruned = || self.map.values().filter(|peer| peer.has_pruned(height, self.best));
        let lowest = pruned().map(BodySource::from).min()?;
        let is_kept = self.map.values().any(|peer| peer.keeps(height));
        let of = self.map.values().filter(|peer| !peer.closing).count();
        (!is_kept).then(|| Pruned { peers: pruned().count(), of, lowest })
    }
}
