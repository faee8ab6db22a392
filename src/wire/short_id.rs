//! Short ids of transactions: eight bytes by which nodes tell each other what they have.
//!
//! They cover all bytes of a transaction, signatures included, so that a twin with a bad signature is another transaction.
//! They are keyed by a random salt of the node that reads them: nobody can make two transactions of others look alike to it.

use crate::base::{
    codec::{Decode, Encode},
    hash::{Domain, Hash},
};

/// A node's secret half of the key, told to its peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Salt(pub [u8; 16]);

/// A short id; on the wire its eight bytes, the lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct ShortId(pub u64);

impl Salt {
    /// The short id of the transaction with this merkle leaf.
    pub fn short_id(&self, leaf: &Hash) -> ShortId {
        let [a, b, c, d, e, f, g, h, ..] = Domain::short_id(self.0).hash(&leaf.0).0;
        ShortId(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
    }
}
