//! The sums behind the state digest, as the database keeps them.
//!
//! They take 128 KiB, so only a commit after many changes stores them. A start reads them and brings them forward to the tip
//! with the changes of the blocks since. Sums that are missing or damaged are built again from all coins: the tip's digest,
//! which every commit stores, tells whether sums are right.

use std::cell::Cell;

use log::{info, warn};
use rusqlite::{Connection, MAIN_DB, blob::ZeroBlob};

use crate::{
    base::hash::Hash,
    chain::{
        archive::{StoreError, Tip},
        coin::CoinChanges,
        coin_key::CoinKey,
        digest::{STATE_SUM_BYTES, StateSum},
    },
    store::{
        bodies,
        coins::CoinTable,
        error::corrupt,
        rows::{self, StoredHeader},
    },
};

/// Changed coins after which a commit stores the sums: 8 bytes more to write for each. To bring them forward takes
/// 16 ms (11 blocks of 500 payments), and a third of a second on a host as slow as a twentieth of ours.
pub(super) const SAVE_AFTER: u64 = 16_384;
/// Changed coins that take as long as to read a block.
const BLOCK_CHANGES: u64 = 16;

/// Decides which commits store the sums.
#[derive(Debug)]
pub(super) struct SaveSchedule {
    save_after: u64,
    /// The height of the block after which the stored sums were right; `None` if there are none.
    saved: Option<u32>,
    /// Changed coins since then.
    changes: Cell<u64>,
}

impl SaveSchedule {
    /// What the database says; the sums are due after `save_after` changes.
    pub(super) fn load(connection: &Connection, save_after: u64) -> Result<Self, StoreError> {
        let saved = rows::one(connection, "SELECT height FROM state_sums", [], |row| rows::integer(row, 0));
        // A damaged height is found by who reads the sums, and has them built again.
        let saved = match saved {
            Err(StoreError::Corrupt(_)) => None,
            saved => saved?,
        };
        let changes = rows::one(connection, "SELECT changes FROM state", [], |row| rows::integer(row, 0))?;
        let changes = changes.ok_or_else(|| corrupt("the state row is missing"))?;
        Ok(Self { save_after, saved, changes: Cell::new(changes) })
    }

    /// Forgets what is known about the database, after a rollback.
    pub(super) fn reload(&mut self, connection: &Connection) -> Result<(), StoreError> {
        *self = Self::load(connection, self.save_after)?;
        Ok(())
    }

    /// Counts the changes of a block that was connected.
    pub(super) fn connected(&self, changes: &CoinChanges) {
        let coins = changes.spent.len() + changes.created.len();
        self.changes.set(self.changes.get().saturating_add(coins as u64 + BLOCK_CHANGES));
    }

    /// Notes that the block at `height` was disconnected. Sums from after it would lead nowhere.
    pub(super) fn disconnected(&self, height: u32) {
        if self.saved.is_some_and(|saved| height <= saved) {
            self.make_due();
        }
    }

    /// The height up to which the blocks below `wanted` may go: those above the stored sums are what brings these forward. Has the
    /// next commit store others if they hold up blocks that should go.
    pub(super) fn lets_go_below(&self, wanted: u32) -> u32 {
        match self.saved.map(|saved| saved.saturating_add(1)) {
            Some(needed) if needed < wanted => {
                self.make_due();
                needed
            }
            _ => wanted,
        }
    }

    /// Has the next commit store the sums.
    pub(super) fn make_due(&self) {
        self.changes.set(self.save_after);
    }

    /// Changed coins, for the database.
    pub(super) fn changes(&self) -> i64 {
        i64::try_from(self.changes.get()).unwrap_or(i64::MAX)
    }

