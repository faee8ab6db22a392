//! What operators and programs ask of roles, and the answers. Each command gets exactly one reply.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use crate::{
    base::{bytes::Bytes, hash::Hash, ids::LinkId},
    chain::{
        address::Address,
        archive::{Ban, BookEntry},
        block::HashedTransaction,
    },
    node::{RoleId, notice::Template, report::PeerReport},
};

/// A question or an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// To `peers`: all peers. → [`Reply::Peers`]
    Peers,
    /// To `fetch`: what each peer delivers. → [`Reply::Deliveries`]
    Deliveries,
    /// To `peers`: dial and keep. → [`Reply::Done`]
    AddPeer(SocketAddr),
    /// To `peers`: close, and keep no longer. By remote or listening address. → [`Reply::Done`], or
    /// [`Reply::NotFound`]
    DropPeer(SocketAddr),
    /// To `peers`: keep an IP address out. → [`Reply::Done`]
    Ban {
        /// Any port.
        ip: IpAddr,
        /// How long.
        time: Duration,
        /// For the list of bans.
        reason: String,
    },
    /// To `peers`: lift a ban. → [`Reply::Done`], or [`Reply::NotFound`]
    Unban(IpAddr),
    /// To `peers`: the peer book. → [`Reply::Book`]
    Book,
    /// To `peers`, test chains only: close and refuse links with the nodes that listen there. Adds to earlier ones.
    /// → [`Reply::Done`]
    Deny(Vec<SocketAddr>),
    /// To `peers`: forget all `Deny`. → [`Reply::Done`]
    Allow,
    /// To `gossip`: verify, take into the mempool, relay. → [`Reply::Accepted`] or [`Reply::Refused`]
    SubmitTransaction(Bytes),
    /// To `fetch`: verify, apply, relay a block. → [`Reply::Accepted`] once committed, or [`Reply::Refused`]
    SubmitBlock(Bytes),
    /// To `ledger`: a block template. → [`Reply::Template`]
    Template(Address),
    /// To `ledger`: the mempool, highest fee rate first. → [`Reply::Mempool`]
    Mempool {
        /// At most so many.
        limit: usize,
    },
    /// To `ledger`: one mempool transaction. → [`Reply::PoolEntry`], or [`Reply::NotFound`]
    PoolEntry(Hash),
    /// To `miner`, test chains only: make blocks now. → [`Reply::Mined`] when they are applied
    Mine {
        /// How many.
        blocks: u32,
        /// Who is paid; `None`: the configured address, else the first well-known account.
        address: Option<Address>,
    },
}

impl Command {
    /// The role that answers.
    pub fn role(&self) -> RoleId {
        match self {
            Self::Peers
            | Self::AddPeer(_)
            | Self::DropPeer(_)
            | Self::Ban { .. }
            | Self::Unban(_)
            | Self::Book
            | Self::Deny(_)
            | Self::Allow => RoleId::Peers,
            Self::Deliveries | Self::SubmitBlock(_) => RoleId::Fetch,
            Self::SubmitTransaction(_) => RoleId::Gossip,
            Self::Template(_) | Self::Mempool { .. } | Self::PoolEntry(_) => RoleId::Ledger,
            Self::Mine { .. } => RoleId::Miner,
        }
    }
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
    },
    /// A block template.
    Template(Arc<Template>),
    /// Mempool entries.
    Mempool(Vec<PoolEntry>),
    /// One mempool entry.
    PoolEntry(PoolEntry),
    /// The blocks made.
    Mined(Vec<Hash>),
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
