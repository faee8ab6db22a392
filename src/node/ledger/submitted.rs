//! Which transactions of the mempool came from this node's users, and so are kept in the store at once.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::block::HashedTransaction,
};

use super::pool::{Entry, Pool};

/// Bytes of kept transactions that are not worth dropping: a start reads and checks them in some milliseconds.
const FEW_BYTES: usize = 256 * 1024;

/// What the store is to do.
pub(super) enum Keep {
    /// Add these to what it has.
    Also(Vec<Bytes>),
    /// Have only these.
    Only(Vec<Bytes>),
}

/// The transactions that the store keeps.
pub(super) struct Submitted {
    txids: BTreeSet<Hash>,
    /// Bytes of them, and of those that were kept and have left the mempool.
    bytes: usize,
    /// Bytes at which those that have left are dropped.
    most: usize,
    /// What a start has taken in again, until gossip hears of it.
    restored: Vec<Arc<HashedTransaction>>,
}

impl Submitted {
    /// None.
    pub(super) fn new() -> Self {
        Self { txids: BTreeSet::new(), bytes: 0, most: FEW_BYTES, restored: Vec::new() }
    }

    /// What to keep now that a user has submitted a transaction: the transaction and what it builds on, if they are in the
    /// mempool and not kept yet. `may_drop`: blocks are stored, so what left the mempool is not needed any more.
    pub(super) fn note(&mut self, pool: &Pool, txid: &Hash, may_drop: bool) -> Option<Keep> {
        let mut package = package(pool, txid);
        package.retain(|transaction| self.txids.insert(transaction.txid));
        if package.is_empty() {
            return None;
        }
        let new = encoded(package);
        self.bytes += size(&new);
        Some(if may_drop && self.bytes > self.most { Keep::Only(self.drop_others(pool)) } else { Keep::Also(new) })
    }

    /// Notes those of these transactions that the mempool has taken in at a start.
    pub(super) fn restore(&mut self, pool: &Pool, txids: BTreeSet<Hash>) -> Keep {
        self.txids = txids;
        self.restored = self.waiting(pool);
        Keep::Only(self.drop_others(pool))
    }

    /// What a start has taken in again and still waits, once: other nodes may not have it.
    pub(super) fn take_restored(&mut self, pool: &Pool) -> Vec<Arc<HashedTransaction>> {
        let mut restored = std::mem::take(&mut self.restored);
        restored.retain(|transaction| pool.entry(&transaction.txid).is_some());
        restored
    }

    /// The encodings of those that still wait; forgets the others.
    fn drop_others(&mut self, pool: &Pool) -> Vec<Bytes> {
        let waiting = self.waiting(pool);
        self.txids = waiting.iter().map(|transaction| transaction.txid).collect();
        let all = encoded(waiting);
        self.bytes = size(&all);
        // So that dropping costs no more than keeping, however many wait.
        self.most = self.bytes.saturating_mul(2).max(FEW_BYTES);
        all
    }

    /// Those that still wait, ancestors before descendants.
    fn waiting(&self, pool: &Pool) -> Vec<Arc<HashedTransaction>> {
        let mut all = pool.in_order_of_arrival();
        all.retain(|transaction| self.txids.contains(&transaction.txid));
        all
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

fn encoded(transactions: Vec<Arc<HashedTransaction>>) -> Vec<Bytes> {
    transactions.into_iter().map(|transaction| Bytes::from(transaction.transaction.to_bytes())).collect()
}

fn size(transactions: &[Bytes]) -> usize {
    transactions.iter().map(|bytes| bytes.len()).sum()
}
