//! BLAKE3-256, keyed by purpose, so that a hash made for one use is worthless in another.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codec::{Decode, Encode};

/// A 256-bit BLAKE3 hash. Text form: 64 lower-case hex digits, bytes in order; as a number (proof of work) big-endian.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode)]
pub struct Hash(pub [u8; 32]);

/// Byte order. Two hashes practically always differ in the first eight bytes, which are compared as one number: maps keyed
/// by hashes spend their time here.
impl Ord for Hash {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        match self.first_eight().cmp(&other.first_eight()) {
            Ordering::Equal => self.0[8..].cmp(&other.0[8..]),
            different => different,
        }
    }
}

impl PartialOrd for Hash {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What a hash is for. BLAKE3's keyed mode with the name, zero-padded to 32 bytes, as the key.
///
/// Every BLAKE3 library offers the keyed mode, so that a client in another language needs nothing special.
#[derive(Clone, Copy, Debug)]
pub struct Domain([u8; 32]);

impl Domain {
    /// The hash of a block header; also the number that proof of work is about.
    pub const HEADER: Self = Self::named("tussock header");
    /// The identity of a transaction: everything except its signatures.
    pub const TXID: Self = Self::named("tussock txid");
    /// The message that each input of a transaction signs.
    pub const SIGNING: Self = Self::named("tussock signing");
    /// A text signed by `tussock key sign`.
    pub const MESSAGE: Self = Self::named("tussock message");
    /// A leaf of the merkle tree: all bytes of a transaction.
    pub const MERKLE_LEAF: Self = Self::named("tussock merkle leaf");
    /// An inner node of the merkle tree: its two children.
    pub const MERKLE_NODE: Self = Self::named("tussock merkle node");
    /// An address: the hash of a public key, cut to 20 bytes.
    pub const ADDRESS: Self = Self::named("tussock address");
    /// One coin of the state digest, expanded to 2,048 bytes.
    pub const COIN: Self = Self::named("tussock coin");
    /// A leaf of the state digest's tree: the sum over its coins.
    pub const STATE_LEAF: Self = Self::named("tussock state leaf");
    /// An inner node of the state digest's tree: its two children.
    pub const STATE_NODE: Self = Self::named("tussock state node");
    /// The consensus parameters of a chain, committed to by its genesis block.
    pub const PARAMETERS: Self = Self::named("tussock parameters");
    /// The body of a frame; its first four bytes are the frame's checksum.
    pub const FRAME: Self = Self::named("tussock frame");
    /// The publicly known secret keys of the `local` and `dev` chains.
    pub const DEV_KEY: Self = Self::named("tussock dev key");
    /// The key of a compact block's short ids.
    pub const COMPACT_BLOCK: Self = Self::named("tussock compact block");
    /// Derivation of one random stream from another.
    pub const STREAM: Self = Self::named("tussock stream");
    /// The order of coins: the hash of an outpoint.
    pub const COIN_KEY: Self = Self::named("tussock coin key");
    /// Buckets of the peer book, mixed with the book's own secret.
    pub const BUCKET: Self = Self::named("tussock bucket");
    /// Sets of authorities.
    pub const AUTHORITIES: Self = Self::named("tussock authorities");
    /// An authority's question for its own votes.
    pub const RECALL: Self = Self::named("tussock recall");
    /// The answer to it.
    pub const RECALLED: Self = Self::named("tussock recalled");
    /// A leader's proposal.
    pub const PROPOSAL: Self = Self::named("tussock proposal");
    /// What authorities sign.
    pub const STATEMENT: Self = Self::named("tussock statement");
    /// What names the manifest of a snapshot.
    pub const SNAPSHOT: Self = Self::named("tussock snapshot");
    /// The secret of an RPC token, as the node's file keeps it.
    pub const TOKEN: Self = Self::named("tussock token");
    /// A whole memo, in the index.
    pub const MEMO: Self = Self::named("tussock memo");
    /// A word of a memo, in the index.
    pub const MEMO_WORD: Self = Self::named("tussock memo word");

    /// Short ids of transactions: the name takes half of the key, and a node's salt the other half.
    pub fn short_id(salt: [u8; 16]) -> Self {
        let mut domain = Self::named("tussock short id");
        domain.0[16..].copy_from_slice(&salt);
        domain
    }

    const fn named(name: &str) -> Self {
        let name = name.as_bytes();
        let mut key = [0; 32];
        let mut at = 0;
        while at < name.len() {
            key[at] = name[at];
            at += 1;
        }
        Self(key)
    }

    /// A purpose whose key is a hash.
    pub const fn keyed(key: &Hash) -> Self {
        Self(key.0)
    }

    /// Hashes `data` for this purpose.
    pub fn hash(self, data: &[u8]) -> Hash {
        Hash(*blake3::keyed_hash(&self.0, data).as_bytes())
    }
}

impl Hash {
    /// All bits zero: the parent of a genesis block.
    pub const ZERO: Self = Self([0; 32]);

    /// The first eight bytes as a big-endian number.
    #[inline]
    pub fn first_eight(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    /// The first eight hex digits, for display.
    pub fn short(&self) -> String {
        hex(&self.0[..4])
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl FromStr for Hash {
    type Err = NotHex;
    fn from_str(text: &str) -> Result<Self, NotHex> {
        let bytes = unhex(text).ok_or(NotHex)?;
        bytes.try_into().map(Self).map_err(|_| NotHex)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: 64 hex digits are needed")]
pub struct NotHex;

/// Lower-case hex of any bytes.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        use fmt::Write;
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// Reads hex of either case; `None` unless every pair of characters is a byte.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |c: u8| (c as char).to_digit(16);
    text.as_bytes().chunks_exact(2).map(|pair| u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_separates_equal_data() {
        assert_ne!(Domain::TXID.hash(b"x"), Domain::MERKLE_LEAF.hash(b"x"));
    }

    #[test]
    fn hashes_are_ordered_as_their_bytes_are() {
        let base = Domain::TXID.hash(b"x");
        for at in 0..32 {
            for byte in [0, 0x7f, 0x80, 0xff] {
                let mut other = base;
                other.0[at] = byte;
                assert_eq!(other.cmp(&base), other.0.cmp(&base.0), "byte {at} is {byte}");
                assert_eq!(base.partial_cmp(&other), Some(base.0.cmp(&other.0)));
            }
        }
    }

    #[test]
    fn text_form_round_trips_and_refuses_what_is_not_hex() {
        let hash = Domain::TXID.hash(b"x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!("12".parse::<Hash>(), Err(NotHex));
        assert_eq!("zz".repeat(32).parse::<Hash>(), Err(NotHex));
        assert_eq!("é".repeat(32).parse::<Hash>(), Err(NotHex));
    }
}
