//! Verified transactions whose coin is not there: the transaction that makes it may be on its way.
//!
//! It often is, since peers' queues and verifier threads overtake each other. No signature is checked twice for it.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    base::{
        hash::Hash,
        limits::{MAX_ORPHANS, ORPHAN_BYTES},
    },
    chain::block::HashedTransaction,
    node::Origin,
};

/// A waiting transaction.
#[derive(Clone, Debug)]
pub(super) struct Orphan {
    /// Who sent it.
    pub(super) origin: Origin,
    /// The transaction.
    pub(super) transaction: Arc<HashedTransaction>,
    /// The transaction whose output it lacks.
    parent: Hash,
}

/// All that wait, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    waiting: VecDeque<Orphan>,
    bytes: usize,
}

impl Orphans {
    /// Keeps a transaction that lacks the coin of its input number `input`; the oldest make room. The leaves of those.
    pub(super) fn insert(&mut self, origin: Origin, transaction: Arc<HashedTransaction>, input: usize) -> Vec<Hash> {
        let mut dropped = Vec::new();
        let Some(missing) = transaction.transaction.inputs.get(input) else { return dropped };
        let parent = missing.outpoint.txid;
        if self.contains(&transaction.leaf) {
            return dropped;
        }
        self.bytes = self.bytes.saturating_add(transaction.size);
        self.waiting.push_back(Orphan { origin, transaction, parent });
        while self.waiting.len() > MAX_ORPHANS || self.bytes > ORPHAN_BYTES {
            let Some(oldest) = self.waiting.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.transaction.size);
            dropped.push(oldest.transaction.leaf);
        }
        dropped
    }

    /// Whether the transaction with these bytes waits.
    pub(super) fn contains(&self, leaf: &Hash) -> bool {
        self.waiting.iter().any(|orphan| orphan.transaction.leaf == *leaf)
    }

    /// Takes those that lack an output of `parent`, which is there now.
    pub(super) fn children(&mut self, parent: &Hash) -> Vec<Orphan> {
        self.take(|orphan| orphan.parent == *parent)
    }

    /// Takes all: a block may have brought what they lack.
    pub(super) fn all(&mut self) -> Vec<Orphan> {
        self.take(|_| true)
    }

    fn take(&mut self, which: impl Fn(&Orphan) -> bool) -> Vec<Orphan> {
        let (taken, left): (Vec<Orphan>, Vec<Orphan>) = std::mem::take(&mut self.waiting).into_iter().partition(which);
        self.waiting = left.into();
        self.bytes = self.waiting.iter().map(|orphan| orphan.transaction.size).sum();
        taken
    }
}
