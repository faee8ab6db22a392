//! Limits that defend a node against being crowded out, cut off or misled.

use std::time::Duration;

/// Accepted connections beyond slots and handshakes: those that are being closed, and newcomers that the handshake
/// role has not heard of yet.
pub const CLOSING_SLACK: usize = 16;
/// Inbound slots for each peer that is protected from eviction for its network group, for its last transaction and for
/// its last block: 2 of each with 48 slots. Twice as many are protected for their round trip, which costs most to fake.
pub const SLOTS_PER_PROTECTED: usize = 24;
/// Time between two notices that the same peer brought something new: eviction needs no finer times.
pub const USEFUL_INTERVAL: Duration = Duration::from_secs(10);
/// Block intervals without a new block after which the tip counts as stale: in a healthy network one in 400 waits.
pub const STALE_INTERVALS: u32 = 6;
/// Bounds of that time.
pub const STALE_AFTER: (Duration, Duration) = (Duration::from_secs(180), Duration::from_secs(1800));
/// How often a node with a stale tip exchanges its extra outbound peer for another.
pub const STALE_DIAL_INTERVAL: Duration = Duration::from_secs(600);
/// How long an address whose link stalled the download is asked only for blocks that no other peer has. Otherwise an
/// attacker that withholds blocks could reconnect and stall again.
pub const STALLER_KEPT: Duration = Duration::from_secs(600);
/// Such addresses that are remembered; the oldest makes room.
pub const MAX_STALLERS: usize = 256;
/// How long the next block of the best header chain may be missing before a block that arrived and builds on our tip is
/// preferred. An attacker with headers and no blocks must not hold up the miners.
pub const WITHHELD_DOUBT: Duration = Duration::from_secs(5);
/// How often that time may restart for another branch without a block in between: one or two such branches can be honest,
/// for instance after a partition.
pub const WITHHELD_CHANCES: u32 = 3;
/// Unproven branches (headers without a block) that may become the best chain of a synced node in a row. One more is allowed
/// each `UNPROVEN_INTERVAL`. Up to `UNPROVEN_HEADERS` headers of each are stored.
pub const UNPROVEN_BRANCHES: u32 = 8;
/// See [`UNPROVEN_BRANCHES`].
pub const UNPROVEN_INTERVAL: Duration = Duration::from_secs(30);
/// How long an unproven branch may be the best: enough for the largest block at 50 KB/s. Branches with less work wait for
/// it.
pub const UNPROVEN_TIME: Duration = Duration::from_secs(20);
/// Headers of an unproven branch that a synced node requests before a block of it arrives.
pub const UNPROVEN_HEADERS: u32 = 200;
/// Blocks that go to the ledger although another chain of headers has more work, and are not applied yet.
pub const MAX_PASSING: usize = 4;
/// How long such a block counts: by then it is applied, stored or refused.
pub const PASSING_TIME: Duration = Duration::from_secs(5);
/// Time in which the allowance for fork headers grows by one: as many a day as a chain with ten-second blocks has.
pub const FORK_HEADER_INTERVAL: Duration = Duration::from_secs(10);
/// Ancestors of a block that are searched for our tip.
pub const WITHHELD_DOUBT_BLOCKS: usize = 128;
/// Seconds by which the median of the outbound peers' clocks may differ from ours before the operator is warned.
/// Nothing is ever set by it.
pub const CLOCK_OFFSET_SECONDS: u64 = 600;
/// Seconds after its newest block at which a miner without peers does not believe its clock: no network is switched off
/// for five years.
pub const OWN_PAST_SECONDS: u64 = 5 * 365 * 86_400;
/// Seconds by which a clock may be set forward while a miner without peers runs. After more than a day its blocks would
/// strand the chain for longer than anybody waits.
pub const CLOCK_STEP_SECONDS: i64 = 86_400;
/// How long a smaller step, or one backwards, is told.
pub const CLOCK_STEP_TOLD: Duration = Duration::from_secs(60);
/// Outbound peers whose clocks are needed for a median.
pub const CLOCK_SAMPLES: usize = 3;
/// A limit that is hit again within this time after it was logged is counted and not logged.
pub const LIMIT_LOG_INTERVAL: Duration = Duration::from_secs(60);
