//! The proposals that are here with their blocks: those whose rules [`core`](super::core) follows.

use std::collections::BTreeMap;

use crate::{
    base::{bytes::Bytes, hash::Hash, limits::MAX_BLOCK_MESSAGE_BYTES},
    chain::{
        block::HashedBlock,
        header::Header,
        rules::BlockFault,
        seal::{SignedHeader, Votes},
    },
    wire::frame::Frame,
};

use super::core::{AHEAD, Place, Proposals};

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

/// Bytes of blocks that are held: those of the current view and of all of which proposals are taken ahead of it have room.
const HELD_BYTES: usize = AHEAD as usize * MAX_BLOCK_MESSAGE_BYTES;

/// By view. As many as the core keeps, and for which there is room.
#[derive(Default)]
pub(super) struct Offers(BTreeMap<u64, Offer>);

impl Offers {
    /// Holds a block. If there is no room for those of the lowest views any more: from which view on the core is to keep
    /// proposals.
    pub(super) fn insert(&mut self, view: u64, offer: Offer) -> Option<u64> {
        self.0.insert(view, offer);
        let mut is_full = false;
        while self.0.len() > 1 && self.bytes_from(0) > HELD_BYTES {
            self.0.pop_first();
            is_full = true;
        }
        self.0.keys().next().copied().filter(|_| is_full)
    }

    /// Whether a block of this view would be held: those of later views stay before it.
    pub(super) fn has_room(&self, view: u64, bytes: usize) -> bool {
        self.bytes_from(view.saturating_add(1)).saturating_add(bytes) <= HELD_BYTES
    }

    fn bytes_from(&self, view: u64) -> usize {
        self.0.range(view..).map(|(_, offer)| offer.block.len()).sum()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{chain::spec::ChainSpec, wire::message::Kind};

    fn offer(bytes: usize) -> Offer {
        let header = ChainSpec::dev().genesis.header;
        let (hash, block) = (header.hash(), Bytes::from(vec![0; bytes]));
        Offer { hash, header, frame: Frame { kind: Kind::Proposal, checksum: [0; 4], body: block.clone() }, block }
    }

    #[test]
    fn so_many_bytes_of_blocks_are_held_and_those_of_the_highest_views() {
        let mut offers = Offers::default();
        for view in 1..=3 {
            assert!(offers.has_room(view, MAX_BLOCK_MESSAGE_BYTES));
            assert_eq!(offers.insert(view, offer(MAX_BLOCK_MESSAGE_BYTES)), None);
        }
        assert!(offers.has_room(3, 1) && offers.has_room(1, 1) && !offers.has_room(0, 1));
        assert_eq!(offers.insert(4, offer(1)), Some(2));
        assert_eq!(offers.insert(6, offer(2 * MAX_BLOCK_MESSAGE_BYTES)), Some(4));
        assert!(offers.bytes_from(0) <= HELD_BYTES && offers.in_view(3).is_none() && offers.in_view(4).is_some());
    }
}
