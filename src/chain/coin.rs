//! A coin: an output that nobody has spent yet.

use crate::{
    base::codec::{Decode, Encode},
    chain::{address::Address, transaction::OutPoint},
};

/// An unspent output, with what is needed to check its spending.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Coin {
    /// In base units.
    pub amount: u64,
    /// Who may spend it.
    pub address: Address,
    /// The height of the block that made it.
    pub height: u32,
    /// Whether a coinbase made it; such coins mature before they can be spent.
    pub coinbase: bool,
}

/// What a block did to the coin set, in the order in which it happened; kept to undo the block.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CoinChanges {
    /// Coins that the block took away.
    pub spent: Vec<(OutPoint, Coin)>,
    /// Coins that the block made and did not itself spend.
    pub made: Vec<(OutPoint, Coin)>,
}
