//! Fills `index.db` in the background, behind the best chain.
//!
//! The index is derived data: the indexer rebuilds a missing, damaged or deleted one. It takes in a batch of blocks at
//! a time and rests in between. While the node syncs, it leaves the cores to the sync as long as it can still catch up in a
//! few seconds afterwards. At the tip it takes in several blocks with one commit, which spares the disk, unless somebody asks
//! for what the index has.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    chain::archive::StoreError,
    node::report::SyncState,
    rpc::{
        completions::CompletionQueue,
        context::{Context, IndexState},
    },
    store::{IndexDb, LedgerReader, index},
};

/// Blocks in one batch.
const BATCH: u32 = 32;
/// How long the indexer waits after a new tip, so that storing and relaying the block come first, and so that blocks
/// that arrive together are indexed together. Answers do not wait for it: they read newer blocks from the ledger.
const SETTLE: Duration = Duration::from_millis(30);
/// How long a block may wait for others to be indexed with it. Whoever asks the node does not wait for it; programs that read
/// the file do.
const GATHER_TIME: Duration = Duration::from_secs(20);
/// Blocks that wait for each other at most: so many are searched one by one for a transaction.
const GATHER_BLOCKS: u32 = 16;
/// The time between a failure and the next attempt.
const RETRY: Duration = Duration::from_secs(5);
/// After each batch, the indexer rests for the time of the batch divided by this.
const REST_PART: u32 = 4;
/// The time by which the indexer falls behind a sync before it takes its share of the cores. Half of what users are
/// promised: blocks of other kinds may take longer than those that the time was learned from.
const MAX_BEHIND: Duration = Duration::from_secs(5);
/// The weight of the last batch in the pace, in percent.
const PACE_WEIGHT: f64 = 0.2;

/// The handle to the indexer's thread.
#[derive(Clone)]
pub(super) struct Indexer {
    wake: SyncSender<()>,
    stopping: Arc<AtomicBool>,
}

impl Indexer {
    /// Starts the thread.
    pub(super) fn start(
        context: Arc<Context>,
        completions: Arc<CompletionQueue>,
        path: PathBuf,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (wake, woken) = sync_channel(1);
        context.indexed.set_waker(wake.clone());
        let indexer = Self { wake, stopping: Arc::default() };
        let stopping = Arc::clone(&indexer.stopping);
        let worker = Worker {
            context,
            path,
            completions,
            woken,
            stopping,
            files: None,
            file: 0,
            failure: None,
            doubtful: false,
            replaced: false,
            backlog: Backlog::default(),
        };
        let thread = Builder::new().name("index".to_owned()).spawn(move || worker.run())?;
        indexer.wake();
        Ok((indexer, thread))
    }

    /// Reports that the tip may have changed. Never blocks: a pending wake is enough.
    pub(super) fn wake(&self) {
        let _ = self.wake.try_send(());
    }

    /// Asks the thread to end after its current batch.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake();
    }
}

struct Worker {
    context: Arc<Context>,
    /// The index's file.
    path: PathBuf,
    completions: Arc<CompletionQueue>,
    woken: Receiver<()>,
    stopping: Arc<AtomicBool>,
    files: Option<(LedgerReader, IndexDb)>,
    /// Number of files opened so far.
    file: u64,
    /// The last error.
    failure: Option<String>,
    /// Whether the index is checked when it is opened next.
    doubtful: bool,
    /// Whether one was set aside. A second one would not be better.
    replaced: bool,
    backlog: Backlog,
}

/// The work that waits while the node syncs.
#[derive(Default)]
struct Backlog {
    /// The last block that `work` includes.
    counted: Option<u32>,
    /// See [`index::work`].
    work: u64,
    /// Work a second; 0 before the first batch.
    pace: f64,
}

impl Backlog {
    /// Whether it takes longer than users should wait after a sync.
    fn is_long(&self) -> bool {
        self.work as f64 > self.pace * MAX_BEHIND.as_secs_f64()
    }

    fn note_batch(&mut self, work: u64, time: Duration) {
        self.work = self.work.saturating_sub(work);
        let seconds = time.as_secs_f64();
        if work > 0 && seconds > 0.0 {
            let (pace, weight) = (work as f64 / seconds, if self.pace > 0.0 { PACE_WEIGHT } else { 1.0 });
            self.pace += (pace - self.pace) * weight;
        }
    }
}

/// What the worker does next.
enum Next {
    /// Another batch, after a rest.
    Batch(Duration),
    /// Nothing, until the tip changes.
    Idle,
    /// Nothing for this time, unless the tip changes or somebody asks.
    Gather(Duration),
    /// Nothing, until the node has synced.
    Wait,
}

