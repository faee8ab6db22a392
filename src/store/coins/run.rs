//! Runs and merges as the database lists them in `coin_runs`, the youngest first.

use rusqlite::Connection;

use super::{entry, filter::Filter, pages};
use crate::{
    chain::{archive::StoreError, coin_key::CoinKey},
    store::{error::corrupt, rows, runs},
};

/// Filters of smaller runs are not stored: making one again takes a millisecond.
const STORED_FILTER_ENTRIES: u64 = 4096;
/// The last slot for runs.
const LAST_SLOT: u8 = 254;

/// A sorted run.
#[derive(Debug)]
pub(super) struct Run {
    /// Says which rows of `coin_pages` are the run's.
    pub(super) slot: u8,
    /// The larger, the younger. A merged run has the age of its youngest part.
    pub(super) age: i64,
    pub(super) entries: u64,
    pub(super) bytes: u64,
    /// Rules the run out for most coins that it does not have. `None`: the run is always asked.
    pub(super) filter: Option<Filter>,
}

/// Runs that are being merged, step by step.
#[derive(Debug)]
pub(super) struct Merge {
    /// The merged part: everything up to `passed`.
    pub(super) output: Run,
    /// What is merged, the youngest first. Only their keys above `passed` count.
    pub(super) inputs: Vec<Run>,
    /// The last key that was merged; `None` before the first step.
    pub(super) passed: Option<CoinKey>,
}

/// A part of the coin set, between younger and older ones.
#[derive(Debug)]
pub(super) enum Layer {
    Run(Run),
    Merge(Box<Merge>),
}

impl Layer {
    pub(super) fn age(&self) -> i64 {
        match self {
            Self::Run(run) => run.age,
            Self::Merge(merge) => merge.output.age,
        }
    }

    /// All runs of the layer.
    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        let (run, merge) = match self {
            Self::Run(run) => (Some(run), None),
            Self::Merge(merge) => (None, Some(merge)),
        };
        run.into_iter().chain(merge.into_iter().flat_map(|merge| std::iter::once(&merge.output).chain(&merge.inputs)))
    }

    /// Bytes of all runs of the layer.
    pub(super) fn bytes(&self) -> u64 {
        self.runs().map(|run| run.bytes).sum()
    }
}

/// How filters are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct FilterRoom {
    /// Bytes that all filters together may take; 0: none are made or read.
    pub(super) bytes: usize,
    /// Mixed into the filters.
    pub(super) secret: u64,
}

impl FilterRoom {
    /// An empty filter for a run of `entries` beside those of `layers`.
    pub(super) fn filter(&self, layers: &[Layer], entries: u64) -> Option<Filter> {
        let taken: usize =
            layers.iter().flat_map(Layer::runs).filter_map(|run| Some(run.filter.as_ref()?.bytes())).sum();
        match self.bytes.saturating_sub(taken) {
            0 => None,
            room => Filter::new(entries, room, self.secret),
        }
    }
}

/// A slot that no layer uses.
pub(super) fn free_slot(layers: &[Layer]) -> Option<u8> {
    runs::free_slot(layers.iter().flat_map(Layer::runs).map(|run| run.slot), LAST_SLOT)
}

/// All slots that no layer uses.
pub(super) fn free_slots(layers: &[Layer]) -> impl Iterator<Item = u8> {
    let taken: Vec<u8> = layers.iter().flat_map(Layer::runs).map(|run| run.slot).collect();
    (0..=LAST_SLOT).filter(move |slot| !taken.contains(slot))
}

/// Adds or replaces the row of a run. `passed`: of a half-merged run, how far it has come.
pub(super) fn save(connection: &Connection, run: &Run, merged: Option<Option<&CoinKey>>) -> Result<(), StoreError> {
    let sql = "INSERT INTO coin_runs (slot, age, entries, bytes, merged_into, passed) VALUES (?1, ?2, ?3, ?4, NULL, ?5) \
               ON CONFLICT (slot) DO UPDATE SET age = excluded.age, entries = excluded.entries, bytes = excluded.bytes, \
               passed = excluded.passed";
    let passed = merged.map(|passed| passed.map_or_else(Vec::new, entry::key_to_bytes));
    let (entries, bytes) = (run.entries.cast_signed(), run.bytes.cast_signed());
    rows::run(connection, sql, (run.slot, run.age, entries, bytes, passed))?;
    Ok(())
}

/// Marks a run as a part of the merge whose output has the slot `output`.
pub(super) fn save_input(connection: &Connection, run: &Run, output: u8) -> Result<(), StoreError> {
    rows::run(connection, "UPDATE coin_runs SET merged_into = ?2 WHERE slot = ?1", (run.slot, output))?;
    Ok(())
}

/// Removes the rows of a run and of its filter.
pub(super) fn forget(connection: &Connection, slot: u8) -> Result<(), StoreError> {
    rows::run(connection, "DELETE FROM coin_runs WHERE slot = ?1", [slot])?;
    rows::run(connection, "DELETE FROM coin_filters WHERE id BETWEEN ?1 AND ?2", parts_of(slot))?;
    Ok(())
}

