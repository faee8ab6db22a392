//! Checks of values that their types cannot make.

use std::{fmt, net::IpAddr};

use serde::{
    Deserializer,
    de::{Error, Visitor},
};

use crate::{
    chain::{address::Prefix, node_id},
    node::NodeAddress,
    runtime::logging::Levels,
};

/// MiB below which a node does not work well.
pub const LEAST_MEMORY: usize = 16;
/// MiB above which larger caches bring nothing.
pub const MOST_MEMORY: usize = 1024;

/// Blocks between snapshots, at least and at most.
pub(super) const LEAST_SNAPSHOT_INTERVAL: u32 = 10;
pub(super) const MOST_SNAPSHOT_INTERVAL: u32 = 1_000_000;

/// Refuses a text that names no peer.
pub(super) fn peers(texts: &[String]) -> Result<(), String> {
    let mut texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    texts.try_for_each(|text| peer(text).map(drop).map_err(|problem| format!("{text}: {problem}")))
}

/// Reads `ID@ADDRESS`, or `ADDRESS`. Which chain the id is one of is not known here.
pub fn peer(text: &str) -> Result<(Option<&str>, NodeAddress), String> {
    let Some((node, address)) = text.split_once('@') else { return Ok((None, text.parse()?)) };
    let prefix = node.rsplit_once("node1").and_then(|(prefix, _)| Prefix::new(prefix));
    node_id::parse(node, &prefix.ok_or("what is before the @ is not the id of a node")?)?;
    Ok((Some(node), address.parse()?))
}

/// Refuses a size of caches and buffers, in MiB, that no node works with.
pub(super) fn memory(mib: usize) -> Result<(), String> {
    if (LEAST_MEMORY..=MOST_MEMORY).contains(&mib) {
        return Ok(());
    }
    Err(format!("{mib}: a whole number from {LEAST_MEMORY} to {MOST_MEMORY} is needed, in MiB"))
}

/// Refuses an interval in which no snapshot can be made.
pub(super) fn snapshot_interval(blocks: u32) -> Result<(), String> {
    if (LEAST_SNAPSHOT_INTERVAL..=MOST_SNAPSHOT_INTERVAL).contains(&blocks) {
        return Ok(());
    }
    Err(format!(
        "{blocks}: a whole number from {LEAST_SNAPSHOT_INTERVAL} to {MOST_SNAPSHOT_INTERVAL} is needed, in blocks"
    ))
}

/// Refuses what no `Host` field names.
pub(super) fn host_names(texts: &[String]) -> Result<(), String> {
    let mut texts = texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty());
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let is_address = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
    texts.try_for_each(|text| match is_name(text) || is_address(text) {
        true => Ok(()),
        false => Err(format!("\"{text}\" is no host name; write it without http:// and port, such as node.example")),
    })
}

/// A number or a text as it is written in a file, for types that read both.
pub(super) fn written<'de, D: Deserializer<'de>>(source: D) -> Result<String, D::Error> {
    source.deserialize_any(Written)
}

struct Written;

impl Visitor<'_> for Written {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a text in quotes")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<String, E> {
        Ok(number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

/// Refuses a text that names no log levels.
pub(super) fn log(text: &str) -> Result<(), String> {
    text.parse::<Levels>().map(drop).map_err(|error| error.to_string())
}
