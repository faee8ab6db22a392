//! The way into a running node for everything that is not a peer: RPC, CLI in the same process, tests.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    base::{ids::LinkId, limits, time::UnixTime},
    chain::archive::StoreError,
    node::{
        command::{Command, Reply},
        hindrance::{Finding, HindranceId},
        limit::{Limit, Meter},
        report::Report,
    },
    runtime::{
        heard::Heard,
        status::{SharedStatus, Status},
    },
};

/// Called exactly once with the answer to a command, on another thread; must not block.
pub type Done = Box<dyn FnOnce(Reply) + Send>;

/// What the runtime offers behind a handle.
pub trait Backend: Send + Sync {
    /// Passes a command on without blocking. A full queue is an answer too.
    fn submit(&self, command: Command, done: Done);
    /// Bytes sent and received on each link.
    fn link_bytes(&self) -> BTreeMap<LinkId, (u64, u64)>;
    /// The last messages of peers, the oldest first; empty unless the chain is a test chain.
    fn last_heard(&self) -> Vec<Heard>;
    /// Bytes sent and received on all links since the start.
    fn total_bytes(&self) -> (u64, u64);
    /// The limit of uploads in bytes a second, if there is one, and whether it holds something back now.
    fn upload_limit(&self) -> Option<(u64, bool)>;
    /// How many peers have small segments because their lines seem to swallow large packets.
    fn small_segment_links(&self) -> usize;
    /// The poll loop's limits and how much of them is used.
    fn net_limits(&self) -> Vec<(Limit, Meter)>;
    /// Asks the node to stop; returns at once.
    fn stop(&self);
    /// Stops the node because somebody who reads its store has found it failing; returns at once.
    fn halt(&self, error: StoreError);
    /// The failure of the store for which the node stops.
    fn store_failure(&self) -> Option<StoreError>;
}

/// A cheap, shareable handle to a running node.
#[derive(Clone)]
pub struct NodeHandle {
    backend: Arc<dyn Backend>,
    status: Arc<SharedStatus>,
}

impl NodeHandle {
    /// A handle to what runs behind `backend`.
    pub fn new(backend: Arc<dyn Backend>, status: Arc<SharedStatus>) -> Self {
        Self { backend, status }
    }

    /// Shows the operator a condition that no role knows of.
    pub fn warn(&self, key: &'static str, text: String) {
        self.status.report(Report::Warning { key, text: Some(text) });
    }

    /// Withdraws a condition that [`NodeHandle::warn`] showed.
    pub fn withdraw(&self, key: &'static str) {
        self.status.report(Report::Warning { key, text: None });
    }

    /// Tells of a hindrance that no role knows of, or of its end.
    pub fn hinder(&self, id: HindranceId, now: UnixTime, finding: Option<Finding>) {
        self.status.report(Report::Hindrance { id, now, finding });
    }

    /// The current status.
    pub fn status(&self) -> Status {
        self.status.snapshot()
    }

    /// Whether a crash would take back the tip of the status. [`LedgerCommand::Save`] ends that.
    ///
    /// [`LedgerCommand::Save`]: crate::node::command::LedgerCommand::Save
    pub fn is_unsaved(&self) -> bool {
        self.status.is_unsaved()
    }

    /// While the ledger has no coins, because it joins with a snapshot: how far that is, in words.
    pub fn lacks_coins(&self) -> Option<String> {
        self.status.lacks_coins()
    }

    /// Calls `wake` after each change of the status; it must not block.
    pub fn watch(&self, wake: Box<dyn Fn() + Send + Sync>) {
        self.status.watch(wake);
    }

    /// Sends a command; `done` is called exactly once with its answer.
    pub fn submit(&self, command: impl Into<Command>, done: Done) {
        self.backend.submit(command.into(), done);
    }

    /// Sends a command and waits for its answer, at most [`limits::COMMAND_TIMEOUT`].
    pub fn ask(&self, command: impl Into<Command>) -> Reply {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        // The receiver may have given up by then; the answer has nowhere to go, which is fine.
        self.submit(command, Box::new(move |reply| drop(sender.send(reply))));
        let late = || Reply::Refused("the node did not answer in time".to_owned());
        receiver.recv_timeout(limits::COMMAND_TIMEOUT).unwrap_or_else(|_| late())
    }

    /// Bytes sent and received on each link.
    pub fn link_bytes(&self) -> BTreeMap<LinkId, (u64, u64)> {
        self.backend.link_bytes()
    }

    /// The last messages of peers, the oldest first; empty unless the chain is a test chain.
    pub fn last_heard(&self) -> Vec<Heard> {
        self.backend.last_heard()
    }

    /// Bytes sent and received on all links since the start, those that are closed included.
    pub fn total_bytes(&self) -> (u64, u64) {
        self.backend.total_bytes()
    }

    /// The limit of uploads in bytes a second, if there is one, and whether it holds something back now.
    pub fn upload_limit(&self) -> Option<(u64, bool)> {
        self.backend.upload_limit()
    }

    /// How many peers have small segments because their lines seem to swallow large packets.
    pub fn small_segment_links(&self) -> usize {
        self.backend.small_segment_links()
    }

    /// The poll loop's limits and how much of them is used.
    pub fn net_limits(&self) -> Vec<(Limit, Meter)> {
        self.backend.net_limits()
    }

    /// Asks the node to stop; returns at once.
    pub fn stop(&self) {
        self.backend.stop();
    }

    /// Stops the node because somebody who reads its store has found it failing, as if a role had; returns at once.
    pub fn halt(&self, error: StoreError) {
        self.backend.halt(error);
    }

    /// The failure of the store for which the node stops.
    pub fn store_failure(&self) -> Option<StoreError> {
        self.backend.store_failure()
    }
}
