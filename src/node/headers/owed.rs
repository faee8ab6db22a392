//! How long the best header chain's next block has been owed.

use crate::base::{
    limits::{WITHHELD_CHANCES, WITHHELD_DOUBT},
    time::Time,
};

/// The clock of the block that is owed.
#[derive(Debug, Default)]
pub(super) struct Owed {
    since: Time,
    /// How often it was set back since the last block came.
    chances: u32,
}

impl Owed {
    /// A block came.
    pub(super) fn delivered(&mut self, now: Time) {
        *self = Self { since: now, chances: 0 };
    }

    /// Another block is owed than before, of a branch that just came or was given a new chance: it gets its time. Whoever
    /// makes one branch of mere headers after the other must not set the clock back for ever.
    pub(super) fn replaced(&mut self, now: Time) {
        if self.chances < WITHHELD_CHANCES {
            *self = Self { since: now, chances: self.chances + 1 };
        }
    }

    /// Whether a block that is here may go before it.
    pub(super) fn is_overdue(&self, now: Time) -> bool {
        now.since(self.since) >= WITHHELD_DOUBT
    }
}
