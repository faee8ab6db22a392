//! What the host says: its clock, and how much memory this process has.

use std::fs;

use crate::runtime;

/// Unix seconds by the node's clock, for ages in displays.
pub(super) fn unix_now() -> u64 {
    runtime::clock::node_now().0
}

/// Resident memory of this process in bytes; 0 where the system does not tell.
pub(super) fn resident_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}
