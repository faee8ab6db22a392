//! Transactions of abandoned branches, on their way back into the mempool.
//!
//! A synced node takes them back at once. A node that is still syncing lets them wait: it can neither mine them nor
//! pass them on, the branch's end may yet confirm them, and a mempool that fills up takes room from the coins. In a
//! sync that replaced every tenth block, taking them back was a quarter of the time.

use std::collections::VecDeque;

use crate::base::{hash::Hash, limits};

use super::pool::Entry;

/// Transactions that wait until the node is synced. The transactions of abandoned blocks stay in the store meanwhile.
#[derive(Debug)]
pub(super) struct Abandoned {
    /// Blocks that were disconnected, parents before children.
    blocks: VecDeque<Hash>,
    /// Mempool transactions that may build on those of the blocks, or on a coinbase that is no longer mature.
    doubtful: Vec<Entry>,
    /// Bytes of the doubtful transactions, counted as the mempool counts them.
    bytes: usize,
    /// Most bytes: the mempool's own limit.
    limit: usize,
}

impl Abandoned {
    /// Nothing yet, and at most `limit` bytes from the mempool.
    pub(super) fn new(limit: usize) -> Self {
        Self { blocks: VecDeque::new(), doubtful: Vec::new(), bytes: 0, limit }
    }

    /// Adds a branch's blocks, parents first. If there are too many, the oldest are forgotten.
    pub(super) fn add_blocks(&mut self, blocks: impl IntoIterator<Item = Hash>) {
        self.blocks.extend(blocks);
        let excess = self.blocks.len().saturating_sub(limits::ABANDONED_BLOCKS);
        self.blocks.drain(..excess);
    }

    /// Adds transactions that were in the mempool, as far as the limit allows.
    pub(super) fn add_doubtful(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            if self.bytes.saturating_add(entry.cost()) <= self.limit {
                self.bytes += entry.cost();
                self.doubtful.push(entry);
            }
        }
    }

    /// Forgets these blocks.
    pub(super) fn forget_blocks(&mut self, blocks: &[Hash]) {
        self.blocks.retain(|block| !blocks.contains(block));
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.limit);
    }

    /// The next block whose transactions are to come back.
    pub(super) fn next_block(&mut self) -> Option<Hash> {
        self.blocks.pop_front()
    }

    /// Takes the mempool's transactions, in the order in which they came. Call it when no blocks are left.
    pub(super) fn take_doubtful(&mut self) -> Vec<Entry> {
        self.bytes = 0;
        let mut entries = std::mem::take(&mut self.doubtful);
        // A transaction must come after those that it builds on.
        entries.sort_unstable_by_key(Entry::arrival);
        entries
    }

    /// Bytes that the transactions from the mempool take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        base::{codec::List, time::UnixTime},
        chain::{block::HashedTransaction, transaction::Transaction},
    };

    fn entry() -> Entry {
        let transaction =
            Transaction { version: 1, inputs: List::EMPTY, outputs: List::EMPTY, memo: List::truncated([1; 8]) };
        Entry::new(Arc::new(HashedTransaction::new(transaction)), 1, UnixTime(1), 1)
    }

    #[test]
    fn the_latest_blocks_are_kept_and_no_more_transactions_than_a_mempool_holds() {
        let mut abandoned = Abandoned::new(0);
        let hashes: Vec<Hash> = (0..=u8::MAX).map(|n| Hash([n; 32])).collect();
        abandoned.add_blocks(hashes.iter().copied());
        assert_eq!(abandoned.next_block(), Some(hashes[hashes.len() - limits::ABANDONED_BLOCKS]));
        abandoned.add_doubtful(vec![entry()]);
        assert!(abandoned.take_doubtful().is_empty());
        let mut abandoned = Abandoned::new(limits::MEMPOOL_BYTES);
        abandoned.add_doubtful(vec![entry()]);
        assert_eq!((abandoned.bytes() > 0, abandoned.take_doubtful().len(), abandoned.bytes()), (true, 1, 0));
        assert_eq!(abandoned.next_block(), None);
    }
}
