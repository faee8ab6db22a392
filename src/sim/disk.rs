//! What a node keeps over a crash: the ledger as of its last commit, and the peer book.
use crate::{
    chain::{archive::LedgerStore, spec::ChainSpec},
    node::Stores,
};
use std::sync::Arc;
/// A node's disk, in memory.
pub(super) struct Disk;
impl Disk {
    /// A new disk with the genesis block on it.
    pub(super) fn new(_spec: &Arc<ChainSpec>) -> Self {
        todo!()
    }
    /// Opens everything for a new set of roles.
    pub(super) fn stores(&self) -> Stores {
        todo!()
    }
    /// Drops what was not committed.
    pub(super) fn crash(&mut self) {
        todo!()
    }
    /// Looks at the ledger.
    pub(super) fn read<T>(&self, _look: impl FnOnce(&dyn LedgerStore) -> T) -> T {
        todo!()
    }
}
