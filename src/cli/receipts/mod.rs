//! `prove`, `check`, `notarise`: receipts, which show that a payment or a file was there.
#![doc = include_str!("RECEIPTS.md")]

pub mod check;
mod header_file;
pub mod notarise;
pub mod prove;
mod sha256;

pub use header_file::write as write_headers;
