//! The rules of a block that depend on the coins before it.

use crate::{
    base::hash::Hash,
    chain::{
        archive::StoreError,
        checked::CheckedBlock,
        coin_diff::{CoinDiff, CoinDiffBuilder, FoundCoin},
        rules::{self, BlockFault, TransactionFault},
        spec::ChainSpec,
        transaction::OutPoint,
    },
    node::Halt,
};

use super::failure::Failure;

/// Checks a block on coins with this digest, which `find` looks up; returns the block's changes to the coins.
pub(super) fn check_on(
    spec: &ChainSpec,
    digest: &Hash,
    block: &CheckedBlock,
    find: &mut dyn FnMut(&OutPoint) -> Result<Option<FoundCoin>, StoreError>,
) -> Result<CoinDiff, Failure> {
    let header = &block.header;
    if header.state_digest != *digest {
        let (found, expected) = (header.state_digest, *digest);
        return Err(BlockFault::StateDigest { found, expected }.into());
    }
    let mut diff = CoinDiffBuilder::new(block);
    let (mut coins, mut fees, mut coinbase) = (Vec::new(), 0u64, None);
    for (index, (txid, view)) in block.views().enumerate() {
        let changed = || Halt::Invariant(format!("the bytes of checked block {} have changed", block.hash));
        let view = view.ok_or_else(changed)?;
        if index > 0 {
            diff.spend(&view, find, &mut coins)?;
            let fee = rules::check_view(spec, &view, &coins, header.height);
            let sum = fee.and_then(|fee| fees.checked_add(fee).ok_or(TransactionFault::Overflow));
            fees = sum.map_err(|fault| BlockFault::Transaction { index, fault })?;
        }
        diff.create(txid, &view);
        coinbase.get_or_insert(view);
    }
    let coinbase = coinbase.ok_or(BlockFault::Empty)?;
    let amounts = &mut coinbase.outputs().map(|output| output.amount);
    rules::check_reward(spec, amounts, header.height, fees)?;
    Ok(diff.finish())
}
