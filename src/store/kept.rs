//! From which height on a ledger keeps whole blocks.

use rusqlite::Connection;

use crate::{
    chain::archive::StoreError,
    store::{error::corrupt, rows},
};

/// The lowest height whose block is kept whole, as committed.
pub(super) fn kept_from(connection: &Connection) -> Result<u32, StoreError> {
    let found = rows::one(connection, "SELECT kept_from FROM state", [], |row| rows::integer(row, 0))?;
    found.ok_or_else(|| corrupt("the state row is missing"))
}

/// The lowest height whose block can be disconnected, as committed. While a ledger joins, its headers alone can.
pub(super) fn replaceable_from(connection: &Connection) -> Result<u32, StoreError> {
    let sql = "SELECT CASE joining WHEN 0 THEN kept_from ELSE 1 END FROM state";
    let found = rows::one(connection, sql, [], |row| rows::integer(row, 0))?;
    found.ok_or_else(|| corrupt("the state row is missing"))
}

/// Says of a block that is too old to be kept that it is.
pub(super) fn require_kept(connection: &Connection, height: u32) -> Result<(), StoreError> {
    let kept_from = kept_from(connection)?;
    if (1..kept_from).contains(&height) { Err(StoreError::Pruned { height, kept_from }) } else { Ok(()) }
}
