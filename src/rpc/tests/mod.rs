//! The server over real sockets, with a hand-made node behind it and a real ledger.

mod addresses;
mod api;
mod calls;
mod connections;
mod core;
mod harness;
mod index;
mod page;
mod schemas;
mod search;
mod tokens;
mod waits;
mod wallet;
mod watch;
