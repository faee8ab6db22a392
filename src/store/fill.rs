//! Puts blocks that are known to be valid into a ledger, for `tussock generate`, benchmarks and tests.

use crate::{
    chain::{
        archive::{LedgerStore, StoreError},
        block::HashedBlock,
        testkit::BlockMaker,
    },
    store::ledger::LedgerDb,
};

/// Stores and applies the block that `maker` made last; its parent must be the applied chain's last block. Does not
/// commit: see [`commit`].
pub fn append(ledger: &mut dyn LedgerStore, maker: &BlockMaker, block: &HashedBlock) -> Result<(), StoreError> {
    let changes = maker.last_changes();
    ledger.put_headers(&[maker.header_row()])?;
    ledger.put_body(&block.hash, &block.bytes)?;
    ledger.apply(block.header.height, &block.hash, changes)?;
    let spent = changes.spent.iter().map(|(outpoint, _)| (*outpoint, None));
    let made = changes.made.iter().map(|(outpoint, coin)| (*outpoint, Some(coin.clone())));
    ledger.flush_coins(&mut spent.chain(made))
}

/// Commits what was appended.
pub fn commit(ledger: &mut dyn LedgerStore, maker: &BlockMaker) -> Result<(), StoreError> {
    ledger.commit(&maker.tip(), maker.sum(), false)
}

/// A ledger in memory with the blocks that `maker` makes while `make` runs: a short cut for tests.
pub fn ledger_with(maker: &mut BlockMaker, blocks: usize) -> Result<LedgerDb, StoreError> {
    let mut ledger = LedgerDb::in_memory(maker.spec())?;
    for _ in 0..blocks {
        let block = maker.next_block(Vec::new(), crate::chain::key::SecretKey::well_known(0).address());
        append(&mut ledger, maker, &block)?;
    }
    commit(&mut ledger, maker)?;
    Ok(ledger)
}
