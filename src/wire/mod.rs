//! Messages and frames.
#![doc = include_str!("PROTOCOL.md")]

pub mod compact;
pub mod frame;
mod goodbye;
mod kind;
pub mod message;
pub mod short_id;
pub mod sync;