    /// Stores the sums of the tip if they are due, in the transaction of its commit.
    pub(super) fn save_if_due(&mut self, connection: &Connection, tip: &Tip, sum: &StateSum) -> Result<(), StoreError> {
        if self.changes.get() < self.save_after {
            return Ok(());
        }
        let sql = "INSERT OR REPLACE INTO state_sums (one, height, hash, sums) VALUES (1, ?1, ?2, ?3)";
        let room = ZeroBlob(STATE_SUM_BYTES as u64);
        rows::run(connection, sql, (tip.height, tip.hash.0.as_slice(), room))?;
        // Bound to the statement, SQLite would copy them twice.
        connection.blob_open(MAIN_DB, "state_sums", "sums", 1, false)?.write_all_at(sum.as_bytes(), 0)?;
        self.saved = Some(tip.height);
        self.changes.set(0);
        Ok(())
    }
}

/// The sums after the block that the database was committed with.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) sum: StateSum,
    /// The stored ones were damaged.
    pub(super) damaged: bool,
}

/// The sums of the committed tip: the stored ones, brought forward, or else those of all coins.
pub(super) fn load(connection: &Connection, tip: &Tip) -> Result<Loaded, StoreError> {
    let damaged = match stored(connection, tip) {
        Ok(Some(sum)) => return Ok(Loaded { sum, damaged: false }),
        Ok(None) => false,
        Err(StoreError::Corrupt(problem)) => {
            warn!(
                "store: the stored state sums are damaged, they are built again from all coins problem=\"{problem}\""
            );
            true
        }
        Err(other) => return Err(other),
    };
    let mut sum = StateSum::default();
    CoinTable::open_to_read(connection)?.each_coin(connection, |outpoint, coin| {
        sum.add(&CoinKey::of(outpoint), &coin);
        Ok(())
    })?;
    if sum.digest() != tip.digest {
        return Err(corrupt(format!("the coins are not those of the state digest after block {}", tip.hash)));
    }
    if damaged {
        info!("store: the state sums are built again height={}", tip.height);
    }
    Ok(Loaded { sum, damaged })
}

/// The stored sums, brought forward to the tip; `None` if there are none.
pub(super) fn stored(connection: &Connection, tip: &Tip) -> Result<Option<StateSum>, StoreError> {
    let Some(Saved { height, mut sum }) = saved(connection)? else { return Ok(None) };
    for height in height + 1..=tip.height {
        let block = StoredHeader::applied_at(connection, height)?;
        let block = block.ok_or_else(|| corrupt(format!("block {height} is missing")))?;
        let CoinChanges { spent, created } = bodies::changes(connection, &block)?;
        spent.iter().for_each(|(outpoint, coin)| sum.remove(&CoinKey::of(outpoint), coin));
        created.iter().for_each(|(outpoint, coin)| sum.add(&CoinKey::of(outpoint), coin));
    }
    if sum.digest() != tip.digest {
        return Err(corrupt("the stored state sums do not lead to the tip's digest"));
    }
    Ok(Some(sum))
}

/// Sums that the database keeps.
pub(super) struct Saved {
    /// The height of the block after which they were right.
    pub(super) height: u32,
    pub(super) sum: StateSum,
}

/// The stored sums, which must be those of an applied block.
pub(super) fn saved(connection: &Connection) -> Result<Option<Saved>, StoreError> {
    let found = rows::one(connection, "SELECT height, hash, sums FROM state_sums", [], |row| {
        let sum = StateSum::from_bytes(rows::slice(row, 2)?);
        let sum = sum.ok_or_else(|| corrupt("the stored state sums have a wrong size"))?;
        Ok((Hash(rows::bytes(row, 1)?), Saved { height: rows::integer(row, 0)?, sum }))
    })?;
    let Some((hash, saved)) = found else { return Ok(None) };
    let applied = StoredHeader::applied_at(connection, saved.height)?;
    if applied.is_none_or(|applied| applied.hash != hash) {
        return Err(corrupt(format!("the stored state sums are those of block {hash}, which is not applied")));
    }
    Ok(Some(saved))
}
