//! The protocol's roles: deterministic state machines, one file each. No threads, sockets, clocks or SQL here.
//!
//! A role is told the time with each event and answers with actions and notices in its [`Outbox`]. Three drivers run
//! the same roles: threads in production, the simulator, and the thread tests. Since roles share no memory, any
//! interleaving of threads equals some order of message delivery, and what holds in the simulator holds in production.

pub mod build;
pub mod command;
pub mod event;
pub mod fault;
pub mod fetch;
pub mod gossip;
pub mod handshake;
pub mod headers;
pub mod ledger;
pub mod limit;
pub mod miner;
pub mod netgroup;
pub mod notice;
pub mod outbox;
pub mod peers;
mod rate_limit;
mod recent;
pub mod report;
#[cfg(test)]
pub mod testing;
pub mod verify;

pub use build::{Roles, Setup, Stores, build};
pub use event::{Direction, Event, LinkEvent, PeerInfo};
pub use fault::{CloseReason, Halt, PeerFault};
pub use notice::{Notice, Origin};
pub use outbox::{Action, LinkAction, Outbox};

use crate::base::time::{Now, Time};

/// A protocol worker.
pub trait Role: Send {
    /// Takes one event. Total: no panic on remote input, never blocks.
    fn handle(&mut self, now: Now, event: Event, out: &mut Outbox);
    /// When the role wants an [`Event::Wake`]. Read again after each event; an early wake does nothing. A timer is
    /// state, so that it can neither starve nor get lost.
    fn deadline(&self) -> Option<Time>;
}

/// Names a role, as the addressee of notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleId {
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
}

impl RoleId {
    /// All roles, in the order in which they start; they stop in the opposite order.
    pub const ALL: [Self; 8] = [
        Self::Ledger,
        Self::Verify,
        Self::Headers,
        Self::Fetch,
        Self::Gossip,
        Self::Miner,
        Self::Peers,
        Self::Handshake,
    ];

    /// The thread's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Peers => "peers",
            Self::Headers => "headers",
            Self::Fetch => "fetch",
            Self::Verify => "verify",
            Self::Ledger => "ledger",
            Self::Gossip => "gossip",
            Self::Miner => "miner",
        }
    }

    /// The role that hears frames of a kind once the link is open. Before that, all go to the handshake.
    pub fn for_kind(kind: crate::wire::message::Kind) -> Self {
        use crate::wire::message::Kind;
        match kind {
            Kind::Version | Kind::Verack => Self::Handshake,
            Kind::Ping | Kind::Pong | Kind::GetPeers | Kind::Peers | Kind::Goodbye => Self::Peers,
            Kind::GetSync | Kind::Sync => Self::Headers,
            Kind::Block | Kind::Absent => Self::Fetch,
            Kind::GetBlock | Kind::GetMemoryPool => Self::Ledger,
            Kind::Transaction | Kind::MemoryPool => Self::Gossip,
        }
    }
}
