//! Limits against being crowded out, cut off or misled.

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
/// The shortest and the longest time that this may come to.
pub const STALE_AFTER: (Duration, Duration) = (Duration::from_secs(180), Duration::from_secs(1800));
/// How often a node with a stale tip exchanges its extra outbound peer for another.
pub const STALE_DIAL_INTERVAL: Duration = Duration::from_secs(600);
/// How long an address whose link stalled the download is asked for blocks only if nobody else has them: who withholds
/// would otherwise come back and take part again.
pub const STALLER_KEPT: Duration = Duration::from_secs(600);
/// Such addresses that are remembered; the oldest makes room.
pub const MAX_STALLERS: usize = 256;
/// The best header chain's next block may be owed for this long before a block that is here, and builds on our tip, is
/// preferred to it: whoever can make headers must not hold up those who make blocks.
pub const WITHHELD_DOUBT: Duration = Duration::from_secs(5);
/// How often that time starts anew for another branch without a block in between: for one or two that are honest, such as
/// after a partition.
pub const WITHHELD_CHANCES: u32 = 3;
/// Branches of mere headers that may become the best chain of a synced node at once, and how long it takes for another
/// one. Each is stored, up to `UNPROVEN_HEADERS` of it.
pub const UNPROVEN_BRANCHES: u32 = 8;
/// See [`UNPROVEN_BRANCHES`].
pub const UNPROVEN_INTERVAL: Duration = Duration::from_secs(30);
/// How long such a branch may be the best: enough for a block of the largest size at 50 KB a second. Others, with less
/// work, wait for it.
pub const UNPROVEN_TIME: Duration = Duration::from_secs(20);
/// Headers of such a branch that a synced node asks for before a block of it is here.
pub const UNPROVEN_HEADERS: u32 = 200;
/// Blocks on our tip that go to the ledger past such a branch and are not applied yet.
pub const MAX_PASSING: usize = 4;
/// How long one of them counts: by then it is applied, or was refused.
pub const PASSING_TIME: Duration = Duration::from_secs(5);
/// Room for losing branches of headers comes back one header at a time: as many a day as a chain of ten seconds has.
pub const FORK_HEADER_INTERVAL: Duration = Duration::from_secs(10);
/// Headers between our tip and a block that is here.
pub const WITHHELD_DOUBT_BLOCKS: usize = 128;
/// Seconds by which the median of the outbound peers' clocks may differ from ours before the operator is warned.
/// Nothing is ever set by it.
pub const CLOCK_OFFSET_SECONDS: u64 = 600;
/// Outbound peers whose clocks make a median worth a warning.
pub const CLOCK_SAMPLES: usize = 3;
/// A limit that bites again within this time after it was logged is counted and not logged.
pub const LIMIT_LOG_INTERVAL: Duration = Duration::from_secs(60);
