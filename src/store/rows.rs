//! Rows as values: checked conversions, and the rows of headers.

use rusqlite::{Connection, Params, Row, Statement, ToSql, types::ValueRef};

use crate::{
    base::{codec, hash::Hash},
    chain::{
        archive::{BlockStatus, HeaderRow, StoreError},
        header::Header,
        seal::{ProofOfWork, Seal},
        target::{CompactTarget, Work},
    },
    store::error::corrupt,
};

/// A header with its row id. Its status is in the table `side`.
#[derive(Clone, Debug)]
pub(super) struct StoredHeader {
    pub(super) id: i64,
    pub(super) parent: Option<i64>,
    pub(super) hash: Hash,
    pub(super) header: Header,
    pub(super) work: Work,
    pub(super) paused: u64,
}

/// A `SELECT` of headers for [`StoredHeader::read`]. The caller adds joins and conditions.
macro_rules! select_headers {
    ($rest:literal) => {
        concat!(
            "SELECT h.id, h.parent, h.hash, h.height, h.version, p.hash, h.merkle_root, h.state_digest, h.time, \
             h.target, h.nonce, h.work, h.seal, h.paused FROM headers h LEFT JOIN headers p ON p.id = h.parent ",
            $rest
        )
    };
    // With more columns.
    ($columns:literal, $rest:literal) => {
        concat!(
            "SELECT h.id, h.parent, h.hash, h.height, h.version, p.hash, h.merkle_root, h.state_digest, h.time, \
             h.target, h.nonce, h.work, h.seal, h.paused, ",
            $columns,
            " FROM headers h LEFT JOIN headers p ON p.id = h.parent ",
            $rest
        )
    };
}
pub(super) use select_headers;

/// Columns that [`StoredHeader::read`] reads; others follow.
pub(super) const HEADER_COLUMNS: usize = 14;

impl StoredHeader {
    /// Reads the columns of `select_headers!`.
    pub(super) fn read(row: &Row<'_>) -> Result<Self, StoreError> {
        let parent = row.get::<_, Option<i64>>(1)?;
        let header = Header {
            version: integer(row, 4)?,
            height: integer(row, 3)?,
            previous: if parent.is_some() { Hash(bytes(row, 5)?) } else { Hash::ZERO },
            merkle_root: Hash(bytes(row, 6)?),
            state_digest: Hash(bytes(row, 7)?),
            time: row.get::<_, i64>(8)?.cast_unsigned(),
            seal: seal(row)?,
        };
        let (hash, work) = (Hash(bytes(row, 2)?), Work::from_be_bytes(bytes(row, 11)?));
        // Costs a tenth of reading the row, and damage on disk is never returned as a header.
        if header.hash() != hash {
            return Err(corrupt(format!("block {}: header {hash} is not what was stored", header.height)));
        }
        let paused = row.get::<_, i64>(13)?.cast_unsigned();
        Ok(Self { id: row.get(0)?, parent, hash, header, work, paused })
    }

    /// The header with this hash.
    pub(super) fn find(connection: &Connection, hash: &Hash) -> Result<Option<Self>, StoreError> {
        let sql = select_headers!("WHERE h.key = ?1");
        let found = all(connection, sql, [key_of(hash)], Self::read)?;
        Ok(found.into_iter().find(|row| row.hash == *hash))
    }

    /// The header with this id. It must exist: ids come from other rows.
    pub(super) fn with_id(connection: &Connection, id: i64) -> Result<Self, StoreError> {
        one(connection, select_headers!("WHERE h.id = ?1"), [id], Self::read)?
            .ok_or_else(|| corrupt(format!("header {id} is missing")))
    }

    /// The applied chain's header at a height.
    pub(super) fn applied_at(connection: &Connection, height: u32) -> Result<Option<Self>, StoreError> {
        let sql = select_headers!("WHERE h.id = (SELECT id FROM applied WHERE height = ?1)");
        one(connection, sql, [height], Self::read)?.map(|found| found.at_height(height)).transpose()
    }

    /// Up to `count` headers of the applied chain from height `from` upwards.
    pub(super) fn applied_from(connection: &Connection, from: u32, count: usize) -> Result<Vec<Header>, StoreError> {
        let sql = select_headers!("JOIN applied a ON a.id = h.id WHERE a.height >= ?1 ORDER BY a.height LIMIT ?2");
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut heights = from..;
        all(connection, sql, (from, count), |row| match heights.next() {
            Some(height) => Ok(Self::read(row)?.at_height(height)?.header),
            None => Err(corrupt("more blocks than heights")),
        })
    }

    /// The hashes of the applied chain at height `from` and each `step`th above it, up to `count` of them. Reads no header.
    pub(super) fn applied_hashes(
        connection: &Connection,
        from: u32,
        step: u32,
        count: usize,
    ) -> Result<Vec<Hash>, StoreError> {
        let sql = "SELECT hash FROM headers WHERE id = (SELECT id FROM applied WHERE height = ?1)";
        let mut statement = connection.prepare_cached(sql)?;
        let heights = (0..count).map_while(|at| from.checked_add(step.checked_mul(u32::try_from(at).ok()?)?));
        let found = heights.map(|height| first(&mut statement, [height], |row| Ok(Hash(bytes(row, 0)?))).transpose());
        found.map_while(|found| found).collect()
    }

    fn at_height(self, height: u32) -> Result<Self, StoreError> {
        let found = self.header.height;
        if found == height { Ok(self) } else { Err(corrupt(format!("block {height}: block {found} is in its place"))) }
    }

