//! Tells the service manager that the node is alive.

use std::{
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::{
    cli::notify,
    node::command::{LedgerCommand, Reply},
    runtime::NodeHandle,
};

/// Sends `WATCHDOG=1` until dropped, as long as the ledger answers.
pub(super) struct Watchdog {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Starts, if the service manager asked for it.
    pub(super) fn start(node: NodeHandle) -> Option<Self> {
        let interval = notify::watchdog_interval()?;
        let (stop, stopped) = mpsc::channel();
        let run = move || {
            let mut pause = Duration::ZERO;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                if matches!(node.ask(LedgerCommand::Mempool { limit: 0 }), Reply::Mempool(_)) {
                    notify::tell("WATCHDOG=1");
                }
                pause = interval;
            }
        };
        let thread = thread::Builder::new().name("watchdog".to_owned()).stack_size(128 * 1024).spawn(run);
        Some(Self { stop: Some(stop), thread: thread.ok() })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of this thread is reported by the panic hook.
            drop(thread.join());
        }
    }
}
