//! Messages, frames, and the state of one link: pure, and shared by sockets and simulator.
#![doc = include_str!("PROTOCOL.md")]

pub mod frame;
pub mod link;
pub mod message;
