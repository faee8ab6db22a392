//! What the mempool asks of the applied chain.

use crate::{
    base::hash::Hash,
    chain::{archive::StoreError, block::HashedBlock, coin::Coin, spec::ChainSpec, transaction::OutPoint},
};

/// The applied chain as the mempool sees it: nothing here connects or disconnects a block.
pub(super) trait ChainView {
    /// The chain's rules.
    fn spec(&self) -> &ChainSpec;
    /// The tip's height.
    fn height(&self) -> u32;
    /// A coin as of the tip.
    fn coin(&self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError>;
    /// A coin as of the tip that a waiting transaction spends.
    fn coin_to_be_spent(&mut self, outpoint: &OutPoint) -> Result<Option<Coin>, StoreError>;
    /// A block whose body must be stored.
    fn block(&self, hash: &Hash) -> Result<HashedBlock, StoreError>;
    /// Whether a block is stored and not applied.
    fn is_on_a_branch(&self, hash: &Hash) -> Result<bool, StoreError>;
}
