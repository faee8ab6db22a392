//! Receipts: what shows that a transaction is in a chain to somebody who has only the chain's file.
//!
//! A receipt holds the transaction, its path in the merkle tree of its block, the block's header, and what stands above: on a
//! sealed chain the headers up to a block that a quorum of authorities has made final, and their certificate; on a chain of
//! proof of work some of the headers that follow. It is JSON, so that others can check it: `src/cli/receipts/RECEIPTS.md`.

mod texts;

use serde::{Deserialize, Serialize};

use crate::{
    base::{
        codec::{self, Decode},
        hash::{Hash, hex},
        limits::{MAX_CERTIFICATE_BYTES, MAX_HEADER_BYTES, MAX_TRANSACTION_BYTES},
    },
    chain::{
        address::Address,
        block::{HashedBlock, HashedTransaction},
        header::Header,
        merkle::{self, Tree},
        seal::{Certificate, Epoch, Stage, Votes, check_next},
        spec::ChainSpec,
        transaction::Output,
    },
};

use self::texts::{bytes_of, path_of, path_text};

/// The only version of receipts.
pub const RECEIPT_VERSION: u32 = 1;

/// A receipt as JSON has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`RECEIPT_VERSION`].
    pub tussock_receipt: u32,
    /// The chain's name.
    pub chain: String,
    /// The chain's genesis block, hex.
    pub genesis: String,
    /// The transaction's encoding, hex.
    pub transaction: String,
    /// Its position in its block.
    pub index: u64,
    /// Its partners on the way to the merkle root, from the bottom up; empty where it has none.
    #[serde(deserialize_with = "texts::read_path")]
    pub path: Vec<String>,
    /// The block's header, hex.
    pub header: String,
    /// The headers that follow, each the child of the one before, hex.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "texts::read_headers")]
    pub headers: Vec<String>,
    /// On sealed chains: the certificate that the last of these blocks is final, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The output that the receipt is about, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<PaidOutput>,
    /// The file that the transaction's memo vouches for, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileProof>,
}

/// An output as a receipt names it: all of it must be that of the transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaidOutput {
    /// Its position.
    pub index: u32,
    /// Who was paid.
    pub address: String,
    /// Base units.
    pub amount: u64,
}

/// A file among those whose tree's root is in a memo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileProof {
    /// The SHA-256 of its bytes, hex.
    pub sha256: String,
    /// Its position among the files.
    pub index: u64,
    /// Its partners, as in [`Receipt::path`].
    #[serde(deserialize_with = "texts::read_path")]
    pub path: Vec<String>,
}

/// Why a receipt shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// It is of a version that this program does not know.
    #[error("it is a receipt of version {0}, and this program knows version {RECEIPT_VERSION}")]
    Version(u32),
    /// It is of another network.
    #[error("it is of another network: chain {0}, genesis {1}")]
    OtherNetwork(String, String),
    /// A part of it is not what it should be.
    #[error("its {0} cannot be read")]
    Unreadable(&'static str),
    /// The path does not lead from the transaction to the block's root.
    #[error("its transaction is not in the block that its header stands for")]
    NotInBlock,
    /// A header is not the parent of the next.
    #[error("its headers do not follow each other")]
    Unlinked,
    /// A header lacks the work that it states.
    #[error("a header lacks the work that it states, or states less than the chain demands")]
    Work,
    /// Nothing shows that the block is final.
    #[error("no certificate shows that its block is final")]
    Uncertified,
    /// The certificate is for another block, or too few authorities of the chain signed it.
    #[error("its certificate is not one of the chain's authorities that this block is final")]
    Certificate,
    /// Its last block is of authorities whom the chain's file does not have.
    #[error("it ends with a set of authorities, number {0}, that the chain's file does not have")]
    LaterSet(Epoch),
    /// A header names other authorities for the next block than the chain's file.
    #[error("its block {0} hands over to other authorities than the chain's file has")]
    OtherSet(u32),
    /// The output that it names is not the transaction's.
    #[error("the output that it names is not one of its transaction")]
    Output,
    /// The memo names another file.
    #[error("the transaction's memo does not name this file")]
    File,
}

/// What a receipt shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The transaction.
    pub transaction: HashedTransaction,
    /// Its block's header, and the header's hash.
    pub header: (Header, Hash),
    /// The headers above it, with their hashes.
    pub above: Vec<(Header, Hash)>,
    /// On sealed chains: what shows that the last of these blocks is final.
    pub certificate: Option<Certificate>,
}

/// By when something was there, at the latest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThereBy {
    /// Unix seconds; a fraction of a second is cut off.
    pub time: u64,
    /// By whose clock.
    pub clock: Clock,
}

