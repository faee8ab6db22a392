//! What the `fetch` role may be told.

use std::sync::Arc;

use crate::{
    base::{bytes::Bytes, hash::Hash, ids::LinkId},
    chain::{block::HashedTransaction, rules::BlockFault},
    node::{chain_move::ChainMove, origin::Origin},
};

/// A chain with more work than ours that is not the best header chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The height that the first hash follows.
    pub above: u32,
    /// Its lowest blocks whose bodies are not here, one after the other.
    pub hashes: Vec<Hash>,
    /// The peers that told of it.
    pub links: Vec<LinkId>,
}

/// To `fetch`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToFetch {
    /// From `peers`: a ping claimed this tip.
    PeerTip {
        /// The peer.
        link: LinkId,
        /// Its height.
        height: u32,
        /// Its tip.
        tip: Hash,
    },
    /// From `headers`: the best header chain above height `above`. It replaces everything wanted above that height. Bodies
    /// are wanted of all these blocks that are not applied or stored already.
    Want {
        /// Height of the last block that this chain shares with the one wanted before. Below `above` if the blocks between
        /// them are applied already.
        fork: u32,
        /// The height that the first hash follows.
        above: u32,
        /// Hashes at heights `above + 1`, `above + 2`, …
        hashes: Vec<Hash>,
    },
    /// From `headers`: chains with more work than ours besides the best header chain. They replace those named before.
    Candidates(Vec<Candidate>),
    /// From `history`: old blocks whose bodies are wanted when nothing else is. They replace those wanted before.
    WantPast {
        /// The height that the first hash follows.
        above: u32,
        /// Hashes at heights `above + 1`, `above + 2`, …
        hashes: Vec<Hash>,
    },
    /// From `headers`: an offered block extends our tip, and no block of the best header chain, which is another, is here
    /// yet. Pass the body on at once.
    OfferPasses {
        /// The block.
        hash: Hash,
    },
    /// From `headers`: an offered block is not wanted (known, on a losing branch, or its header was refused). Forget its
    /// body.
    OfferDropped {
        /// The block.
        hash: Hash,
        /// `None`: valid and not wanted now. `Some`: refused, and why; a command that offered the block hears it.
        reason: Option<String>,
    },
    /// From `headers`: the verdict on the header of an announced block.
    HeaderJudged {
        /// The block.
        hash: Hash,
        /// The header is valid, and the block may lead to a better tip.
        is_wanted: bool,
    },
    /// From `miner`: a block that was made here.
    Produced {
        /// The block's encoding.
        block: Bytes,
    },
    /// From `sealer`: have this block checked in its place, whether or not its header counts. `sealer` hears
    /// `ProposalChecked`. If the header comes to count, the ledger has the body.
    Proposed {
        /// The block.
        hash: Hash,
        /// The block's encoding.
        block: Bytes,
    },
    /// From `verify` and `ledger`: a body that cannot be used; ask another peer. Its sender has been dealt with.
    BodyRefused {
        /// The block that was requested.
        hash: Hash,
        /// Where the body came from.
        origin: Origin,
        /// What is wrong.
        fault: Box<BlockFault>,
    },
    /// From `ledger`: blocks whose body is no longer needed: applied, or stored on a branch.
    BodiesTaken {
        /// Height and hash of each.
        blocks: Vec<(u32, Hash)>,
    },
    /// From `ledger`: see [`ChainMove`].
    ChainMoved(Arc<ChainMove>),
    /// From `ledger`: these blocks are invalid and marked so in the store. The others build on the first.
    BlocksInvalid {
        /// The blocks.
        hashes: Vec<Hash>,
        /// What is wrong with the first.
        fault: Box<BlockFault>,
    },
    /// From `ledger`: the mempool changed. Signatures of what it has need no second check.
    PoolChanged {
        /// What came in.
        added: Vec<Arc<HashedTransaction>>,
        /// Merkle leaves of what went.
        removed: Vec<Hash>,
    },
}
