//! Loading all coins at once, in the order of their keys, into a run that takes the place of all others.
//!
//! Until the load is complete, no row of `coin_runs` names the run: what a kill leaves are pages of an unused slot, and
//! [`CoinTable::sweep`] removes them.

use rusqlite::Connection;

use super::{
    CoinTable, entry,
    pages::{self, PageWriter},
    run::{self, Layer, Run},
};
use crate::{
    chain::{archive::StoreError, coin::Coin, coin_key::CoinKey},
    store::error::corrupt,
};

/// A run that is being loaded.
#[derive(Debug)]
pub(in crate::store) struct Load {
    slot: u8,
    entries: u64,
    bytes: u64,
}

/// Appends coins to it.
pub(in crate::store) struct LoadWriter<'a> {
    load: &'a mut Load,
    pages: PageWriter<'a>,
    entry: Vec<u8>,
}

impl Load {
    /// A writer of the coins that follow, in the caller's transaction.
    pub(in crate::store) fn writer<'a>(&'a mut self, connection: &'a Connection) -> Result<LoadWriter<'a>, StoreError> {
        let pages = PageWriter::new(connection, self.slot, pages::PAGE_BYTES)?;
        Ok(LoadWriter { load: self, pages, entry: Vec::new() })
    }
}

impl LoadWriter<'_> {
    /// Appends a coin. Its key must be above those before.
    pub(in crate::store) fn push(&mut self, key: &CoinKey, coin: &Coin) -> Result<(), StoreError> {
        self.entry.clear();
        entry::put(&mut self.entry, key, Some(coin));
        self.pages.push(key.order, &self.entry)
    }

    /// Writes the last page.
    pub(in crate::store) fn finish(mut self) -> Result<(), StoreError> {
        self.pages.finish()?;
        self.load.entries += self.pages.entries;
        self.load.bytes += self.pages.bytes;
        Ok(())
    }
}

impl CoinTable {
    /// Begins a load. The table must have been swept, and must not be written to before the end.
    pub(in crate::store) fn begin_load(&self) -> Result<Load, StoreError> {
        let slot = run::free_slot(&self.layers).ok_or_else(|| corrupt("there are too many runs of coins"))?;
        Ok(Load { slot, entries: 0, bytes: 0 })
    }

    /// Removes up to `most` pages that belong to no run. Returns whether there may be more.
    pub(in crate::store) fn sweep(&self, connection: &Connection, most: usize) -> Result<bool, StoreError> {
        let mut left = most;
        for slot in run::free_slots(&self.layers) {
            left -= pages::delete_some(connection, slot, left)?;
            if left == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Puts the loaded run in the place of all runs, in the caller's transaction.
    pub(in crate::store) fn end_load(&mut self, connection: &Connection, load: Load) -> Result<(), StoreError> {
        for layer in std::mem::take(&mut self.layers) {
            for run in layer.runs() {
                run::forget(connection, run.slot)?;
                pages::delete_all(connection, run.slot)?;
            }
        }
        let Load { slot, entries, bytes } = load;
        if entries > 0 {
            // As the oldest it needs no filter.
            let run = Run { slot, age: 1, entries, bytes, filter: None };
            run::save(connection, &run, None)?;
            self.layers.push(Layer::Run(run));
        }
        Ok(())
    }
}

/// How many pages belong to no run. For tests.
#[cfg(test)]
pub(in crate::store) fn unused_pages(connection: &Connection) -> i64 {
    let sql = "SELECT count(*) FROM coin_pages WHERE id >> 55 NOT IN (SELECT slot FROM coin_runs)";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}
