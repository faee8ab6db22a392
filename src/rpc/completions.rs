//! The queue through which other threads answer and wake the server's loop.
//!
//! It needs no limit of its own: every completion answers one of at most [`RPC_COMMANDS`] commands and [`RPC_QUERIES`]
//! queries.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crate::rpc::continuation::Completion;

/// Commands that the server sent to roles and that are not answered yet.
const RPC_COMMANDS: usize = 256;
/// Queries that wait for the query thread; further ones are answered with "busy".
pub(super) const RPC_QUERIES: usize = 64;
/// The same for one method or path.
pub(super) const RPC_QUERIES_OF_A_KIND: usize = 32;

/// Completions for the loop, and its flags.
pub(super) struct CompletionQueue {
    completions: Mutex<Vec<Completion>>,
    changed: AtomicBool,
    stopping: AtomicBool,
    commands: AtomicUsize,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl CompletionQueue {
    /// A queue that calls `wake` to wake its owner.
    pub(super) fn new(wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self {
            completions: Mutex::default(),
            changed: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            commands: AtomicUsize::new(0),
            wake,
        }
    }

    /// Adds a completion.
    pub(super) fn post(&self, completion: Completion) {
        self.lock().push(completion);
        (self.wake)();
    }

    /// Takes all completions.
    pub(super) fn take(&self) -> Vec<Completion> {
        std::mem::take(&mut *self.lock())
    }

    /// Reports that the status or the index changed. A burst of changes wakes once.
    pub(super) fn changed(&self) {
        if !self.changed.swap(true, Ordering::AcqRel) {
            (self.wake)();
        }
    }

    /// Whether anything changed since the last call.
    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    /// Asks the loop to end.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        (self.wake)();
    }

    /// Whether the loop was asked to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Counts one more command; false if there are too many.
    pub(super) fn begin_command(&self) -> bool {
        let more = |count: usize| (count < RPC_COMMANDS).then_some(count + 1);
        self.commands.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    /// How many more commands may begin. Exact for the loop, the only caller of `begin_command`.
    pub(super) fn room_for_commands(&self) -> usize {
        RPC_COMMANDS.saturating_sub(self.commands.load(Ordering::Acquire))
    }

    /// Counts a command as answered.
    pub(super) fn end_command(&self) {
        self.commands.fetch_sub(1, Ordering::AcqRel);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Completion>> {
        self.completions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
