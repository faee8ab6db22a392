//! Blocks: a header and its transactions.

use crate::{
    base::{
        bytes::Bytes,
        codec::{self, CodecError, Decode, Encode, List},
        hash::Hash,
        limits::MAX_BLOCK_TRANSACTIONS,
    },
    chain::{
        header::Header,
        merkle,
        transaction::{OutPoint, Transaction},
    },
};

/// A block. Encoding: the header, a `u32` count, the transactions.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Block {
    /// Commits to the rest.
    pub header: Header,
    /// The coinbase first.
    pub transactions: List<Transaction, MAX_BLOCK_TRANSACTIONS>,
}

/// A transaction with the hashes of its bytes, computed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedTransaction {
    /// The transaction.
    pub transaction: Transaction,
    /// Its identity, without signatures.
    pub txid: Hash,
    /// Its merkle leaf: the hash of all its bytes.
    pub leaf: Hash,
    /// Length of its encoding.
    pub size: usize,
}

/// A block whose bytes were decoded and hashed once. Says nothing about validity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedBlock {
    /// The header's hash.
    pub hash: Hash,
    /// The header.
    pub header: Header,
    /// The transactions, the coinbase first.
    pub transactions: Vec<HashedTransaction>,
    /// The whole encoding, as it arrived and as it will be stored.
    pub bytes: Bytes,
}

impl HashedTransaction {
    /// Decodes a transaction that takes up all of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let (decoded, used) = Self::decode_prefix(bytes)?;
        match bytes.len() - used {
            0 => Ok(decoded),
            left => Err(CodecError::Trailing(left)),
        }
    }

    /// Hashes a transaction that this node made.
    pub fn new(transaction: Transaction) -> Self {
        let bytes = transaction.to_bytes();
        Self { txid: transaction.txid(), leaf: merkle::leaf(&bytes), size: bytes.len(), transaction }
    }

    /// The outpoints of its outputs with the outputs' positions.
    pub fn outpoints(&self) -> impl Iterator<Item = OutPoint> + '_ {
        (0..self.transaction.outputs.len()).map(|index| Transaction::outpoint(self.txid, index))
    }

    /// The same at the start of `bytes`; also returns how many it takes.
    pub(crate) fn decode_prefix(bytes: &[u8]) -> Result<(Self, usize), CodecError> {
        let (transaction, size) = codec::decode_prefix::<Transaction>(bytes)?;
        let txid = transaction.txid();
        Ok((Self { transaction, txid, leaf: merkle::leaf(&bytes[..size]), size }, size))
    }
}

impl HashedBlock {
    /// Decodes a block that takes up all of `bytes`, hashing each part once on the way.
    pub fn decode(bytes: Bytes) -> Result<Self, CodecError> {
        let mut transactions = Vec::new();
        let header = Self::read(&bytes, |transaction, most| {
            if transactions.is_empty() {
                transactions.reserve_exact(most);
            }
            transactions.push(transaction);
        })?;
        Ok(Self { hash: header.hash(), header, transactions, bytes })
    }

    /// The header of a block that takes up all of `bytes`, and the merkle root of what is behind it. Fails where
    /// [`HashedBlock::decode`] does, but has one transaction in memory at a time.
    pub fn read_root(bytes: &[u8]) -> Result<(Header, Hash), CodecError> {
        let mut leaves = Vec::new();
        let header = Self::read(bytes, |transaction, _| leaves.push(transaction.leaf))?;
        Ok((header, merkle::root(leaves)))
    }

    /// Hands out the transactions one after the other, each with how many there can be at most.
    pub(crate) fn read(bytes: &[u8], mut take: impl FnMut(HashedTransaction, usize)) -> Result<Header, CodecError> {
        let (header, size) = codec::decode_prefix::<Header>(bytes)?;
        let (count, _) = codec::decode_prefix::<u32>(&bytes[size..])?;
        if count as usize > MAX_BLOCK_TRANSACTIONS {
            let reason = codec::TooMany { count: count as usize, max: MAX_BLOCK_TRANSACTIONS };
            return Err(CodecError::Malformed(reason.to_string()));
        }
        let mut at = size + 4;
        let most = (count as usize).min(bytes.len() / 128 + 1);
        for _ in 0..count {
            let (transaction, size) = HashedTransaction::decode_prefix(&bytes[at..])?;
            take(transaction, most);
            at += size;
        }
        match bytes.len() - at {
            0 => Ok(header),
            left => Err(CodecError::Trailing(left)),
        }
    }

    /// Hashes a block that this node made.
    pub fn new(header: Header, transactions: Vec<HashedTransaction>) -> Self {
        let mut bytes = header.to_bytes();
        let count = u32::try_from(transactions.len()).expect("transactions are limited to far below 2^32");
        bytes.extend_from_slice(&count.to_le_bytes());
        for transaction in &transactions {
            bytes.extend_from_slice(&transaction.transaction.to_bytes());
        }
        Self { hash: header.hash(), header, transactions, bytes: bytes.into() }
    }

    /// The merkle root of the transactions as they are.
    pub fn merkle_root(&self) -> Hash {
        merkle::root(self.transactions.iter().map(|transaction| transaction.leaf).collect())
    }
}
