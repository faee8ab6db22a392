//! Appends valid blocks to a ledger, for benchmarks and tests.

use crate::chain::{
    archive::{LedgerStore, StoreError},
    block::HashedBlock,
    testkit::BlockMaker,
};

/// Stores and applies the block that `maker` made last; its parent must be the applied chain's last block. Does not
/// commit: see [`commit`].
pub fn append(ledger: &mut dyn LedgerStore, maker: &BlockMaker, block: &HashedBlock) -> Result<(), StoreError> {
    let changes = maker.last_changes();
    ledger.put_headers(&[maker.header_row()])?;
    ledger.put_body(&block.hash, &block.bytes)?;
    ledger.apply(block.header.height, &block.hash, changes)?;
    ledger.flush_coins(&mut changes.forward())
}

/// Commits what was appended.
pub fn commit(ledger: &mut dyn LedgerStore, maker: &BlockMaker) -> Result<(), StoreError> {
    ledger.commit(&maker.tip(), maker.sum(), false)
}
