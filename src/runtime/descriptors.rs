//! What the limit of open files leaves for connections. Who runs out of descriptors cannot open a journal either, so
//! that the number of connections gives way, not the database.

use std::fs;

use crate::{base::limits::MAX_DIALS, node::hindrance::Finding};

/// File descriptors that stay free of peers: for the database's journals, log files, and the HTTP server with its own
/// connections to the database.
const DESCRIPTORS_RESERVED: usize = 28;

/// Descriptors that this process may still open; `None` where the system does not tell.
pub fn spare() -> Option<usize> {
    let most = open_files(&fs::read_to_string("/proc/self/limits").ok()?)?;
    let open = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(most.saturating_sub(open))
}

/// What is told while few descriptors are left: without any, neither a journal nor a connection can be opened.
pub fn shortage() -> Option<Finding> {
    spare().filter(|spare| *spare < DESCRIPTORS_RESERVED / 2).map(|spare| {
        Finding::new(
            format!("this process may open only {spare} more files"),
            "raise its limit of open files (ulimit -n)",
        )
    })
}

/// How many links others may open to us, if the limit of open files is what bounds them. `outbound` are the links that
/// we want to open ourselves.
pub(super) fn room_for_peers(spare: usize, outbound: usize, wanted: usize) -> Option<usize> {
    let ours = outbound.saturating_add(1).min(MAX_DIALS);
    let room = spare.saturating_sub(DESCRIPTORS_RESERVED + ours);
    (room < wanted).then_some(room)
}

fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_is_read() {
        let text = "Limit  Soft Limit  Hard Limit  Units\nMax processes  7  7  processes\nMax open files            64    4096   files\n";
        assert_eq!(open_files(text), Some(64));
        assert_eq!(open_files("Max open files  unlimited unlimited files"), Some(usize::MAX));
        assert_eq!(open_files(""), None);
    }

    #[test]
    fn connections_give_way_when_descriptors_are_few() {
        assert_eq!(room_for_peers(1_000, 8, 80), None);
        let room = room_for_peers(50, 8, 80).unwrap();
        assert!(room > 0 && room + DESCRIPTORS_RESERVED + 9 == 50, "{room}");
        assert_eq!(room_for_peers(10, 8, 80), Some(0));
    }
}
