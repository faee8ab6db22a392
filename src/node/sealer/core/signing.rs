//! How votes are signed and checked: by keys in a node, by a stand-in that costs nothing in the simulator of the core.

use crate::chain::seal::{SignedVote, Statement};

/// Signs for this node and checks for others.
pub trait Signing: Send {
    /// This node's vote for a statement; only asked of an authority. `clock` is in milliseconds since 1970.
    fn sign(&self, statement: Statement, signer: u8, clock: u64) -> SignedVote;

    /// Whether the authority that the vote names signed it; false if there is none with this number.
    fn holds(&self, vote: &SignedVote) -> bool;
}
