//! Commands that pay.

pub mod bump;
pub mod merge;
mod payees;
pub(super) mod payer;
pub mod send;
mod submit;
pub mod tx;
