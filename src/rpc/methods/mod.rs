//! The methods, by subject. [`catalogue`] is the table of all of them, from which calls are dispatched and `help` and
//! `rpc.discover` are written.

pub(super) mod address;
pub(super) mod blocks;
pub mod catalogue;
mod conflicts;
mod control;
mod core_info;
mod fees;
mod keys;
mod members;
pub(super) mod mempool;
pub mod method;
mod mining;
pub(super) mod network;
mod partition;
mod raw_transactions;
mod receipts;
mod reorganise;
pub(super) mod search;
mod signing;
mod spends;
mod statistics;
pub(super) mod status;
mod test_chain;
pub(super) mod transactions;
mod wait;
mod wallet;
mod watch;

pub use catalogue::{all, find, openrpc};
