//! Compact blocks.

use std::time::Duration;

use super::{KIB, MAX_BLOCK_BYTES, seconds};

// ---- Frames. ----

/// Short ids in one `CompactBlock`: as many transactions of the least size as fit into a block. One input takes 140 bytes, one
/// output 28, the rest 16.
pub const MAX_COMPACT_IDS: usize = MAX_BLOCK_BYTES / (140 + 28 + 16);
/// Whole transactions in one `CompactBlock`.
pub const MAX_COMPACT_WHOLE: usize = 128;
/// Body bytes of `CompactBlock`: the longest header, all ids, a coinbase of the largest size, and 28 KiB of others.
pub const MAX_COMPACT_BYTES: usize = 96 * KIB;
/// Body bytes of `GetBlockTransactions`: a hash, and two bytes for each position.
pub const MAX_POSITIONS_BYTES: usize = 32 + 4 + 2 * MAX_COMPACT_IDS;
/// Body bytes of `BlockTransactions`: a hash, and at most a block's transactions.
pub const MAX_BLOCK_TRANSACTIONS_BYTES: usize = 32 + MAX_BLOCK_BYTES;

// ---- Relay. ----

/// Blocks that peers told of and whose bodies are not here. Blocks come one by one; a few may compete.
pub const MAX_ANNOUNCED: usize = 8;
/// Peers of one such block that are remembered.
pub const MAX_TELLERS: usize = 8;
/// How long a peer may take to answer for such a block before another one is asked, too.
pub const ANSWER_HEDGE: Duration = seconds(1);
/// The same if there is no other one: then all peers are asked in the usual way.
pub const ANSWER_PATIENCE: Duration = seconds(2);
/// After this time no further peer is asked for such a block alone.
pub const ANNOUNCED_GIVEN_UP: Duration = seconds(2);
/// How long a checked body waits for its header to be stored. Both are under way at the same time.
pub const EARLY_TIME: Duration = seconds(2);
/// Bytes of transactions that have left the mempool and may still be in another block.
pub const REMEMBERED_TRANSACTION_BYTES: usize = 512 * KIB;
/// Blocks up to this size are pushed whole to everybody: a header, a question and an answer are not much shorter.
pub const WHOLE_BLOCK_BYTES: usize = KIB;
/// Bytes of transactions besides the coinbase that a `CompactBlock` includes because its sender lacked them, too.
pub const COMPACT_WHOLE_BYTES: usize = 10 * KIB;
/// Compact forms of the last blocks that are kept for peers that ask: less than 400 KiB.
pub const COMPACT_BLOCKS_KEPT: usize = 4;
/// Peers that a block is pushed to: those that asked last. All others hear of its header.
pub const PUSHED_AT_ONCE: usize = 2;
/// `GetBlockTransactions` per second from one peer. A node sends half as many.
pub const COMPACT_QUESTIONS_PER_SECOND: u32 = 20;
