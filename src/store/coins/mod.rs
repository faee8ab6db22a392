//! The coins: packed, sorted runs that are merged in small steps.
//!
//! A flush writes its changes as one run, in the order of their keys: coins, and marks of spent coins. A look-up asks the
//! runs from the youngest to the oldest, and the first entry counts. Runs are merged when there are several of about the
//! same size, and into the oldest once all others weigh half of it. A merge goes on in steps of a few milliseconds; a
//! look-up meanwhile asks the half-made run up to the last merged key, and the old ones above. Each step, with what it
//! deletes and the note of how far it came, is in one transaction, so a kill at any moment loses nothing.
//!
//! A run is rows of `coin_pages`, each a database page of entries under the last of their keys, so that a search ends on
//! the right page at once. `coin_runs` lists the runs. A filter for each run but the oldest, held in memory and stored in
//! `coin_filters`, rules out 99 of 100 needless reads; where the memory is short, the oldest filters are smaller or missing.
//!
//! The order of keys is the same in every node ([`CoinKey`]). An entry stores the first 64 bits of the hash and the whole
//! outpoint: 128 bits of the hash, as first designed, would order no better and make each entry a tenth longer.
//!
//! What was measured before (prototype, 5 million coins, a payment spends one coin and makes two; µs of processor time and
//! bytes written for each payment):
//!
//! | layout | µs | bytes |
//! |---|---|---|
//! | one tree under scattered keys | 41 | 14,500 |
//! | runs of plain rows, merged lazily (1 million) | 22 | 1,590 |
//! | an append-only heap with a tree of places (1 million) | 30 | 1,200 |
//! | packed runs, merged lazily | 11 to 13 | 1,500 |
//!
//! Blocks under their first key cost two page reads a look-up. Without filters a look-up asked 2.7 runs instead of 1.

mod entry;
mod filter;
pub(super) mod load;
mod merge;
mod pages;
mod run;
mod scan;
#[cfg(test)]
mod tests;
pub(super) mod view;

use std::collections::BTreeMap;

use rusqlite::Connection;

use self::{
    merge::Sizes,
    pages::{PageFinder, PageWriter},
    run::{FilterRoom, Layer, Run},
    scan::Scan,
};
use crate::{
    chain::{
        archive::StoreError,
        coin::{Coin, CoinChange},
        coin_key::CoinKey,
        transaction::OutPoint,
    },
    store::{check, error::corrupt},
};

/// Memory for all filters of a ledger of five million coins.
pub(super) const FILTER_BYTES: usize = 2_560 * 1024;
/// Changes that show whether a flush comes in the order of keys.
const FIRST_CHANGES: usize = 64;
/// Changes that are sorted at a time if it does not; about 3 MiB.
const SORTED_CHANGES: usize = 32_768;
/// Bytes to be merged for each byte written: more than merges need in the long run, about six.
const MERGED_PER_BYTE: u64 = 8;
/// A turn merges at least this part of what is due, so that it never becomes much more.
const DUE_PARTS: u64 = 64;
/// Bytes that a turn merges at most: 50 ms on a host as slow as a tenth of ours.
const MOST_BYTES_A_TURN: u64 = 2 * 1024 * 1024;
/// Runs at which a flush merges until there are fewer, whatever that takes. Never reached while turns are taken.
const MOST_RUNS: usize = 160;

/// The coins of one database.
#[derive(Debug)]
pub(super) struct CoinTable {
    /// From the youngest to the oldest.
    layers: Vec<Layer>,
    sizes: Sizes,
    room: FilterRoom,
    /// Bytes of merging that flushes have made due.
    due: u64,
    /// Bytes of entries written since [`CoinTable::take_written`].
    written: u64,
}

impl CoinTable {
    /// The coins of the database behind `connection`, for its writer. Filters take at most `filter_bytes`; `secret`
    /// decides which bits they use.
    pub(super) fn open(connection: &Connection, secret: [u8; 32], filter_bytes: usize) -> Result<Self, StoreError> {
        let [a, b, c, d, e, f, g, h, ..] = secret;
        let room = FilterRoom { bytes: filter_bytes, secret: u64::from_le_bytes([a, b, c, d, e, f, g, h]) };
        let mut table = Self { layers: Vec::new(), sizes: Sizes::default(), room, due: 0, written: 0 };
        table.reload(connection)?;
        Ok(table)
    }

    /// The same for a reader that looks up few coins: without filters. Call it within the reader's transaction.
    pub(super) fn open_to_read(connection: &Connection) -> Result<Self, StoreError> {
        Self::open(connection, [0; 32], 0)
    }

    /// Forgets what is known about the database, after a rollback.
    pub(super) fn reload(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.layers = run::load(connection, &self.room)?;
        // A merge that was under way goes on.
        self.due = self.due.max(self.sizes.step_bytes);
        Ok(())
    }

    /// The coin at an outpoint.
    pub(super) fn get(&self, connection: &Connection, key: &CoinKey) -> Result<Option<Coin>, StoreError> {
        self.reader(connection)?.get(key)
    }

