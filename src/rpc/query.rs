//! The query thread: the one place of this server that reads the databases.
//!
//! One thread, one connection to each file, a bounded queue. Each query is a short transaction, so that the write-ahead
//! log cannot grow while a client reads.

use std::sync::mpsc::Receiver;

use crate::rpc::{
    completions::CompletionQueue,
    continuation::{Completion, CompletionResult, Continuation, Query},
    databases::Databases,
};

/// A query and the call that asks it.
pub(super) struct Task {
    pub(super) connection: usize,
    pub(super) stage: u64,
    pub(super) query: Query,
}

/// Carries out queries until all senders are gone.
pub(super) fn run(mut databases: Databases, tasks: &Receiver<Task>, completions: &CompletionQueue) {
    while let Ok(Task { connection, stage, query }) = tasks.recv() {
        let step = query(&mut databases);
        if let Continuation::Done(Err(error)) = &step {
            databases.failed(error);
        }
        completions.post(Completion { connection, stage, result: CompletionResult::Continuation(step) });
    }
}
