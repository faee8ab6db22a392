//! Finding transactions by their ids.

use rusqlite::Connection;

use super::{
    entry::{Entry, Kind, start_of},
    runs::{self, Merging},
};
use crate::{base::hash::Hash, chain::archive::StoreError, store::rows};

/// Height and position of the transaction with this id.
pub(super) fn find(index: &Connection, txid: &Hash) -> Result<Option<(u32, u32)>, StoreError> {
    let start = start_of(txid);
    let mut place = None;
    each_place(index, start, start, &mut |height, position, found| {
        if found == *txid {
            place = Some((height, position));
        }
        place.is_none()
    })?;
    Ok(place)
}

/// The id of the transaction at a place.
pub(super) fn txid_at(index: &Connection, height: u32, position: u32) -> Result<Option<Hash>, StoreError> {
    let sql = "SELECT substr(txids, 32 * ?2 + 1, 32) FROM indexed WHERE height = ?1 AND length(txids) > 32 * ?2";
    rows::one(index, sql, (height, position), |row| Ok(Hash(rows::bytes(row, 0)?)))
}

/// Visits the transactions whose ids start with `low` to `high`, until `visit` returns false.
pub(super) fn each_place(
    index: &Connection,
    low: u64,
    high: u64,
    visit: &mut dyn FnMut(u32, u32, Hash) -> bool,
) -> Result<(), StoreError> {
    let from = Entry::transaction(low, 0, 0);
    let mut merging = Merging::new(index, &runs::slots(index)?, Kind::Transaction, Some(&from))?;
    let mut next = Vec::new();
    loop {
        merging.next(&mut next)?;
        let Some(Entry { numbers: [start, height, position, ..], .. }) = next.first() else { return Ok(()) };
        if *start > high {
            return Ok(());
        }
        if let (Ok(height), Ok(position)) = (u32::try_from(*height), u32::try_from(*position))
            && let Some(txid) = txid_at(index, height, position)?
            && !visit(height, position, txid)
        {
            return Ok(());
        }
    }
}
