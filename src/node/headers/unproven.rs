//! A best header chain that has not brought a block yet.
//!
//! Headers prove work, and work may be cheap; only blocks move the ledger. A branch of mere headers is *unproven* until a
//! block of it is here. A synced node asks for its blocks, and meanwhile ignores the branch: it stays synced, applies and
//! relays the blocks that extend its tip, and mines. A node that is not synced waits for the blocks. If no peer delivers
//! them, it does not wait for those of the next unproven branch as well.

use crate::base::{limits::LAPSE_REMEMBERED, time::Time};

/// What the best header chain has proven.
#[derive(Debug, Default)]
pub(super) struct UnprovenBranch {
    is_unproven: bool,
    /// Whether a branch was withheld since the last block came.
    gave_up: bool,
    /// When a branch of which blocks had come last ceased to count.
    lapsed: Option<Time>,
}

impl UnprovenBranch {
    /// A block came, or none is missing.
    pub(super) fn delivered(&mut self) {
        *self = Self { lapsed: self.lapsed, ..Self::default() };
    }

    /// Whether a first block proves nothing for now: branches were delivered in part only.
    pub(super) fn is_suspicious(&self, now: Time) -> bool {
        self.lapsed.is_some_and(|at| now.since(at) < LAPSE_REMEMBERED)
    }

    /// The branch keeps delivering and does not end: it counts no longer.
    pub(super) fn lapse(&mut self, now: Time) {
        *self = Self { is_unproven: true, gave_up: true, lapsed: Some(now) };
    }

    /// Another branch is the best.
    pub(super) fn replaced(&mut self) {
        self.is_unproven = true;
    }

    /// A branch that ended the state `synced` did not come in whole.
    pub(super) fn remember_lapse(&mut self, now: Time) {
        self.lapsed = Some(now);
    }

    /// A branch is withheld.
    pub(super) fn give_up(&mut self) {
        self.gave_up = true;
    }

    /// Whether that happened since a block came.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Whether no block of the best chain's branch has come yet.
    pub(super) fn is_unproven(&self) -> bool {
        self.is_unproven
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_unproven_until_a_block_of_it_comes() {
        let mut branch = UnprovenBranch::default();
        assert!(!branch.is_unproven());
        branch.replaced();
        assert!(branch.is_unproven());
        branch.delivered();
        assert!(!branch.is_unproven());
    }
}
