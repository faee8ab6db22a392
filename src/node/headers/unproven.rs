//! What the best header chain owes us: blocks that somebody has to have before its headers count.
//!
//! Headers prove work, and work may be cheap; only blocks move the ledger. A branch that came as mere headers is
//! *unproven* until a block of it is here. A synced node asks for its blocks, and goes on meanwhile as if it were not
//! there: it stays synced, applies and relays the blocks that extend its tip, and mines. One that is not synced waits for
//! them; but if nobody delivers, not for those of the next such branch as well.

use crate::base::{
    hash::Hash,
    limits::{UNPROVEN_TIME, WITHHELD_CHANCES, WITHHELD_DOUBT},
    time::Time,
};

/// The clock of the block that is owed.
#[derive(Debug, Default)]
pub(super) struct UnprovenBranch {
    since: Time,
    /// How often it was set back since the last block came.
    chances: u32,
    /// Since when a branch is the best that has not brought a block.
    unproven: Option<Time>,
    /// Whether a branch was set aside since the last block came, because nobody delivers.
    gave_up: bool,
    /// First blocks of the branches that were asked for since the last block came, as many as get a chance.
    asked: Vec<Hash>,
    /// Whether the best branch is one of those for the first time.
    is_new: bool,
}

impl UnprovenBranch {
    /// A block came, or none is owed.
    pub(super) fn delivered(&mut self, now: Time) {
        *self = Self { since: now, ..Self::default() };
    }

    /// Another block is owed than before, of a branch that just came, was given a new chance, or was behind one that is
    /// set aside: it gets its time. Whoever makes one branch of mere headers after the other must not set the clock back
    /// for ever.
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

    /// Whether nobody was asked for the best branch before it became the best the last time.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// A branch is set aside because nobody delivers. Those that come after it in work do not get their time one by one:
    /// a node that starts among whoever keeps many of them back would wait for all.
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
