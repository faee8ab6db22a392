//! The headers that are not on the applied chain: the `side` table, held in memory.
//!
//! During sync most headers are stored and applied between two commits and never reach the table. Their number is
//! bounded by the headers role: branches by `MAX_FORK_HEADERS`, headers ahead of the tip by `HEADERS_AHEAD`.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use crate::{
    base::hash::Hash,
    chain::{
        archive::{BlockStatus, StoreError},
        target::Work,
    },
    store::{error::corrupt, rows},
};

/// A header that is not on the applied chain.
#[derive(Clone, Debug)]
pub(super) struct ForkHeader {
    pub(super) id: i64,
    pub(super) parent: i64,
    pub(super) height: u32,
    pub(super) work: Work,
    pub(super) paused: u64,
    pub(super) status: BlockStatus,
    /// Whether the table has a row for it.
    persisted: bool,
}

/// All headers that are not on the applied chain, by hash.
#[derive(Debug, Default)]
pub(super) struct ForkHeaders {
    rows: BTreeMap<Hash, ForkHeader>,
    /// Changes that the table does not have yet, by id: a status to write, or `None` for a row to delete.
    dirty: BTreeMap<i64, (Hash, Option<BlockStatus>)>,
}

impl ForkHeaders {
    /// Reads the table.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let sql = "SELECT s.id, s.status, h.hash, h.parent, h.height, h.work, h.paused \
                   FROM side s JOIN headers h ON h.id = s.id";
        let mut forks = Self::default();
        rows::each(connection, sql, [], |row| {
            let header = ForkHeader {
                id: row.get(0)?,
                status: status_of(row.get(1)?)?,
                parent: row.get(3)?,
                height: rows::integer(row, 4)?,
                work: Work::from_be_bytes(rows::bytes(row, 5)?),
                paused: row.get::<_, i64>(6)?.cast_unsigned(),
                persisted: true,
            };
            forks.rows.insert(Hash(rows::bytes(row, 2)?), header);
            Ok(())
        })?;
        Ok(forks)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn get(&self, hash: &Hash) -> Option<&ForkHeader> {
        self.rows.get(hash)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Hash, &ForkHeader)> {
        self.rows.iter()
    }

    /// Adds a header that is not, or no longer, applied.
    pub(super) fn insert(
        &mut self,
        hash: Hash,
        (id, parent): (i64, i64),
        (height, work, paused): (u32, Work, u64),
        status: BlockStatus,
    ) {
        // The table still has a row that was due for deletion.
        let persisted = matches!(self.dirty.get(&id), Some((_, None)));
        self.rows.insert(hash, ForkHeader { id, parent, height, work, paused, status, persisted });
        self.dirty.insert(id, (hash, Some(status)));
    }

    pub(super) fn set_status(&mut self, hash: &Hash, status: BlockStatus) {
        if let Some(row) = self.rows.get_mut(hash) {
            row.status = status;
            self.dirty.insert(row.id, (*hash, Some(status)));
        }
    }

    /// Removes a header that is applied now.
    pub(super) fn remove(&mut self, hash: &Hash) {
        if let Some(row) = self.rows.remove(hash) {
            if row.persisted {
                self.dirty.insert(row.id, (*hash, None));
            } else {
                self.dirty.remove(&row.id);
            }
        }
    }

    /// The header and those that it builds on, the lowest first.
    pub(super) fn with_ancestors(&self, hash: &Hash) -> Vec<Hash> {
        let by_id: BTreeMap<i64, &Hash> = self.rows.iter().map(|(hash, row)| (row.id, hash)).collect();
        let (mut family, mut next) = (Vec::new(), Some(hash));
        while let Some((hash, row)) = next.and_then(|hash| self.rows.get_key_value(hash)) {
            family.push(*hash);
            next = by_id.get(&row.parent).copied();
        }
        family.reverse();
        family
    }

    /// The header and all that build on it, parents before children.
    pub(super) fn with_descendants(&self, hash: &Hash) -> Vec<Hash> {
        let Some(root) = self.rows.get(hash) else { return Vec::new() };
        let mut later: Vec<(i64, i64, &Hash)> = self
            .rows
            .iter()
            .filter(|(_, row)| row.id > root.id)
            .map(|(hash, row)| (row.id, row.parent, hash))
            .collect();
        // A child's id is larger than its parent's, so one pass in the order of ids finds all.
        later.sort_unstable();
        let (mut family, mut found) = (BTreeSet::from([root.id]), vec![*hash]);
        for (id, parent, hash) in later {
            if family.contains(&parent) {
                family.insert(id);
                found.push(*hash);
            }
        }
        found
    }

    /// Writes the changes since the last flush into the open transaction, a run of equal rows with one statement. During sync
    /// each header comes and goes; one statement for each took a seventh of the ledger's time.
    pub(super) fn flush(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let mut run: Option<Run> = None;
        for (id, (hash, status)) in std::mem::take(&mut self.dirty) {
            if status.is_some()
                && let Some(row) = self.rows.get_mut(&hash)
            {
                row.persisted = true;
            }
            match &mut run {
                Some(run) if run.status == status && run.last.checked_add(1) == Some(id) => run.last = id,
                _ => {
                    let next = Run { first: id, last: id, status };
                    run.replace(next).map_or(Ok(()), |ended| ended.write(connection))?;
                }
            }
        }
        run.map_or(Ok(()), |ended| ended.write(connection))
    }
}

/// Rows with successive ids that get the same status, or are deleted.
struct Run {
    first: i64,
    last: i64,
    status: Option<BlockStatus>,
}

impl Run {
    fn write(self, connection: &Connection) -> Result<(), StoreError> {
        let Self { first, last, status } = self;
        match status {
            Some(status) => {
                let sql = "INSERT OR REPLACE INTO side SELECT id, ?3 FROM headers WHERE id BETWEEN ?1 AND ?2";
                rows::run(connection, sql, (first, last, number_of(status)))?;
            }
            None => {
                rows::run(connection, "DELETE FROM side WHERE id BETWEEN ?1 AND ?2", (first, last))?;
            }
        }
        Ok(())
    }
}

/// The status that a number in the table stands for.
pub(in crate::store) fn status_of(number: i64) -> Result<BlockStatus, StoreError> {
    match number {
        0 => Ok(BlockStatus::Header),
        1 => Ok(BlockStatus::Stored),
        2 => Ok(BlockStatus::Invalid),
        other => Err(corrupt(format!("a block status of {other}"))),
    }
}

fn number_of(status: BlockStatus) -> i64 {
    match status {
        BlockStatus::Header => 0,
        BlockStatus::Stored => 1,
        BlockStatus::Invalid => 2,
        BlockStatus::Applied => unreachable!("an applied block has no row here"),
    }
}
