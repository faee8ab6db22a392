//! Transactions read in place, without decoding them.
//!
//! The ledger's thread decides how long a large sync takes. Decoding each transaction there again, with two lists to
//! allocate and free, took a tenth of its time.

use crate::{
    base::hash::Hash,
    chain::{
        address::Address,
        header::Header,
        transaction::{OutPoint, Output},
    },
};

/// Bytes of an input: its coin's id 32, index 4 and amount 8, key 32, signature 64.
const INPUT_BYTES: usize = 140;
/// Bytes of an output: amount 8, address 20.
const OUTPUT_BYTES: usize = 28;

/// What a transaction does to the coins, read from its encoding. Only the lengths are checked: use it for transactions
/// that were decoded before.
#[derive(Clone, Copy, Debug)]
pub struct TransactionView<'a> {
    inputs: &'a [[u8; INPUT_BYTES]],
    outputs: &'a [[u8; OUTPUT_BYTES]],
    memo: &'a [[u8; 1]],
}

/// The transactions of a block, each with its bytes, and `None` instead of the first that is cut off. `None` if not even a
/// header is whole.
pub fn transactions(block: &[u8]) -> Option<impl Iterator<Item = Option<(TransactionView<'_>, &[u8])>>> {
    let (count, mut rest) = block.get(Header::peek(block)?.size()..)?.split_first_chunk()?;
    let mut left = u32::from_le_bytes(*count);
    Some(std::iter::from_fn(move || {
        left = left.checked_sub(1)?;
        let Some((view, behind)) = TransactionView::read(rest) else {
            left = 0;
            return Some(None);
        };
        let (bytes, behind) = rest.split_at(rest.len() - behind.len());
        rest = behind;
        Some(Some((view, bytes)))
    }))
}

impl<'a> TransactionView<'a> {
    /// The transaction at the start of `bytes`, and the bytes after it. `None` if it is cut off.
    pub fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (_version, rest) = bytes.split_first_chunk::<4>()?;
        let (inputs, rest) = list(rest)?;
        let (outputs, rest) = list(rest)?;
        let (memo, rest) = list(rest)?;
        Some((Self { inputs, outputs, memo }, rest))
    }

    /// Its memo.
    pub fn memo(&self) -> &'a [u8] {
        self.memo.as_flattened()
    }

    /// Whether this creates the block's reward instead of spending coins.
    pub fn is_coinbase(&self) -> bool {
        self.inputs.is_empty()
    }

    /// The coins that it spends.
    pub fn outpoints(&self) -> impl Iterator<Item = OutPoint> + use<'a> {
        self.inputs.iter().filter_map(|input| {
            let (txid, rest) = input.split_first_chunk()?;
            let index = u32::from_le_bytes(*rest.first_chunk()?);
            Some(OutPoint { txid: Hash(*txid), index })
        })
    }

    /// The amounts that it names for them.
    pub fn amounts(&self) -> impl Iterator<Item = u64> + use<'a> {
        self.inputs.iter().filter_map(|input| Some(u64::from_le_bytes(*input[36..].first_chunk()?)))
    }

    /// The keys that spend them.
    pub fn keys(&self) -> impl Iterator<Item = &'a [u8; 32]> + use<'a> {
        self.inputs.iter().filter_map(|input| input[44..].first_chunk())
    }

    /// Their signatures.
    pub fn signatures(&self) -> impl Iterator<Item = &'a [u8; 64]> + use<'a> {
        self.inputs.iter().filter_map(|input| input[76..].first_chunk())
    }

    /// How many coins it spends, and how many it creates.
    pub fn counts(&self) -> (usize, usize) {
        (self.inputs.len(), self.outputs.len())
    }

    /// The coins that it creates.
    pub fn outputs(&self) -> impl Iterator<Item = Output> + use<'a> {
        self.outputs.iter().filter_map(|output| {
            let (amount, address) = output.split_first_chunk()?;
            Some(Output { amount: u64::from_le_bytes(*amount), address: Address(*address.first_chunk()?) })
        })
    }
}

