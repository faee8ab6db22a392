//! What the header index keeps of a header, and tells of one.

use crate::{
    base::hash::Hash,
    chain::{archive::HeaderRow, target::Work},
};

/// What is kept of a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderNode {
    pub(super) parent: Hash,
    pub(super) height: u32,
    /// Unix seconds.
    pub(super) time: u64,
    /// From genesis up to and with this header.
    pub(super) work: Work,
    /// What its chain counts as: its work, or more if a quorum has notarised the block again.
    pub(super) rank: Work,
    /// See [`HeaderRow::paused`].
    pub(super) paused: u64,
    /// No peer delivers its block, or an ancestor's: for now it is no candidate for the best chain.
    pub(super) withheld: bool,
    /// The ledger has its body. Known of candidates' blocks only.
    pub(super) is_here: bool,
}

/// What is known about a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderLookup {
    Valid(HeaderNode),
    Invalid,
    Unknown,
}

/// A change of the best chain: these hashes now follow the block at height `above`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) above: u32,
    pub(super) hashes: Vec<Hash>,
}

impl HeaderNode {
    pub(super) fn of(row: &HeaderRow) -> Self {
        let HeaderRow { header, work, paused, .. } = row;
        Self {
            parent: header.previous,
            height: header.height,
            time: header.time,
            work: *work,
            rank: *work,
            paused: *paused,
            withheld: false,
            is_here: false,
        }
    }
}
