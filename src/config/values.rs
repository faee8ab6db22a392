//! Checks of values that their types cannot make.

use crate::{node::NodeAddress, runtime::logging::Levels};

/// MiB below which a node does not work well.
pub const LEAST_MEMORY: usize = 16;
/// MiB above which larger caches bring nothing.
pub const MOST_MEMORY: usize = 1024;

/// Reads addresses and names of peers. A text that can be neither is an error.
pub fn peers(texts: &[String]) -> Result<Vec<NodeAddress>, String> {
    let texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    texts.map(|text| text.parse().map_err(|problem| format!("{text}: {problem}"))).collect()
}

/// Refuses a size of caches and buffers, in MiB, that no node works with.
pub(super) fn memory(mib: usize) -> Result<(), String> {
    if (LEAST_MEMORY..=MOST_MEMORY).contains(&mib) {
        return Ok(());
    }
    Err(format!("{mib}: {LEAST_MEMORY} to {MOST_MEMORY} MiB are possible"))
}

/// Refuses a text that names no log levels.
pub(super) fn log(text: &str) -> Result<(), String> {
    text.parse::<Levels>().map(drop).map_err(|error| error.to_string())
}
