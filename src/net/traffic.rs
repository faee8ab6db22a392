//! Bytes per link, and how full the link layer's limits are: noted by the poll loop, read by anybody.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use portable_atomic::AtomicU64;

use crate::{
    base::{gather::gather, ids::LinkId},
    node::limit::{Limit, Meter},
};

/// Bytes sent and received on each live link. The poll loop adds to atomics; the map changes only when links come and
/// go.
#[derive(Default)]
pub struct Traffic {
    links: Mutex<BTreeMap<LinkId, Arc<LinkTraffic>>>,
    /// Bytes of the links that are closed.
    closed: LinkTraffic,
    meters: Mutex<Vec<(Limit, Meter)>>,
    /// Links wait for the limit of uploads.
    holds_back: AtomicBool,
    /// Links with small segments.
    small_segment_links: AtomicUsize,
}

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
        gather(self.links().iter().map(|(link, traffic)| (*link, read(traffic))))
    }

    /// Bytes sent and received on all links, those that are closed included.
    pub fn total(&self) -> (u64, u64) {
        // Under the lock, so that a link that closes is counted once.
        let links = self.links();
        let live = links.values().map(Arc::as_ref);
        live.chain([&self.closed]).fold((0, 0), |(sent, received), traffic| {
            (sent + traffic.sent.load(Relaxed), received + traffic.received.load(Relaxed))
        })
    }

    /// The limits of the link layer.
    pub fn limits(&self) -> Vec<(Limit, Meter)> {
        self.meters().clone()
    }

    /// Whether the limit of uploads holds something back now.
    pub fn holds_back(&self) -> bool {
        self.holds_back.load(Relaxed)
    }

    /// How many peers have small segments because their lines seem to swallow large packets.
    pub fn small_segment_links(&self) -> usize {
        self.small_segment_links.load(Relaxed)
    }

    /// Notes both.
    pub(super) fn note(&self, holds_back: bool, small_segment_links: usize) {
        self.holds_back.store(holds_back, Relaxed);
        self.small_segment_links.store(small_segment_links, Relaxed);
    }

    /// Notes how full the limits are.
    pub(super) fn set_limits(&self, limits: &[(Limit, Meter)]) {
        let mut meters = self.meters();
        meters.clear();
        meters.extend_from_slice(limits);
    }

    pub(super) fn open(&self, link: LinkId) -> Arc<LinkTraffic> {
        Arc::clone(self.links().entry(link).or_default())
    }

    pub(super) fn close(&self, link: LinkId) {
        let mut links = self.links();
        if let Some(traffic) = links.remove(&link) {
            self.closed.sent.fetch_add(traffic.sent.load(Relaxed), Relaxed);
            self.closed.received.fetch_add(traffic.received.load(Relaxed), Relaxed);
        }
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<LinkId, Arc<LinkTraffic>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meters(&self) -> MutexGuard<'_, Vec<(Limit, Meter)>> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner)
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
