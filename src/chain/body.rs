//! Bodies of blocks, checked with one transaction decoded at a time.
//!
//! The transactions of a block take twice its bytes once they are decoded, and each verifier has a block at a time.

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        block::HashedBlock,
        checked::CheckedBlock,
        header::Header,
        key::Claim,
        merkle,
        rules::{BlockFault, check_place, check_size},
        transaction::Transaction,
        transaction_view::TransactionView,
    },
};

impl CheckedBlock {
    /// Does what [`HashedBlock::decode`] and [`crate::chain::rules::check_block`] do for the block that `hash` names. Returns
    /// the merkle leaves of its transactions, too; signatures are not checked.
    pub fn check(bytes: Bytes, hash: &Hash) -> Result<(Self, Vec<Hash>), BlockFault> {
        let malformed = |why: String| BlockFault::Malformed(why);
        let height = Header::peek(&bytes).map_or(0, |header| header.height);
        let (mut txids, mut leaves, mut placed) = (Vec::new(), Vec::new(), Ok(()));
        let header = HashedBlock::read(&bytes, |hashed, most| {
            if txids.is_empty() {
                txids.reserve_exact(most);
                leaves.reserve_exact(most);
            }
            if placed.is_ok() {
                placed = check_place(height, txids.len(), &hashed);
            }
            txids.push(hashed.txid);
            leaves.push(hashed.leaf);
        })
        .map_err(|error| malformed(error.to_string()))?;
        if header.hash() != *hash {
            return Err(malformed(format!("block {} where {hash} was to come", header.hash())));
        }
        if merkle::root(leaves.clone()) != header.merkle_root {
            return Err(BlockFault::MerkleRoot);
        }
        check_size(bytes.len().saturating_sub(header.size()))?;
        if txids.is_empty() {
            return Err(BlockFault::Empty);
        }
        placed?;
        Ok((Self::of((*hash, header), bytes, txids), leaves))
    }
}

/// As [`crate::chain::key::claims`], of a transaction that is not decoded.
pub fn claims<'a>(view: &TransactionView<'a>, txid: &Hash, genesis: &Hash) -> impl Iterator<Item = Claim> + use<'a> {
    let hash = Transaction::signing_hash(txid, genesis);
    let inputs = view.keys().zip(view.signatures());
    inputs.map(move |(key, signature)| Claim { public_key: *key, hash, signature: *signature })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chain::{block::HashedTransaction, key::SecretKey, rules, spec::ChainSpec, testkit::BlockMaker};

    fn block() -> HashedBlock {
        let mut maker = BlockMaker::new(Arc::new(ChainSpec::local()));
        let to = SecretKey::well_known(9).address();
        let payments = (0..3).map(|n| maker.transfer(&SecretKey::well_known(n), to, 5, 1)).collect();
        maker.next_block(payments, to)
    }

    /// What all of the block at once gives.
    fn at_once(bytes: &Bytes, hash: &Hash) -> Result<(CheckedBlock, Vec<Hash>), BlockFault> {
        let block = HashedBlock::decode(bytes.clone()).map_err(|error| BlockFault::Malformed(error.to_string()))?;
        if block.hash != *hash {
            return Err(BlockFault::Malformed(format!("block {} where {hash} was to come", block.hash)));
        }
        rules::check_block(&block)?;
        let leaves = block.transactions.iter().map(|hashed| hashed.leaf).collect();
        Ok((CheckedBlock::new(&block), leaves))
    }

    #[test]
    fn one_transaction_at_a_time_gives_what_all_at_once_give() {
        let valid = block();
        let mut bodies = vec![(valid.bytes.clone(), valid.hash), (valid.bytes.clone(), Hash::ZERO)];
        let mut alter = |change: &dyn Fn(&mut Vec<Transaction>), keeps_root: bool| {
            let mut list: Vec<Transaction> = valid.transactions.iter().map(|one| one.transaction.clone()).collect();
            change(&mut list);
            let mut block =
                HashedBlock::new(valid.header.clone(), list.into_iter().map(HashedTransaction::new).collect());
            if !keeps_root {
                let header = Header { merkle_root: block.merkle_root(), ..block.header };
                block = HashedBlock::new(header, block.transactions);
            }
            bodies.push((block.bytes, block.hash));
        };
        alter(&|list| list.swap(0, 1), true);
        alter(&|list| list.swap(0, 1), false);
        alter(&|list| list.clear(), false);
        alter(&|list| drop(list.remove(0)), false);
        alter(&|list| list[2].version = 9, false);
        alter(&|list| (list[1].version, list[3].version) = (9, 8), false);
        alter(&|list| list.push(list[0].clone()), false);
        let cut = valid.bytes[..valid.bytes.len() - 1].to_vec();
        let long = [&valid.bytes[..], &[0]].concat();
        bodies.extend([cut, long, vec![], vec![0; 40]].map(|bytes| (bytes.into(), valid.hash)));
        let results: Vec<_> = bodies.iter().map(|(bytes, hash)| CheckedBlock::check(bytes.clone(), hash)).collect();
        for ((bytes, hash), result) in bodies.iter().zip(&results) {
            assert_eq!(*result, at_once(bytes, hash));
        }
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    }
}
