//! Block bodies and undo data, re-hashed whenever they are read.

use rusqlite::Connection;

use crate::{
    base::{
        bytes::Bytes,
        codec::CodecError,
        hash::{Domain, Hash},
    },
    chain::{
        archive::StoreError,
        block::HashedBlock,
        coin::{Coin, CoinChanges},
        header::Header,
        transaction::OutPoint,
    },
    store::{
        error::corrupt,
        kept,
        rows::{self, HEADER_COLUMNS, StoredHeader, select_headers},
        undo,
    },
};

/// Stores the block whose header has this id. The bytes start with that header; they are stored without it.
pub(super) fn insert(connection: &Connection, id: i64, hash: &Hash, block: &[u8]) -> Result<(), StoreError> {
    let size = Header::peek(block).ok_or_else(|| not_its_body(hash))?.size();
    let (header, rest) = block.split_at_checked(size).ok_or_else(|| not_its_body(hash))?;
    if Domain::HEADER.hash(header) != *hash {
        return Err(not_its_body(hash));
    }
    let checksum = Domain::FRAME.hash(block);
    let sql = "INSERT OR REPLACE INTO bodies (id, checksum, bytes) VALUES (?1, ?2, ?3)";
    rows::run(connection, sql, (id, checksum.0.as_slice(), rest)).map(|_| ())
}

/// A block's encoding, header included, re-hashed.
pub(super) fn read(connection: &Connection, header: &StoredHeader) -> Result<Option<Bytes>, StoreError> {
    let sql = "SELECT checksum, bytes FROM bodies WHERE id = ?1";
    rows::one(connection, sql, [header.id], |row| checked(header, row, 0))
}

/// The block whose checksum and body are the row's columns from `first` on.
fn checked(header: &StoredHeader, row: &rusqlite::Row<'_>, first: usize) -> Result<Bytes, StoreError> {
    let rest = rows::slice(row, first + 1)?;
    let mut block = Vec::with_capacity(header.header.size() + rest.len());
    block.extend_from_slice(&header.header.to_bytes());
    block.extend_from_slice(rest);
    if Domain::FRAME.hash(&block) != Hash(rows::bytes(row, first)?) {
        let (hash, height) = (header.hash, header.header.height);
        return Err(corrupt(format!("block {hash} at height {height} is not what was stored")));
    }
    Ok(block.into())
}

/// The same by the block's hash. One statement instead of two takes and releases SQLite's locks once.
pub(super) fn find(connection: &Connection, hash: &Hash) -> Result<Option<Bytes>, StoreError> {
    let sql = select_headers!("b.checksum, b.bytes", "JOIN bodies b ON b.id = h.id WHERE h.key = ?1");
    let found = rows::all(connection, sql, [rows::key_of(hash)], |row| {
        let header = StoredHeader::read(row)?;
        if header.hash == *hash { checked(&header, row, HEADER_COLUMNS).map(Some) } else { Ok(None) }
    })?;
    Ok(found.into_iter().flatten().next())
}

/// Whether a body is stored.
pub(super) fn exists(connection: &Connection, id: i64) -> Result<bool, StoreError> {
    Ok(rows::one(connection, "SELECT 1 FROM bodies WHERE id = ?1", [id], |_| Ok(()))?.is_some())
}

/// A block that must be there, decoded.
pub(super) fn decoded(connection: &Connection, header: &StoredHeader) -> Result<HashedBlock, StoreError> {
    HashedBlock::decode(stored(connection, header)?).map_err(|error| undecodable(header, &error))
}

/// The bytes of a block that must be there.
pub(super) fn stored(connection: &Connection, header: &StoredHeader) -> Result<Bytes, StoreError> {
    let (hash, height) = (header.hash, header.header.height);
    match read(connection, header)? {
        Some(bytes) => Ok(bytes),
        None => {
            kept::require_kept(connection, height)?;
            Err(corrupt(format!("block {hash} at {height} has no body")))
        }
    }
}

/// That a stored block's bytes are none.
pub(super) fn undecodable(header: &StoredHeader, error: &CodecError) -> StoreError {
    corrupt(format!("block {} at height {}: {error}", header.hash, header.header.height))
}

/// The coins from before it that an applied block spent, in the order of its inputs.
pub(super) fn spent(connection: &Connection, block: &HashedBlock) -> Result<Vec<(OutPoint, Coin)>, StoreError> {
    undo(connection, block.header.height, |undo| undo::decode(undo, block))
}

/// Reads the data that undoes the applied block at this height.
pub(super) fn undo<T>(
    connection: &Connection,
    height: u32,
    read: impl FnOnce(Option<&[u8]>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let sql = "SELECT undo FROM applied WHERE height = ?1";
    let row =
        |row: &rusqlite::Row<'_>| read(row.get_ref(0)?.as_blob_or_null().map_err(|error| corrupt(error.to_string()))?);
    rows::one(connection, sql, [height], row)?.ok_or_else(|| corrupt(format!("no block is applied at {height}")))
}

/// What the applied block with this header did to the coins.
pub(super) fn changes(connection: &Connection, header: &StoredHeader) -> Result<CoinChanges, StoreError> {
    let block = decoded(connection, header)?;
    let spent = spent(connection, &block)?;
    Ok(undo::changes(&block, spent))
}

fn not_its_body(hash: &Hash) -> StoreError {
    StoreError::Other(format!("the bytes to be stored are not block {hash}"))
}
