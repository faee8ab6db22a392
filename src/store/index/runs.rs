//! The runs of the index: sorted entries of some blocks, and their merges.
//!
//! A random tree would write a page for nearly each entry. A run is written in order, and as long as there are few runs, a
//! look-up asks them all. Which run has an entry does not matter: of a merge that is half done, what is merged is in one run
//! and the rest still in the others.

use rusqlite::Connection;

use super::{
    entry::{self, Entry, Kind},
    pages::{self, Cursor, PageWriter, Part},
};
use crate::{
    chain::archive::StoreError,
    store::{error::corrupt, rows, runs},
};

/// Runs of about the same size that are merged into one.
const FAN: usize = 8;
/// Runs that one merge takes in.
const MAX_INPUTS: usize = 24;
/// Runs up to this size are all of the smallest tier; those of each other tier are up to `FAN` times as large.
const SMALLEST_TIER_BYTES: u64 = 4096;

/// A run.
#[derive(Clone, Copy, Debug)]
struct Run {
    slot: u8,
    bytes: u64,
    /// The slot of the run that a merge makes of this one.
    merged_into: Option<u8>,
}

/// The entries of each kind.
pub(super) type Entries = [Vec<Entry>; Kind::ALL.len()];

/// The slots of all runs.
pub(super) fn slots(connection: &Connection) -> Result<Vec<u8>, StoreError> {
    Ok(all(connection)?.into_iter().map(|run| run.slot).collect())
}

fn all(connection: &Connection) -> Result<Vec<Run>, StoreError> {
    rows::all(connection, "SELECT slot, bytes, merged_into FROM runs ORDER BY slot", [], |row| {
        let merged_into = row.get::<_, Option<i64>>(2)?;
        let merged_into = merged_into.map(u8::try_from).transpose().map_err(|error| corrupt(error.to_string()))?;
        Ok(Run { slot: rows::integer(row, 0)?, bytes: rows::integer(row, 1)?, merged_into })
    })
}

fn save(connection: &Connection, run: Run) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO runs (slot, bytes, merged_into) VALUES (?1, ?2, ?3)";
    rows::run(connection, sql, (run.slot, run.bytes.cast_signed(), run.merged_into)).map(|_| ())
}

fn free_slot(runs: &[Run]) -> Result<u8, StoreError> {
    let slot = runs::free_slot(runs.iter().map(|run| run.slot), u8::MAX);
    slot.ok_or_else(|| corrupt("the index has too many runs"))
}

/// Adds a run. The entries of each kind must be in order. Returns their bytes.
pub(super) fn add(connection: &Connection, entries: &Entries) -> Result<u64, StoreError> {
    let slot = free_slot(&all(connection)?)?;
    let mut bytes = 0;
    for (kind, entries) in Kind::ALL.into_iter().zip(entries) {
        let mut writer = PageWriter::new(connection, Part { slot, kind })?;
        entries.iter().try_for_each(|entry| writer.push(entry))?;
        writer.finish()?;
        bytes += writer.bytes;
    }
    if bytes > 0 {
        save(connection, Run { slot, bytes, merged_into: None })?;
    }
    Ok(bytes)
}

/// So many bytes of a run's entries are gone.
pub(super) fn shrink(connection: &Connection, slot: u8, freed: u64) -> Result<(), StoreError> {
    if freed > 0 {
        let sql = "UPDATE runs SET bytes = max(1, bytes - ?2) WHERE slot = ?1";
        rows::run(connection, sql, (slot, freed.cast_signed()))?;
    }
    Ok(())
}

/// Merges about this number of bytes of entries, as far as merges are due.
pub(super) fn merge(connection: &Connection, mut bytes: u64) -> Result<(), StoreError> {
    while bytes > 0 {
        let mut runs = all(connection)?;
        begin_due(connection, &mut runs)?;
        let Some(output) = next_output(&runs) else { return Ok(()) };
        let inputs: Vec<u8> =
            runs.iter().filter(|run| run.merged_into == Some(output.slot)).map(|run| run.slot).collect();
        bytes = bytes.saturating_sub(step(connection, output, &inputs, bytes)?.max(1));
    }
    Ok(())
}

/// The smallest run that a merge under way makes: small runs come often.
fn next_output(runs: &[Run]) -> Option<Run> {
    let weight = |output: &Run| -> Option<u64> {
        let inputs = runs.iter().filter(|run| run.merged_into == Some(output.slot));
        inputs.map(|run| run.bytes).reduce(u64::saturating_add)
    };
    let under_way = runs.iter().filter_map(|run| Some((weight(run)?, run)));
    under_way.min_by_key(|(weight, run)| (*weight, run.slot)).map(|(_, run)| *run)
}

