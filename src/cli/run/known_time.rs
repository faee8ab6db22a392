//! The last time that peers confirmed, kept in a file. A host without a battery for its clock starts in 1970, or where it
//! stopped; the file tells a node that its clock is behind before any peer can.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    base::time::UnixTime,
    cli::datadir,
    node::{SyncState, hindrance::HindranceId},
    runtime::{self, status::Status},
};

/// The file's name.
const FILE: &str = "last-time";
/// Time between two writes: it may be late by as much, and flash memory bears so few.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Writes the file.
pub(super) struct KnownTime {
    path: PathBuf,
    written: Option<Instant>,
}

/// What an earlier run of a node left in the chain's folder. A file that cannot be read tells nothing.
pub(super) fn read(folder: &Path) -> Option<UnixTime> {
    fs::read_to_string(folder.join(FILE)).ok()?.trim().parse().ok().map(UnixTime)
}

impl KnownTime {
    /// In this folder. Nothing is written yet.
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: folder.join(FILE), written: None }
    }

    /// Writes the present time, if peers confirm it and the last write is long ago.
    pub(super) fn note(&mut self, status: &Status) {
        if confirms(status) && self.written.is_none_or(|written| written.elapsed() >= INTERVAL) {
            self.write();
        }
    }

    /// Writes the time of the node's end, if peers confirm it.
    pub(super) fn note_end(&mut self, status: &Status) {
        if confirms(status) {
            self.write();
        }
    }

    fn write(&mut self) {
        // Also after a failure: the next try is in an hour.
        self.written = Some(Instant::now());
        let line = format!("{}\n", runtime::unix_now());
        if let Err(failure) = datadir::write_atomically(&self.path, line.as_bytes(), 0o644) {
            log::warn!("cannot keep the time for the next start error=\"{}\"", failure.message);
        }
    }
}

/// Whether there are peers, and nothing contradicts the clock.
fn confirms(status: &Status) -> bool {
    let clock =
        [HindranceId::ClockBehind, HindranceId::ClockAhead, HindranceId::ClockStepped, HindranceId::OwnTipAhead];
    status.state == SyncState::Synced
        && status.inbound + status.outbound > 0
        && clock.iter().all(|id| status.hindrances.get(*id).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::hindrance::Finding;

    #[test]
    fn the_time_is_kept_once_an_hour_while_peers_confirm_it() {
        let folder = std::env::temp_dir().join(format!("tussock-known-time-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let mut known = KnownTime::new(&folder);
        let alone = Status { state: SyncState::Synced, ..Status::default() };
        known.note(&alone);
        assert_eq!(read(&folder), None, "nobody confirms it");
        let mut status = Status { inbound: 1, ..alone };
        status.hindrances.set(UnixTime(1), HindranceId::ClockAhead, Some(Finding::suspicion("ahead", "look")));
        known.note(&status);
        assert_eq!(read(&folder), None, "a peer contradicts it");
        status.hindrances.set(UnixTime(1), HindranceId::ClockAhead, None);
        known.note(&status);
        assert!(read(&folder).is_some_and(|time| runtime::unix_now().0.abs_diff(time.0) < 60));
        fs::write(folder.join(FILE), "4294967296\n").unwrap();
        known.note(&status);
        assert_eq!(read(&folder), Some(UnixTime(1 << 32)), "not twice in an hour");
        known.note_end(&status);
        assert!(read(&folder).is_some_and(|time| time.0 < 1 << 32));
        fs::write(folder.join(FILE), "soon").unwrap();
        assert_eq!(read(&folder), None);
        fs::remove_dir_all(folder).unwrap();
    }
}
