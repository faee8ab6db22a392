//! Fills `index.db` in the background, behind the best chain.
//!
//! The index is derived data: the indexer rebuilds a missing, damaged or deleted one. It takes in a batch of blocks at
//! a time and rests in between. While the node syncs, it waits: otherwise it used a tenth of two cores and 4 MB, for
//! answers that few clients ask of a node that is not synced.

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
    runtime::priority,
    store::{IndexDb, LedgerReader},
};

/// Blocks in one batch.
const BATCH: u32 = 32;
/// How long the indexer waits after a new tip, so that storing and relaying the block come first, and so that blocks
/// that arrive together are indexed together. Answers do not wait for it: they read newer blocks from the ledger.
const SETTLE: Duration = Duration::from_millis(30);
/// The time between a failure and the next attempt.
const RETRY: Duration = Duration::from_secs(5);
/// After each batch, the indexer rests for the time of the batch divided by this.
const REST_PART: u32 = 16;

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
        let indexer = Self { wake, stopping: Arc::default() };
        let stopping = Arc::clone(&indexer.stopping);
        let worker = Worker { context, path, completions, woken, stopping, files: None, file: 0, failure: None };
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
}

/// What the worker does next.
enum Next {
    /// Another batch, after a rest.
    Batch(Duration),
    /// Nothing, until the tip changes.
    Idle,
    /// Nothing, until the node has synced.
    Wait,
}

impl Worker {
    fn run(mut self) {
        // Applying and relaying a block come before indexing it.
        priority::give_way();
        let (mut done, mut idle) = (None, false);
        while !self.stopping.load(Ordering::Acquire) {
            let status = self.context.node.status();
            let tip = status.tip.map(|tip| tip.hash);
            let next = match status.state {
                SyncState::Headers | SyncState::Blocks => Next::Wait,
                // Most changes of the status do not change the tip.
                _ if tip.is_none() || tip == done && self.is_in_place() => Next::Idle,
                _ if std::mem::take(&mut idle) => Next::Batch(SETTLE),
                _ => self.turn(),
            };
            match next {
                Next::Batch(rest) => {
                    self.rest(rest);
                    continue;
                }
                Next::Idle => (done, idle) = (tip, true),
                Next::Wait => {}
            }
            if self.woken.recv().is_err() {
                return;
            }
        }
    }

    /// Whether the files are open and the index has not been deleted.
    fn is_in_place(&self) -> bool {
        self.files.is_some() && self.path.exists()
    }

    fn turn(&mut self) -> Next {
        let started = Instant::now();
        let progress = match self.catch_up() {
            Ok(progress) => progress,
            Err(error) => {
                let text = error.to_string();
                // Logged once, not at each attempt.
                if self.failure.as_ref() != Some(&text) {
                    log::warn!("index: not filled error=\"{text}\" retry_s={}", RETRY.as_secs());
                }
                self.failure = Some(text);
                self.files = None;
                return Next::Batch(RETRY);
            }
        };
        if progress { Next::Idle } else { Next::Batch(started.elapsed() / REST_PART) }
    }

    /// Takes in a batch; returns whether the index is complete.
    fn catch_up(&mut self) -> Result<bool, StoreError> {
        if !self.is_in_place() {
            self.files = None;
            self.file += 1;
            self.context.indexed.set(IndexState { height: None, file: self.file, revision: 0 });
            let ledger = LedgerReader::open(&self.context.ledger_path)?.passing_by()?;
            let index = IndexDb::open(&self.path, &self.context.chain.genesis_hash(), &self.context.chain.prefix)?;
            self.files = Some((ledger, index));
        }
        let Some((ledger, index)) = &mut self.files else { return Ok(true) };
        let progress = index.catch_up(ledger, BATCH)?;
        let height = progress.indexed.checked_sub(1).and_then(|height| u32::try_from(height).ok());
        let revision = self.context.indexed.get().revision.wrapping_add(1);
        self.context.indexed.set(IndexState { height, file: self.file, revision });
        self.completions.changed();
        Ok(progress.is_complete())
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