/// Whose clock tells a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The chain's file: it is when the chain begins.
    Beginning,
    /// That of the block's miner.
    Miner,
    /// The median of those of these authorities of the set that sealed the block.
    Authorities(Vec<usize>),
}

impl Receipt {
    /// A receipt for the transaction at this position; `None` if there is none. What stands above is still to be added.
    pub fn of(spec: &ChainSpec, block: &HashedBlock, index: usize) -> Option<Self> {
        let leaves = block.transactions.iter().map(|transaction| transaction.leaf).collect();
        let path = merkle::path(leaves, index)?;
        Some(Self {
            tussock_receipt: RECEIPT_VERSION,
            chain: spec.name.clone(),
            genesis: spec.genesis_hash().to_string(),
            transaction: hex(&block.transactions.get(index)?.transaction.to_bytes()),
            index: index as u64,
            path: path_text(&path),
            header: hex(&block.header.to_bytes()),
            headers: Vec::new(),
            certificate: None,
            output: None,
            file: None,
        })
    }

    /// Whether it says anything that [`Receipt::check_inclusion`] does not check.
    pub fn says_more(&self) -> bool {
        let Self { headers, certificate, output, file, .. } = self;
        !headers.is_empty() || certificate.is_some() || output.is_some() || file.is_some()
    }

    /// Makes it about one output. Returns whether the transaction has it.
    pub fn name_output(&mut self, spec: &ChainSpec, outputs: &[Output], index: u32) -> bool {
        let output = outputs.get(index as usize);
        self.output = output.map(|output| PaidOutput {
            index,
            address: output.address.to_text(&spec.prefix),
            amount: output.amount,
        });
        output.is_some()
    }

    /// Checks all that the chain's file is enough for. On a chain of proof of work that is not all: that these headers are
    /// those of the network only the network tells.
    pub fn check(&self, spec: &ChainSpec) -> Result<Proven, ReceiptFault> {
        let (transaction, header, hash) = self.check_inclusion(spec)?;
        let above = follow(&header, hash, &self.headers)?;
        let certificate =
            self.certificate.as_deref().map(|text| part(text, MAX_CERTIFICATE_BYTES, "certificate")).transpose()?;
        let all = || std::iter::once((&header, &hash)).chain(above.iter().map(|(header, hash)| (header, hash)));
        if spec.seal_rules().needs_certificate() {
            let certificate: &Certificate = certificate.as_ref().ok_or(ReceiptFault::Uncertified)?;
            let (last, hash) = all().last().ok_or(ReceiptFault::Uncertified)?;
            all().try_for_each(|(header, hash)| check_handover(spec, header, hash))?;
            check_final(spec, last, hash, certificate)?;
        } else {
            let has_work = |(header, hash): (&Header, &Hash)| spec.seal_rules().check_stray(spec, header, hash).is_ok();
            if certificate.is_some() || !all().all(has_work) {
                return Err(ReceiptFault::Work);
            }
        }
        self.check_output(spec, &transaction.transaction.outputs)?;
        Ok(Proven { transaction, header: (header, hash), above, certificate })
    }

    /// Checks that the transaction is in the block that the header stands for. Returns it, the header and the header's hash.
    pub fn check_inclusion(&self, spec: &ChainSpec) -> Result<(HashedTransaction, Header, Hash), ReceiptFault> {
        if self.tussock_receipt != RECEIPT_VERSION {
            return Err(ReceiptFault::Version(self.tussock_receipt));
        }
        if self.genesis != spec.genesis_hash().to_string() || self.chain != spec.name {
            return Err(ReceiptFault::OtherNetwork(self.chain.clone(), self.genesis.clone()));
        }
        let unreadable = || ReceiptFault::Unreadable("transaction");
        let bytes = bytes_of(&self.transaction, MAX_TRANSACTION_BYTES).ok_or_else(unreadable)?;
        let transaction = HashedTransaction::decode(&bytes).map_err(|_| unreadable())?;
        let path = path_of(&self.path).ok_or(ReceiptFault::Unreadable("path"))?;
        let header: Header = part(&self.header, MAX_HEADER_BYTES, "header")?;
        if merkle::root_of(transaction.leaf, self.index, &path) != Some(header.merkle_root) {
            return Err(ReceiptFault::NotInBlock);
        }
        let hash = header.hash();
        Ok((transaction, header, hash))
    }

    fn check_output(&self, spec: &ChainSpec, outputs: &[Output]) -> Result<(), ReceiptFault> {
        let Some(named) = &self.output else { return Ok(()) };
        let output = outputs.get(named.index as usize);
        let is_it =
            |output: &&Output| output.amount == named.amount && output.address.to_text(&spec.prefix) == named.address;
        output.filter(is_it).map(|_| ()).ok_or(ReceiptFault::Output)
    }
}

