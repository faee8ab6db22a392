//! Traffic over restarts: since the data directory was made, and in this month. The bytes of a run are kept once a minute,
//! so a kill loses those of a minute at most.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use time::{OffsetDateTime, UtcDateTime};

/// Unix seconds before which no clock is right: the start of 2026, when this program was not there yet.
const PLAUSIBLE: u64 = 1_767_225_600;

/// Bytes sent and received.
type Bytes = (u64, u64);

/// What is kept of traffic, in a file of one line: sent, received, then the month and both numbers at its beginning.
pub struct TrafficLog {
    path: PathBuf,
    kept: Mutex<Kept>,
}

#[derive(Clone, Copy, Default)]
struct Kept {
    /// Bytes of the runs before this one.
    earlier: Bytes,
    /// The month, counted from January of year 0, and the bytes of all time before it.
    month: i64,
    before_month: Bytes,
}

/// Traffic of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes since the data directory was made.
    pub sent: u64,
    /// The same for what was received.
    pub received: u64,
    /// The month, as in `2026-11`.
    pub month: String,
    /// Bytes of this month, by UTC.
    pub month_sent: u64,
    /// The same for what was received.
    pub month_received: u64,
}

impl TrafficLog {
    /// What earlier runs have left. A file that is missing or cannot be read counts as nothing.
    pub fn open(path: PathBuf) -> Self {
        let kept = fs::read_to_string(&path).ok().and_then(|text| parse(&text)).unwrap_or_default();
        Self { path, kept: Mutex::new(kept) }
    }

    /// All traffic, with the bytes of this run. `now`: unix seconds.
    pub fn traffic(&self, run: Bytes, now: u64) -> Traffic {
        let mut kept = self.kept();
        let (sent, received) = kept.all(run);
        kept.turn(now, (sent, received));
        Traffic {
            sent,
            received,
            month: format!("{:04}-{:02}", kept.month / 12, kept.month % 12 + 1),
            month_sent: sent.saturating_sub(kept.before_month.0),
            month_received: received.saturating_sub(kept.before_month.1),
        }
    }

    /// Keeps it for the next run.
    pub fn save(&self, run: Bytes, now: u64) -> io::Result<()> {
        let text = {
            let mut kept = self.kept();
            let all = kept.all(run);
            kept.turn(now, all);
            let Kept { month, before_month: before, .. } = *kept;
            format!("{} {} {month} {} {}\n", all.0, all.1, before.0, before.1)
        };
        // A power failure may take it back to an earlier minute: not worth a flush of the disk each time.
        let temporary = self.path.with_extension("tmp");
        fs::write(&temporary, text)?;
        fs::rename(temporary, &self.path)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn all(&self, run: Bytes) -> Bytes {
        (self.earlier.0.saturating_add(run.0), self.earlier.1.saturating_add(run.1))
    }

    /// Begins another month. An earlier one only if the clock seems right and what is kept is far ahead, from a clock that was
    /// not: a host without a battery for its clock starts in 1970, or at its last stop.
    fn turn(&mut self, now: u64, all: Bytes) {
        let month = month(now);
        if month > self.month || month + 1 < self.month && now >= PLAUSIBLE {
            // The first month has all bytes.
            let before = if self.month == 0 { Bytes::default() } else { all };
            (self.month, self.before_month) = (month, before);
        }
    }
}

fn month(now: u64) -> i64 {
    let date = i64::try_from(now).ok().and_then(|now| OffsetDateTime::from_unix_timestamp(now).ok());
    let date = date.map_or(UtcDateTime::MAX, |date| date.to_utc());
    i64::from(date.year()) * 12 + i64::from(u8::from(date.month())) - 1
}

fn parse(text: &str) -> Option<Kept> {
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    let (earlier, month, before_month) = ((next()?, next()?), i64::try_from(next()?).ok()?, (next()?, next()?));
    Some(Kept { earlier, month, before_month })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOVEMBER: u64 = 1_795_910_400;
    const DAY: u64 = 86_400;

    #[test]
    fn totals_survive_restarts_and_months_begin_at_nothing() {
        let path = std::env::temp_dir().join(format!("tussock-traffic-{}", std::process::id()));
        let log = TrafficLog::open(path.clone());
        let shown = |log: &TrafficLog, run: Bytes, now: u64| {
            let Traffic { sent, received, month, month_sent, month_received } = log.traffic(run, now);
            (sent, received, month, month_sent, month_received)
        };
        assert_eq!(shown(&log, (10, 20), NOVEMBER), (10, 20, "2026-11".to_owned(), 10, 20));
        log.save((30, 40), NOVEMBER).unwrap();
        // Killed: what came later is lost.
        let log = TrafficLog::open(path.clone());
        assert_eq!(shown(&log, (1, 2), NOVEMBER), (31, 42, "2026-11".to_owned(), 31, 42));
        assert_eq!(shown(&log, (5, 5), 0), (35, 45, "2026-11".to_owned(), 35, 45), "a clock without battery");
        assert_eq!(shown(&log, (6, 6), NOVEMBER + 20 * DAY), (36, 46, "2026-12".to_owned(), 0, 0));
        assert_eq!(shown(&log, (8, 9), NOVEMBER + 60 * DAY), (38, 49, "2027-01".to_owned(), 0, 0));
        log.save((9, 9), NOVEMBER + 61 * DAY).unwrap();
        let log = TrafficLog::open(path.clone());
        assert_eq!(shown(&log, (100, 0), NOVEMBER + 62 * DAY), (139, 49, "2027-01".to_owned(), 101, 0));
        // A clock was in 2250 once.
        fs::write(&path, "100 200 27000 90 190").unwrap();
        let log = TrafficLog::open(path.clone());
        assert_eq!(shown(&log, (1, 0), 0).2, "2250-01", "this clock is wrong, too");
        assert_eq!(shown(&log, (1, 0), NOVEMBER), (101, 200, "2026-11".to_owned(), 0, 0));
        assert_eq!(shown(&log, (5, 0), NOVEMBER), (105, 200, "2026-11".to_owned(), 4, 0));
        fs::write(&path, "100 200 24323 90 190").unwrap();
        assert_eq!(shown(&TrafficLog::open(path.clone()), (1, 0), NOVEMBER).2, "2026-12", "it may be a day behind");
        fs::write(&path, "many").unwrap();
        assert_eq!(TrafficLog::open(path.clone()).traffic((1, 1), NOVEMBER).sent, 1);
        fs::remove_file(path).unwrap();
    }
}
