//! tussock: a ledger network in one small binary.

pub mod base;
pub mod chain;