/// A list of items of `BYTES` bytes each, and the bytes after it.
fn list<const BYTES: usize>(bytes: &[u8]) -> Option<(&[[u8; BYTES]], &[u8])> {
    let (count, rest) = bytes.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*count)).ok()?.checked_mul(BYTES)?;
    let (items, rest) = rest.split_at_checked(length)?;
    Some((items.as_chunks().0, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::codec::{self, List},
        chain::{
            block::Block,
            spec::ChainSpec,
            transaction::{Input, TRANSACTION_VERSION, Transaction},
        },
    };

    /// A transaction with this many inputs, outputs and bytes of memo, all different.
    fn transaction(inputs: u8, outputs: u8, memo: u8) -> Transaction {
        let input = |n| Input {
            outpoint: OutPoint { txid: Hash([n; 32]), index: u32::from(n) << 9 },
            amount: u64::from(n) << 41,
            public_key: [n + 50; 32],
            signature: [n + 100; 64],
        };
        let output = |n| Output { amount: u64::from(n) << 33, address: Address([n + 150; 20]) };
        Transaction {
            version: TRANSACTION_VERSION,
            inputs: List::truncated((1..=inputs).map(input)),
            outputs: List::truncated((1..=outputs).map(output)),
            memo: List::truncated(0..memo),
        }
    }

    #[test]
    fn a_view_says_what_the_decoded_transaction_says() {
        for (inputs, outputs, memo) in [(0, 1, 4), (1, 2, 0), (3, 0, 9), (17, 20, 200)] {
            let transaction = transaction(inputs, outputs, memo);
            let mut bytes = transaction.to_bytes();
            bytes.extend([7, 7, 7]);
            let (view, rest) = TransactionView::read(&bytes).unwrap();
            assert_eq!(rest, [7, 7, 7]);
            assert_eq!(view.is_coinbase(), transaction.is_coinbase());
            assert_eq!(view.counts(), (transaction.inputs.len(), transaction.outputs.len()));
            assert!(view.outpoints().eq(transaction.inputs.iter().map(|input| input.outpoint)));
            assert!(view.amounts().eq(transaction.inputs.iter().map(|input| input.amount)));
            assert!(view.keys().eq(transaction.inputs.iter().map(|input| &input.public_key)));
            assert!(view.outputs().eq(transaction.outputs.iter().cloned()));
            assert_eq!(view.memo(), &transaction.memo[..]);
        }
    }

    #[test]
    fn a_transaction_that_is_cut_off_has_no_view() {
        let bytes = transaction(2, 2, 3).to_bytes();
        for length in 0..bytes.len() {
            let cut = &bytes[..length];
            assert!(
                TransactionView::read(cut).is_none() && codec::decode_prefix::<Transaction>(cut).is_err(),
                "{length}"
            );
        }
        let mut endless = bytes;
        endless[4..8].fill(0xff);
        assert!(TransactionView::read(&endless).is_none());
    }

    #[test]
    fn the_transactions_of_a_block_are_handed_out_until_one_is_cut_off() {
        let block = Block {
            header: ChainSpec::local().genesis.header.clone(),
            transactions: List::truncated((1..4).map(|n| transaction(n, n, n))),
        };
        let bytes = codec::encode(&block);
        let read: Vec<_> = transactions(&bytes).unwrap().map(Option::unwrap).collect();
        assert!(read.iter().map(|(_, bytes)| bytes.to_vec()).eq(block.transactions.iter().map(Transaction::to_bytes)));
        assert!(read.iter().map(|(view, _)| view.memo()).eq(block.transactions.iter().map(|one| &one.memo[..])));

        let cut: Vec<_> = transactions(&bytes[..bytes.len() - 1]).unwrap().map(|one| one.is_some()).collect();
        assert_eq!(cut, [true, true, false]);
        assert!(transactions(&bytes[..block.header.size() + 3]).is_none());
    }
}
