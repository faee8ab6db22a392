//! tussock: a ledger network in one small binary.
//!
//! Its lower layers are packages of their own: `src/core.rs`, `src/roles.rs` and `src/drivers.rs` say why.
#![doc = include_str!("ARCHITECTURE.md")]
//!
//! # Where this departs from its design page
//!
//! - `fetch` hears of a `Block` that nobody asked for, not `gossip`: only `fetch` knows what was asked for. It tells
//!   `gossip` once the block is valid.
//! - A block on top of the tip is relayed once it is known to be valid, coins included, and committed right after that. In
//!   the opposite order each hop took 16 to 20 ms for a block of 500 transactions; 11 of these went into rows, the
//!   write-ahead log and the disk. Only peers hear of a block that early. Users, RPC and our own claims of a tip speak of
//!   committed blocks. A node that is killed between the two gets the block back from its peers.
//! - The state digest expands a coin by ChaCha20, keyed with the coin's BLAKE3 hash, and not by BLAKE3's extended output.
//!   The latter is fast only with AVX-512. Without AVX-512 it takes 2.4 µs a coin, and applying a transaction about 13 µs.
//! - Of the 12 MiB for the ledger's page cache and coin changes, the cache has one and the changes have nearly nine, not
//!   four and eight. The rest goes to bodies that wait: with 6 MiB of them, verifiers have work while coins move to the
//!   disk. Together a large sync takes a fifth less time.
//! - A list begins with a `u32` count of our own, not with bincode's `u64`. Its type bounds it, and it is checked before
//!   anything is allocated.
//! - A coinbase must create exactly subsidy and fees, so that the supply is an equation, not a bound.
//! - Bodies are stored without their header, which has its own row. Undo data holds only the spent coins.
//! - The `local` chain's genesis lies in the past, so that its difficulty stays at the limit. Any number of blocks can be
//!   made at once, and the mining rate, not the difficulty, sets the pace of five seconds.
//! - On test chains a node that knows no other counts as synced: it is the network.
//! - `chain/spec.rs`, which reads chain specifications, also uses `toml`.

pub mod cli;
pub mod config;
pub mod rpc;
pub mod wallet;

pub use tussock_core::{base, chain, store, wire};
pub use tussock_drivers::{net, runtime, sim};
pub use tussock_roles::{link, node};
