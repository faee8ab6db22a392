//! A best header chain that has not brought a block yet.
//!
//! Headers prove work, and work may be cheap; only blocks move the ledger. A branch of mere headers is *unproven* until a
//! block of it is here. A synced node asks for its blocks, and meanwhile ignores the branch: it stays synced, applies and
//! relays the blocks that extend its tip, and mines. A node that is not synced waits for the blocks. If no peer delivers
//! them, it does not wait for those of the next unproven branch as well.

use crate::base::{
    hash::Hash,
    limits::{UNPROVEN_TIME, WITHHELD_CHANCES, WITHHELD_DOUBT},
    time::Time,
};

/// The clock of the best branch's next block.
#[derive(Debug, Default)]
pub(super) struct UnprovenBranch {
    since: Time,
    /// How often the clock was restarted since the last block came.
    chances: u32,
    /// Since when the best branch is unproven, if it is.
    unproven: Option<Time>,
    /// Whether a branch was withheld since the last block came.
    gave_up: bool,
    /// First blocks of the branches that were requested since the last block came, at most `WITHHELD_CHANCES`.
    asked: Vec<Hash>,
    /// Whether the best branch became one of those just now.
    is_new: bool,
}

impl UnprovenBranch {
    /// A block came, or none is missing.
    pub(super) fn delivered(&mut self, now: Time) {
        *self = Self { since: now, ..Self::default() };
    }

    /// Another branch is the best: it just came, got a new chance, or was behind one that is now withheld. The clock starts
    /// again, but only a limited number of times: an attacker that makes one branch of mere headers after the other must
    /// not restart it for ever.
    pub(super) fn replaced(&mut self, now: Time, first: Hash) {
        self.unproven = Some(now);
        let has_room = self.asked.len() < WITHHELD_CHANCES as usize;
        self.is_new = has_room && !self.asked.contains(&first);
        if self.is_new {
            self.asked.push(first);
        }
        if self.is_new || self.chances < WITHHELD_CHANCES {
            (self.since, self.chances) = (now, self.chances.saturating_add(1));
        }
    }

    /// Whether the best branch had not been requested before it last became the best.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// A branch is withheld. The branches with the next most work do not each get the full time: a node that starts among
    /// attackers that keep back many branches would wait for all of them.
    pub(super) fn give_up(&mut self) {
        self.gave_up = true;
    }

    /// Whether that happened since a block came.
    pub(super) fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Whether no block of the best chain's branch has come yet.
    pub(super) fn is_unproven(&self) -> bool {
        self.unproven.is_some()
    }

    /// When such a branch has had its time, and makes room for others with less work.
    pub(super) fn ends(&self) -> Option<Time> {
        self.unproven.map(|since| since + UNPROVEN_TIME)
    }

    /// Whether a block that is here may go before it.
    pub(super) fn is_overdue(&self, now: Time) -> bool {
        now.since(self.since) >= WITHHELD_DOUBT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_unproven_until_a_block_of_it_comes() {
        let mut branch = UnprovenBranch::default();
        assert!(!branch.is_unproven());
        branch.replaced(Time(1), Hash([1; 32]));
        assert!(branch.is_unproven());
        branch.delivered(Time(2));
        assert!(!branch.is_unproven());
    }
}
