//! Limits that defend a node against being crowded out, cut off or misled.

use std::time::Duration;

/// Accepted connections beyond slots and handshakes: those that are being closed, and newcomers that the handshake
/// role has not heard of yet.
pub const CLOSING_SLACK: usize = 16;
/// Key agreements that one address may begin: a second, and at once. An honest node dials a few times a minute, and some
/// hundred may stand behind one router after its power came back.
pub const AGREEMENTS_OF_ADDRESS: (u32, u32) = (16, 64);
/// The same in all: 1,024 a second take a fifth of one core of a usual host. A slower one is busy with fewer, in a thread
/// of their own, and further links wait to be read.
pub const AGREEMENTS: (u32, u32) = (1024, 256);
/// Connections that one address may open: a second, and at once. Four times as many as it may agree on keys over, so that it
/// hears of that limit first. What exceeds it is closed before any role hears of it: each would cost several threads a wake-up.
pub const ARRIVALS_OF_ADDRESS: (u32, u32) = (64, 256);
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
/// How often a node for which no peer keeps what it lacks replaces one of its outbound peers: after this time, and then twice as
/// long each time, up to the second one.
pub const HISTORY_DIAL_FIRST: Duration = Duration::from_secs(10);
/// The longest such time.
pub const HISTORY_DIAL_MOST: Duration = Duration::from_secs(40);
/// How long an address whose link stalled the download is asked only for blocks that no other peer has. Otherwise an
/// attacker that withholds blocks could reconnect and stall again.
pub const STALLER_KEPT: Duration = Duration::from_secs(600);
/// Such addresses that are remembered; the oldest makes room.
pub const MAX_STALLERS: usize = 256;
/// Unproven branches (headers without a block) that may become the best chain of a synced node in a row. One more is allowed
/// each `UNPROVEN_INTERVAL`. Up to `UNPROVEN_HEADERS` headers of each are stored.
pub const UNPROVEN_BRANCHES: u32 = 8;
/// See [`UNPROVEN_BRANCHES`].
pub const UNPROVEN_INTERVAL: Duration = Duration::from_secs(30);
/// Chains besides the best header chain whose bodies are asked for at the same time.
pub const MAX_CANDIDATES: usize = 8;
/// Blocks of one such chain that are asked for at a time.
pub const CANDIDATE_IN_FLIGHT: usize = 4;
/// Blocks of one such chain that are looked ahead.
pub const CANDIDATE_BLOCKS: usize = 64;
/// Bytes of bodies of such chains that may wait for an earlier body. The lowest one always has room.
pub const CANDIDATE_BYTES: usize = 1024 * 1024;
/// Branches with more work than ours that a peer may tell of in a row, apart from those that go on with its last one. One
/// more is allowed each `UNPROVEN_INTERVAL`.
pub const BRANCHES_PER_PEER: u32 = 4;
/// Headers of an unproven branch that a synced node requests before a block of it arrives.
pub const UNPROVEN_HEADERS: u32 = 200;
/// Blocks that go to the ledger although another chain of headers has more work, and are not applied yet.
pub const MAX_PASSING: usize = 4;
/// How long such a block counts: by then it is applied, stored or refused.
pub const PASSING_TIME: Duration = Duration::from_secs(5);
/// KiB of bodies in a row that a peer may send unasked although they are of no use: under headers that are known or lead
/// nowhere. Eight of the largest blocks: after a partition a peer may relay some of the branch that loses.
pub const USELESS_KIB: u32 = 8 * 1024;
/// Time in which one more KiB is allowed: a largest block in four seconds.
pub const USELESS_KIB_INTERVAL: Duration = Duration::from_millis(4);
/// Time in which the allowance for fork headers grows by one: as many a day as a chain with ten-second blocks has.
pub const FORK_HEADER_INTERVAL: Duration = Duration::from_secs(10);
/// Seconds by which the median of the outbound peers' clocks may differ from ours before the operator is warned.
/// Nothing is ever set by it.
pub const CLOCK_OFFSET_SECONDS: u64 = 600;
/// Seconds by which a clock is set before peers are told of it at once. What is less is told by the next ping.
pub const CLOCK_SET_SECONDS: u64 = 60;
/// Seconds by which a peer's clock may drift before the role that compares clocks hears of it. It compares them to ten
/// minutes, and each time it hears something it wakes up.
pub const CLOCK_NEWS_SECONDS: u64 = 5;
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
/// How long a branch whose bodies come counts as one that the node lacks, in a node that was synced before. An attacker that
/// delivers a body now and then must not end the state `synced` for longer.
pub const COUNTED_FOR: Duration = Duration::from_secs(20);
/// How much longer for each block of it that is applied: honest peers deliver more than one a second.
pub const COUNTED_PER_BLOCK: Duration = Duration::from_secs(1);
/// How long after a half-delivered branch was set aside no other one ends the state `synced` before all of its bodies are
/// here. With `OVERDUE_FIRST`, such branches take a node out of that state for at most one thirtieth of the time.
pub const LAPSE_REMEMBERED: Duration = Duration::from_secs(60);
/// The bound of the law of liveness in a network of so many nodes: a node's tip is on the best chain that an honest,
/// connected peer can deliver this long after the peer has it, plus the time that honest peers need for the missing bytes. It
/// covers a claim that came just after a vain question, and the turns of all candidates before the honest one, if each peer
/// has its own.
pub const fn catch_up_bound(peers: usize) -> Duration {
    let candidates = peers.div_ceil(MAX_CANDIDATES) as u64 * super::OVERDUE_FIRST.as_secs();
    Duration::from_secs(super::GET_SYNC_QUIET.as_secs() + super::GET_SYNC_SWITCH.as_secs() + candidates)
}
/// The same for a node with all the peers that it can have.
pub const CATCH_UP_BOUND: Duration = catch_up_bound(super::MAX_INBOUND + super::MAX_OUTBOUND);
/// How much longer the state may be another one than `synced`: a branch that keeps delivering counts for so long, and then a
/// question that liars leave open.
pub const SYNCED_BOUND: Duration =
    Duration::from_secs(CATCH_UP_BOUND.as_secs() + COUNTED_FOR.as_secs() + super::GET_SYNC_TIMEOUT.as_secs());
