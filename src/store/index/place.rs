//! `txs.id`: a transaction's height and its position in the block, in one number.

use rusqlite::Connection;

use crate::{base::hash::Hash, chain::archive::StoreError, store::rows};

/// Bits of `txs.id` that hold the position.
const POSITION_BITS: u32 = 20;

/// The `txs.id` of a transaction. Positions in a block stay below 2^20.
pub(super) fn place_of(height: u32, position: u32) -> i64 {
    (i64::from(height) << POSITION_BITS) | i64::from(position.min((1 << POSITION_BITS) - 1))
}

pub(super) fn height_of(place: i64) -> u32 {
    u32::try_from(place >> POSITION_BITS).unwrap_or(u32::MAX)
}

pub(super) fn position_of(place: i64) -> u32 {
    u32::try_from(place & ((1 << POSITION_BITS) - 1)).unwrap_or(u32::MAX)
}

/// The row of the transaction with this id.
pub(super) fn find(index: &Connection, txid: &Hash) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT id FROM txs WHERE substr(txid, 1, 8) = ?1 AND txid = ?2";
    rows::one(index, sql, (&txid.0[..8], txid.0.as_slice()), |row| Ok(row.get(0)?))
}
