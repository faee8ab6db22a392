//! What the `headers` role may be told.

use std::sync::Arc;

use crate::{
    base::{
        hash::Hash,
        ids::LinkId,
        time::{Time, UnixTime},
    },
    chain::{archive::HeaderRow, header::Header, rules::BlockFault, seal::Epoch},
    node::{chain_move::ChainMove, origin::Origin},
};

/// To `headers`.
#[derive(Clone, Debug, PartialEq)]
pub enum ToHeaders {
    /// From `peers`: a ping claimed this tip. From `fetch`: the peer sent this block, which is on a candidate chain, as news.
    PeerTip {
        /// The peer.
        link: LinkId,
        /// Its height.
        height: u32,
        /// Its tip.
        tip: Hash,
    },
    /// From `peers`: a ping told the peer's clock.
    PeerClock {
        /// The peer.
        link: LinkId,
        /// What its clock showed when it sent the ping.
        clock: UnixTime,
    },
    /// From `peers`: why there is no peer: an address to which a dial failed and how, or that all known addresses are kept
    /// out. `None`: no dial fails now.
    DialsFail(Option<String>),
    /// From `fetch`: a block arrived that was not requested; judge its header first. If a peer's header does not connect,
    /// ask that peer for headers: this is no fault.
    Offered {
        /// Where it came from.
        origin: Origin,
        /// The header's hash.
        hash: Hash,
        /// The header. Boxed: notices are moved often, and most are small.
        header: Box<Header>,
    },
    /// From `fetch`: a peer tells of a block whose body is not here; judge its header. Nothing is stored: if the block is
    /// wanted, its body is asked for and offered then.
    Announced {
        /// The peer.
        link: LinkId,
        /// The header's hash.
        hash: Hash,
        /// The header.
        header: Box<Header>,
    },
    /// From `sealer`: a quorum has notarised this block, so that its header counts. Told again at any time.
    Notarised {
        /// The peer that showed it, which may have blocks that are missing here.
        link: Option<LinkId>,
        /// The block.
        hash: Hash,
        /// The set of authorities whose quorum it is: the header of a block that others seal does not count by it.
        epoch: Epoch,
        /// The view in which it was notarised.
        view: u64,
        /// Its header, if a proposal brought it.
        header: Option<Box<Header>>,
    },
    /// From `sealer`: this block, and all before it, must never be left again.
    Final {
        /// Its height.
        height: u32,
        /// The block.
        hash: Hash,
    },
    /// From `fetch`: the ledger has taken a block of the best header chain. Sent for the first block after each `Want`,
    /// then at most once a second.
    Delivered,
    /// From `fetch`: the ledger has taken a block of a candidate.
    CandidateTaken {
        /// The block.
        hash: Hash,
    },
    /// From `fetch`: the best chain's bodies up to this height were taken; more headers may be requested. This runs ahead
    /// of `ChainMoved`, which during sync comes only once per commit.
    Fetched {
        /// The height.
        height: u32,
    },
    /// From `fetch`: the lowest missing block of the best header chain, or of a candidate, is overdue. Its branch must not
    /// hold up the blocks of other branches. Sent when the time is over, and when no peer is left to ask.
    Overdue {
        /// The block.
        hash: Hash,
        /// Every peer was asked, and at least one of them answered `Absent`.
        nowhere: bool,
    },
    /// From `fetch`: a peer answered `Absent`.
    Denied {
        /// The peer.
        link: LinkId,
        /// The block that it was asked for.
        hash: Hash,
        /// When it was asked.
        asked: Time,
    },
    /// From `ledger`: see [`ChainMove`].
    ChainMoved(Arc<ChainMove>),
    /// From `ledger`, before its first `ChainMoved`: it has no coins, and follows headers alone.
    Joining,
    /// From `ledger`, while it has no coins: it is about to forget headers, and waits for `HeadersRest`. Until `Joined` any may be
    /// missing from the store.
    Rest,
    /// From `snapshot`: how far the coins have come, in words.
    JoinProgress(String),
    /// From `ledger`: it has the coins after a block of the applied chain, and has forgotten all headers above. Followed by `Joining`:
    /// the coins were refused.
    Joined,
    /// From `ledger`: these blocks are invalid and marked so in the store. The others build on the first.
    BlocksInvalid {
        /// The blocks.
        hashes: Vec<Hash>,
        /// What is wrong with the first.
        fault: Box<BlockFault>,
    },
    /// From `ledger`: an operator takes back that these blocks are invalid, parents first. The store knows it.
    BlocksValidAgain(Vec<HeaderRow>),
    /// From `miner`: an operator of a test chain has set the clock.
    ClockSet,
}
