//! Compact blocks: a block whose transactions are named by short ids, for a receiver that has most of them.

use crate::{
    base::{
        codec::{self, Decode, Encode, List},
        hash::{Domain, Hash},
        limits::{MAX_COMPACT_IDS, MAX_COMPACT_WHOLE},
    },
    chain::{header::Header, transaction::Transaction},
    wire::short_id::ShortId,
};

/// A block without most of its transactions.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct CompactBlock {
    /// The block's header.
    pub header: Header,
    /// Chosen by the sender: with the header's hash it keys the ids.
    pub nonce: u64,
    /// The ids of all transactions that are not in `whole`, in the block's order.
    pub ids: List<ShortId, MAX_COMPACT_IDS>,
    /// The coinbase, and transactions that the receiver may lack. Each with its position in the block, ascending.
    pub whole: List<(u16, Transaction), MAX_COMPACT_WHOLE>,
}

/// Makes the short ids of one compact block.
#[derive(Clone, Copy, Debug)]
pub struct ShortIds(Domain);

impl ShortIds {
    /// The ids of a block's transactions under this nonce.
    pub fn new(block: &Hash, nonce: u64) -> Self {
        Self(Domain::keyed(&Domain::COMPACT_BLOCK.hash(&codec::encode(&(block, nonce)))))
    }

    /// The id of the transaction with this merkle leaf.
    pub fn of(&self, leaf: &Hash) -> ShortId {
        ShortId(self.0.hash(&leaf.0).first_eight().swap_bytes())
    }
}

impl CompactBlock {
    /// Transactions of the block.
    pub fn count(&self) -> usize {
        self.ids.len() + self.whole.len()
    }
}
