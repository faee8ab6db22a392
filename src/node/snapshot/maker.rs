//! A snapshot that is being made.

use crate::{
    base::{
        hash::Hash,
        limits::{SNAPSHOT_HELD, SNAPSHOT_HELD_MOST},
        time::Time,
    },
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
    /// One that newcomers can use was begun, or is there.
    pub(super) is_deep_done: bool,
    /// Since when the oldest one is kept for those who fetch it, and when a piece of it was last asked for.
    pub(super) held: Option<Held>,
    /// How many were given up since one was made.
    pub(super) failures: u32,
}

/// A snapshot that somebody fetches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) block: Hash,
    pub(super) since: Time,
    pub(super) asked: Time,
}

impl Held {
    /// Until when it is kept, if nobody asks for it again.
    pub(super) fn until(&self) -> Time {
        (self.asked + SNAPSHOT_HELD).min(self.since + SNAPSHOT_HELD_MOST)
    }
}

impl Maker {
    pub(super) fn deadline(&self) -> Option<Time> {
        let held = self.held.map(|held| held.until());
        [self.next_step, held].into_iter().flatten().min()
    }
}
