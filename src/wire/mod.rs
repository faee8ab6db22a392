//! Messages and frames.
#![doc = include_str!("PROTOCOL.md")]

pub mod frame;
pub mod message;
pub mod sync;
