//! What can be wrong with a header.

use crate::base::hash::Hash;

/// What is wrong with a header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// Not [`HEADER_VERSION`](crate::chain::header::HEADER_VERSION).
    #[error("header version {0} is unknown")]
    Version(u32),
    /// Not the parent's height plus one.
    #[error("height {found} where {expected} follows")]
    Height {
        /// The header's.
        found: u32,
        /// The parent's plus one.
        expected: u32,
    },
    /// `previous` is not the parent's hash.
    #[error("does not link to its parent")]
    Link,
    /// A seal of authorities on a chain of proof of work.
    #[error("sealed by authorities, where this chain asks for proof of work")]
    Seal,
    /// Not the target that the difficulty rule gives.
    #[error("target {found:#010x} where the difficulty rule gives {expected:#010x}")]
    Target {
        /// The header's, compact.
        found: u32,
        /// The rule's, compact.
        expected: u32,
    },
    /// The hash is above the target.
    #[error("no proof of work")]
    Work,
    /// Not after the median of the last eleven blocks.
    #[error("time {found} is not after the median time {median}")]
    TooOld {
        /// The header's time.
        found: u64,
        /// The median of the ancestors' times.
        median: u64,
    },
    /// Proof of work on a chain that authorities seal.
    #[error("has proof of work, where this chain asks for the seal of authorities")]
    Unsealed,
    /// Not a later view than the parent's.
    #[error("view {found} where the parent has view {parent}")]
    View {
        /// The header's.
        found: u64,
        /// The parent's.
        parent: u64,
    },
    /// The seal names another view of the parent than the parent itself.
    #[error("says that its parent has view {found} where it has {expected}")]
    ParentView {
        /// What the seal says.
        found: u64,
        /// The parent's.
        expected: u64,
    },
    /// The seal names another set of authorities for the next height than this chain's.
    #[error("the set of authorities {0} for the next block is not this chain's")]
    NextAuthorities(Hash),
    /// Another block than the one that operators have agreed to continue.
    #[error("block {found} where this chain's file continues {expected}")]
    Continued {
        /// The header.
        found: Hash,
        /// The file's block of this height.
        expected: Hash,
    },
    /// Not votes of a quorum of the authorities.
    #[error("{found} votes for its parent where {quorum} of this chain's authorities are needed")]
    ParentVotes {
        /// How many there are.
        found: usize,
        /// How many are needed.
        quorum: usize,
    },
    /// Not the time that follows from the parent and the clocks of its voters.
    #[error("time {found} where parent and votes give {expected}")]
    SealTime {
        /// The header's time.
        found: u64,
        /// What follows.
        expected: u64,
    },
    /// A vote that its authority has not signed.
    #[error("a vote for its parent was not signed by its authority")]
    VoteSignature,
}
