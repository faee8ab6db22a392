//! What the role knows of the authorities' decisions.

use std::time::Duration;

use crate::{
    base::{hash::Hash, time::Time},
    node::recent::Recent,
};

/// Notarised blocks that are remembered, in case their headers come later. Far more than there are between two messages of
/// one peer.
const NOTARISED: usize = 64;
/// How soon another peer is asked for the header of a notarised block, at first; twice as long each time.
pub(super) const FIRST_RETRY: Duration = Duration::from_millis(250);
/// The longest such time; then the poll of a synced node and the pings of its peers will do.
pub(super) const LAST_RETRY: Duration = Duration::from_secs(8);

/// What authorities have decided. Empty on chains of proof of work.
#[derive(Debug)]
pub(super) struct Certified {
    pub(super) notarised: Recent,
    /// The last final block.
    pub(super) last_final: Option<(u32, Hash)>,
    pub(super) missing: Option<Missing>,
}

/// The newest notarised block whose header is missing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Missing {
    pub(super) hash: Hash,
    pub(super) again: Time,
    pub(super) wait: Duration,
}

impl Default for Certified {
    fn default() -> Self {
        Self { notarised: Recent::new(NOTARISED), last_final: None, missing: None }
    }
}

impl Certified {
    /// Whether this block was notarised lately.
    pub(super) fn contains(&self, hash: &Hash) -> bool {
        self.notarised.contains(hash)
    }

    /// When another peer is to be asked for a missing header.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.missing.map(|missing| missing.again)
    }
}
