//! Why the mempool refuses a transaction.

use crate::{base::hash::Hash, chain::rules::TransactionFault, node::sync_state::SyncState};

/// Why a transaction is not taken into the mempool. Depends on our state and policy, so it is no fault of the sender.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is there.
    #[error("already in the mempool")]
    Known,
    /// It is in a block.
    #[error("already confirmed")]
    Confirmed,
    /// Another transaction in the mempool spends the same coin, and this one pays too little to take its place.
    #[error("conflicts with {rival} in the mempool; its fee of {fee} is too low to replace it, {needed} would do")]
    Underpaid {
        /// The other.
        rival: Hash,
        /// This one's fee, base units.
        fee: u64,
        /// What would do, base units.
        needed: u64,
    },
    /// Another transaction in the mempool spends the same coin, and no fee would let this one take its place.
    #[error("conflicts with {rival} in the mempool and cannot replace it: {reason}")]
    Irreplaceable {
        /// The other.
        rival: Hash,
        /// Why not.
        reason: &'static str,
    },
    /// Another transaction in the mempool spends the same coin, and whoever submitted this one wants none to leave for it.
    #[error("conflicts with {0} in the mempool, and is not to replace it")]
    Rival(Hash),
    /// Invalid in the next block: missing or immature coin, wrong key or amount.
    #[error("{0}")]
    Invalid(#[from] TransactionFault),
    /// Too low a fee rate for this node, or for a full mempool.
    #[error("fee of {fee} is below the {needed} that its size needs now")]
    Fee {
        /// Its fee, base units.
        fee: u64,
        /// What would do, base units.
        needed: u64,
    },
    /// It spends outputs of too long a chain of unconfirmed transactions.
    #[error("builds on more than {0} unconfirmed transactions; try again after the next block")]
    Ancestors(usize),
    /// The node does not take transactions now.
    #[error("the node is {0}, not synced")]
    NotSynced(SyncState),
    /// A queue is full.
    #[error("too many transactions are waiting; try again")]
    Busy,
}

impl Refusal {
    /// The word for [`Refusal::Known`].
    pub const KNOWN: &str = "known";
    /// The word for [`Refusal::Confirmed`].
    pub const CONFIRMED: &str = "confirmed";
    /// The word for [`Refusal::Ancestors`].
    pub const LONG_CHAIN: &str = "long-chain";
    /// The word for [`Refusal::NotSynced`].
    pub const NOT_SYNCED: &str = "not-synced";
    /// The word for [`Refusal::Busy`].
    pub const BUSY: &str = "busy";
    /// The word for what conflicts with the mempool, whether a higher fee would do or not.
    pub const CONFLICT: &str = "conflict";

    /// The kind, for programs: whatever the text says, the word stays.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Known => Self::KNOWN,
            Self::Confirmed => Self::CONFIRMED,
            Self::Underpaid { .. } | Self::Irreplaceable { .. } | Self::Rival(_) => Self::CONFLICT,
            Self::Invalid(_) => "invalid",
            Self::Fee { .. } => "low-fee",
            Self::Ancestors(_) => Self::LONG_CHAIN,
            Self::NotSynced(_) => Self::NOT_SYNCED,
            Self::Busy => Self::BUSY,
        }
    }

    /// The fee that would do, base units, if one would.
    pub fn needed_fee(&self) -> Option<u64> {
        match self {
            Self::Underpaid { needed, .. } | Self::Fee { needed, .. } => Some(*needed),
            _ => None,
        }
    }
}
