//! What operators and programs ask of roles, and the answers. Each command gets exactly one reply.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crate::{
    base::{
        bytes::Bytes,
        hash::Hash,
        ids::{LinkId, NodeId},
        time::UnixTime,
    },
    chain::{
        address::Address,
        archive::{Ban, Banned, BookEntry, Tip},
        block::HashedTransaction,
    },
    node::{
        addressed::addressed, members::Members, node_address::NodeAddress, refusal::Refusal, report::PeerReport,
        template::Template,
    },
};

addressed! {
    /// A question or an order. It knows the role that answers.
    pub enum Command {
        Peers(PeersCommand),
        Fetch(FetchCommand),
        Ledger(LedgerCommand),
        Gossip(GossipCommand),
        Miner(MinerCommand),
    }
}

/// To `peers`.
#[derive(Clone, Debug, PartialEq)]
pub enum PeersCommand {
    /// All peers. → [`Reply::Peers`]
    Peers,
    /// Dial and keep; with an id, only that node may answer. → [`Reply::Done`]
    AddPeer(NodeAddress, Option<NodeId>),
    /// Who may link. → [`Reply::Members`]
    Members,
    /// Only these may link from now on; the links of others end. → [`Reply::Done`]
    SetMembers(Members),
    /// Close, and keep no longer. By remote or listening address. → [`Reply::Done`], or [`Reply::NotFound`]
    DropPeer(NodeAddress),
    /// Keep an IP address or a node out. → [`Reply::Done`]
    Ban {
        /// Whom.
        who: Banned,
        /// How long.
        time: Duration,
        /// For the list of bans.
        reason: String,
    },
    /// Lift a ban. → [`Reply::Done`], or [`Reply::NotFound`]
    Unban(Banned),
    /// The peer book, the bans and the denied addresses. → [`Reply::Book`]
    Book,
    /// Test chains only: close and refuse links with the nodes that listen there. Adds to earlier ones. → [`Reply::Done`]
    /// The second list names nodes, wherever they are.
    Deny(Vec<SocketAddr>, Vec<NodeId>),
    /// Forget all `Deny`. → [`Reply::Done`]
    Allow,
}

/// To `fetch`.
#[derive(Clone, Debug, PartialEq)]
pub enum FetchCommand {
    /// What each peer delivers. → [`Reply::Deliveries`]
    Deliveries,
    /// Verify, apply, relay a block. → [`Reply::Accepted`] once committed, or [`Reply::Refused`]
    SubmitBlock(Bytes),
}

/// To `ledger`.
#[derive(Clone, Debug, PartialEq)]
pub enum LedgerCommand {
    /// A block template. → [`Reply::Template`]
    Template(Address),
    /// The mempool, highest fee rate first. → [`Reply::Mempool`]
    Mempool {
        /// The most entries to return.
        limit: usize,
    },
    /// Commit and flush all that was told. → [`Reply::Done`]
    Save,
    /// One mempool transaction. → [`Reply::PoolEntry`], [`Reply::Displaced`], or [`Reply::NotFound`]
    PoolEntry(Hash),
    /// Whether those of the mempool that spend the same coins would give way to this one, if there are any, and it builds on no
    /// more of them than is allowed. → [`Reply::Done`] or [`Reply::NotTaken`]
    MayReplace(Arc<HashedTransaction>),
    /// Test chains only. See there.
    Test(TestCommand),
}

/// To `ledger`, on test chains: programs try what others have to wait for.
#[derive(Clone, Debug, PartialEq)]
pub enum TestCommand {
    /// What [`TestCommand::Revert`] needs to come back to here. → [`Reply::TestSnapshot`]
    Snapshot,
    /// Back to this block and this mempool: no block that the chain leaves counts from now on. → [`Reply::Reverted`]
    Revert {
        /// The last block.
        tip: Hash,
        /// The mempool's transactions, ancestors before descendants.
        mempool: Vec<Bytes>,
        /// No peer makes blocks: no other branch with more work counts either. Otherwise only those that this chain has left do
        /// not: a peer's may be followed.
        alone: bool,
        /// Blocks that it has left before the start, as far as is known.
        left: Vec<Hash>,
    },
    /// A block and all that build on it do not count from now on. → [`Reply::Done`], or [`Reply::NotFound`]
    SetAside {
        /// The block.
        block: Hash,
    },
    /// It counts again, with those below and above it. → [`Reply::Done`], or [`Reply::NotFound`]
    TakeBack {
        /// The block.
        block: Hash,
    },
    /// The last blocks give way to others, all at once. → [`Reply::Reorganised`]
    Reorganise(Reorganise),
}