    /// A reader of many coins. Preparing its statement takes a tenth as long as reading a coin.
    pub(super) fn reader<'a>(&'a self, connection: &'a Connection) -> Result<CoinReader<'a>, StoreError> {
        Ok(CoinReader { table: self, finder: PageFinder::new(connection)? })
    }

    /// Visits all coins in the order of their keys.
    pub(super) fn each_coin(
        &self,
        connection: &Connection,
        mut visit: impl FnMut(&OutPoint, Coin) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut scan = self.scan_behind(connection, None)?;
        while let Some((key, coin)) = scan.next()? {
            visit(&key.outpoint, coin)?;
        }
        Ok(())
    }

    /// A pass over the coins whose keys are above `passed`, in the order of their keys.
    pub(super) fn scan_behind<'a>(
        &self,
        connection: &'a Connection,
        passed: Option<&CoinKey>,
    ) -> Result<Scan<'a>, StoreError> {
        Scan::new(connection, &self.layers, passed)
    }

    /// The same as [`CoinTable::each_coin`], and checks that each coin is stored under its own key and can be found.
    pub(super) fn check_each(
        &self,
        connection: &Connection,
        mut visit: impl FnMut(&OutPoint, Coin),
    ) -> Result<(), StoreError> {
        check::quick_of(connection, "coin_pages")?;
        let mut reader = self.reader(connection)?;
        self.each_coin(connection, |outpoint, coin| {
            let OutPoint { txid, index } = outpoint;
            // Coins follow each other in the table as they are looked up here, so this reads few pages.
            if reader.get(&CoinKey::of(outpoint))?.as_ref() != Some(&coin) {
                return Err(corrupt(format!("the coin {txid}:{index} lies under another key")));
            }
            visit(outpoint, coin);
            Ok(())
        })
    }

    /// Creates and removes coins, best in the order of their keys. A change that was made already may be repeated.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        changes: &mut dyn Iterator<Item = CoinChange>,
    ) -> Result<(), StoreError> {
        let mut first: Vec<CoinChange> = changes.take(FIRST_CHANGES).collect();
        if first.len() < FIRST_CHANGES {
            sort(&mut first);
            return self.write_few(connection, first);
        }
        if first.is_sorted_by_key(|change| change.key) {
            let mut all = first.into_iter().chain(&mut *changes);
            let Some(out_of_order) = self.write_run(connection, &mut all)? else { return Ok(()) };
            first = vec![out_of_order];
        }
        let mut all = first.into_iter().chain(changes);
        loop {
            let mut some: Vec<CoinChange> = (&mut all).take(SORTED_CHANGES).collect();
            if some.is_empty() {
                return Ok(());
            }
            sort(&mut some);
            self.write_run(connection, &mut some.into_iter())?;
        }
    }

    /// Writes sorted changes that fit into a page or two. They join the youngest run if all fit into one: its page is written
    /// in place, so that a block at the tip changes no other page of runs.
    fn write_few(&mut self, connection: &Connection, changes: Vec<CoinChange>) -> Result<(), StoreError> {
        let mut added = Vec::new();
        changes.iter().for_each(|change| entry::put(&mut added, &change.key, change.coin.as_ref()));
        let room = (self.sizes.page_bytes as u64).saturating_sub(added.len() as u64);
        let Some(Layer::Run(youngest)) = self.layers.first().filter(|layer| layer.bytes() <= room) else {
            return self.write_run(connection, &mut changes.into_iter()).map(|_| ());
        };
        let (slot, age) = (youngest.slot, youngest.age);
        let mut all = Vec::with_capacity(changes.len() + FIRST_CHANGES);
        let mut cursor = pages::cursor(connection, slot, None)?;
        while let Some(entry) = cursor.entries.entry() {
            all.push(CoinChange { key: entry.key, coin: entry.coin()? });
            cursor.step(connection)?;
        }
        all.extend(changes);
        // Of two to one coin the later one counts.
        let last_of_each: BTreeMap<CoinKey, Option<Coin>> =
            all.into_iter().map(|change| (change.key, change.coin)).collect();
        let mut page = Vec::with_capacity(self.sizes.page_bytes);
        last_of_each.iter().for_each(|(key, coin)| entry::put(&mut page, key, coin.as_ref()));
        pages::replace_run(connection, slot, &page)?;
        let orders: Vec<u64> = last_of_each.keys().map(|key| key.order).collect();
        self.layers.remove(0);
        let filter = merge::filter_of(&orders, &self.layers, &self.room);
        let run = Run { slot, age, entries: orders.len() as u64, bytes: page.len() as u64, filter };
        run::save(connection, &run, None)?;
        self.layers.insert(0, Layer::Run(run));
        self.note_written(page.len() as u64, added.len() as u64);
        merge::plan(connection, &mut self.layers, &self.sizes, &self.room)
    }

    /// Counts bytes written, of which `new` are new to the runs.
    fn note_written(&mut self, bytes: u64, new: u64) {
        self.written += bytes;
        self.due = self.due.saturating_add(new.saturating_mul(MERGED_PER_BYTE));
    }

    /// Writes sorted changes as a run; of several to one coin the last one counts. Stops at a change that is out of order
    /// and returns it.
    fn write_run(
        &mut self,
        connection: &Connection,
        changes: &mut dyn Iterator<Item = CoinChange>,
    ) -> Result<Option<CoinChange>, StoreError> {
        let Some(slot) = run::free_slot(&self.layers) else { return Err(corrupt("there are too many runs of coins")) };
        let mut writer = PageWriter::new(connection, slot, self.sizes.page_bytes)?;
        let (mut orders, mut bytes, mut last) = (Vec::new(), Vec::with_capacity(80), None::<CoinChange>);
        let mut out_of_order = None;
        let mut put = |change: &CoinChange| {
            bytes.clear();
            entry::put(&mut bytes, &change.key, change.coin.as_ref());
            orders.push(change.key.order);
            writer.push(change.key.order, &bytes)
        };
        for change in changes {
            if let Some(last) = &last {
                if change.key < last.key {
                    out_of_order = Some(change);
                    break;
                }
                if change.key > last.key {
                    put(last)?;
                }
            }
            last = Some(change);
        }
        if let Some(last) = &last {
            put(last)?;
        }
        writer.finish()?;
        let (entries, bytes) = (writer.entries, writer.bytes);
        if entries == 0 {
            return Ok(None);
        }
        let filter = merge::filter_of(&orders, &self.layers, &self.room);
        let age = self.layers.first().map_or(0, Layer::age) + 1;
        let new = Run { slot, age, entries, bytes, filter };
        run::save(connection, &new, None)?;
        run::save_filter(connection, &new)?;
        self.layers.insert(0, Layer::Run(new));
        self.note_written(bytes, bytes);
        merge::plan(connection, &mut self.layers, &self.sizes, &self.room)?;
        while self.layers.iter().flat_map(Layer::runs).count() > MOST_RUNS && self.step(connection)? {}
        Ok(out_of_order)
    }

    /// Takes a turn at merging, in the caller's transaction: a part of what is due. Few milliseconds; nothing if little is
    /// due.
    pub(super) fn merge(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let least = self.sizes.step_bytes;
        let goal = self.due.saturating_sub((self.due / DUE_PARTS).clamp(least, MOST_BYTES_A_TURN.max(least)));
        while self.due > goal && (self.due >= least || self.is_short()) && self.step(connection)? {}
        Ok(())
    }

    /// Takes all turns that are due.
    pub(super) fn merge_all(&mut self, connection: &Connection) -> Result<(), StoreError> {
        while self.due > 0 && self.step(connection)? {}
        Ok(())
    }

    /// Whether a turn at merging would do something.
    pub(super) fn has_merges_due(&self) -> bool {
        let merging = self.layers.iter().any(|layer| matches!(layer, Layer::Merge(_)));
        merging && (self.due >= self.sizes.step_bytes || self.due > 0 && self.is_short())
    }

    /// Whether the next merge takes one step.
    fn is_short(&self) -> bool {
        let next = self.layers.iter().find(|layer| matches!(layer, Layer::Merge(_)));
        next.is_some_and(|merge| merge.bytes() <= self.sizes.step_bytes)
    }

    /// Does one step of the youngest merge: it ends soonest. Returns whether there was one.
    fn step(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        let Some(at) = self.layers.iter().position(|layer| matches!(layer, Layer::Merge(_))) else {
            self.due = 0;
            return Ok(false);
        };
        let before = self.layers.len();
        let merged = merge::step(connection, &mut self.layers, at, &self.sizes)?;
        self.written += merged;
        self.due = self.due.saturating_sub(merged.max(1));
        if self.layers.len() < before || matches!(self.layers.get(at), Some(Layer::Run(_))) {
            merge::plan(connection, &mut self.layers, &self.sizes, &self.room)?;
        }
        Ok(true)
    }

    /// Bytes of entries written since the last call.
    pub(super) fn take_written(&mut self) -> u64 {
        std::mem::take(&mut self.written)
    }
}

/// Sorts changes by key. Of two to one coin the later one stays the later one.
fn sort(changes: &mut [CoinChange]) {
    changes.sort_by_key(|change| change.key);
}

/// Reads coins of one database with a prepared statement.
pub(super) struct CoinReader<'a> {
    table: &'a CoinTable,
    finder: PageFinder<'a>,
}

impl CoinReader<'_> {
    /// The coin with this key.
    pub(super) fn get(&mut self, key: &CoinKey) -> Result<Option<Coin>, StoreError> {
        for layer in &self.table.layers {
            let (one, several) = match layer {
                Layer::Run(run) => (Some(run), &[][..]),
                Layer::Merge(merge) if merge.passed.is_some_and(|passed| *key <= passed) => {
                    (Some(&merge.output), &[][..])
                }
                Layer::Merge(merge) => (None, &merge.inputs[..]),
            };
            for run in one.into_iter().chain(several) {
                if run.filter.as_ref().is_some_and(|filter| !filter.may_have(key.order)) {
                    continue;
                }
                if let Some(found) = self.finder.find(run.slot, key)? {
                    return Ok(found);
                }
            }
        }
        Ok(None)
    }
}
