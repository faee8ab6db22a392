//! A coin: an output that nobody has spent yet.

use crate::{
    base::{
        codec::{Decode, Encode},
        hash::Hash,
    },
    chain::{
        address::Address,
        block::HashedTransaction,
        transaction::{OutPoint, Output, Transaction},
    },
};

/// An unspent output, with what is needed to check its spending.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Coin {
    /// In base units.
    pub amount: u64,
    /// Who may spend it.
    pub address: Address,
    /// The height of the block that created it.
    pub height: u32,
    /// Whether a coinbase created it. Such a coin must mature before it can be spent.
    pub coinbase: bool,
}

/// What a block did to the coin set, in order. It is kept to undo the block.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CoinChanges {
    /// Coins from before the block that it spent.
    pub spent: Vec<(OutPoint, Coin)>,
    /// Coins that the block created and did not itself spend.
    pub created: Vec<(OutPoint, Coin)>,
}

impl CoinChanges {
    /// The changes that connecting the block makes to the stored coins.
    pub fn forward(&self) -> impl Iterator<Item = CoinChange> + '_ {
        let spent = self.spent.iter().map(|(outpoint, _)| CoinChange::Remove(*outpoint));
        spent.chain(self.created.iter().map(|(outpoint, coin)| CoinChange::Create(*outpoint, coin.clone())))
    }

    /// The changes that disconnecting the block makes to them.
    pub fn backward(&self) -> impl Iterator<Item = CoinChange> + '_ {
        let created = self.created.iter().map(|(outpoint, _)| CoinChange::Remove(*outpoint));
        created.chain(self.spent.iter().map(|(outpoint, coin)| CoinChange::Create(*outpoint, coin.clone())))
    }
}

/// A change to the stored coins. Each may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoinChange {
    /// Adds a coin.
    Create(OutPoint, Coin),
    /// Adds a coin whose place in the store is known: see [`crate::chain::archive::CoinPlace::order`].
    CreateAt(i64, OutPoint, Coin),
    /// Removes a coin.
    Remove(OutPoint),
    /// Removes the coin at this place of the store. It must be alone there: see [`crate::chain::archive::CoinPlace`].
    RemoveAt(i64),
}

impl CoinChange {
    /// Adds the coin, or removes it if it is `None`.
    pub fn of(outpoint: OutPoint, coin: Option<Coin>) -> Self {
        match coin {
            Some(coin) => Self::Create(outpoint, coin),
            None => Self::Remove(outpoint),
        }
    }
}

/// The coins that a transaction creates in a block at `height`.
pub fn coins_created(hashed: &HashedTransaction, height: u32) -> impl Iterator<Item = (OutPoint, Coin)> + '_ {
    let (txid, coinbase) = (hashed.txid, hashed.transaction.is_coinbase());
    let outputs = hashed.transaction.outputs.iter().enumerate();
    outputs.map(move |(index, output)| created_coin(txid, coinbase, height, index, output))
}

/// The coin that one output of a transaction creates in a block at `height`.
pub fn created_coin(txid: Hash, coinbase: bool, height: u32, index: usize, output: &Output) -> (OutPoint, Coin) {
    let coin = Coin { amount: output.amount, address: output.address, height, coinbase };
    (Transaction::outpoint(txid, index), coin)
}
