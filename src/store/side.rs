//! Stored blocks that are not part of the applied chain.

use crate::{
    chain::archive::{BlockStatus, HeaderRow, StoreError},
    store::{
        LedgerReader,
        rows::{self, StoredHeader},
    },
};

impl LedgerReader {
    /// The blocks that are stored and not applied, the latest to arrive first; at most `limit`.
    pub fn side_blocks(&self, limit: usize) -> Result<Vec<HeaderRow>, StoreError> {
        let snapshot = self.snapshot()?;
        let sql = "SELECT id FROM side WHERE status = 1 ORDER BY id DESC LIMIT ?1";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let ids = rows::all(&snapshot, sql, [limit], |row| Ok(row.get::<_, i64>(0)?))?;
        let row = |id: i64| Ok(StoredHeader::with_id(&snapshot, id)?.with_status(BlockStatus::Stored));
        ids.into_iter().map(row).collect()
    }
}
