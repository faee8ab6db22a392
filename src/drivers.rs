//! What drives links and roles: sockets and threads in production, pipes and a virtual clock in the simulator.
//!
//! A package of its own for the sake of the build, as `src/roles.rs` says. What is above it, commands and RPC, runs once
//! a command or a call, and is compiled without optimisation when `release` is built. Readers and users of the code see
//! one crate: `tussock` has these modules beside its own.

pub mod net;
pub mod runtime;
pub mod sim;

pub use tussock_core::{base, chain, store, wire};
pub use tussock_roles::{link, node};