impl Worker {
    fn run(mut self) {
        // The last tip that the index had, with whether the ledger had all blocks then, and since when blocks above it wait for
        // each other.
        let (mut done, mut gathering) = ((None, true), None);
        let mut idle = false;
        while !self.stopping.load(Ordering::Acquire) {
            if self.context.indexed.take_distrust() {
                (self.files, self.doubtful) = (None, true);
            }
            let status = self.context.node.status();
            // Only what is committed can be read.
            let tip = status.saved_tip.map(|tip| (tip.hash, tip.height));
            let seen = (tip, status.kept_from <= 1);
            let next = match status.state {
                SyncState::Headers | SyncState::Snapshot | SyncState::Blocks
                    if !self.is_far_behind(tip.map(|(_, height)| height)) =>
                {
                    Next::Wait
                }
                // Most changes of the status do not change the tip.
                _ if tip.is_none() || seen == done && self.is_in_place() => Next::Idle,
                // But when old blocks are there again, the index begins again at once.
                _ if idle && seen.1 == done.1 => {
                    let since = *gathering.get_or_insert_with(Instant::now);
                    let heights = [done.0, tip].map(|tip| tip.map_or(0, |(_, height)| height));
                    match self.gather_time(since, heights) {
                        Some(left) => Next::Gather(left),
                        None => {
                            idle = false;
                            Next::Batch(SETTLE)
                        }
                    }
                }
                _ => self.turn(),
            };
            let time = match next {
                Next::Batch(rest) => {
                    self.rest(rest);
                    continue;
                }
                Next::Idle => {
                    (done, gathering, idle) = (seen, None, true);
                    Duration::MAX
                }
                Next::Gather(time) => time,
                Next::Wait => Duration::MAX,
            };
            if self.woken.recv_timeout(time) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// How long the blocks above the first height still wait for others; `None` if they do not.
    fn gather_time(&self, since: Instant, [indexed, tip]: [u32; 2]) -> Option<Duration> {
        let waits = self.is_in_place() && !self.context.indexed.is_asked() && tip.abs_diff(indexed) < GATHER_BLOCKS;
        GATHER_TIME.checked_sub(since.elapsed()).filter(|left| waits && !left.is_zero())
    }

    /// Whether the files are open and the index has not been deleted.
    fn is_in_place(&self) -> bool {
        self.files.is_some() && self.path.exists()
    }

    /// Whether the index would take too long after the sync.
    fn is_far_behind(&mut self, tip: Option<u32>) -> bool {
        let Some(tip) = tip else { return false };
        let counted = self.count(tip);
        // The next turn tells what is wrong.
        counted.is_err() || self.backlog.is_long()
    }

    /// Counts the work that the blocks up to `tip` are.
    fn count(&mut self, tip: u32) -> Result<(), StoreError> {
        self.open()?;
        let Some((ledger, index)) = &self.files else { return Ok(()) };
        let from = self.backlog.counted.max(index.height()?);
        if from.is_none_or(|from| from < tip) {
            self.backlog.work += index::work(ledger, from, tip)?;
            self.backlog.counted = Some(tip);
        }
        Ok(())
    }

    fn turn(&mut self) -> Next {
        let started = Instant::now();
        let progress = match self.catch_up(started) {
            Ok(progress) => progress,
            Err(error) => {
                let text = error.to_string();
                // Logged once, not at each attempt.
                if self.failure.as_ref() != Some(&text) {
                    log::warn!("index: not filled error=\"{text}\" retry_s={}", RETRY.as_secs());
                }
                let again = self.failure.replace(text) == Some(error.to_string());
                self.files = None;
                if matches!(error, StoreError::Pruned { .. }) {
                    // Nothing that is still here would help it.
                    self.hold(u32::MAX);
                    let text = format!("the index lacks older blocks, and cannot be filled: {error}");
                    self.context.node.warn("index", text);
                }
                self.doubtful |= matches!(error, StoreError::Corrupt(_));
                // All pages are as they were written, so it does not fit the ledger, which may have lost blocks.
                if self.doubtful && again && !self.replaced {
                    self.replaced = true;
                    IndexDb::set_aside(&self.path);
                }
                return Next::Batch(RETRY);
            }
        };
        if progress { Next::Idle } else { Next::Batch(started.elapsed() / REST_PART) }
    }

    fn open(&mut self) -> Result<(), StoreError> {
        if self.is_in_place() {
            return Ok(());
        }
        self.files = None;
        self.file += 1;
        self.backlog = Backlog::default();
        self.context.indexed.set(IndexState { from: 0, height: None, file: self.file, revision: 0 });
        let ledger = LedgerReader::open(&self.context.ledger_path)?.passing_by()?;
        if ledger.gives_room_back()? {
            IndexDb::prepare_to_shrink(&self.path)?;
        }
        let open = if self.doubtful { IndexDb::open_checked } else { IndexDb::open };
        let index = open(&self.path, &self.context.chain.genesis_hash(), &self.context.chain.prefix)?;
        self.doubtful = false;
        self.files = Some((ledger, index));
        Ok(())
    }

    /// Takes in a batch, since `started`; returns whether the index is complete.
    fn catch_up(&mut self, started: Instant) -> Result<bool, StoreError> {
        self.open()?;
        let Some((ledger, index)) = &mut self.files else { return Ok(true) };
        // Before the tip is read, so that who asks later is heard; and who asks for a block that is not yet committed.
        if !self.context.node.is_unsaved() {
            self.context.indexed.answer();
        }
        let progress = index.catch_up(ledger, BATCH)?;
        let indexed = u32::try_from(progress.indexed).unwrap_or(u32::MAX);
        self.context.held.store(indexed, Ordering::Release);
        self.backlog.note_batch(progress.done, started.elapsed());
        if progress.is_complete() {
            self.backlog.work = 0;
        }
        let height = progress.indexed.checked_sub(1).and_then(|height| u32::try_from(height).ok());
        let revision = self.context.indexed.get().revision.wrapping_add(1);
        self.context.indexed.set(IndexState { from: progress.from, height, file: self.file, revision });
        self.completions.changed();
        Ok(progress.is_complete())
    }

    /// Lets the ledger prune all below this height.
    fn hold(&self, lowest: u32) {
        self.context.held.store(lowest, Ordering::Release);
    }

    /// Rests, unless the thread is asked to stop.
    fn rest(&self, time: Duration) {
        let until = Instant::now() + time;
        while !self.stopping.load(Ordering::Acquire) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            match self.woken.recv_timeout(left) {
                // The next turn sees the new tip in any case.
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}
