//! The names of the roles.

use crate::wire::message::Kind;

/// Names a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleId {
    /// Agrees on the keys of links.
    KeyAgreement,
    /// Turns links into peers.
    Handshake,
    /// Keep-alive, peer book, dialling, bans.
    Peers,
    /// Header chains and the sync node.
    Headers,
    /// Bodies.
    Fetch,
    /// Stateless checks; several threads of one kind.
    Verify,
    /// The applied chain and the mempool.
    Ledger,
    /// Relay.
    Gossip,
    /// Proof of work.
    Miner,
    /// Views, votes and certificates of a sealed chain.
    Sealer,
    /// Snapshots of the coins: making and serving them, joining from those of others.
    Snapshot,
    /// The past of a node that began with a snapshot.
    History,
}

impl RoleId {
    /// All roles, in the order in which they start; they stop in the opposite order.
    pub const ALL: [Self; 12] = [
        Self::Ledger,
        Self::Verify,
        Self::Headers,
        Self::Fetch,
        Self::Gossip,
        Self::Miner,
        Self::Sealer,
        Self::Snapshot,
        Self::History,
        Self::Peers,
        Self::Handshake,
        Self::KeyAgreement,
    ];

    /// The thread's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::KeyAgreement => "key-agreement",
            Self::Handshake => "handshake",
            Self::Peers => "peers",
            Self::Headers => "headers",
            Self::Fetch => "fetch",
            Self::Verify => "verify",
            Self::Ledger => "ledger",
            Self::Gossip => "gossip",
            Self::Miner => "miner",
            Self::Sealer => "sealer",
            Self::Snapshot => "snapshot",
            Self::History => "history",
        }
    }

    /// The role that hears frames of a kind once the link is open. Before that, all go to the handshake.
    pub fn for_kind(kind: Kind) -> Self {
        match kind {
            Kind::Version | Kind::Verack => Self::Handshake,
            Kind::Ping | Kind::Pong | Kind::GetPeers | Kind::Peers | Kind::Goodbye => Self::Peers,
            Kind::GetSync | Kind::Sync | Kind::GetSkeleton | Kind::Skeleton => Self::Headers,
            Kind::Block | Kind::Absent | Kind::CompactBlock | Kind::BlockTransactions | Kind::BlockHeader => {
                Self::Fetch
            }
            Kind::Proposal | Kind::Vote | Kind::Certificate | Kind::Recall | Kind::Recalled => Self::Sealer,
            Kind::GetSnapshot | Kind::Snapshot | Kind::GetPiece | Kind::Piece => Self::Snapshot,
            Kind::GetBlock | Kind::GetBlockTransactions | Kind::GetMemoryPool => Self::Ledger,
            Kind::Transaction
            | Kind::MemoryPool
            | Kind::RelaySalt
            | Kind::Announce
            | Kind::GetTransactions
            | Kind::AbsentTransactions => Self::Gossip,
        }
    }
}
