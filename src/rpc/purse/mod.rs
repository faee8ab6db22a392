//! The keys in the node's folder as users of Bitcoin's RPC know a wallet: addresses, coins, payments, transactions.
//!
//! Calls need the right to spend. Everything is read anew for each call: the folder of keys, the chain, the mempool. Keys with a
//! passphrase are listed, but RPC does not pay with them: it never asks for a passphrase.

pub mod listing;
pub mod own;
pub mod paying;
