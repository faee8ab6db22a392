//! The block that a miner works on.

use crate::{base::bytes::Bytes, chain::header::Header};

/// What a miner works on.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Complete but for its time (which may be raised) and nonce.
    pub header: Header,
    /// A count and the transactions, as they follow the header in the block's encoding.
    pub body: Bytes,
    /// The smallest allowed time, unix seconds.
    pub min_time: u64,
    /// Transactions besides the coinbase.
    pub transactions: usize,
}
