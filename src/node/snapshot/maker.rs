//! A snapshot that is being made.

use crate::{
    base::{hash::Hash, time::Time},
    node::SyncState,
};

/// What is being made.
#[derive(Debug, Default)]
pub(super) struct Maker {
    /// The applied chain's end.
    pub(super) tip: Option<(u32, Hash)>,
    pub(super) state: SyncState,
    /// The next step, if one is being written.
    pub(super) next_step: Option<Time>,
    /// The highest that was made or given up.
    pub(super) last: u32,
    pub(super) not_before: Time,
    /// How many were given up since one was made.
    pub(super) failures: u32,
}

impl Maker {
    pub(super) fn deadline(&self) -> Option<Time> {
        self.next_step
    }
}
