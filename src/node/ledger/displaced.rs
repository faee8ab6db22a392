//! Transactions that left the mempool since the chain contradicts them. Their owners hear what became of them.

use std::{collections::VecDeque, sync::Arc};

use crate::{base::hash::Hash, chain::block::HashedTransaction};

/// Transactions that are remembered: at most 512 KiB, since each has at most 16. The oldest is forgotten first.
const DISPLACED: usize = 32;

/// The latest of these transactions.
#[derive(Debug, Default)]
pub(super) struct Displaced(VecDeque<Arc<HashedTransaction>>);

impl Displaced {
    /// Remembers one.
    pub(super) fn push(&mut self, transaction: Arc<HashedTransaction>) {
        if self.0.len() == DISPLACED {
            self.0.pop_front();
        }
        self.0.push_back(transaction);
    }

    /// The one with this id, if it is among the latest.
    pub(super) fn find(&self, txid: &Hash) -> Option<&Arc<HashedTransaction>> {
        self.0.iter().rev().find(|transaction| transaction.txid == *txid)
    }
}
