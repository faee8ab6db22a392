//! What the role keeps of bodies that do not come.

use std::time::Duration;

use crate::base::{hash::Hash, time::Time};

/// A branch that is set aside.
pub(super) struct Withheld {
    pub(super) until: Time,
    /// How long it was set aside the last time.
    pub(super) time: Duration,
}

/// The next block of the best header chain, which does not come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Overdue {
    pub(super) hash: Hash,
    /// Since when no peer is left to ask.
    pub(super) nowhere: Option<Time>,
}