/// Stores the filter of a complete run, unless it is quickly made again.
pub(super) fn save_filter(connection: &Connection, run: &Run) -> Result<(), StoreError> {
    if let Some(filter) = run.filter.as_ref().filter(|_| run.entries >= STORED_FILTER_ENTRIES) {
        for (id, part) in (parts_of(run.slot).0..).zip(filter.parts()) {
            rows::run(connection, "INSERT INTO coin_filters (id, bits) VALUES (?1, ?2)", (id, part))?;
        }
    }
    Ok(())
}

/// The first and the last possible number of the parts of a run's filter.
fn parts_of(slot: u8) -> (i64, i64) {
    (i64::from(slot) << 32, ((i64::from(slot) + 1) << 32) - 1)
}

/// A row of `coin_runs`.
struct Row {
    run: Run,
    merged_into: Option<u8>,
    /// Empty before the first step of the merge.
    passed: Option<Vec<u8>>,
}

/// Reads all layers. Filters that are missing are made again.
pub(super) fn load(connection: &Connection, room: &FilterRoom) -> Result<Vec<Layer>, StoreError> {
    let sql = "SELECT slot, age, entries, bytes, merged_into, passed FROM coin_runs ORDER BY age DESC, slot";
    let all = rows::all(connection, sql, [], |row| {
        let (slot, age, entries, bytes) =
            (rows::integer(row, 0)?, row.get(1)?, rows::integer(row, 2)?, rows::integer(row, 3)?);
        let run = Run { slot, age, entries, bytes, filter: None };
        Ok(Row { run, merged_into: row.get(4)?, passed: row.get(5)? })
    })?;
    let (inputs, outer): (Vec<Row>, Vec<Row>) = all.into_iter().partition(|row| row.merged_into.is_some());
    let mut layers = Vec::with_capacity(outer.len());
    for Row { run, passed, .. } in outer {
        layers.push(match passed {
            None => Layer::Run(run),
            Some(passed) => {
                let passed = if passed.is_empty() { None } else { Some(entry::key_from_bytes(&passed)?) };
                Layer::Merge(Box::new(Merge { output: run, inputs: Vec::new(), passed }))
            }
        });
    }
    for Row { run, merged_into, .. } in inputs {
        let merge = layers.iter_mut().find_map(|layer| match layer {
            Layer::Merge(merge) if Some(merge.output.slot) == merged_into => Some(merge),
            _ => None,
        });
        merge.ok_or_else(|| corrupt("a run of coins is merged into none"))?.inputs.push(run);
    }
    if !layers.is_sorted_by_key(|layer| -layer.age()) {
        return Err(corrupt("the runs of coins have no order"));
    }
    if room.bytes > 0 {
        load_filters(connection, &mut layers, room)?;
    }
    Ok(layers)
}

/// Reads or makes the filters of all runs but the oldest, smaller ones first: without its filter, each run costs the same.
fn load_filters(connection: &Connection, layers: &mut [Layer], room: &FilterRoom) -> Result<(), StoreError> {
    let oldest = layers.len().saturating_sub(1);
    for at in 0..layers.len() {
        let parts: Vec<(u8, u64)> = match &layers[at] {
            Layer::Run(_) if at == oldest => Vec::new(),
            Layer::Run(run) => vec![(run.slot, run.entries)],
            Layer::Merge(merge) => {
                let all = merge.inputs.iter().map(|run| run.entries).sum::<u64>();
                let output = (at != oldest).then_some((merge.output.slot, all));
                output.into_iter().chain(merge.inputs.iter().map(|run| (run.slot, run.entries))).collect()
            }
        };
        for (slot, entries) in parts {
            let filter = match stored_filter(connection, slot, entries, room)? {
                Some(filter) => Some(filter),
                None => made_filter(connection, slot, room.filter(layers, entries))?,
            };
            if let Some(run) = run_mut(&mut layers[at], slot) {
                run.filter = filter;
            }
        }
    }
    Ok(())
}

fn run_mut(layer: &mut Layer, slot: u8) -> Option<&mut Run> {
    match layer {
        Layer::Run(run) => Some(run),
        Layer::Merge(merge) => {
            let Merge { output, inputs, .. } = &mut **merge;
            std::iter::once(output).chain(inputs).find(|run| run.slot == slot)
        }
    }
}

fn stored_filter(
    connection: &Connection,
    slot: u8,
    entries: u64,
    room: &FilterRoom,
) -> Result<Option<Filter>, StoreError> {
    let mut filter = Filter::empty(room.secret);
    let sql = "SELECT bits FROM coin_filters WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
    rows::each(connection, sql, parts_of(slot), |row| {
        filter.extend(rows::slice(row, 0)?);
        Ok(())
    })?;
    Ok(filter.is_for(entries).then_some(filter))
}

/// Fills a filter with all keys of a run.
fn made_filter(connection: &Connection, slot: u8, filter: Option<Filter>) -> Result<Option<Filter>, StoreError> {
    let Some(mut filter) = filter else { return Ok(None) };
    let mut cursor = pages::cursor(connection, slot, None)?;
    while let Some(key) = cursor.key() {
        filter.add(key.order);
        cursor.step(connection)?;
    }
    Ok(Some(filter))
}
