//! Being told of payments: what happened to addresses and transactions after a position that the client keeps.
//!
//! The position ([`cursor`]) names a block and a transaction in it. All that is told is derived from the ledger ([`tell`]): going
//! from the position back to the best chain, each payment on the way is `undone`; going forward, each is `confirmed`. So nothing
//! of the chain is told twice or missed, whatever is restarted in between. What waits in the mempool ([`pool`]) is told from
//! memory, and again after the node was restarted.

pub mod cursor;
mod filter;
pub mod pool;
pub mod tell;

pub use filter::Filter;
