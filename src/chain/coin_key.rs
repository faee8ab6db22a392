//! The order of coins, the same in every node: in a node's memory, in its database, and in what it serves.

use crate::{base::hash::Domain, chain::transaction::OutPoint};

/// An outpoint with its position in the order of coins: first by `order`, then by outpoint.
///
/// Anyone can make two outpoints of equal `order` for about 2^32 hashes. That only puts two coins beside each other: the
/// whole outpoint decides whether two keys are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoinKey {
    /// The first 64 bits of the outpoint's hash; never 0, so that lists may mark gaps by 0.
    pub order: u64,
    /// The outpoint.
    pub outpoint: OutPoint,
}

impl CoinKey {
    /// The key of an outpoint.
    pub fn of(outpoint: &OutPoint) -> Self {
        let mut input = [0; 36];
        input[..32].copy_from_slice(&outpoint.txid.0);
        input[32..].copy_from_slice(&outpoint.index.to_le_bytes());
        Self { order: Domain::COIN_KEY.hash(&input).first_eight().max(1), outpoint: *outpoint }
    }
}
