//! Which transactions came from this node's users, and so are kept in the store at once.
//!
//! What has left the mempool is kept for a while, too: the block that confirmed it may be abandoned, and a ledger that is
//! downloaded again does not have it yet.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    base::{bytes::Bytes, gather::gather, hash::Hash, time::UnixTime},
    chain::{archive::Submission, block::HashedTransaction},
};

use super::{
    expiry::is_expired,
    pool::{Entry, Pool},
};

/// Most bytes of kept transactions that do not wait any more. A start reads and checks them in some milliseconds.
const SETTLED_BYTES: usize = 256 * 1024;

/// What the store is to do.
pub(super) enum Keep {
    /// Add these to what it has.
    Also(Vec<Submission>),
    /// Have only these.
    Only(BTreeSet<Hash>),
}

/// The transactions that the store keeps.
pub(super) struct Submitted {
    /// In the order of the store.
    kept: Vec<Kept>,
    txids: BTreeSet<Hash>,
    /// Bytes of them.
    bytes: usize,
    /// Bytes at which some are dropped.
    most: usize,
    /// What a start has found in the store, until the node is synced.
    restored: Vec<(Arc<HashedTransaction>, UnixTime)>,
}

struct Kept {
    txid: Hash,
    bytes: usize,
    since: UnixTime,
}

impl Submitted {
    /// None.
    pub(super) fn new() -> Self {
        Self { kept: Vec::new(), txids: BTreeSet::new(), bytes: 0, most: SETTLED_BYTES, restored: Vec::new() }
    }

    /// What to keep now that a user has submitted a transaction: the transaction and what it builds on, if they are in the
    /// mempool and not kept yet.
    pub(super) fn note(&mut self, pool: &Pool, now: UnixTime, txid: &Hash) -> Option<Keep> {
        let new: Vec<_> = package(pool, txid).iter().filter_map(|transaction| self.add(transaction, now)).collect();
        (!new.is_empty()).then_some(Keep::Also(new))
    }

    /// Notes a valid transaction that a start has found in the store.
    pub(super) fn restore(&mut self, transaction: Arc<HashedTransaction>, since: UnixTime) {
        self.add(&transaction, since);
        self.restored.push((transaction, since));
    }

    /// What a start has found in the store, ancestors before descendants, once: other nodes may not have it.
    pub(super) fn take_restored(&mut self) -> Vec<(Arc<HashedTransaction>, UnixTime)> {
        std::mem::take(&mut self.restored)
    }

    /// Whether so much is kept that some should be dropped.
    pub(super) fn is_much(&self) -> bool {
        self.bytes > self.most
    }

    /// What to keep from now on: what waits, and the newest of the others.
    pub(super) fn forget_settled(&mut self, pool: &Pool, now: UnixTime) -> Keep {
        let mut room = SETTLED_BYTES;
        let mut stays = |kept: &Kept| {
            let mut fits = || room.checked_sub(kept.bytes).inspect(|rest| room = *rest).is_some();
            pool.entry(&kept.txid).is_some() || !is_expired(kept.since, now) && fits()
        };
        self.kept.reverse();
        self.kept.retain(&mut stays);
        self.kept.reverse();
        self.txids = gather(self.kept.iter().map(|kept| kept.txid));
        self.bytes = self.kept.iter().map(|kept| kept.bytes).sum();
        // So that dropping costs no more than keeping, however many wait.
        self.most = self.bytes.saturating_mul(2).max(2 * SETTLED_BYTES);
        Keep::Only(self.txids.clone())
    }

    /// What to keep from now on: what waits, and nothing else.
    pub(super) fn retain(&mut self, pool: &Pool) -> Keep {
        self.retain_if(|txid| pool.entry(txid).is_some())
    }

    /// What to keep from now on: all but these.
    pub(super) fn forget(&mut self, txids: &BTreeSet<Hash>) -> Keep {
        self.restored.retain(|(transaction, _)| !txids.contains(&transaction.txid));
        self.retain_if(|txid| !txids.contains(txid))
    }

    fn retain_if(&mut self, stays: impl Fn(&Hash) -> bool) -> Keep {
        self.kept.retain(|kept| stays(&kept.txid));
        self.txids = gather(self.kept.iter().map(|kept| kept.txid));
        self.bytes = self.kept.iter().map(|kept| kept.bytes).sum();
        Keep::Only(self.txids.clone())
    }

    /// What the store needs for a transaction that it does not have.
    fn add(&mut self, transaction: &HashedTransaction, since: UnixTime) -> Option<Submission> {
        if !self.txids.insert(transaction.txid) {
            return None;
        }
        let bytes = Bytes::from(transaction.transaction.to_bytes());
        self.bytes += bytes.len();
        self.kept.push(Kept { txid: transaction.txid, bytes: bytes.len(), since });
        Some(Submission { since, bytes })
    }
}

/// A transaction of the mempool after those that it builds on; nothing if it is not there.
fn package(pool: &Pool, txid: &Hash) -> Vec<Arc<HashedTransaction>> {
    if pool.entry(txid).is_none() {
        return Vec::new();
    }
    let txids = pool.with_ancestors(txid);
    let mut entries: Vec<&Entry> = txids.iter().map(|txid| pool.known(txid)).collect();
    entries.sort_unstable_by_key(|entry| entry.arrival());
    entries.into_iter().map(|entry| entry.transaction.clone()).collect()
}
