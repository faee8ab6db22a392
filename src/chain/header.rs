//! Block headers: 124 bytes that commit to everything else.

use crate::{
    base::{
        codec::{self, Decode, Encode},
        hash::{Domain, Hash},
        limits::HEADER_BYTES,
    },
    chain::target::CompactTarget,
};

/// The only header version.
pub const HEADER_VERSION: u32 = 1;

/// A block header. Encoding: the fields in this order, integers little-endian, 124 bytes.
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
    /// The largest hash that counts as work for this block.
    pub target: CompactTarget,
    /// Chosen by the miner, so that the hash is below the target.
    pub nonce: u64,
}

impl Header {
    /// The encoding.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&self.version.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.height.to_le_bytes());
        bytes[8..40].copy_from_slice(&self.previous.0);
        bytes[40..72].copy_from_slice(&self.merkle_root.0);
        bytes[72..104].copy_from_slice(&self.state_digest.0);
        bytes[104..112].copy_from_slice(&self.time.to_le_bytes());
        bytes[112..116].copy_from_slice(&self.target.0.to_le_bytes());
        bytes[116..124].copy_from_slice(&self.nonce.to_le_bytes());
        bytes
    }

    /// The header that `bytes` start with; `None` if they are too few.
    pub fn peek(bytes: &[u8]) -> Option<Self> {
        codec::decode(bytes.get(..HEADER_BYTES)?).ok()
    }

    /// The block's identity and its proof of work.
    pub fn hash(&self) -> Hash {
        Domain::HEADER.hash(&self.to_bytes())
    }

    /// Whether the hash is low enough for the target that the header itself states.
    pub fn has_work(&self, hash: &Hash) -> bool {
        self.target.expand().is_some_and(|target| target.admits(hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_layout_is_that_of_the_codec() {
        let header = Header {
            version: 1,
            height: 2,
            previous: Hash([3; 32]),
            merkle_root: Hash([4; 32]),
            state_digest: Hash([5; 32]),
            time: 6,
            target: CompactTarget(7),
            nonce: 8,
        };
        assert_eq!(header.to_bytes().to_vec(), codec::encode(&header));
        assert_eq!(Header::peek(&header.to_bytes()), Some(header));
    }
}