fn tier(bytes: u64) -> u32 {
    runs::tier(bytes, SMALLEST_TIER_BYTES, FAN as u64)
}

/// Begins the merge of the lowest tier that has enough runs.
fn begin_due(connection: &Connection, runs: &mut Vec<Run>) -> Result<(), StoreError> {
    let is_output = |run: &Run| runs.iter().any(|other| other.merged_into == Some(run.slot));
    let mut idle: Vec<Run> = runs.iter().filter(|run| run.merged_into.is_none() && !is_output(run)).copied().collect();
    idle.sort_unstable_by_key(|run| (run.bytes, run.slot));
    let is_due = |last: usize| {
        let ends_tier = idle.get(last + 1).is_none_or(|next| tier(next.bytes) > tier(idle[last].bytes));
        let same = idle[..=last].iter().filter(|run| tier(run.bytes) == tier(idle[last].bytes)).count();
        ends_tier && same >= FAN
    };
    let Some(last) = (0..idle.len()).find(|last| is_due(*last)) else { return Ok(()) };
    let slot = free_slot(runs)?;
    let output = Run { slot, bytes: 0, merged_into: None };
    save(connection, output)?;
    runs.push(output);
    for run in idle[..=last].iter().rev().take(MAX_INPUTS) {
        let input = Run { merged_into: Some(slot), ..*run };
        save(connection, input)?;
        runs.retain(|other| other.slot != run.slot);
        runs.push(input);
    }
    Ok(())
}

/// Does a step of a merge; returns the bytes of entries merged. It must be in one transaction: it deletes what it merged.
fn step(connection: &Connection, mut output: Run, inputs: &[u8], most: u64) -> Result<u64, StoreError> {
    let (mut merged, mut group) = (0, Vec::new());
    for kind in Kind::ALL {
        let mut merging = Merging::new(connection, inputs, kind, None)?;
        let mut writer = PageWriter::new(connection, Part { slot: output.slot, kind })?;
        while merged < most {
            merged += merging.next(&mut group)?;
            if group.is_empty() {
                break;
            }
            group.iter().try_for_each(|entry| writer.push(entry))?;
        }
        writer.finish()?;
        output.bytes += writer.bytes;
        merging.cursors.iter().try_for_each(|cursor| pages::delete_passed(connection, cursor))?;
        if merging.cursors.iter().any(|cursor| cursor.key().is_some()) {
            save(connection, output)?;
            return Ok(merged);
        }
    }
    for slot in inputs {
        rows::run(connection, "DELETE FROM runs WHERE slot = ?1", [slot])?;
    }
    if output.bytes == 0 {
        rows::run(connection, "DELETE FROM runs WHERE slot = ?1", [output.slot])?;
    } else {
        save(connection, output)?;
    }
    Ok(merged)
}

/// Reads several runs in order.
pub(super) struct Merging<'a> {
    connection: &'a Connection,
    kind: Kind,
    cursors: Vec<Cursor>,
}

impl<'a> Merging<'a> {
    /// The entries of one kind from `from` on.
    pub(super) fn new(
        connection: &'a Connection,
        slots: &[u8],
        kind: Kind,
        from: Option<&Entry>,
    ) -> Result<Self, StoreError> {
        let open = |slot: &u8| Part { slot: *slot, kind }.seek(connection, from);
        Ok(Self { connection, kind, cursors: slots.iter().map(open).collect::<Result<_, _>>()? })
    }

    /// Replaces `group` by the next entry, or by the next coin's entries without those that cancel out; by nothing at the
    /// end. Returns the bytes of entries read.
    pub(super) fn next(&mut self, group: &mut Vec<Entry>) -> Result<u64, StoreError> {
        group.clear();
        let mut bytes = 0;
        while let Some(at) = runs::least(&self.cursors)
            && let Some(entry) = self.cursors[at].key()
        {
            if group.first().is_some_and(|first| self.kind != Kind::Coin || !entry.is_coin_of(first)) {
                entry::settle(group);
                if !group.is_empty() {
                    return Ok(bytes);
                }
            }
            group.push(entry);
            bytes += self.cursors[at].entries.entry_bytes;
            self.cursors[at].step(self.connection)?;
        }
        entry::settle(group);
        Ok(bytes)
    }
}
