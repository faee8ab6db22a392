//! What databases may take: memory, disk, and time.

use std::time::Duration;

use super::{KIB, MIB, seconds};

/// SQLite page cache of the writer: the inner pages of some millions of coins. Nearly each coin lies on another leaf, so
/// that four times as much saves nothing, in a sync or at the tip; changes gathered in its place save a quarter of the flushes.
pub const SQLITE_CACHE_BYTES: usize = MIB;
/// SQLite page cache of each reader.
pub const SQLITE_READER_CACHE_BYTES: usize = MIB;
/// The same of a reader that goes through the blocks once, and finds none of their pages again.
pub const SQLITE_PASSING_CACHE_BYTES: usize = 256 * KIB;
/// Prepared statements kept per connection; the ledger uses about thirty.
pub const SQLITE_STATEMENTS: usize = 48;
/// How long a connection waits for another's lock.
pub const SQLITE_BUSY_TIMEOUT: Duration = seconds(5);
/// Pages in the ledger's write-ahead log at which they move into the database: coins lie scattered, so that the more
/// changes a page gathers before it moves, the less is written.
pub const LEDGER_CHECKPOINT_PAGES: usize = 8000;
/// Pages to which that log may grow while a large ledger is synced, but not beyond the ledger's own size: 256 MiB. Its
/// index in memory takes 8 bytes for each.
pub const LEDGER_LOG_PAGES: usize = 65_536;
/// Quiet after a commit in which the ledger does that.
pub const LEDGER_TIDY_AFTER: Duration = Duration::from_millis(200);
/// Bytes of the ledger's write-ahead log that stay allocated; a little above `LEDGER_CHECKPOINT_PAGES`.
pub const LEDGER_LOG_BYTES: usize = 40 * MIB;
/// The same for the small files.
pub const SMALL_CHECKPOINT_PAGES: usize = 500;
/// Bytes of a small file's write-ahead log that stay allocated.
pub const SMALL_LOG_BYTES: usize = 4 * MIB;
/// Page cache of the small files.
pub const SMALL_CACHE_BYTES: usize = 512 * KIB;
/// Coin changes that go to the disk at a time, if they come in the order of their keys.
pub const COIN_ROWS: usize = 1024;
/// Coin changes that are sorted by key at a time on their way to the disk otherwise; about 6 MiB meanwhile.
pub const COIN_SORT_ROWS: usize = 32_768;
/// Blocks below the tip that are verified again after an unclean stop.
pub const RECHECKED_BLOCKS: u32 = 6;
/// Page cache of the index' writer: with twice that of the other small files, and the log below, it takes a tenth less
/// of a processor.
pub const INDEX_CACHE_BYTES: usize = MIB;
/// Pages in its write-ahead log at which they move into the file.
pub const INDEX_CHECKPOINT_PAGES: usize = 2000;
/// Bytes of that log that stay allocated; a little above `INDEX_CHECKPOINT_PAGES`.
pub const INDEX_LOG_BYTES: usize = 10 * MIB;
/// Rows that the index gathers before it writes them, sorted, in one transaction; about 2 MiB.
pub const INDEX_BATCH_ROWS: usize = 20_000;
/// Coin changes that a replay holds in memory; about 3 MiB.
pub const REPLAY_COINS: usize = 16_384;
/// Signatures that a replay checks in one batch: larger ones gain little.
pub const REPLAY_SIGNATURES: usize = 1024;
/// Bytes of one value in an answer to a person's SQL; a block body fits.
pub const MAX_SQL_VALUE_BYTES: i32 = 4 * 1024 * 1024;
/// Hex digits below which a hash prefix is not looked up.
pub const MIN_PREFIX_DIGITS: usize = 6;
/// Hash prefix matches that are told; more than one is ambiguous anyway.
pub const MAX_PREFIX_MATCHES: usize = 8;
/// A tip younger than this makes every commit durable against power loss.
pub const DURABLE_WITHIN: Duration = seconds(24 * 3600);
