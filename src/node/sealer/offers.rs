//! The proposals that are here with their blocks: those whose rules [`core`](super::core) follows.

use std::collections::BTreeMap;

use crate::{
    base::{bytes::Bytes, hash::Hash},
    chain::{
        block::HashedBlock,
        header::Header,
        rules::BlockFault,
        seal::{SignedHeader, Votes},
    },
    wire::frame::Frame,
};

use super::core::{Place, Proposals};

/// A proposal with its block.
pub(super) struct Offer {
    pub(super) hash: Hash,
    pub(super) header: Header,
    pub(super) block: Bytes,
    /// As it is passed on.
    pub(super) frame: Frame,
}

impl Offer {
    /// Its header with the leader's signature, which stands first in the frame.
    pub(super) fn signed(&self) -> Option<SignedHeader> {
        let signature = *self.frame.body.first_chunk()?;
        Some(SignedHeader { signature, header: self.header.clone() })
    }
}

/// Whether a block's transactions are those that its header commits to: then no others are. Says nothing else about them.
pub(super) fn check_body(block: &Bytes) -> Result<(), BlockFault> {
    let (header, root) = HashedBlock::read_root(block).map_err(|error| BlockFault::Malformed(error.to_string()))?;
    if root == header.merkle_root { Ok(()) } else { Err(BlockFault::MerkleRoot) }
}

/// A block that is being made.
pub(super) struct Leading {
    pub(super) view: u64,
    pub(super) parent: Place,
    pub(super) parent_votes: Votes,
}

/// By view. As many as the core keeps.
#[derive(Default)]
pub(super) struct Offers(BTreeMap<u64, Offer>);

impl Offers {
    pub(super) fn insert(&mut self, view: u64, offer: Offer) {
        self.0.insert(view, offer);
    }

    pub(super) fn of(&self, hash: &Hash) -> Option<&Offer> {
        self.0.values().find(|offer| offer.hash == *hash)
    }

    pub(super) fn in_view(&self, view: u64) -> Option<&Offer> {
        self.0.get(&view)
    }

    /// Forgets what the core has forgotten.
    pub(super) fn keep(&mut self, proposals: &Proposals) {
        self.0.retain(|view, offer| proposals.of(*view).is_some_and(|kept| kept.hash == offer.hash));
    }
}
