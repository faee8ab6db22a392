//! What the `history` role may be told.

use std::sync::Arc;

use crate::{
    base::hash::Hash,
    chain::{checked::CheckedBlock, rules::BlockFault},
};

/// To `history`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToHistory {
    /// From `ledger`, at a start and once coins were taken from a snapshot.
    Begin {
        /// The lowest height whose block is kept whole; 1: all are.
        kept_from: u32,
    },
    /// From `verify`: a body that this role wanted and whose stateless checks hold.
    BlockChecked(Arc<CheckedBlock>),
    /// From `verify`: the header commits to an invalid body.
    BodyInvalid {
        /// The block.
        hash: Hash,
        /// What is wrong.
        fault: Box<BlockFault>,
    },
    /// From `ledger`: it has kept what `KeepPast` brought, and keeps all from this height on.
    Kept(u32),
}
