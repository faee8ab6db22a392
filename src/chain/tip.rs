//! The applied chain's end.

use crate::{base::hash::Hash, chain::target::Work};

/// The applied chain's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The tip's hash.
    pub hash: Hash,
    /// The tip's height.
    pub height: u32,
    /// The tip's time, unix seconds.
    pub time: u64,
    /// Work up to and with the tip.
    pub work: Work,
    /// The digest of the coins after the tip.
    pub digest: Hash,
}
