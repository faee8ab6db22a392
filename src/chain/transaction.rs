//! Transactions: coins in, coins out, a memo.

use crate::{
    base::{
        codec::{self, Decode, Encode, List},
        hash::{Domain, Hash},
        limits,
    },
    chain::address::Address,
};

/// The only transaction version. Inputs of version 1 named no amounts.
pub const TRANSACTION_VERSION: u32 = 2;

/// Names one output of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
pub struct OutPoint {
    /// The transaction that created the coin.
    pub txid: Hash,
    /// Which of its outputs.
    pub index: u32,
}

/// Spends a coin. It carries the key, so that its signature can be checked without the ledger, and the coin's amount, so that
/// a signer without a ledger knows the fee.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Input {
    /// The coin.
    pub outpoint: OutPoint,
    /// The coin's amount, in base units. The ledger compares it with the coin.
    pub amount: u64,
    /// The Ed25519 key whose address owns the coin.
    pub public_key: [u8; 32],
    /// Ed25519 over [`Transaction::signing_hash`].
    pub signature: [u8; 64],
}

/// Creates a coin.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Output {
    /// In base units, at least 1.
    pub amount: u64,
    /// Who may spend it.
    pub address: Address,
}

/// A transaction. One without inputs is a coinbase: the first of its block, and its memo starts with the block's
/// height as four little-endian bytes, so that no two coinbases have the same id.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Transaction {
    /// [`TRANSACTION_VERSION`].
    pub version: u32,
    /// Coins spent.
    pub inputs: List<Input, { limits::MAX_INPUTS }>,
    /// Coins created.
    pub outputs: List<Output, { limits::MAX_OUTPUTS }>,
    /// Free bytes.
    pub memo: List<u8, { limits::MAX_MEMO_BYTES }>,
}

impl Transaction {
    /// The identity: the hash of the encoding with the signatures left out, so that changing a signature does not change it.
    pub fn txid(&self) -> Hash {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&count(self.inputs.len()));
        for input in &self.inputs {
            bytes.extend_from_slice(&input.outpoint.txid.0);
            bytes.extend_from_slice(&input.outpoint.index.to_le_bytes());
            bytes.extend_from_slice(&input.amount.to_le_bytes());
            bytes.extend_from_slice(&input.public_key);
        }
        bytes.extend_from_slice(&count(self.outputs.len()));
        for output in &self.outputs {
            bytes.extend_from_slice(&output.amount.to_le_bytes());
            bytes.extend_from_slice(&output.address.0);
        }
        bytes.extend_from_slice(&count(self.memo.len()));
        bytes.extend_from_slice(&self.memo);
        Domain::TXID.hash(&bytes)
    }

    /// What each input signs on the network with this genesis block: a signature is worth nothing on another network.
    pub fn signing_hash(txid: &Hash, genesis: &Hash) -> Hash {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&genesis.0);
        bytes[32..].copy_from_slice(&txid.0);
        Domain::SIGNING.hash(&bytes)
    }

    /// Whether this creates the block's reward instead of spending coins.
    pub fn is_coinbase(&self) -> bool {
        self.inputs.is_empty()
    }

    /// The height that a coinbase claims to be for.
    pub fn coinbase_height(&self) -> Option<u32> {
        let bytes = self.memo.get(..4)?;
        bytes.try_into().ok().map(u32::from_le_bytes)
    }

    /// The encoding, as on the wire and in blocks.
    pub fn to_bytes(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// The outpoint of output `index` of the transaction `txid`.
    pub fn outpoint(txid: Hash, index: usize) -> OutPoint {
        OutPoint { txid, index: u32::try_from(index).expect("outputs are limited to far below 2^32") }
    }
}

fn count(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("lists are limited to far below 2^32").to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_leaves_out_signatures_and_nothing_else() {
        let outpoint = OutPoint { txid: Hash([1; 32]), index: 2 };
        let input = Input { outpoint, amount: 7, public_key: [3; 32], signature: [4; 64] };
        let output = Output { amount: 5, address: Address([6; 20]) };
        let transaction = Transaction {
            version: TRANSACTION_VERSION,
            inputs: List::truncated([input]),
            outputs: List::truncated([output]),
            memo: List::truncated(*b"hi"),
        };
        let txid = transaction.txid();
        let mut signed = transaction.clone();
        signed.inputs.as_mut_slice()[0].signature = [9; 64];
        assert_eq!(signed.txid(), txid);
        let mut other = transaction.clone();
        other.outputs.as_mut_slice()[0].amount = 6;
        assert_ne!(other.txid(), txid);
        let mut other = transaction.clone();
        other.inputs.as_mut_slice()[0].amount = 8;
        assert_ne!(other.txid(), txid);
        let mut other = transaction.clone();
        other.memo = List::truncated(*b"ho");
        assert_ne!(other.txid(), txid);
        assert_eq!(codec::decode::<Transaction>(&transaction.to_bytes()), Ok(transaction));
    }
}
