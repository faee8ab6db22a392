//! Why a block could not be applied.

use crate::{
    chain::{archive::StoreError, rules::BlockFault},
    node::Halt,
};

/// Why a block could not be applied.
#[derive(Debug)]
pub(super) enum Failure {
    /// The block breaks a rule.
    Block(BlockFault),
    /// The store failed, or what it holds contradicts itself.
    Halt(Halt),
}

impl From<BlockFault> for Failure {
    fn from(fault: BlockFault) -> Self {
        Self::Block(fault)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Halt(error.into())
    }
}

impl From<Halt> for Failure {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}
