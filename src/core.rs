//! tussock's lower layers: the rules of the chain, the store and the protocol on the wire. No thread, no socket, no clock.
//!
//! They are a package of their own because Cargo compiles packages, not modules, for speed or for size. All time that is
//! not spent in cryptography and SQLite is spent here, so this one is compiled for speed; what is above it (roles,
//! sockets, RPC, simulator, command line) is compiled for size, which makes the program a tenth smaller. For whoever reads
//! or uses the code there is one crate: `tussock` has these modules beside its own.

pub mod base;
pub mod chain;
pub mod store;
pub mod wire;