    /// Appends headers under new ids.
    pub(super) fn insert(connection: &Connection, headers: &[NewHeader<'_>]) -> Result<(), StoreError> {
        let (groups, rest) = headers.as_chunks::<INSERT_ROWS>();
        groups.iter().try_for_each(|group| insert_all(connection, group))?;
        rest.iter().try_for_each(|header| insert_all(connection, std::slice::from_ref(header)))
    }

    /// The row that the archive's traits return.
    pub(super) fn with_status(self, status: BlockStatus) -> HeaderRow {
        HeaderRow { hash: self.hash, header: self.header, work: self.work, paused: self.paused, status }
    }
}

/// The seal of a row of `select_headers!`.
fn seal(row: &Row<'_>) -> Result<Seal, StoreError> {
    if let Some(bytes) = row.get_ref(12)?.as_blob_or_null().map_err(|error| corrupt(error.to_string()))? {
        return codec::decode(bytes).map_err(|error| corrupt(format!("a header's seal: {error}")));
    }
    let (target, nonce) = (CompactTarget(integer(row, 9)?), row.get::<_, i64>(10)?.cast_unsigned());
    Ok(Seal::Work(ProofOfWork { target, nonce }))
}

/// Target, nonce and other seal of a header to be stored.
fn seal_columns(seal: &Seal) -> (u32, i64, Option<Vec<u8>>) {
    match seal {
        Seal::Work(proof) => (proof.target.0, proof.nonce.cast_signed(), None),
        Seal::Authorities(_) => (0, 0, Some(codec::encode(seal))),
    }
}

/// Columns of the table.
const COLUMNS: usize = 14;
/// Headers that one statement appends: most of a short statement's time is its start and end.
const INSERT_ROWS: usize = 10;

/// A header to be appended.
pub(super) struct NewHeader<'a> {
    pub(super) id: i64,
    pub(super) parent: Option<i64>,
    pub(super) row: &'a HeaderRow,
}

/// Appends headers with one statement.
fn insert_all(connection: &Connection, headers: &[NewHeader<'_>]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "INSERT INTO headers (id, hash, key, parent, height, version, merkle_root, state_digest, time, target, nonce, \
         work, seal, paused) VALUES {}",
        placeholders(headers.len(), COLUMNS)
    ))?;
    let mut at = 0;
    for NewHeader { id, parent, row } in headers {
        let HeaderRow { hash, header, work, paused, .. } = row;
        let (target, nonce, seal) = seal_columns(&header.seal);
        let work = work.to_be_bytes();
        let values: [&dyn ToSql; COLUMNS] = [
            id,
            &hash.0.as_slice(),
            &key_of(hash),
            parent,
            &header.height,
            &header.version,
            &header.merkle_root.0.as_slice(),
            &header.state_digest.0.as_slice(),
            &header.time.cast_signed(),
            &target,
            &nonce,
            &work.as_slice(),
            &seal,
            &paused.cast_signed(),
        ];
        bind_next(&mut statement, &mut at, &values)?;
    }
    statement.raw_execute()?;
    Ok(())
}

/// The placeholders of several rows for one `INSERT`.
pub(super) fn placeholders(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row; rows].join(", ")
}

/// Binds the values of the next row; `at` is how many are bound.
pub(super) fn bind_next(statement: &mut Statement<'_>, at: &mut usize, row: &[&dyn ToSql]) -> Result<(), StoreError> {
    for value in row {
        *at += 1;
        statement.raw_bind_parameter(*at, value)?;
    }
    Ok(())
}

/// The key that headers are found by: the last eight bytes of the hash.
pub(super) fn key_of(hash: &Hash) -> i64 {
    let last: [u8; 8] = hash.0[24..].try_into().expect("32 bytes end in eight");
    i64::from_be_bytes(last)
}

/// Reads the first row, if there is one.
pub(super) fn one<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    first(&mut *connection.prepare_cached(sql)?, parameters, read)
}

/// Reads the first row of a prepared statement, if there is one.
pub(super) fn first<T>(
    statement: &mut Statement<'_>,
    parameters: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    statement.query(parameters)?.next()?.map(read).transpose()
}

/// Reads all rows. The query must bound their number.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut found = Vec::new();
    each(connection, sql, parameters, |row| {
        found.push(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Visits all rows.
pub(super) fn each(
    connection: &Connection,
    sql: &str,
    parameters: impl Params,
    mut visit: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(parameters)?;
    while let Some(row) = rows.next()? {
        visit(row)?;
    }
    Ok(())
}

/// Runs a statement that changes rows; returns how many.
pub(super) fn run(connection: &Connection, sql: &str, parameters: impl Params) -> Result<usize, StoreError> {
    Ok(connection.prepare_cached(sql)?.execute(parameters)?)
}

/// A BLOB of exactly `N` bytes.
pub(super) fn bytes<const N: usize>(row: &Row<'_>, column: usize) -> Result<[u8; N], StoreError> {
    let blob = slice(row, column)?;
    blob.try_into().map_err(|_| corrupt(format!("{} bytes where {N} belong", blob.len())))
}

/// A BLOB of any length.
pub(super) fn slice<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(corrupt(format!("{} where a blob belongs", other.data_type()))),
    }
}

/// An integer within the bounds of its Rust type.
pub(super) fn integer<T: TryFrom<i64>>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    let value: i64 = row.get(column)?;
    T::try_from(value).map_err(|_| corrupt(format!("{value} is out of range")))
}
