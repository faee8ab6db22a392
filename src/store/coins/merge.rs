//! Which runs are merged, and one step of a merge.

use std::ops::Range;

use rusqlite::Connection;

use super::{
    filter::Filter,
    pages::{self, PageWriter},
    run::{self, FilterRoom, Layer, Merge, Run},
};
use crate::{
    chain::archive::StoreError,
    store::{error::corrupt, runs},
};

/// Sizes of runs and merges. A parameter, so that tests can merge all the time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// Bytes of entries in a row.
    pub(super) page_bytes: usize,
    /// Runs of about the same size that are merged into one.
    pub(super) fan: usize,
    /// Bytes of entries that a step merges.
    pub(super) step_bytes: u64,
}

impl Default for Sizes {
    /// Eight runs: four cost a quarter more writing, sixteen more look-ups. A step takes about two milliseconds.
    fn default() -> Self {
        Self { page_bytes: super::pages::PAGE_BYTES, fan: 8, step_bytes: 256 * 1024 }
    }
}

/// Runs up to this size are all of the smallest tier.
const SMALLEST_TIER_BYTES: u64 = 1024;
/// Runs of a tier are up to this number of times as large as those of the tier below.
const TIER_FAN: u64 = 8;

/// Begins the merges that are due. All runs go into the oldest once they weigh half of it and are several (lazy levelling,
/// Dayan and Idreos 2018): so an entry is written there about three times, and a coin that exists is found with two reads.
pub(super) fn plan(
    connection: &Connection,
    layers: &mut Vec<Layer>,
    sizes: &Sizes,
    room: &FilterRoom,
) -> Result<(), StoreError> {
    let is_run = |layer: &Layer| matches!(layer, Layer::Run(_));
    let last = layers.len();
    let first = last - layers.iter().rev().take_while(|layer| is_run(layer)).count();
    if last - first > (sizes.fan / 2).max(2) {
        let oldest = layers[last - 1].bytes();
        let others: u64 = layers[first..last - 1].iter().map(Layer::bytes).sum();
        if others >= oldest / 2 {
            return begin(connection, layers, first, last, room);
        }
    }
    match due_in_a_tier(&layers[..last.saturating_sub(1)], sizes.fan) {
        Some(Range { start, end }) => begin(connection, layers, start, end, room),
        None => Ok(()),
    }
}

/// Neighbours, `fan` of which are of the same tier and the others of lower ones. The lowest tier first.
fn due_in_a_tier(layers: &[Layer], fan: usize) -> Option<Range<usize>> {
    // Above every tier: a merge under way parts its neighbours.
    let tier_of = |layer: &Layer| match layer {
        Layer::Run(run) => runs::tier(run.bytes, SMALLEST_TIER_BYTES, TIER_FAN),
        Layer::Merge(_) => u32::MAX,
    };
    let tiers: Vec<u32> = layers.iter().map(tier_of).collect();
    for tier in 0..=tiers.iter().copied().filter(|tier| *tier < u32::MAX).max()? {
        let (mut start, mut count) = (0, 0);
        for (at, other) in tiers.iter().enumerate() {
            if *other > tier {
                (start, count) = (at + 1, 0);
            } else if *other == tier {
                count += 1;
            }
            // A few more are taken along if they are there, as after a pause.
            let ends_here = tiers.get(at + 1) != Some(&tier);
            if count >= fan && ends_here {
                return Some(start..at + 1);
            }
        }
    }
    None
}

/// Begins to merge the runs from `first` to before `end`.
fn begin(
    connection: &Connection,
    layers: &mut Vec<Layer>,
    first: usize,
    end: usize,
    room: &FilterRoom,
) -> Result<(), StoreError> {
    let Some(slot) = run::free_slot(layers) else { return Ok(()) };
    let entries = layers[first..end].iter().flat_map(Layer::runs).map(|run| run.entries).sum();
    // Every coin that exists is in the oldest run or above it. A filter of the oldest would rule out little.
    let filter = if end == layers.len() { None } else { room.filter(layers, entries) };
    let inputs: Vec<Run> = layers
        .drain(first..end)
        .filter_map(|layer| match layer {
            Layer::Run(run) => Some(run),
            Layer::Merge(_) => None,
        })
        .collect();
    let age = inputs.first().map_or(0, |run| run.age);
    let output = Run { slot, age, entries: 0, bytes: 0, filter };
    run::save(connection, &output, Some(None))?;
    inputs.iter().try_for_each(|run| run::save_input(connection, run, slot))?;
    layers.insert(first, Layer::Merge(Box::new(Merge { output, inputs, passed: None })));
    Ok(())
}

/// Does one step of the merge at `at`. If that completes it, a run takes its place. Returns the bytes of entries merged.
///
/// The step must be in one transaction: it deletes what it merged.
pub(super) fn step(
    connection: &Connection,
    layers: &mut Vec<Layer>,
    at: usize,
    sizes: &Sizes,
) -> Result<u64, StoreError> {
    let is_oldest = at + 1 == layers.len();
    let Some(Layer::Merge(merge)) = layers.get_mut(at) else { return Err(corrupt("no merge of coins is there")) };
    let open = |run: &Run| pages::cursor(connection, run.slot, merge.passed.as_ref());
    let mut cursors = merge.inputs.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let mut writer = PageWriter::new(connection, merge.output.slot, sizes.page_bytes)?;
    let mut merged = 0;
    // Younger runs come first, and of the entries of one coin the youngest counts.
    while let Some(next) = runs::least(&cursors) {
        let entry = cursors[next].entries.entry().ok_or_else(|| corrupt("a run of coins has no entry"))?;
        let key = entry.key;
        // A step ends with a full page.
        if merged >= sizes.step_bytes && (writer.is_full_for(entry.bytes) || merged >= 2 * sizes.step_bytes) {
            break;
        }
        // Nothing older is left that a spent coin must hide.
        if entry.is_coin || !is_oldest {
            writer.push(key.order, entry.bytes)?;
            if let Some(filter) = &mut merge.output.filter {
                filter.add(key.order);
            }
        }
        for cursor in cursors.iter_mut().filter(|cursor| cursor.key() == Some(key)) {
            merged += cursor.entries.entry().map_or(0, |entry| entry.bytes.len() as u64);
            cursor.step(connection)?;
        }
        merge.passed = Some(key);
    }
    writer.finish()?;
    merge.output.entries += writer.entries;
    merge.output.bytes += writer.bytes;
    cursors.iter().try_for_each(|cursor| cursor.delete_passed(connection))?;
    if cursors.iter().any(|cursor| cursor.key().is_some()) {
        run::save(connection, &merge.output, Some(merge.passed.as_ref()))?;
    } else {
        complete(connection, layers, at)?;
    }
    Ok(merged)
}

/// Replaces a merge by its output.
fn complete(connection: &Connection, layers: &mut Vec<Layer>, at: usize) -> Result<(), StoreError> {
    let Layer::Merge(merge) = layers.remove(at) else { return Ok(()) };
    let Merge { output, inputs, .. } = *merge;
    inputs.iter().try_for_each(|input| run::forget(connection, input.slot))?;
    if output.entries == 0 {
        return run::forget(connection, output.slot);
    }
    run::save(connection, &output, None)?;
    run::save_filter(connection, &output)?;
    layers.insert(at, Layer::Run(output));
    Ok(())
}

/// A filter of these orders.
pub(super) fn filter_of(orders: &[u64], layers: &[Layer], room: &FilterRoom) -> Option<Filter> {
    let mut filter = room.filter(layers, orders.len() as u64)?;
    orders.iter().for_each(|order| filter.add(*order));
    Some(filter)
}
