//! Commands that pay.

pub mod bump;
pub mod merge;
mod payees;
pub(super) mod payer;
mod payment_file;
pub mod send;
mod submit;
pub mod tx;
