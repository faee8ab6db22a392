//! The query thread: the one place of this server that reads the databases.
//!
//! One thread, one connection to each file, a bounded queue. Each query is a short transaction, so that the write-ahead
//! log cannot grow while a client reads. Queries of different kinds take turns: however many callers ask for what takes long,
//! others wait for one of them.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::rpc::{
    completions::{CompletionQueue, RPC_QUERIES, RPC_QUERIES_OF_A_KIND},
    continuation::{Completion, CompletionResult, Continuation, Query},
    databases::Databases,
    error::RpcError,
};

/// A query and the call that asks it.
pub(super) struct Task {
    pub(super) connection: usize,
    pub(super) stage: u64,
    /// The method or path.
    pub(super) kind: &'static str,
    pub(super) query: Query,
}

/// The queries that wait for the thread.
#[derive(Default)]
pub(super) struct QueryQueue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    turns: Turns<Task>,
    is_closed: bool,
}

impl QueryQueue {
    /// Adds a query, unless too many wait.
    pub(super) fn push(&self, task: Task) -> Result<(), RpcError> {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return Err(RpcError::internal("the query thread has ended"));
        }
        if !waiting.turns.push(task.kind, task) {
            return Err(RpcError::busy("queries"));
        }
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes no more queries; the thread ends once it has carried out those that wait.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// The next query; `None` at the end.
    fn next(&self) -> Option<Task> {
        let mut waiting = self.lock();
        loop {
            match waiting.turns.next() {
                Some(task) => return Some(task),
                None if waiting.is_closed => return None,
                None => waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes the queue also if a query panics.
struct Closing<'a>(&'a QueryQueue);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Carries out queries until the queue is closed.
pub(super) fn run(mut databases: Databases, queue: &QueryQueue, completions: &CompletionQueue) {
    let _closing = Closing(queue);
    while let Some(Task { connection, stage, query, .. }) = queue.next() {
        let step = query(&mut databases);
        if let Continuation::Done(Err(error)) = &step {
            databases.failed(error);
        }
        completions.post(Completion { connection, stage, result: CompletionResult::Continuation(step) });
    }
}

/// What waits, by kind. The kinds take turns, and what is of one kind goes in the order in which it came.
struct Turns<T> {
    kinds: VecDeque<(&'static str, VecDeque<T>)>,
    count: usize,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { kinds: VecDeque::new(), count: 0 }
    }
}

impl<T> Turns<T> {
    /// Whether there was room.
    fn push(&mut self, kind: &'static str, task: T) -> bool {
        if self.count >= RPC_QUERIES {
            return false;
        }
        match self.kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, waiting)) if waiting.len() >= RPC_QUERIES_OF_A_KIND => return false,
            Some((_, waiting)) => waiting.push_back(task),
            None => self.kinds.push_back((kind, VecDeque::from([task]))),
        }
        self.count += 1;
        true
    }

    fn next(&mut self) -> Option<T> {
        let (kind, mut waiting) = self.kinds.pop_front()?;
        let task = waiting.pop_front()?;
        self.count -= 1;
        if !waiting.is_empty() {
            self.kinds.push_back((kind, waiting));
        }
        Some(task)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_take_turns_and_what_is_of_one_kind_keeps_its_order() {
        let mut turns = Turns::default();
        assert!((0..4).all(|number| turns.push("long", number)) && turns.push("tip", 10));
        let next: Vec<u32> = std::iter::from_fn(|| turns.next()).take(3).collect();
        assert_eq!(next, [0, 10, 1]);
        assert!(turns.push("tip", 11) && turns.push("block", 20));
        assert_eq!(std::iter::from_fn(|| turns.next()).collect::<Vec<_>>(), [2, 11, 20, 3]);
        assert_eq!((turns.count, turns.kinds.len()), (0, 0));
        let taken = (0..).take_while(|number| turns.push("long", *number)).count();
        assert_eq!(taken, RPC_QUERIES_OF_A_KIND);
        assert!(turns.push("tip", 1), "one kind keeps nobody else out");
    }
}
