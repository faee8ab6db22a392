//! Commands that pay.

pub mod bump;
pub mod merge;
mod payees;
pub(super) mod payer;
pub mod send;
pub mod tx;
