//! tussock: a ledger network in one small binary. Its lower layers are the package `tussock-core`: `src/core.rs` says why.
//!
//! # A block's way, from socket to table
//!
//! 1. [`net`]'s poll loop reads bytes of a peer's socket into its [`wire::link::Link`]. The frame's head is judged before
//!    its body is kept; a large body waits for a lease of the global pool.
//! 2. The frame goes to the inbox of the role of its kind. If the inbox is full, the link is read no further: TCP's own
//!    flow control slows the peer.
//! 3. [`node::fetch`] takes the header's hash from the first bytes. A block that was asked for goes on; one that was not
//!    waits until [`node::headers`] has judged its header.
//! 4. [`node::verify`], on every core, checks the frame's checksum, decodes and hashes each transaction once, compares the
//!    merkle root, checks all signatures in batches, save those that the mempool's way in has checked, and sums up the
//!    coins that the block makes: whatever depends on the block alone is done here, since the ledger has one thread.
//!    What goes on is the block's bytes and little else, so that many can wait; the last verifier rests while they do.
//! 5. [`node::ledger`] compares the header's state digest with its own coins, spends and makes coins in a bounded
//!    overlay, and applies the block; or keeps it as part of a branch until that has the most work, and then switches
//!    in one transaction.
//! 6. [`store`] writes body, undo data, header status and coins in one SQLite transaction: one a block at the tip, many
//!    blocks at a time during a sync.
//! 7. Only then is the block told to others by [`node::gossip`], shown in the status, and mined upon.
//!
//! # Where this departs from its design page
//!
//! - An unasked `Block` is heard by `fetch`, not by `gossip`: whether it was asked for is `fetch`'s knowledge. `gossip` is
//!   told of it when it is known to be valid.
//! - A block on top of the tip is passed on when it is known to be valid, coins included, and committed right after
//!   that, not the other way round. Each of four hops took 16 to 20 ms for a block of 500 transactions, of which 11
//!   went into rows, the write-ahead log and the disk. Only peers hear that early: users, RPC and our own claims of a
//!   tip speak of what is committed, and a node that is killed between the two has lost what its peers can give back.
//! - A coin of the state digest is expanded by ChaCha20 keyed with its BLAKE3 hash, not by BLAKE3's extended output. The
//!   latter is fast only with AVX-512 (2.4 µs a coin without it, where a block applies at about 13 µs a transaction).
//! - Of the 12 MiB for the ledger's page cache and coin changes, the cache has one and the changes have nearly nine, not four
//!   and eight. What is left goes to bodies that wait: with 6 MiB of them, verifiers have something to do while coins move to
//!   the disk. Together a large sync takes a fifth less.
//! - Lists are preceded by a `u32` count of our own instead of bincode's `u64`: bounded by type, checked before anything
//!   is allocated.
//! - A coinbase must create exactly subsidy and fees, so that the supply is an equation, not a bound.
//! - Bodies are stored without their header, which has its own row; undo data holds only the coins spent.
//! - The `local` chain's genesis lies in the past, so that its difficulty rests at the limit: any number of blocks can be
//!   made at once, and the mining rate, not the difficulty, sets the pace of five seconds.
//! - On test chains a node that knows no other counts as synced: it is the network.
//! - `toml` is also used by `chain/spec.rs`, which reads chain specifications.

pub mod cli;
pub mod config;
pub mod net;
pub mod rpc;
pub mod runtime;
pub mod sim;

pub use tussock_core::{base, chain, store, wire};
pub use tussock_roles::node;
