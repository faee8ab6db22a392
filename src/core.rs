//! The lower layers of tussock: the rules of the chain, the store and the protocol on the wire. No thread, no socket, no
//! clock.
//!
//! They are a package of their own because Cargo optimises packages, not modules, for speed or for size. Beside
//! cryptography and SQLite, decoding, hashing, rules and rows take most of a node's time, so this package is compiled for
//! speed. Everything above it (roles, sockets, RPC, simulator, command line) is compiled for size: the shipped program is
//! a tenth smaller for it, and syncing empty blocks takes about a twentieth longer. Readers and users of the code see one
//! crate: `tussock` has these modules beside its own.

pub mod base;
pub mod chain;
pub mod store;
pub mod wire;
