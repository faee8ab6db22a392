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
    transactions: VecDeque<Kept>,
    bytes: usize,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) transaction: Arc<HashedTransaction>,
    /// It came from this node's user: no other node can have told of it before.
    pub(super) is_own: bool,
}

impl Relayed {
    /// Keeps a transaction; the oldest make room.
    pub(super) fn push(&mut self, transaction: Arc<HashedTransaction>, is_own: bool) {
        self.bytes = self.bytes.saturating_add(transaction.size);
        self.transactions.push_back(Kept { transaction, is_own });
        while self.transactions.len() > RELAYED_TRANSACTIONS || self.bytes > RELAYED_BYTES {
            let Some(oldest) = self.transactions.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.transaction.size);
        }
    }

    /// The transactions with these short ids, in the order of the ids, and how many short ids had to be computed.
    pub(super) fn find(&self, ids: &[ShortId], salts: impl Iterator<Item = Salt>) -> (Vec<Option<Kept>>, u32) {
        let mut places: Vec<(ShortId, usize)> = ids.iter().copied().zip(0..).collect();
        places.sort_unstable();
        let (mut found, mut missing, mut computed) = (vec![None; ids.len()], ids.len(), 0);
        for salt in salts {
            for kept in self.transactions.iter().rev() {
                if missing == 0 {
                    return (found, computed);
                }
                computed += 1;
                let id = salt.short_id(&kept.transaction.leaf);
                let from = places.partition_point(|(other, _)| *other < id);
                for (_, place) in places[from..].iter().take_while(|(other, _)| *other == id) {
                    missing -= usize::from(found[*place].is_none());
                    found[*place] = Some(kept.clone());
                }
            }
        }
        (found, computed)
    }
}
