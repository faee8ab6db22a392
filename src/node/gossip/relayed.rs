//! Transactions that were announced, for peers that ask for them.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    base::limits::{RELAYED_BYTES, RELAYED_TRANSACTIONS},
    chain::block::HashedTransaction,
    wire::short_id::{Salt, ShortId},
};

/// The latest ones, the newest last. No list of what each peer was told: its short ids are computed again when it asks, and
/// mostly it asks for the newest.
#[derive(Debug, Default)]
pub(super) struct Relayed {
    transactions: VecDeque<Arc<HashedTransaction>>,
    bytes: usize,
}

impl Relayed {
    /// Keeps a transaction; the oldest make room.
    pub(super) fn push(&mut self, transaction: Arc<HashedTransaction>) {
        self.bytes = self.bytes.saturating_add(transaction.size);
        self.transactions.push_back(transaction);
        while self.transactions.len() > RELAYED_TRANSACTIONS || self.bytes > RELAYED_BYTES {
            let Some(oldest) = self.transactions.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.size);
        }
    }

    /// The transactions with these short ids, in the order of the ids, and how many short ids had to be computed.
    pub(super) fn find(
        &self,
        ids: &[ShortId],
        salts: impl Iterator<Item = Salt>,
    ) -> (Vec<Option<Arc<HashedTransaction>>>, u32) {
        let mut places: Vec<(ShortId, usize)> = ids.iter().copied().zip(0..).collect();
        places.sort_unstable();
        let (mut found, mut missing, mut computed) = (vec![None; ids.len()], ids.len(), 0);
        for salt in salts {
            for transaction in self.transactions.iter().rev() {
                if missing == 0 {
                    return (found, computed);
                }
                computed += 1;
                let id = salt.short_id(&transaction.leaf);
                let from = places.partition_point(|(other, _)| *other < id);
                for (_, place) in places[from..].iter().take_while(|(other, _)| *other == id) {
                    missing -= usize::from(found[*place].is_none());
                    found[*place] = Some(transaction.clone());
                }
            }
        }
        (found, computed)
    }
}
