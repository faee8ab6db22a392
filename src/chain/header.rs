//! Block headers: what they commit to, and their seal.

use crate::{
    base::{
        codec::{self, Decode, Encode},
        hash::{Domain, Hash},
        limits::{AUTHORITY_SEAL_BYTES, UNSEALED_HEADER_BYTES, VOTE_BYTES, WORK_HEADER_BYTES},
    },
    chain::{
        seal::{AuthoritySeal, ProofOfWork, Seal},
        target::{Target, Work},
    },
};

/// The only header version. Headers of version 1 had no other seal than proof of work, and another state digest.
pub const HEADER_VERSION: u32 = 2;

/// A block header. Encoding: the fields in this order, integers little-endian; 125 bytes with proof of work.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Header {
    /// [`HEADER_VERSION`].
    pub version: u32,
    /// Blocks between this one and the genesis block, which has 0.
    pub height: u32,
    /// The hash of the parent's header; zero for genesis.
    pub previous: Hash,
    /// Over all bytes of all transactions: see [`crate::chain::merkle`].
    pub merkle_root: Hash,
    /// The digest of all coins that existed after the **parent**: see [`crate::chain::digest`].
    pub state_digest: Hash,
    /// Unix seconds.
    pub time: u64,
    /// Why the header counts.
    pub seal: Seal,
}

impl Header {
    /// The encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.seal {
            Seal::Work(proof) => self.work_bytes(proof).to_vec(),
            Seal::Authorities(_) => codec::encode(self),
        }
    }

    /// The encoding with this proof of work as its seal.
    pub fn work_bytes(&self, proof: &ProofOfWork) -> [u8; WORK_HEADER_BYTES] {
        let mut bytes = [0; WORK_HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.version.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.height.to_le_bytes());
        bytes[8..40].copy_from_slice(&self.previous.0);
        bytes[40..72].copy_from_slice(&self.merkle_root.0);
        bytes[72..104].copy_from_slice(&self.state_digest.0);
        bytes[104..112].copy_from_slice(&self.time.to_le_bytes());
        // The seal's tag, which is zero, stands at 112.
        bytes[113..117].copy_from_slice(&proof.target.0.to_le_bytes());
        bytes[117..125].copy_from_slice(&proof.nonce.to_le_bytes());
        bytes
    }

    /// Length of the encoding.
    pub fn size(&self) -> usize {
        match &self.seal {
            Seal::Work(_) => WORK_HEADER_BYTES,
            Seal::Authorities(seal) => {
                UNSEALED_HEADER_BYTES + AUTHORITY_SEAL_BYTES + VOTE_BYTES * seal.parent_votes.count()
            }
        }
    }

    /// The header that `bytes` start with; `None` if they are too few or no header.
    pub fn peek(bytes: &[u8]) -> Option<Self> {
        codec::decode_prefix(bytes).ok().map(|(header, _)| header)
    }

    /// The block's identity and its proof of work.
    pub fn hash(&self) -> Hash {
        match &self.seal {
            Seal::Work(proof) => Domain::HEADER.hash(&self.work_bytes(proof)),
            Seal::Authorities(_) => Domain::HEADER.hash(&self.to_bytes()),
        }
    }

    /// The proof of work, if that is the seal.
    pub fn proof(&self) -> Option<&ProofOfWork> {
        match &self.seal {
            Seal::Work(proof) => Some(proof),
            Seal::Authorities(_) => None,
        }
    }

    /// The seal of authorities, if it is one.
    pub fn authority_seal(&self) -> Option<&AuthoritySeal> {
        match &self.seal {
            Seal::Work(_) => None,
            Seal::Authorities(seal) => Some(seal),
        }
    }

    /// The same proof to be changed.
    pub fn proof_mut(&mut self) -> Option<&mut ProofOfWork> {
        match &mut self.seal {
            Seal::Work(proof) => Some(proof),
            Seal::Authorities(_) => None,
        }
    }

    /// Goes on to the next nonce, if the seal has one.
    pub fn next_nonce(&mut self) {
        if let Some(proof) = self.proof_mut() {
            proof.nonce = proof.nonce.wrapping_add(1);
        }
    }

    /// The target that a proof of work states; `None` if it is none, or the seal is another.
    pub fn target(&self) -> Option<Target> {
        self.proof().and_then(|proof| proof.target.expand())
    }

    /// What the block adds to its chain's work.
    pub fn work(&self) -> Work {
        self.target().map_or(Work::ZERO, |target| target.work())
    }

    /// Whether the hash is low enough for the target that the header itself states.
    pub fn has_work(&self, hash: &Hash) -> bool {
        self.target().is_some_and(|target| target.admits(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        base::limits::{MAX_AUTHORITIES, MAX_HEADER_BYTES},
        chain::{
            seal::{AuthoritySeal, Vote, Votes},
            target::CompactTarget,
        },
    };

    fn header(seal: Seal) -> Header {
        Header {
            version: HEADER_VERSION,
            height: 2,
            previous: Hash([3; 32]),
            merkle_root: Hash([4; 32]),
            state_digest: Hash([5; 32]),
            time: 6,
            seal,
        }
    }

    #[test]
    fn the_fixed_layout_is_that_of_the_codec() {
        let header = header(Seal::Work(ProofOfWork { target: CompactTarget(7), nonce: 8 }));
        assert_eq!(header.to_bytes(), codec::encode(&header));
        assert_eq!(header.size(), header.to_bytes().len());
        assert_eq!(Header::peek(&header.to_bytes()), Some(header));
    }

    #[test]
    fn the_hash_covers_every_byte_of_a_seal_of_authorities() {
        let vote = |signer: usize| (signer, Vote { clock: signer as u64, signature: [signer as u8; 64] });
        let votes = Votes::collect((0..MAX_AUTHORITIES).map(vote));
        let (view, next_authorities, parent_view) = (1, Hash([2; 32]), 3);
        let sealed = AuthoritySeal { view, next_authorities, parent_view, parent_votes: votes };
        let header = header(Seal::Authorities(Box::new(sealed)));
        let bytes = header.to_bytes();
        assert_eq!((bytes.len(), header.size()), (MAX_HEADER_BYTES, MAX_HEADER_BYTES));
        assert_eq!(Header::peek(&[&bytes[..], &[9]].concat()).as_ref(), Some(&header));
        assert_eq!(header.hash(), Domain::HEADER.hash(&bytes));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            // Another tag, or another set of signers, leaves other bytes over or too few.
            let other = Header::peek(&changed);
            assert!(other.is_none_or(|other| other != header && other.hash() != header.hash()), "byte {at}");
        }
        assert!(!header.has_work(&Hash::ZERO) && header.work() == Work::ZERO && header.proof().is_none());
    }
}
