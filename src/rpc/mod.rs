//! JSON-RPC, HTTP on its own small mio loop.

pub mod client;
