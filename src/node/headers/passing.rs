//! Blocks that go to the ledger although they are not on the best header chain.

use crate::base::{
    hash::Hash,
    limits::{MAX_PASSING, PASSING_TIME},
    time::Time,
};

/// Blocks that go to the ledger past the best header chain, oldest first, and since when.
#[derive(Debug, Default)]
pub(super) struct Passing(Vec<(Hash, Time)>);

impl Passing {
    /// These are applied.
    pub(super) fn applied(&mut self, blocks: &[(Hash, u32)]) {
        if !self.0.is_empty() {
            self.0.retain(|(hash, _)| blocks.iter().all(|(applied, _)| applied != hash));
        }
    }

    pub(super) fn contains(&self, hash: &Hash) -> bool {
        self.0.iter().any(|(passing, _)| passing == hash)
    }

    /// `false`: too many are on their way.
    pub(super) fn insert(&mut self, now: Time, hash: Hash) -> bool {
        self.0.retain(|(_, since)| now.since(*since) < PASSING_TIME);
        let room = self.0.len() < MAX_PASSING;
        if room {
            self.0.push((hash, now));
        }
        room
    }
}
