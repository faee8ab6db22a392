//! A coin: an output that nobody has spent yet.

use crate::{
    base::{
        codec::{Decode, Encode},
        hash::Hash,
    },
    chain::{
        address::Address,
        block::HashedTransaction,
        coin_key::CoinKey,
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
    /// Coins from before the block that it spent, in the order of its inputs.
    pub spent: Vec<(OutPoint, Coin)>,
    /// Coins that the block created and did not itself spend.
    pub created: Vec<(OutPoint, Coin)>,
}

impl CoinChanges {
    /// The changes that connecting the block makes to the stored coins.
    pub fn forward(&self) -> impl Iterator<Item = CoinChange> + '_ {
        let spent = self.spent.iter().map(|(outpoint, _)| CoinChange::of(outpoint, None));
        spent.chain(self.created.iter().map(|(outpoint, coin)| CoinChange::of(outpoint, Some(coin.clone()))))
    }

    /// The changes that disconnecting the block makes to them.
    pub fn backward(&self) -> impl Iterator<Item = CoinChange> + '_ {
        let created = self.created.iter().map(|(outpoint, _)| CoinChange::of(outpoint, None));
        created.chain(self.spent.iter().map(|(outpoint, coin)| CoinChange::of(outpoint, Some(coin.clone()))))
    }
}

/// A change to the stored coins. Each may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinChange {
    /// The coin's key.
    pub key: CoinKey,
    /// The coin; `None` removes it.
    pub coin: Option<Coin>,
}

impl CoinChange {
    /// Adds the coin, or removes it if it is `None`.
    pub fn of(outpoint: &OutPoint, coin: Option<Coin>) -> Self {
        Self { key: CoinKey::of(outpoint), coin }
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
