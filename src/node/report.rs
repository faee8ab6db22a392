//! What roles report for people and programs to see: the content of the status.

use std::{net::SocketAddr, sync::Arc, time::Duration};

pub use crate::node::sync_state::SyncState;
use crate::{
    base::{
        hash::Hash,
        ids::{LinkId, NodeId},
        time::{Time, UnixTime},
    },
    chain::{archive::Tip, seal::Certificate, snapshot::JoinState, target::Work},
    node::{
        hindrance::{Finding, HindranceId},
        limit::Limit,
        peer_info::PeerInfo,
    },
};

/// News for the status; each replaces the last of its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// From `headers`: state and why.
    State {
        /// The state.
        state: SyncState,
        /// One line for people.
        reason: String,
    },
    /// From `handshake`: who this node is.
    Node(NodeId),
    /// From `headers`: the best header.
    BestHeader {
        /// Its height.
        height: u32,
        /// Work up to and with it.
        work: Work,
    },
    /// From `ledger`: the tip.
    Tip(Box<Tip>),
    /// From `ledger`: whether a crash would take back the tip that was told. Before the tip if so, after it if not.
    Unsaved(bool),
    /// From `ledger`: the lowest height whose block is kept whole; 1 (the default): all are.
    KeptFrom(u32),
    /// From `ledger`: a reorganisation was committed; how many blocks were taken off.
    Reorganised {
        /// Blocks taken off.
        depth: usize,
        /// The highest of them.
        old_tip: Hash,
    },
    /// From `ledger`, at the start and when coins were taken: where they are from.
    Joined(JoinState),
    /// From `history`: how far the past is verified.
    History {
        /// Up to this height.
        verified: u32,
        /// The last one that is to be.
        goal: u32,
    },
    /// From `ledger`: the mempool.
    Mempool {
        /// Transactions.
        count: usize,
        /// Bytes of them.
        bytes: usize,
        /// How often one that paid more took the place of others, since the start.
        replacements: u64,
    },
    /// From `peers`: how many there are.
    PeerCount {
        /// Links that others opened.
        inbound: usize,
        /// Links that we opened.
        outbound: usize,
    },
    /// From `miner`: how it does.
    Mining {
        /// Whether it works.
        enabled: bool,
        /// Measured over the last seconds.
        hashes_per_second: u64,
    },
    /// From `sealer`: how a sealed chain goes on.
    Sealing(Box<SealingReport>),
    /// From the driver: all addresses at which the node listens for peers.
    Listening(Vec<SocketAddr>),
    /// From any role: how much of a limit is used. (Wakes no watcher of the status.)
    Used {
        /// The limit.
        limit: Limit,
        /// What is used.
        used: usize,
        /// The most that may be.
        cap: usize,
    },
    /// From any role: something was refused, delayed or given up for a limit. (Wakes no watcher.)
    LimitHit(Limit),
    /// From any role: something an operator should know; stays until `clear`ed under the same key.
    Warning {
        /// Identifies the condition.
        key: &'static str,
        /// One line; `None` clears.
        text: Option<String>,
    },
    /// From any role: a hindrance stands or is over.
    Hindrance {
        /// Which.
        id: HindranceId,
        /// The time.
        now: UnixTime,
        /// What it is; `None`: it is over.
        finding: Option<Finding>,
    },
}

/// How a sealed chain goes on, as this node sees it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SealingReport {
    /// The last block that is final; genesis at first.
    pub last_final: FinalBlock,
    /// The view that this node is in.
    pub view: u64,
    /// How long a view may take, as this node sees it.
    pub view_time: Duration,
    /// Who proposes in it: its number.
    pub leader: usize,
    /// The highest view with a notarised block, and the block.
    pub notarised: (u64, Hash),
    /// This node's own number, if it has a key of the set.
    pub own: Option<usize>,
    /// The number of the set that seals: 0 for the first.
    pub epoch: u32,
    /// The height of the last block that it seals, if the chain's file names a later set.
    pub until: Option<u32>,
    /// Its authorities, in the order of the chain's file.
    pub authorities: Vec<AuthorityReport>,
    /// Why nothing becomes final although something waits, in words.
    pub stuck: Option<String>,
    /// What shows that [`Self::last_final`] is final; `None` for genesis.
    pub finality: Option<Arc<Certificate>>,
    /// Authorities of which it is proven that they signed what excludes each other.
    pub evidence: usize,
}

/// A final block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FinalBlock {
    /// Its height.
    pub height: u32,
    /// Its hash.
    pub hash: Hash,
    /// Since when this node knows that it is final, by its clock; for genesis: since the node's start.
    pub since: UnixTime,
}

/// An authority, as this node sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct AuthorityReport {
    /// Its public key.
    pub key: [u8; 32],
    /// When this node last got a new vote or proposal of it, by this node's clock; `None`: not since the start.
    pub seen: Option<UnixTime>,
    /// The highest view in which it voted for a block; 0: none since the start.
    pub voted: u64,
}

/// A peer as the `peers` role knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerReport {
    /// The link.
    pub link: LinkId,
    /// As the handshake presented it.
    pub info: Arc<PeerInfo>,
    /// Its latest claimed height.
    pub height: u32,
    /// Last round trip, microseconds.
    pub ping_us: Option<u64>,
    /// When the link came up.
    pub since: Time,
    /// Fault points of its address.
    pub score: u32,
    /// What is known of the node at the other end.
    pub protected: Protection,
    /// How the last dial to its address failed, or the last link to it ended.
    pub last_error: Option<String>,
}

/// How a link is protected, beyond that nobody on its way reads or changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Anybody may be at the other end.
    Encrypted,
    /// The operator or the chain said who must be there.
    Pinned,
    /// It is a member of this chain.
    Member,
}

impl Protection {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encrypted => "encrypted",
            Self::Pinned => "pinned",
            Self::Member => "member",
        }
    }
}

/// What is counted since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Signatures checked.
    SignaturesVerified,
    /// Signatures not checked again because their transaction was in the mempool.
    SignaturesReused,
    /// Blocks applied to the chain.
    BlocksApplied,
    /// Transactions applied with them.
    TransactionsApplied,
    /// Reorganisations.
    Reorganisations,
    /// Handshakes that succeeded.
    HandshakesDone,
    /// Handshakes that failed.
    HandshakesFailed,
    /// Peers closed for a fault.
    PeerFaults,
    /// `Transaction` messages sent.
    TransactionsRelayed,
    /// `Transaction` messages received.
    TransactionsReceived,
    /// `Transaction` messages received that we knew already.
    TransactionsRepeated,
    /// `Transaction` messages received and dropped because too many were waiting.
    TransactionsDropped,
    /// `Block` messages sent as news.
    BlocksRelayed,
    /// `CompactBlock` messages sent as news.
    CompactBlocksRelayed,
    /// Blocks put together from a compact block.
    BlocksRebuilt,
    /// Compact blocks that were of no use: the whole block was asked for.
    BlocksNotRebuilt,
    /// Blocks served on request.
    BlocksServed,
    /// `Sync` messages served.
    SyncsServed,
    /// `GetBlock` requests that timed out and went to another peer.
    BlockRequestsReassigned,
    /// Peers that stalled the download.
    Stalls,
    /// Hashes tried by the miner.
    Hashes,
    /// Blocks found by the miner.
    BlocksMined,
}
