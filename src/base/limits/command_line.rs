//! What the command line waits for, reads and holds at most.

use std::time::Duration;

use super::{MIB, seconds};

/// Bytes of an RPC answer beyond which it is not our node that answers.
pub const RPC_ANSWER_BYTES: usize = 64 * MIB;
/// How long the command line tries to connect; the node is on this host or near it.
pub const RPC_CONNECT: Duration = seconds(3);
/// How long a call may take unless it says otherwise: longer than the node's own limit for a command.
pub const RPC_CALL: Duration = seconds(40);
/// The longest single question of a wait; a longer wait asks again, so that a node that went away is noticed.
pub const RPC_WAIT_SLICE: Duration = seconds(25);
/// How long a call waits for a node that says it is starting.
pub const RPC_STARTING: Duration = seconds(30);
/// How long `wait` gives a node that is only just being started to take its lock.
pub const WAIT_GRACE: Duration = seconds(1);
/// Bytes of a key file; ours are below 1 KiB.
pub const KEY_FILE_BYTES: u64 = 64 * 1024;
/// Bytes of a message or a key that are read from a pipe.
pub const COMMAND_INPUT_BYTES: u64 = 1024 * 1024;
/// SQLite page cache while blocks are put into a ledger outside a node.
pub const FILL_CACHE_BYTES: usize = 16 * MIB;
/// Changed coins that are held before a commit there; about 8 MiB.
pub const FILL_COINS: usize = 50_000;
/// Blocks between two commits there, so that an interrupted import has little to repeat.
pub const FILL_BLOCKS: usize = 512;
