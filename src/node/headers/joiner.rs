//! What is known of a join with a snapshot.

use crate::base::hash::Hash;

/// The ledger has no coins yet.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    /// How far it has come, in words.
    pub(super) progress: String,
    /// The best header that the role `snapshot` was told of.
    pub(super) told: Option<Hash>,
}
