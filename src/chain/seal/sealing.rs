//! What the chain's file says of how its authorities seal.

use std::time::Duration;

use crate::chain::spec::{ChainSpec, SealRule};

/// How the authorities of a sealed chain work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealing {
    /// The least time from a notarisation to the next proposal.
    pub block_time: Duration,
    /// After how long a block without transactions is due.
    pub idle_block_time: Duration,
}

impl ChainSpec {
    /// How this chain's authorities work; `None` on a chain of proof of work.
    pub fn sealing(&self) -> Option<Sealing> {
        match &self.parameters.seal {
            SealRule::Work => None,
            SealRule::Authorities { block_time_ms, idle_block_time, .. } => Some(Sealing {
                block_time: Duration::from_millis(u64::from(*block_time_ms)),
                idle_block_time: Duration::from_secs(u64::from(*idle_block_time)),
            }),
        }
    }
}
