//! The last known time, kept in a file. A host without a battery for its clock starts in 1970, or where it stopped; the
//! file tells a node that its clock is behind before any peer can.
//!
//! The time of an earlier run only grows, until peers confirm an earlier one: a clock that was far ahead may have written it.

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
    /// The time that an earlier run left, or that peers confirmed, and when that was.
    known: Option<(UnixTime, Instant)>,
    written: Option<Instant>,
}

/// What an earlier run of a node left in the chain's folder. A file that cannot be read tells nothing.
pub(super) fn read(folder: &Path) -> Option<UnixTime> {
    fs::read_to_string(folder.join(FILE)).ok()?.trim().parse().ok().map(UnixTime)
}

impl KnownTime {
    /// In this folder. Nothing is written yet.
    pub(super) fn new(folder: &Path) -> Self {
        let known = read(folder).map(|known| (known, Instant::now()));
        Self { path: folder.join(FILE), known, written: None }
    }

    /// Looks at the clock, and writes the time if the last write is long ago.
    pub(super) fn note(&mut self, status: &Status) {
        let time = self.time(status);
        if self.written.is_none_or(|written| written.elapsed() >= INTERVAL) {
            self.write(time);
        }
    }

    /// Writes the time of the node's end.
    pub(super) fn note_end(&mut self, status: &Status) {
        let time = self.time(status);
        self.write(time);
    }

    /// What the time is at least. What the clock shows counts only while it shows it: NTP may set it back.
    fn time(&mut self, status: &Status) -> Option<UnixTime> {
        let now = Some(runtime::unix_now()).filter(|_| is_plausible(status));
        if status.inbound + status.outbound > 0 {
            self.known = now.map(|now| (now, Instant::now())).or(self.known);
        }
        let known = self.known.map(|(known, at)| UnixTime(known.0.saturating_add(at.elapsed().as_secs())));
        known.max(now)
    }

    fn write(&mut self, time: Option<UnixTime>) {
        let Some(time) = time else { return };
        // Also after a failure: the next try is in an hour.
        self.written = Some(Instant::now());
        if let Err(failure) = datadir::write_atomically(&self.path, format!("{time}\n").as_bytes(), 0o644) {
            log::warn!("cannot keep the time for the next start error=\"{}\"", failure.message);
        }
    }
}

/// Whether nothing contradicts the clock: no peer, nor the node's own chain, nor an earlier run.
fn is_plausible(status: &Status) -> bool {
    let clock =
        [HindranceId::ClockBehind, HindranceId::ClockAhead, HindranceId::ClockStepped, HindranceId::OwnTipAhead];
    status.state == SyncState::Synced && clock.iter().all(|id| status.hindrances.get(*id).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::hindrance::Finding;

    /// A folder of this test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("tussock-known-time-{name}-{}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn put(&self, text: &str) {
            fs::write(self.0.join(FILE), text).unwrap();
        }

        fn holds_present_time(&self) -> bool {
            read(&self.0).is_some_and(|time| runtime::unix_now().0.abs_diff(time.0) < 60)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn synced(peers: usize) -> Status {
        Status { state: SyncState::Synced, inbound: peers, ..Status::default() }
    }

    fn with_doubt(mut status: Status, id: HindranceId) -> Status {
        status.hindrances.set(UnixTime(1), id, Some(Finding::suspicion("wrong", "look")));
        status
    }

    /// In 2106.
    const LATER: u64 = 1 << 32;

    #[test]
    fn the_time_is_kept_once_an_hour_while_nothing_contradicts_the_clock() {
        let folder = Folder::new("hour");
        let mut known = KnownTime::new(&folder.0);
        known.note(&with_doubt(synced(1), HindranceId::ClockAhead));
        known.note(&Status { state: SyncState::Connecting, ..Status::default() });
        assert_eq!(read(&folder.0), None, "a peer contradicts it, or nobody has answered yet");
        known.note(&synced(1));
        assert!(folder.holds_present_time());
        folder.put("1");
        known.note(&synced(1));
        assert_eq!(read(&folder.0), Some(UnixTime(1)), "not twice in an hour");
        known.note_end(&synced(1));
        assert!(folder.holds_present_time());
        folder.put("soon");
        assert_eq!(read(&folder.0), None);
    }

    #[test]
    fn a_lone_node_keeps_the_time_too() {
        let folder = Folder::new("lone");
        KnownTime::new(&folder.0).note(&synced(0));
        assert!(folder.holds_present_time());
    }

    #[test]
    fn an_earlier_time_than_the_known_one_is_kept_only_if_peers_confirm_it() {
        let folder = Folder::new("earlier");
        folder.put(&LATER.to_string());
        for status in [with_doubt(synced(0), HindranceId::ClockBehind), synced(0), Status::default()] {
            KnownTime::new(&folder.0).note_end(&status);
            assert!(read(&folder.0).is_some_and(|time| time.0 >= LATER));
        }
        KnownTime::new(&folder.0).note_end(&synced(1));
        assert!(folder.holds_present_time());
    }

    #[test]
    fn the_known_time_goes_on_while_the_clock_is_behind() {
        let folder = Folder::new("on");
        let since = Instant::now().checked_sub(Duration::from_secs(100)).unwrap();
        let known = Some((UnixTime(LATER), since));
        let mut known = KnownTime { path: folder.0.join(FILE), known, written: None };
        known.note(&with_doubt(synced(1), HindranceId::ClockBehind));
        assert!(read(&folder.0).is_some_and(|time| (LATER + 100..LATER + 160).contains(&time.0)));
    }
}
