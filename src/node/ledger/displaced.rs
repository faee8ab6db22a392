//! Transactions that left the mempool since the chain contradicts them, or since another pays more. Their owners hear what became of them.

use std::{collections::VecDeque, sync::Arc};

use crate::{base::hash::Hash, chain::block::HashedTransaction};

/// Transactions that are remembered: at most 512 KiB, since each has at most 16. The oldest is forgotten first.
const DISPLACED: usize = 32;

/// The latest of these transactions.
#[derive(Debug, Default)]
pub(super) struct Displaced(VecDeque<(Arc<HashedTransaction>, Option<Hash>)>);

impl Displaced {
    /// Remembers one, and which transaction of the mempool took its place, if one did.
    pub(super) fn push(&mut self, transaction: Arc<HashedTransaction>, by: Option<Hash>) {
        if self.0.len() == DISPLACED {
            self.0.pop_front();
        }
        self.0.push_back((transaction, by));
    }

    /// The one with this id, if it is among the latest.
    pub(super) fn find(&self, txid: &Hash) -> Option<&(Arc<HashedTransaction>, Option<Hash>)> {
        self.0.iter().rev().find(|(transaction, _)| transaction.txid == *txid)
    }
}
