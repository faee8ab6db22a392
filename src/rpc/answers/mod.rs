//! What methods and paths answer: the types of all results.

pub mod addresses;
pub mod blocks;
pub mod mempool;
pub mod mining;
pub mod node;
pub mod peers;
pub mod receipts;
pub mod test_chain;
pub mod transactions;
pub mod waits;
pub mod wallet;
pub mod watch;
