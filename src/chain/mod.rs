//! What a ledger is: transactions, headers, blocks, proof of work, the state digest, and validity as pure functions.

pub mod address;
pub mod archive;
pub mod block;
pub mod checked;
pub mod coin;
pub mod coin_diff;
pub mod coin_key;
pub mod difficulty;
pub mod digest;
pub mod header;
pub mod header_fault;
pub mod key;
pub mod merkle;
pub mod node_id;
pub mod overlay;
pub mod receipt;
pub mod rules;
pub mod schedule;
pub mod seal;
pub mod spec;
pub mod spec_file;
pub mod target;
pub mod testkit;
pub mod transaction;
pub mod transaction_view;
