//! Blocks that passed all stateless checks and wait for the ledger.
//!
//! Many of them wait while the ledger writes coins to the disk, so they are kept small: the block's bytes, and the results
//! that are expensive to compute. A block of 500 usual transactions takes 129 kB, of which 111 kB are its bytes. Decoded
//! it would take 294 kB.

use std::collections::{BTreeSet, BinaryHeap};

use crate::{
    base::{bytes::Bytes, gather::gather, hash::Hash},
    chain::{block::HashedBlock, header::Header, transaction::OutPoint, transaction_view::TransactionView},
};

/// A block that passed every check that needs no ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedBlock {
    /// The header's hash.
    pub hash: Hash,
    /// The header.
    pub header: Header,
    /// The whole encoding, as it arrived and as it will be stored.
    pub bytes: Bytes,
    /// The ids of its transactions, the coinbase first.
    pub txids: Vec<Hash>,
    /// Their merkle leaves, if the block was put together here. In a sync they would take an eighth more.
    pub leaves: Option<Box<[Hash]>>,
    /// Positions of the transactions, in the order of their ids.
    by_txid: Box<[u32]>,
    /// Positions of transactions and inputs that spend the coin of an earlier input. Practically always none.
    repeated: Vec<(usize, usize)>,
}

impl CheckedBlock {
    /// Keeps what the ledger needs of a block.
    pub fn new(block: &HashedBlock) -> Self {
        let txids = block.transactions.iter().map(|hashed| hashed.txid).collect();
        Self::of((block.hash, block.header.clone()), block.bytes.clone(), txids)
    }

    /// The same of a block that is not decoded: of the hash and the header in `bytes`, and the ids of all its transactions.
    pub(super) fn of((hash, header): (Hash, Header), bytes: Bytes, txids: Vec<Hash>) -> Self {
        let firsts = txids.iter().map(|txid| OutPoint { txid: *txid, index: 0 }).collect();
        // A boxed slice has its exact size. A `Vec` would reuse the list that it is collected from, six times as large.
        let by_txid = numbered(firsts).iter().map(|(_, at)| *at).collect();
        let mut block = Self { hash, header, bytes, txids, leaves: None, by_txid, repeated: Vec::new() };
        let outpoints = block.views().flat_map(|(_, view)| view).flat_map(|view| view.outpoints()).collect();
        let order = numbered(outpoints);
        let again: BTreeSet<u32> = gather(order.windows(2).filter(|two| two[0].0 == two[1].0).map(|two| two[1].1));
        if !again.is_empty() {
            block.repeated =
                block.places().zip(0..).filter(|(_, at)| again.contains(at)).map(|(place, _)| place).collect();
        }
        block
    }

    /// Positions of transaction and input, of all inputs.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        let counts = self.views().map(|(_, view)| view.map_or(0, |view| view.counts().0));
        counts.enumerate().flat_map(|(at, count)| (0..count).map(move |input| (at, input)))
    }

    /// A view of each transaction, with its id. The transactions were decoded before, so a view is missing only if
    /// something changed the bytes.
    pub fn views(&self) -> impl Iterator<Item = (Hash, Option<TransactionView<'_>>)> {
        let mut rest = self.bytes.get(self.header.size() + 4..);
        self.txids.iter().map(move |txid| {
            let (view, left) = rest.and_then(TransactionView::read).unzip();
            rest = left;
            (*txid, view)
        })
    }

    /// The position of the transaction with this id.
    pub fn position(&self, txid: &Hash) -> Option<usize> {
        let found = self.by_txid.partition_point(|at| self.txids[*at as usize] < *txid);
        self.by_txid.get(found).map(|at| *at as usize).filter(|at| self.txids[*at] == *txid)
    }

    /// Whether an input spends the same coin as an earlier input of the block.
    pub fn is_repeated(&self, transaction: usize, input: usize) -> bool {
        self.repeated.contains(&(transaction, input))
    }
}

/// The outpoints in order, each with its position in `outpoints`. A heap takes 3 kB less code than a sort and no more time.
fn numbered(outpoints: Vec<OutPoint>) -> Vec<(OutPoint, u32)> {
    let all: BinaryHeap<(OutPoint, u32)> = outpoints.into_iter().zip(0..).collect();
    all.into_sorted_vec()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        base::codec::List,
        chain::{
            block::HashedTransaction, key::SecretKey, spec::ChainSpec, testkit::BlockMaker, transaction::Transaction,
        },
    };

    /// A block with `payments` payments, each from another account.
    fn block(payments: u32) -> HashedBlock {
        let mut maker = BlockMaker::new(Arc::new(ChainSpec::local()));
        let to = SecretKey::well_known(9).address();
        let payments = (0..payments).map(|n| maker.transfer(&SecretKey::well_known(n), to, 5, 1)).collect();
        maker.next_block(payments, to)
    }

    #[test]
    fn its_transactions_are_those_of_the_block_and_are_found_by_their_ids() {
        let block = block(8);
        let checked = CheckedBlock::new(&block);
        assert_eq!(checked.views().count(), block.transactions.len());
        for (at, (hashed, (txid, view))) in block.transactions.iter().zip(checked.views()).enumerate() {
            let (view, transaction) = (view.unwrap(), &hashed.transaction);
            assert!(view.outpoints().eq(transaction.inputs.iter().map(|input| input.outpoint)));
            assert!(view.outputs().eq(transaction.outputs.iter().cloned()));
            assert_eq!((txid, checked.position(&txid)), (hashed.txid, Some(at)));
        }
        assert_eq!([Hash::ZERO, block.hash, Hash([0xff; 32])].map(|other| checked.position(&other)), [None; 3]);
    }

    #[test]
    fn each_later_input_that_spends_the_same_coin_is_repeated() {
        let HashedBlock { header, mut transactions, .. } = block(3);
        let mut both = transactions[2].transaction.inputs.to_vec();
        both.extend(transactions[1].transaction.inputs.iter().cloned());
        let inputs = List::new(both).unwrap();
        let transaction = Transaction { inputs, ..transactions[2].transaction.clone() };
        transactions.push(HashedTransaction::new(transaction));
        let checked = CheckedBlock::new(&HashedBlock::new(header, transactions));
        let repeated = (0..6).flat_map(|at| (0..3).map(move |input| (at, input)));
        let repeated: Vec<_> = repeated.filter(|(at, input)| checked.is_repeated(*at, *input)).collect();
        assert_eq!(repeated, [(4, 0), (4, 1)]);
    }

    #[test]
    fn changed_bytes_are_detected() {
        let block = block(2);
        let bytes = block.bytes[..block.bytes.len() - 1].to_vec().into();
        let checked = CheckedBlock::new(&HashedBlock { bytes, ..block });
        let there: Vec<bool> = checked.views().map(|(_, view)| view.is_some()).collect();
        assert_eq!(there, [true, true, false]);
    }
}
