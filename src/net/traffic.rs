//! Bytes per link, counted by the poll loop and read by anybody.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::base::ids::LinkId;

/// Bytes sent and received on each live link. The poll loop adds to atomics; the map changes only when links come and
/// go.
#[derive(Default)]
pub struct Traffic(Mutex<BTreeMap<LinkId, Arc<LinkTraffic>>>);

/// One link's bytes.
#[derive(Default)]
pub(super) struct LinkTraffic {
    sent: AtomicU64,
    received: AtomicU64,
}

impl Traffic {
    /// Sent and received bytes of each link.
    pub fn totals(&self) -> BTreeMap<LinkId, (u64, u64)> {
        let read = |traffic: &LinkTraffic| (traffic.sent.load(Relaxed), traffic.received.load(Relaxed));
        self.links().iter().map(|(link, traffic)| (*link, read(traffic))).collect()
    }

    pub(super) fn open(&self, link: LinkId) -> Arc<LinkTraffic> {
        Arc::clone(self.links().entry(link).or_default())
    }

    pub(super) fn close(&self, link: LinkId) {
        self.links().remove(&link);
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<LinkId, Arc<LinkTraffic>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LinkTraffic {
    pub(super) fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Relaxed);
    }
}
