//! Coins of the store that mempool transactions spend. The block that confirms these transactions needs each coin
//! again, while peers wait for that block.

use std::collections::BTreeMap;

use crate::{
    base::limits,
    chain::{coin::Coin, transaction::OutPoint},
};

/// A bounded memory of coins as of the chain's tip. The store knows the others.
#[derive(Debug)]
pub(super) struct Expected {
    coins: BTreeMap<OutPoint, Coin>,
    most: usize,
}

impl Expected {
    /// Nothing yet, and at most `memory_percent` of the default number of coins.
    pub(super) fn new(memory_percent: usize) -> Self {
        Self { coins: BTreeMap::new(), most: limits::scaled(limits::EXPECTED_COINS, memory_percent, 100) }
    }

    /// The coin, if it was noted.
    pub(super) fn get(&self, outpoint: &OutPoint) -> Option<&Coin> {
        self.coins.get(outpoint)
    }

    /// Notes a coin that the store has. When full, the memory is emptied first: the coins noted last are needed next.
    pub(super) fn note(&mut self, outpoint: OutPoint, coin: &Coin) {
        if self.coins.len() >= self.most {
            self.forget_all();
        }
        self.coins.insert(outpoint, coin.clone());
    }

    /// The coin is spent.
    pub(super) fn forget(&mut self, outpoint: &OutPoint) {
        self.coins.remove(outpoint);
    }

    /// A block was disconnected: any coin may differ now, or not exist.
    pub(super) fn forget_all(&mut self) {
        self.coins.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::hash::Hash, chain::address::Address};

    #[test]
    fn coins_are_known_until_they_are_spent_the_chain_goes_back_or_there_are_too_many() {
        let outpoint = |n| OutPoint { txid: Hash([n; 32]), index: 0 };
        let coin = Coin { amount: 5, address: Address::default(), height: 1, coinbase: false };
        let mut expected = Expected::new(100);
        let known = |expected: &Expected| (1..=2).filter(|n| expected.get(&outpoint(*n)) == Some(&coin)).count();
        (1..=2).for_each(|n| expected.note(outpoint(n), &coin));
        assert_eq!(known(&expected), 2);
        expected.forget(&outpoint(1));
        assert_eq!(known(&expected), 1);
        expected.forget_all();
        assert_eq!(known(&expected), 0);
        expected.most = 2;
        (1..=3).for_each(|n| expected.note(outpoint(n), &coin));
        assert_eq!(expected.coins.len(), 1, "the newest");
    }
}
