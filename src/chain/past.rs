//! The past of a node that began with a snapshot, or let go of its old blocks: verified in a second ledger, then kept in the
//! first.

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{coin::Coin, transaction::OutPoint},
};

/// A block of the past with all that a ledger keeps of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastBlock {
    /// Its height.
    pub height: u32,
    /// The block.
    pub hash: Hash,
    /// Its encoding.
    pub body: Bytes,
    /// The coins from before it that it spent, in the order of its inputs.
    pub spent: Vec<(OutPoint, Coin)>,
}

impl PastBlock {
    /// Bytes of it in memory, about.
    pub fn bytes(&self) -> usize {
        self.body.len() + self.spent.len() * size_of::<(OutPoint, Coin)>()
    }
}
