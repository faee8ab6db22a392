//! Links and the roles of the protocol, in a package of their own for the sake of the build: Cargo compiles packages side
//! by side, and these need neither sockets nor commands. Readers and users of the code see one crate: `tussock` has these
//! modules beside its own.

pub mod link;
pub mod node;

pub use tussock_core::{base, chain, wire};
