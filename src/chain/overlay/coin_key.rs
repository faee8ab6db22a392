//! How the overlay is asked for a coin.

use crate::chain::{archive::CoinPlace, transaction::OutPoint};

/// A coin's outpoint and its place in the store.
#[derive(Clone, Copy, Debug)]
pub struct CoinKey {
    /// Its outpoint.
    pub outpoint: OutPoint,
    /// Where the store keeps it, or would.
    pub place: CoinPlace,
}