/// An order to replace the chain's last blocks by others without payments, which have more work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reorganise {
    /// How many give way.
    pub blocks: u32,
    /// Whom the others pay; `None`: the configured address, else the first well-known account.
    pub address: Option<Address>,
    /// Whether the payments of the blocks that give way return to the mempool.
    pub give_back: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reorganised {
    /// The blocks that gave way, the highest first.
    pub removed: Vec<Hash>,
    /// Those in their place, the lowest first.
    pub added: Vec<Hash>,
}

/// To `gossip`.
#[derive(Clone, Debug, PartialEq)]
pub enum GossipCommand {
    /// Verify, take into the mempool, relay. → [`Reply::Accepted`], [`Reply::NotTaken`], or [`Reply::Refused`] if it is invalid by itself
    SubmitTransaction {
        /// Its encoding.
        bytes: Bytes,
        /// Whether others in the mempool may leave for it; `false`: it is refused if it conflicts with any.
        replace: bool,
    },
}

/// To `miner`.
#[derive(Clone, Debug, PartialEq)]
pub enum MinerCommand {
    /// Make no blocks, since the host keeps the node from it, and why; `None`: go on. → [`Reply::Done`]
    Hold(Option<String>),
    /// Test chains only: the clock was set on purpose, so that its step is no reason to wait. → [`Reply::Done`]
    ClockSet,
    /// Test chains only: make blocks now. → [`Reply::Mined`] when they are applied
    Mine {
        /// How many.
        blocks: u32,
        /// The payee; `None`: the configured address, else the first well-known account.
        address: Option<Address>,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It was done.
    Done,
    /// There is no such thing; what was looked for.
    NotFound(String),
    /// The order cannot be carried out, and why.
    Refused(String),
    /// The mempool does not take the transaction, and why.
    NotTaken(Refusal),
    /// Too much waits for an answer; the same order may succeed a moment later.
    Busy,
    /// The node stops before it gets to the order.
    Stopping,
    /// The transaction or block with this id was taken.
    Accepted(Hash),
    /// All peers.
    Peers(Vec<PeerReport>),
    /// What each peer delivers.
    Deliveries(Vec<Delivery>),
    /// The peer book.
    Book {
        /// Addresses.
        entries: Vec<BookEntry>,
        /// Bans.
        bans: Vec<Ban>,
        /// The last error of each dialled address, whether the book holds it or not.
        errors: Vec<DialError>,
        /// The addresses that [`PeersCommand::Deny`] named.
        denied: Vec<SocketAddr>,
        /// The nodes that [`PeersCommand::Deny`] named.
        denied_nodes: Vec<NodeId>,
    },
    /// The nodes that may link; `None`: all.
    Members(Option<Members>),
    /// A block template.
    Template(Arc<Template>),
    /// Mempool entries.
    Mempool(Vec<PoolEntry>),
    /// One mempool entry.
    PoolEntry(PoolEntry),
    /// A transaction that left the mempool lately, since a block contradicts it; or since this one, which pays more, took its
    /// place there.
    Displaced(Arc<HashedTransaction>, Option<Hash>),
    /// The blocks made.
    Mined(Vec<Hash>),
    /// Blocks gave way to others.
    Reorganised(Box<Reorganised>),
    /// The chain is back.
    Reverted {
        /// Blocks that were taken off it.
        undone: u32,
        /// The first block of each branch that does not count any more.
        aside: Vec<Hash>,
    },
    /// The chain's end and the mempool, ancestors before descendants.
    TestSnapshot(Box<Tip>, Vec<Bytes>),
}

/// How the last dial to an address failed, or the last link to it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialError {
    /// The dialled address.
    pub address: SocketAddr,
    /// Why, in words.
    pub reason: String,
    /// When.
    pub at: UnixTime,
    /// Errors since the last success.
    pub failures: u32,
}

/// What one peer delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The peer.
    pub link: LinkId,
    /// Blocks asked for and not yet answered.
    pub in_flight: usize,
    /// Blocks that it sent because we asked for them.
    pub blocks: u64,
}

/// A transaction in the mempool.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolEntry {
    /// The transaction.
    pub transaction: Arc<HashedTransaction>,
    /// Base units.
    pub fee: u64,
    /// When it came, unix seconds.
    pub since: u64,
}
