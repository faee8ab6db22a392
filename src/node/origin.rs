//! Where a block or transaction came from.

use crate::base::ids::{LinkId, Ticket};

/// Where a block or transaction came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A peer.
    Link(LinkId),
    /// A command, which waits for the verdict.
    Command(Ticket),
    /// Our own miner.
    Miner,
    /// Our own ledger: transactions of a branch that lost, or kept over a restart.
    Ledger,
}

impl Origin {
    /// The peer, if one sent it.
    pub fn link(self) -> Option<LinkId> {
        if let Self::Link(link) = self { Some(link) } else { None }
    }
}
