//! Interrupts the poll loop's wait.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mio::{Registry, Token};

/// Wakes the poll loop. Cheap to clone; many wakes before the loop looks cost one system call.
#[derive(Clone)]
pub struct Waker(Arc<Inner>);

struct Inner {
    waker: mio::Waker,
    /// A wake is under way that the loop has not seen yet.
    pending: AtomicBool,
}

impl Waker {
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let waker = mio::Waker::new(registry, token)?;
        Ok(Self(Arc::new(Inner { waker, pending: AtomicBool::new(false) })))
    }

    /// Makes the poll loop look at its orders and at inboxes that were full. Call it after the change that it is
    /// about.
    pub fn wake(&self) {
        if self.0.pending.swap(true, Ordering::SeqCst) {
            return;
        }
        if let Err(error) = self.0.waker.wake() {
            self.0.pending.store(false, Ordering::SeqCst);
            log::error!("cannot wake the poll loop error={error}");
        }
    }

    /// The loop is about to look; whatever is added from here on needs another wake.
    pub(super) fn seen(&self) {
        self.0.pending.store(false, Ordering::SeqCst);
    }
}
