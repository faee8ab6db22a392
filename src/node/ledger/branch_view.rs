//! The coins after a block that is not the tip, to judge what builds on it without moving the chain.
//!
//! It starts at the tip. Undoing the chain's last blocks leads down to where the branch begins, and the branch's blocks lead up
//! to its end. Only what differs from the tip's coins is kept.

use std::collections::BTreeMap;

use crate::{
    base::hash::Hash,
    chain::{
        archive::StoreError,
        checked::CheckedBlock,
        coin::{Coin, CoinChanges},
        coin_diff::{CoinDiff, CoinLocation, FoundCoin},
        coin_key::CoinKey,
        digest::StateSum,
        transaction::OutPoint,
    },
};

use super::{block_check::check_on, chain_view::ChainView as _, chainstate::Chainstate, failure::Failure};

/// Coins and digest after a block near the tip.
pub(super) struct BranchView<'a> {
    chain: &'a Chainstate,
    /// Coins that differ from those at the tip; `None`: it does not exist.
    changed: BTreeMap<OutPoint, Option<Coin>>,
    sum: StateSum,
    digest: Hash,
}

impl<'a> BranchView<'a> {
    /// The coins at the tip.
    pub(super) fn at_tip(chain: &'a Chainstate) -> Self {
        Self { changed: BTreeMap::new(), sum: chain.sum().clone(), digest: chain.tip().digest, chain }
    }

    /// Steps back over the block that these changes are of. Its header says which digest must come of it.
    pub(super) fn undo(&mut self, changes: &CoinChanges, expected: &Hash) -> Result<(), StoreError> {
        self.replace(&changes.created, &changes.spent);
        if self.digest == *expected {
            return Ok(());
        }
        Err(StoreError::Corrupt("the undo data of an applied block does not restore the coins before it".to_owned()))
    }

    /// Steps onto a block with these changes.
    pub(super) fn apply(&mut self, changes: &CoinChanges) {
        self.replace(&changes.spent, &changes.created);
    }

    fn replace(&mut self, old: &[(OutPoint, Coin)], new: &[(OutPoint, Coin)]) {
        for (outpoint, coin) in old {
            self.sum.remove(&CoinKey::of(outpoint), coin);
            self.changed.insert(*outpoint, None);
        }
        for (outpoint, coin) in new {
            self.sum.add(&CoinKey::of(outpoint), coin);
            self.changed.insert(*outpoint, Some(coin.clone()));
        }
        self.digest = self.sum.digest();
    }

    /// Checks the rules that depend on the coins before the block; returns the block's changes to the coins.
    pub(super) fn check_block(&self, block: &CheckedBlock) -> Result<CoinDiff, Failure> {
        check_on(self.chain.spec(), &self.digest, block, &mut |outpoint| self.find(outpoint))
    }

    fn find(&self, outpoint: &OutPoint) -> Result<Option<FoundCoin>, StoreError> {
        let coin = match self.changed.get(outpoint) {
            Some(coin) => coin.clone(),
            None => self.chain.coin(outpoint)?,
        };
        // Where the coin is when the block is connected, only that moment tells.
        let location = CoinLocation { key: CoinKey::of(outpoint), stored: false };
        Ok(coin.map(|coin| FoundCoin { coin, location }))
    }
}
