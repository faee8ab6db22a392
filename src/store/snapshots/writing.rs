//! Writing a snapshot beside the ledger's writer.
//!
//! No transaction stays open: each step reads the coins of a range of keys as they are at whatever tip the ledger has, and undoes what the
//! blocks above the snapshot did to them. A coin that is younger than the snapshot is left out, and one that was spent since
//! is put back: what blocks spent is in their undo data. So a step needs the coins spent above the snapshot whose keys are not yet
//! written, and nothing else. If those are too many for the memory, as after a restart long after the snapshot's block, it knows those with
//! the lowest keys, writes up to there, and reads the blocks above the snapshot again.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{folder::Folder, record};
use crate::{
    base::hash::Hash,
    chain::{
        archive::StoreError,
        coin::Coin,
        coin_key::CoinKey,
        snapshot::{Cutter, Manifest, SnapshotName},
    },
    store::{bodies, check, coins::CoinTable, error::corrupt, rows::StoredHeader},
};

pub(super) const COINS: &str = "writing.coins";

/// Blocks whose undo data a step reads.
const STEP_BLOCKS: u32 = 8;
/// Blocks above a snapshot at which it is given up: it would be old when it is complete.
const MOST_BLOCKS: u32 = 10_000;
/// Coins to be put back that are held in memory: 4 MiB.
const MOST_SPENT: usize = if cfg!(test) { 16 } else { 32_768 };
/// How often the blocks above a snapshot are read before it is given up: it takes half an hour in which 500 coins are spent each
/// second until they are too many.
const MOST_PASSES: u32 = 64;

/// A snapshot that is being written.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) name: SnapshotName,
    cutter: Cutter,
    offset: u64,
    /// Of the pieces written.
    pub(super) checks: Vec<u64>,
    /// The last key that was written or left out.
    passed: Option<CoinKey>,
    above: Above,
    /// How often the blocks above it were read from the first one on because of too many coins.
    passes: u32,
}

/// The coins that blocks above the snapshot have spent, of those that it has.
#[derive(Debug)]
struct Above {
    /// The last of these blocks.
    height: u32,
    hash: Hash,
    spent: BTreeMap<CoinKey, Coin>,
    /// Up to this key they are known; `None`: all are.
    limit: Option<CoinKey>,
}

impl Above {
    /// None so far.
    fn of(name: SnapshotName) -> Self {
        Self { height: name.height, hash: name.block, spent: BTreeMap::new(), limit: None }
    }

    fn add(&mut self, key: CoinKey, coin: Coin) {
        if self.limit.is_some_and(|limit| key > limit) {
            return;
        }
        self.spent.insert(key, coin);
        if self.spent.len() > MOST_SPENT
            && let Some(middle) = self.spent.keys().nth(MOST_SPENT / 2).copied()
        {
            self.spent.split_off(&middle);
            self.limit = self.spent.last_key_value().map(|(key, _)| *key);
        }
    }
}

/// What a step has done.
pub(super) enum Step {
    More,
    Done(Manifest),
    GivenUp(&'static str),
}

impl Writer {
    pub(super) fn new(name: SnapshotName) -> Self {
        let (cutter, above) = (Cutter::default(), Above::of(name));
        Self { name, cutter, offset: 0, checks: Vec::new(), passed: None, above, passes: 0 }
    }

    /// How many buckets are written.
    pub(super) fn buckets(&self) -> usize {
        self.cutter.buckets()
    }

