//! Where a block or transaction came from.

use crate::base::ids::{LinkId, Ticket};

/// Where a block or transaction came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A peer.
    Link(LinkId),
    /// This node put the block together, from a peer's `CompactBlock` and what it had. The peer answers for the header only:
    /// it may have passed the rest on unchecked.
    Rebuilt(LinkId),
    /// A peer that was asked for an old block, which `history` waits for and not the ledger.
    Past(LinkId),
    /// A command, which waits for the verdict.
    Command(Ticket),
    /// Our own miner.
    Miner,
    /// A sealed chain's proposal. Its leader answers for it, and whoever passed it on does not.
    Proposal,
    /// Our own ledger: transactions of a branch that lost, or kept over a restart.
    Ledger,
}

impl Origin {
    /// The peer, if one sent it.
    pub fn link(self) -> Option<LinkId> {
        match self {
            Self::Link(link) | Self::Rebuilt(link) | Self::Past(link) => Some(link),
            Self::Command(_) | Self::Miner | Self::Proposal | Self::Ledger => None,
        }
    }

    /// The peer that answers for the whole body, if there is one.
    pub fn liable(self) -> Option<LinkId> {
        if let Self::Link(link) | Self::Past(link) = self { Some(link) } else { None }
    }
}
