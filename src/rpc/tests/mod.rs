//! The server over real sockets, with a hand-made node behind it and a real ledger.

mod api;
mod calls;
mod connections;
mod harness;
mod schemas;
mod waits;
