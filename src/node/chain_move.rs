//! How the applied chain moved.

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::archive::Tip,
    node::origin::Origin,
};

/// A move of the applied chain: at the tip one block at a time, during sync many at once. `ledger` tells all roles
/// but `verify`; once at the start too, with nothing added or removed.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainMove {
    /// Where the chain ends now.
    pub tip: Tip,
    /// Disconnected blocks, highest first.
    pub removed: Vec<Hash>,
    /// Connected blocks, lowest first: hash and height.
    pub added: Vec<(Hash, u32)>,
    /// The new tip's bytes, if it is to be relayed and was not told as `BlockValidated`: the end of a branch that a synced
    /// node moved to. With where it came from, so that it is not sent back.
    pub news: Option<(Origin, Bytes)>,
}
