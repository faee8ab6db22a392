//! Blocks that the ledger had before and has no more. SQLite opens a ledger whose write-ahead log was deleted as if nothing
//! had been in the log. The index, a file of its own, remembers how far the ledger was.

use std::path::Path;

use crate::{
    chain::archive::{HeaderArchive, StoreError},
    node::hindrance::Finding,
    runtime::status::Status,
    store::{IndexDb, LedgerReader},
};

/// Blocks that were lost before the node started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LostBlocks {
    /// Where the ledger ended at the start.
    tip: u32,
    /// The last block that the index has seen in it.
    reached: u32,
}

impl LostBlocks {
    /// Compares the ledger with the index beside it. No index, or one that cannot be read, tells nothing.
    pub(super) fn find(ledger: &LedgerReader, index: &Path) -> Result<Option<Self>, StoreError> {
        let Some((reached, hash)) = IndexDb::last_in(index, &ledger.genesis()) else { return Ok(None) };
        let tip = ledger.tip()?.0.height;
        // After a reorganisation the ledger still knows the header of the block that it left.
        let is_lost = reached > tip && ledger.header(&hash)?.is_none();
        Ok(is_lost.then_some(Self { tip, reached }))
    }

    /// What is told until the ledger is as high as it was.
    pub(super) fn finding(&self, status: &Status) -> Option<Finding> {
        let height = status.tip.as_ref().map_or(0, |tip| tip.height);
        (height < self.reached).then(|| {
            let text = format!("the ledger ended at block {} when the node started, but had block {}", self.tip, self.reached);
            Finding::new(
                text,
                "its file or its log (ledger.db-wal) was deleted, replaced or lost by the disk; peers send the blocks again",
            )
        })
    }
}
