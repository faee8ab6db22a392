//! Where a ledger's coins are from, as its file says.

use rusqlite::Connection;

use crate::{
    base::hash::Hash,
    chain::{
        archive::StoreError,
        snapshot::{JoinState, SnapshotName},
    },
    store::{error::corrupt, rows},
};

/// Where the coins are from, as committed.
pub(super) fn read(connection: &Connection) -> Result<JoinState, StoreError> {
    let sql = "SELECT joining, joined, joined_block, joined_best FROM state";
    let state = rows::one(connection, sql, [], |row| {
        if row.get::<_, i64>(0)? != 0 {
            return Ok(JoinState::Joining);
        }
        if row.get::<_, Option<i64>>(1)?.is_none() {
            return Ok(JoinState::History);
        }
        let (height, block, best) = (rows::integer::<u32>(row, 1)?, Hash(rows::bytes(row, 2)?), rows::integer(row, 3)?);
        let above = u32::checked_sub(best, height).ok_or_else(|| corrupt("a snapshot above the best header"))?;
        Ok(JoinState::Joined { snapshot: SnapshotName { height, block }, above })
    })?;
    state.ok_or_else(|| corrupt("the state row is missing"))
}
