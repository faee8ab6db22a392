//! Which transactions of the mempool build on which.

use std::collections::BTreeSet;

use crate::{
    base::{hash::Hash, limits},
    chain::transaction::Transaction,
    node::Refusal,
};

use super::pool::{FeeRate, Pool, fee_rate};

impl Pool {
    /// The fee rate of several together.
    pub(super) fn package_rate(&self, txids: &[Hash]) -> FeeRate {
        let (fee, size) = txids.iter().fold((0u64, 0usize), |(fee, size), txid| {
            let entry = self.known(txid);
            (fee.saturating_add(entry.fee()), size + entry.transaction.size)
        });
        fee_rate(fee, size)
    }

    /// The unconfirmed transactions that this one builds on; at most one more than is allowed.
    pub(super) fn ancestors(&self, transaction: &Transaction) -> BTreeSet<Hash> {
        let parents = |transaction: &Transaction| -> Vec<Hash> {
            let txids = transaction.inputs.iter().map(|input| input.outpoint.txid);
            txids.filter(|txid| self.holds(txid)).collect()
        };
        let mut ancestors = BTreeSet::new();
        let mut open = parents(transaction);
        while let Some(txid) = open.pop() {
            if ancestors.len() > limits::MEMPOOL_ANCESTORS {
                break;
            }
            if ancestors.insert(txid) {
                open.extend(parents(&self.known(&txid).transaction.transaction));
            }
        }
        ancestors
    }

    /// The same, or that they are more than is allowed.
    pub(super) fn few_ancestors(&self, transaction: &Transaction) -> Result<BTreeSet<Hash>, Refusal> {
        let ancestors = self.ancestors(transaction);
        match ancestors.len() > limits::MEMPOOL_ANCESTORS {
            true => Err(Refusal::Ancestors(limits::MEMPOOL_ANCESTORS)),
            false => Ok(ancestors),
        }
    }

    /// A transaction that is there, and those that it builds on.
    pub(super) fn with_ancestors(&self, txid: &Hash) -> BTreeSet<Hash> {
        let mut all = self.ancestors(&self.known(txid).transaction.transaction);
        all.insert(*txid);
        all
    }

    pub(super) fn with_descendants(&self, txid: &Hash) -> BTreeSet<Hash> {
        self.family(&BTreeSet::from([*txid]), usize::MAX).expect("there is no limit")
    }

    /// These transactions and all that build on them; `None` if they are more than `most`.
    pub(super) fn family(&self, txids: &BTreeSet<Hash>, most: usize) -> Option<BTreeSet<Hash>> {
        let mut all = txids.clone();
        let mut open: Vec<Hash> = txids.iter().copied().collect();
        while let Some(txid) = open.pop() {
            if all.len() > most {
                return None;
            }
            open.extend(self.children(txid).filter(|child| all.insert(*child)));
        }
        (all.len() <= most).then_some(all)
    }
}
