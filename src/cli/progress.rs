//! Progress of long tasks: bars on the terminal, and lines in the log during a sync.

use std::{
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use super::units;
use crate::{node::report::SyncState, runtime::handle::NodeHandle};

/// Time between two lines in the log.
const INTERVAL: Duration = Duration::from_secs(10);

/// Measures how quickly blocks are applied.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    since: Instant,
    from: u64,
}

impl Pace {
    /// Starts the measurement at this height.
    pub fn begin(now: Instant, height: u64) -> Self {
        Self { since: now, from: height }
    }

    /// Rate and time left: `812 blocks/s, 3m07s left`. `None` until a block was applied and half a second has passed.
    pub fn words(&self, now: Instant, height: u64, of: u64) -> Option<String> {
        let seconds = now.duration_since(self.since).as_secs_f64();
        let done = height.checked_sub(self.from).filter(|done| *done > 0 && seconds > 0.5)?;
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let (rate, left) = (done as f64 / seconds, of.saturating_sub(height) as f64);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for people, and not negative")]
        let left = (left / rate).min(1e9) as u64;
        Some(format!("{rate:.0} blocks/s, {} left", units::age(left)))
    }
}

/// A progress bar, drawn only on a terminal.
pub fn bar(length: u64, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {what}  {{per_sec}}  {{eta}} left"));
    let bar = ProgressBar::new(length);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Whole percent, rounded down: 100 only at the end.
pub fn percent(done: u64, of: u64) -> u64 {
    if done >= of { 100 } else { u64::try_from(u128::from(done) * 100 / u128::from(of)).unwrap_or(0) }
}

/// Logs the progress of a sync until it is dropped.
pub struct Reporter {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reporter {
    /// Starts a thread. If the system refuses one, these lines are missing from the log.
    pub fn start(node: NodeHandle) -> Self {
        let (stop, stopped) = mpsc::channel();
        let report = move || {
            let mut pace = None;
            while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                pace = log_progress(&node, pace);
            }
        };
        let thread = thread::Builder::new().name("progress".to_owned()).stack_size(128 * 1024).spawn(report);
        Self { stop: Some(stop), thread: thread.ok() }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of this thread is reported by the panic hook.
            drop(thread.join());
        }
    }
}

/// Logs a line while the node syncs, and one when it has finished. Returns the measurement to go on with.
fn log_progress(node: &NodeHandle, pace: Option<Pace>) -> Option<Pace> {
    let status = node.status();
    let height = u64::from(status.tip.as_ref().map_or(0, |tip| tip.height));
    let of = u64::from(status.headers).max(height);
    let syncing = matches!(status.state, SyncState::Headers | SyncState::Blocks | SyncState::Stalled);
    if !(syncing || pace.is_some()) {
        return None;
    }
    let now = Instant::now();
    let pace = pace.unwrap_or_else(|| Pace::begin(now, height));
    let words = pace.words(now, height, of).map_or_else(String::new, |words| format!(" ({words})"));
    log::info!("sync: height={height} of={of} percent={}{words}", percent(height, of));
    syncing.then_some(pace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_full_only_at_the_end() {
        assert_eq!([percent(0, 0), percent(0, 7), percent(999_999, 1_000_000), percent(5, 5)], [100, 0, 99, 100]);
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
    }

    #[test]
    fn the_pace_has_a_rate_once_blocks_were_applied() {
        let start = Instant::now();
        let pace = Pace::begin(start, 100);
        assert_eq!(pace.words(start, 100, 500), None);
        assert_eq!(pace.words(start + Duration::from_secs(10), 100, 500), None);
        let words = pace.words(start + Duration::from_secs(10), 200, 500);
        assert_eq!(words.as_deref(), Some("10 blocks/s, 30s left"));
    }
}
