//! Quick checks of a file for damage: SQLite's own, and the last blocks.

use rusqlite::Connection;

use crate::{
    base::hash::Hash,
    chain::{
        archive::{StoreError, Tip},
        coin_key::CoinKey,
        digest::StateSum,
    },
    store::{
        bodies,
        error::corrupt,
        kept,
        rows::{self, StoredHeader},
    },
};

/// SQLite's `quick_check`: every page is well-formed and linked.
pub(super) fn quick(connection: &Connection) -> Result<(), StoreError> {
    sqlite_check(connection, "PRAGMA quick_check(1)")
}

/// The same for one table, whose name is ours.
pub(super) fn quick_of(connection: &Connection, table: &str) -> Result<(), StoreError> {
    sqlite_check(connection, &format!("PRAGMA quick_check({table})"))
}

/// SQLite's `integrity_check`: also that indexes match their tables.
pub(super) fn integrity(connection: &Connection) -> Result<(), StoreError> {
    sqlite_check(connection, "PRAGMA integrity_check(1)")
}

/// The tip, as committed.
pub(super) fn tip(connection: &Connection) -> Result<Tip, StoreError> {
    let read = |row: &rusqlite::Row<'_>| Ok((rows::integer::<u32>(row, 0)?, Hash(rows::bytes(row, 1)?)));
    let state = rows::one(connection, "SELECT height, digest FROM state", [], read)?;
    let (height, digest) = state.ok_or_else(|| corrupt("the state row is missing"))?;
    let end = StoredHeader::applied_at(connection, height)?;
    let end = end.ok_or_else(|| corrupt(format!("no block is applied at the tip's height {height}")))?;
    Ok(Tip { hash: end.hash, height, time: end.header.time, work: end.work, digest })
}

/// Verifies up to `count` blocks that are kept whole, from the tip downwards: header hash and linkage, body, and that disconnecting each leads
/// to the state that its header commits to. `sum` is the tip's. Returns the number of blocks.
pub(super) fn recent_blocks(
    connection: &Connection,
    tip: &Tip,
    mut sum: StateSum,
    count: u32,
) -> Result<u32, StoreError> {
    let mut expected = tip.hash;
    let kept_from = kept::kept_from(connection)?;
    // Genesis is always kept.
    let kept_from = if kept_from <= 1 { 0 } else { kept_from };
    let lowest = tip.height.saturating_sub(count.saturating_sub(1)).max(kept_from);
    for height in (lowest..=tip.height).rev() {
        let at = |what: &str| corrupt(format!("block {height}: {what}"));
        let stored = StoredHeader::applied_at(connection, height)?.ok_or_else(|| at("missing"))?;
        if stored.hash != expected {
            return Err(at("does not link to the block above it"));
        }
        if bodies::decoded(connection, &stored)?.merkle_root() != stored.header.merkle_root {
            return Err(at("the body is not the header's"));
        }
        let changes = bodies::changes(connection, &stored)?;
        changes.created.iter().for_each(|(outpoint, coin)| sum.remove(&CoinKey::of(outpoint), coin));
        changes.spent.iter().for_each(|(outpoint, coin)| sum.add(&CoinKey::of(outpoint), coin));
        if sum.digest() != stored.header.state_digest {
            return Err(at("undoing it does not lead to the state that its header commits to"));
        }
        expected = stored.header.previous;
    }
    Ok(tip.height.saturating_add(1).saturating_sub(lowest))
}

fn sqlite_check(connection: &Connection, pragma: &str) -> Result<(), StoreError> {
    let answer: String = connection.query_row(pragma, [], |row| row.get(0))?;
    if answer == "ok" {
        return Ok(());
    }
    // Users and logs get one line. SQLite's first line only names the database.
    let findings: Vec<&str> = answer.lines().filter(|line| !line.starts_with("***")).collect();
    Err(corrupt(findings.join("; ")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::testing::TempDir;

    #[test]
    fn sqlite_s_findings_are_reported_in_one_line() {
        let dir = TempDir::new();
        let path = dir.join("rows.db");
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)").unwrap();
        assert!(quick(&connection).is_ok());
        drop(connection);
        // Swaps the first two rows of the second page's cell array, which follows its header of eight bytes.
        let mut bytes = fs::read(&path).unwrap();
        let (first, second) = bytes[4096 + 8..].split_at_mut(2);
        first.swap_with_slice(&mut second[..2]);
        fs::write(&path, bytes).unwrap();
        for check in [quick, integrity] {
            let problem = check(&Connection::open(&path).unwrap()).unwrap_err().to_string();
            assert!(problem.contains("out of order"), "{problem}");
            assert!(!problem.contains('\n') && !problem.contains("***"), "{problem}");
        }
    }
}