impl Proven {
    /// By when the transaction was there. The time of a sealed header is that of the votes for its *parent*, so it says only
    /// what the block came after: the votes for the block itself are in the next header, or else in the certificate.
    pub fn there_by(&self) -> ThereBy {
        let signers = |votes: &Votes| Clock::Authorities(votes.iter().map(|(signer, _)| signer).collect());
        let (header, _) = &self.header;
        if header.height == 0 {
            return ThereBy { time: header.time, clock: Clock::Beginning };
        }
        match (self.above.first(), &self.certificate) {
            (Some((child, _)), Some(_)) => {
                let clock = child.authority_seal().map_or(Clock::Miner, |seal| signers(&seal.parent_votes));
                ThereBy { time: child.time, clock }
            }
            (None, Some(certificate)) => {
                ThereBy { time: certificate.median_clock() / 1000, clock: signers(&certificate.votes) }
            }
            (_, None) => ThereBy { time: header.time, clock: Clock::Miner },
        }
    }

    /// Who was paid how much.
    pub fn outputs(&self) -> impl Iterator<Item = (u64, Address)> + '_ {
        self.transaction.transaction.outputs.iter().map(|output| (output.amount, output.address))
    }
}

impl FileProof {
    /// For each of the files with these hashes.
    pub fn of_all(files: &[Hash]) -> impl Iterator<Item = Self> + '_ {
        let tree = Tree::new(files.iter().map(file_leaf).collect());
        let of = move |(index, sha256): (usize, &Hash)| {
            let path = path_text(&tree.path(index)?);
            Some(Self { sha256: sha256.to_string(), index: index as u64, path })
        };
        files.iter().enumerate().filter_map(of)
    }

    /// Whether a memo vouches for this file.
    pub fn is_in(&self, memo: &[u8]) -> bool {
        let sha256 = bytes_of(&self.sha256, 32).and_then(|bytes| bytes.try_into().ok()).map(Hash);
        let parts = sha256.zip(path_of(&self.path));
        let root = parts.and_then(|(sha256, path)| merkle::root_of(file_leaf(&sha256), self.index, &path));
        root.is_some_and(|root| memo == memo_text(&root).as_bytes())
    }
}

/// The memo that vouches for files with these hashes: the root of the merkle tree over them.
pub fn files_memo(files: &[Hash]) -> String {
    memo_text(&merkle::root(files.iter().map(file_leaf).collect()))
}

fn memo_text(root: &Hash) -> String {
    format!("tussock files {root}")
}

fn file_leaf(sha256: &Hash) -> Hash {
    merkle::leaf(&sha256.0)
}

/// The headers that follow a block's, with their hashes.
fn follow(header: &Header, hash: Hash, texts: &[String]) -> Result<Vec<(Header, Hash)>, ReceiptFault> {
    let (mut height, mut previous) = (header.height, hash);
    let mut above = Vec::with_capacity(texts.len());
    for text in texts {
        let header: Header = part(text, MAX_HEADER_BYTES, "headers")?;
        if header.previous != previous || Some(header.height) != height.checked_add(1) {
            return Err(ReceiptFault::Unlinked);
        }
        (height, previous) = (header.height, header.hash());
        above.push((header, previous));
    }
    Ok(above)
}

fn check_final(spec: &ChainSpec, header: &Header, hash: &Hash, certificate: &Certificate) -> Result<(), ReceiptFault> {
    let statement = &certificate.statement;
    let view = header.authority_seal().map(|seal| seal.view);
    // The last block of a set may become final in a later view than its own.
    let is_later = view.is_some_and(|view| statement.view >= view);
    let is_about = statement.stage == Stage::Finalize && statement.block == *hash && is_later;
    if spec.authorities.of(statement.epoch).is_none() {
        return Err(ReceiptFault::LaterSet(statement.epoch));
    }
    let set = spec.authorities.at(header.height);
    let holds = is_about && set.is_some_and(|set| set.certifies(&spec.genesis_hash(), certificate));
    if holds { Ok(()) } else { Err(ReceiptFault::Certificate) }
}

/// Every header commits to the set that seals the next block: a chain's file with another is not that of this chain.
fn check_handover(spec: &ChainSpec, header: &Header, hash: &Hash) -> Result<(), ReceiptFault> {
    let named = header.authority_seal().map(|seal| seal.next_authorities);
    let same = named.is_none_or(|named| check_next(spec, header.height, named, hash).is_ok());
    if same { Ok(()) } else { Err(ReceiptFault::OtherSet(header.height)) }
}

fn part<T: Decode<()>>(text: &str, most: usize, name: &'static str) -> Result<T, ReceiptFault> {
    let bytes = bytes_of(text, most).ok_or(ReceiptFault::Unreadable(name))?;
    codec::decode(&bytes).map_err(|_| ReceiptFault::Unreadable(name))
}

#[cfg(test)]
mod tests;
