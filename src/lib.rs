//! tussock: a ledger network in one small binary.

pub mod base;
pub mod chain;
pub mod cli;
pub mod config;
pub mod net;
pub mod node;
pub mod rpc;
pub mod runtime;
pub mod sim;
pub mod store;
pub mod wire;
