//! Puts a block together from a compact block and the transactions that are here.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    base::{
        bytes::Bytes,
        codec::CodecError,
        hash::Hash,
        limits::{MAX_BLOCK_BYTES, REMEMBERED_TRANSACTION_BYTES},
    },
    chain::{block::HashedTransaction, header::Header, merkle, transaction::Transaction},
    node::notice::{CheckedTransactions, Parts},
    wire::{
        compact::{CompactBlock, ShortIds},
        short_id::ShortId,
    },
};

/// The transactions that left the mempool last: blocks of other branches may have them, too.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// Oldest first.
    list: VecDeque<Arc<HashedTransaction>>,
    bytes: usize,
}

impl Remembered {
    /// Remembers one more. The oldest make room.
    pub(super) fn push(&mut self, transaction: Arc<HashedTransaction>) {
        self.bytes += transaction.size;
        self.list.push_back(transaction);
        while self.bytes > REMEMBERED_TRANSACTION_BYTES
            && let Some(oldest) = self.list.pop_front()
        {
            self.bytes -= oldest.size;
        }
    }
}

/// A block that lacks some of its transactions.
#[derive(Debug)]
pub(super) struct Rebuild {
    header: Header,
    ids: ShortIds,
    /// Each at its position.
    transactions: Vec<Option<Arc<HashedTransaction>>>,
    /// What is missing: position and short id, ascending by position.
    missing: Vec<(u16, ShortId)>,
}

impl Rebuild {
    /// Takes what is here. `None`: two transactions of the block have the same short id, so that only the whole block helps.
    pub(super) fn new(
        compact: CompactBlock,
        pool: &CheckedTransactions,
        remembered: &Remembered,
    ) -> Result<Option<Self>, CodecError> {
        let CompactBlock { header, nonce, ids: listed, whole } = compact;
        let ids = ShortIds::new(&header.hash(), nonce);
        let mut transactions = vec![None; listed.len() + whole.len()];
        let mut next = 0;
        for (position, transaction) in whole {
            let Some(slot) = transactions.get_mut(usize::from(position)).filter(|_| position >= next) else {
                return Err(CodecError::Malformed("whole transactions are out of place".to_owned()));
            };
            *slot = Some(Arc::new(HashedTransaction::new(transaction)));
            next = position.saturating_add(1);
        }
        let open = (0u16..).zip(&transactions).filter(|(_, slot)| slot.is_none()).map(|(position, _)| position);
        let missing: Vec<(u16, ShortId)> = open.zip(listed).collect();
        let mut rebuild = Self { header, ids, transactions, missing };
        Ok(rebuild.find(pool, remembered).then_some(rebuild))
    }

    /// Looks up the missing transactions. `false`: an id occurs twice.
    fn find(&mut self, pool: &CheckedTransactions, remembered: &Remembered) -> bool {
        let mut wanted: Vec<(ShortId, u16)> = self.missing.iter().map(|(position, id)| (*id, *position)).collect();
        wanted.sort_unstable();
        if wanted.windows(2).any(|two| two[0].0 == two[1].0) {
            return false;
        }
        let mut left = wanted.len();
        for transaction in pool.values().chain(&remembered.list) {
            if left == 0 {
                break;
            }
            let Ok(at) = wanted.binary_search_by_key(&self.ids.of(&transaction.leaf), |(id, _)| *id) else { continue };
            let slot = &mut self.transactions[usize::from(wanted[at].1)];
            if slot.is_none() {
                *slot = Some(transaction.clone());
                left -= 1;
            }
        }
        let transactions = &self.transactions;
        self.missing.retain(|(position, _)| transactions[usize::from(*position)].is_none());
        true
    }

    /// The positions of the transactions that are missing.
    pub(super) fn missing(&self) -> Vec<u16> {
        self.missing.iter().map(|(position, _)| *position).collect()
    }

    /// Transactions of the block.
    pub(super) fn count(&self) -> usize {
        self.transactions.len()
    }

    /// Takes those that were missing. `None`: another number of them.
    pub(super) fn fill(&mut self, transactions: Vec<Transaction>) -> Option<()> {
        if transactions.len() != self.missing.len() {
            return None;
        }
        for ((position, _), transaction) in std::mem::take(&mut self.missing).into_iter().zip(transactions) {
            self.transactions[usize::from(position)] = Some(Arc::new(HashedTransaction::new(transaction)));
        }
        Some(())
    }

    /// The whole block's encoding, and the transactions in it. `None`: these are not the ones that the header commits to.
    pub(super) fn finish(&self) -> Option<(Bytes, Parts)> {
        let transactions: Parts = self.transactions.iter().cloned().collect::<Option<_>>()?;
        let size = transactions.iter().fold(4usize, |size, transaction| size.saturating_add(transaction.size));
        let leaves: Vec<Hash> = transactions.iter().map(|transaction| transaction.leaf).collect();
        if size > MAX_BLOCK_BYTES || merkle::root(leaves) != self.header.merkle_root {
            return None;
        }
        let mut bytes = self.header.to_bytes();
        bytes.reserve_exact(size);
        bytes.extend_from_slice(&u32::try_from(transactions.len()).ok()?.to_le_bytes());
        transactions.iter().for_each(|hashed| bytes.extend_from_slice(&hashed.transaction.to_bytes()));
        Some((bytes.into(), transactions))
    }
}
