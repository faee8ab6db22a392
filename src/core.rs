//! tussock's lower layers: the rules of the chain, the store and the protocol on the wire. No thread, no socket, no clock.
//!
//! They are a package of their own because Cargo compiles packages, not modules, for speed or for size. Decoding, hashing,
//! rules and rows take most of the time that is left beside cryptography and SQLite, so this one is compiled for speed.
//! What is above it (roles, sockets, RPC, simulator, command line) is compiled for size: the program is a tenth smaller
//! for it, and a newcomer takes about a twentieth longer over blocks with nothing in them. For whoever reads or uses the
//! code there is one crate: `tussock` has these modules beside its own.

pub mod base;
pub mod chain;
pub mod store;
pub mod wire;