    /// Does a few milliseconds' work: writes so many coins.
    pub(super) fn step(
        &mut self,
        ledger: &Connection,
        folder: &mut dyn Folder,
        coins: usize,
    ) -> Result<Step, StoreError> {
        let tip = check::tip(ledger)?;
        let is_applied = |height, hash| -> Result<bool, StoreError> {
            Ok(StoredHeader::applied_at(ledger, height)?.is_some_and(|header| header.hash == hash))
        };
        if !is_applied(self.name.height, self.name.block)? {
            return Ok(Step::GivenUp("its block is not applied"));
        }
        if tip.height - self.name.height > MOST_BLOCKS {
            return Ok(Step::GivenUp("too many blocks came meanwhile"));
        }
        if self.above.height > tip.height || !is_applied(self.above.height, self.above.hash)? {
            // A reorganisation: the blocks of another branch have spent others.
            self.above = Above::of(self.name);
        }
        self.gather(ledger, tip.height)?;
        if self.passes > MOST_PASSES {
            return Ok(Step::GivenUp("too many coins were spent meanwhile"));
        }
        if self.above.height < tip.height || self.copy(ledger, folder, coins)? {
            return Ok(Step::More);
        }
        let expected = match StoredHeader::applied_at(ledger, self.name.height + 1)? {
            Some(next) => next.header.state_digest,
            None => tip.digest,
        };
        let manifest = self.finish(folder)?;
        Ok(match manifest {
            Some(manifest) if manifest.digest() == expected => Step::Done(manifest),
            Some(_) => Step::GivenUp("the coins are not those of the next header's digest"),
            None => Step::GivenUp("there are too many coins"),
        })
    }

    /// Brings the spent coins forward to the tip, some blocks at a time.
    fn gather(&mut self, ledger: &Connection, tip: u32) -> Result<(), StoreError> {
        let (above, passed, of) = (&mut self.above, self.passed, self.name.height);
        for height in (above.height + 1..=tip).take(STEP_BLOCKS as usize) {
            let stored = StoredHeader::applied_at(ledger, height)?;
            let stored = stored.ok_or_else(|| corrupt(format!("block {height} is missing")))?;
            for (outpoint, coin) in bodies::spent(ledger, &bodies::decoded(ledger, &stored)?)? {
                let key = CoinKey::of(&outpoint);
                if coin.height <= of && passed.is_none_or(|passed| key > passed) {
                    above.add(key, coin);
                }
            }
            (above.height, above.hash) = (height, stored.hash);
        }
        Ok(())
    }

    /// Writes some coins. Returns whether there are more.
    fn copy(&mut self, ledger: &Connection, folder: &mut dyn Folder, coins: usize) -> Result<bool, StoreError> {
        let table = CoinTable::open_to_read(ledger)?;
        let mut scan = table.scan_behind(ledger, self.passed.as_ref())?;
        for _ in 0..coins {
            let next = scan.next()?;
            let before = |key: &CoinKey| next.as_ref().is_none_or(|(next, _)| key < next);
            while let Some(spent) = self.above.spent.first_entry().filter(|spent| before(spent.key())) {
                let (key, coin) = spent.remove_entry();
                self.put(&key, &coin, folder)?;
            }
            if let Some(limit) = self.above.limit.filter(before) {
                // Of what was spent behind it not all is known.
                (self.passed, self.above) = (Some(limit), Above::of(self.name));
                self.passes += 1;
                return Ok(true);
            }
            let Some((key, coin)) = next else { return Ok(false) };
            if self.above.spent.first_key_value().is_some_and(|(spent, _)| *spent == key) {
                return Err(corrupt("a coin that a block spent is still there"));
            }
            if coin.height <= self.name.height {
                self.put(&key, &coin, folder)?;
            }
            self.passed = Some(key);
        }
        Ok(true)
    }

    fn put(&mut self, key: &CoinKey, coin: &Coin, folder: &mut dyn Folder) -> Result<(), StoreError> {
        let Self { cutter, offset, checks, .. } = self;
        cutter.push(key, coin, &mut |piece| write(folder, offset, checks, piece))
    }

    fn finish(&mut self, folder: &mut dyn Folder) -> Result<Option<Manifest>, StoreError> {
        let Self { name, cutter, offset, checks, .. } = self;
        let SnapshotName { height, block } = *name;
        let manifest =
            std::mem::take(cutter).finish(height, block, &mut |piece| write(folder, offset, checks, piece))?;
        // Without a coin there is no piece, and so no file.
        folder.resize(COINS, *offset)?;
        Ok(manifest.ok())
    }
}

fn write(folder: &mut dyn Folder, offset: &mut u64, checks: &mut Vec<u64>, piece: &[u8]) -> Result<(), StoreError> {
    folder.write(COINS, *offset, piece)?;
    *offset += piece.len() as u64;
    checks.push(record::check_of(piece));
    Ok(())
}
