//! The caps, intervals and timeouts of the protocol and its roles, each with its unit and reason. A limit of one module
//! above the roles lives in that module.

mod announcing;
mod compact;
mod defence;
mod memory;
mod peers;
mod snapshot;

use std::time::Duration;

pub use announcing::*;
pub use compact::*;
pub use defence::*;
pub use memory::scaled;
pub use peers::*;
pub use snapshot::*;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

// ---- Consensus. Changing one of these makes another network. ----

/// Bytes of a header before its seal.
pub const UNSEALED_HEADER_BYTES: usize = 112;
/// Bytes of a header with proof of work: a tag, the target and the nonce follow.
pub const WORK_HEADER_BYTES: usize = UNSEALED_HEADER_BYTES + 13;
/// Most authorities of a chain: each certificate names a quorum of them, in every header, by bits of 64.
pub const MAX_AUTHORITIES: usize = 64;
/// Bytes of a vote in a seal of authorities: a clock and a signature.
pub const VOTE_BYTES: usize = 8 + 64;
/// Bytes of such a seal besides its votes: a tag, two views, the hash of a set, a set of signers.
pub const AUTHORITY_SEAL_BYTES: usize = 1 + 8 + 32 + 8 + 8;
/// Bytes of the longest header.
pub const MAX_HEADER_BYTES: usize = UNSEALED_HEADER_BYTES + AUTHORITY_SEAL_BYTES + VOTE_BYTES * MAX_AUTHORITIES;
/// Bytes of all transactions of a block together with their count.
pub const MAX_BLOCK_BYTES: usize = MIB;
/// Bytes of one transaction.
pub const MAX_TRANSACTION_BYTES: usize = 16 * KIB;
/// Inputs of one transaction; bounds the signatures that a cheap message can make us check.
pub const MAX_INPUTS: usize = 64;
/// Outputs of one transaction.
pub const MAX_OUTPUTS: usize = 256;
/// Bytes of a transaction's memo.
pub const MAX_MEMO_BYTES: usize = 512;
/// Transactions of one block: as many of the smallest possible as fit into it.
pub const MAX_BLOCK_TRANSACTIONS: usize = MAX_BLOCK_BYTES / 40;
/// Base units that may ever exist; sums of amounts stay below it and therefore never overflow 64 bits.
pub const MAX_MONEY: u64 = 1 << 62;
/// Blocks whose times give the median that a new block's time must exceed (Bitcoin's rule).
pub const MEDIAN_TIME_BLOCKS: usize = 11;

// ---- Frames. Checked against the frame's head before a byte of its body is kept. ----

/// Bytes before a frame's body: magic 4, kind 1, length 4, checksum 4.
pub const FRAME_HEAD_BYTES: usize = 13;
/// Body bytes of `Version`.
pub const MAX_VERSION_BYTES: usize = 256;
/// Body bytes of `Peers`.
pub const MAX_PEERS_BYTES: usize = 8 * KIB;
/// Body bytes of `GetSync`.
pub const MAX_GET_SYNC_BYTES: usize = 4 * KIB;
/// Body bytes of `Sync` and `Skeleton`.
pub const MAX_SYNC_BYTES: usize = 32 * KIB;
/// Body bytes of `GetMemoryPool` and `MemoryPool`.
pub const MAX_MEMORY_POOL_BYTES: usize = 32 * KIB + 16;
/// Body bytes of `Announce`.
pub const MAX_ANNOUNCE_BYTES: usize = 8 * KIB;
/// Body bytes of `GetTransactions` and `AbsentTransactions`.
pub const MAX_GET_TRANSACTIONS_BYTES: usize = KIB;
/// Body bytes of the small messages: `Verack`, pings, single hashes, `Goodbye`.
pub const MAX_SMALL_BYTES: usize = 128;
/// Body bytes of `Block`.
pub const MAX_BLOCK_MESSAGE_BYTES: usize = MAX_BLOCK_BYTES + MAX_HEADER_BYTES;
/// Bytes of a `Proposal`: the leader's signature and a block.
pub const MAX_PROPOSAL_BYTES: usize = 64 + MAX_BLOCK_MESSAGE_BYTES;
/// Bytes of a `Vote` of an authority.
pub const SIGNED_VOTE_BYTES: usize = 45 + 1 + VOTE_BYTES;
/// Bytes of a `Certificate`: a statement, a bit for each authority, votes.
pub const MAX_CERTIFICATE_BYTES: usize = 45 + 8 + VOTE_BYTES * MAX_AUTHORITIES;
/// Bytes of a `Recall` or `Recalled`.
pub const MAX_RECALL_BYTES: usize = 14 + 4 + 3 * SIGNED_VOTE_BYTES + 64;
/// Headers in one `Sync`: the published protocol's number.
pub const MAX_SYNC_HEADERS: usize = 100;
/// Hashes in one `Skeleton`.
pub const MAX_SKELETON_HASHES: usize = 1000;
/// Hashes in one locator: ten recent ones and doubling steps reach back through 2^54 blocks.
pub const MAX_LOCATOR_HASHES: usize = 64;
/// Addresses in one `Peers`.
pub const MAX_PEERS_ADDRESSES: usize = 100;
/// Ids in one `GetMemoryPool` or `MemoryPool`.
pub const MAX_MEMORY_POOL_IDS: usize = 1000;
/// Short ids in one `Announce`.
pub const MAX_ANNOUNCED_IDS: usize = 1000;
/// Short ids in one `GetTransactions`: the largest answer has as many bytes as the largest block.
pub const MAX_ASKED_IDS: usize = MAX_BLOCK_BYTES / MAX_TRANSACTION_BYTES;
/// Bytes of the agent string in `Version`.
pub const MAX_AGENT_BYTES: usize = 64;
/// Frames whose body is larger than this need a lease from the pool of large bodies while they arrive.
pub const LEASE_FREE_BYTES: usize = 16 * KIB;

// ---- Link budgets. ----

/// Bytes of partial frames that may be buffered over all links.
pub const RECEIVE_BUDGET_BYTES: usize = 6 * MIB;
/// Bytes that a link's buffer grows ahead of what arrived.
pub const RECEIVE_AHEAD_BYTES: usize = 16 * KIB;
/// Bytes queued to one peer above which its requests wait, and news is left out: one largest block may come on top.
pub const SEND_SOFT_BYTES: usize = 256 * KIB;
/// The same for requests while much waits for all peers together.
pub const SEND_CROWDED_BYTES: usize = 16 * KIB;
/// Bytes of our own requests and keep-alives queued to one peer above which the link is closed: in the minute after which
/// a peer that reads nothing is closed anyway they come to a tenth of this.
pub const SEND_OWN_BYTES: usize = 512 * KIB;
/// How long a pushed block may wait for its peer to read it once other news needs the memory: a megabyte at 105 KB/s.
pub const NEWS_HELD: Duration = seconds(10);
/// Bytes queued to all peers; beyond it those peers are closed that have left the most unread for the longest.
pub const SEND_BUDGET_BYTES: usize = 8 * MIB;
/// `GetBlock`s of one peer without an answer at which we read no further from it: twice what a node has open.
pub const UNANSWERED_BLOCKS: usize = 2 * (PEER_WINDOW_MOST + 1);
/// Blocks that are looked up for one peer at a time.
pub const ANSWERS_AT_ONCE: usize = 64;
/// The same for `GetSync` and `GetSkeleton` together.
pub const UNANSWERED_SYNCS: usize = 2 * (SYNCS_IN_FLIGHT + 1);
/// Bytes of one peer's `GetMemoryPool`s and `GetTransactions` that wait for room; further ones get no answer. A node asks one
/// peer for 1,024 transactions by id, and 512 by short id, at most before it hears of more.
pub const HELD_POOL_BYTES: usize = 48 * KIB;
/// A peer with queued data that accepts no byte for this long is closed.
pub const SEND_STALL: Duration = seconds(60);
/// A frame of up to `LEASE_FREE_BYTES` must be complete this long after its first byte.
pub const PARTIAL_FRAME: Duration = seconds(30);
/// A larger frame (a block over a slow line) must be complete this long after its first byte.
pub const PARTIAL_BLOCK: Duration = seconds(120);
/// How long a TCP connection attempt may take.
pub const DIAL_TIMEOUT: Duration = seconds(5);
/// How long a link may linger after its `Goodbye`: until its queue is sent and the other side has closed it too.
pub const GOODBYE_LINGER: Duration = seconds(2);
/// The time over which the rate of a large frame is measured: long enough to resend a lost packet.
pub const LEASE_GRACE: Duration = seconds(3);
/// While others wait for the pool of large bodies, a large frame that arrives slower than this (bytes per second) is
/// given up: a few peers that announce frames and send nothing must not hold the whole pool.
pub const LEASE_MIN_RATE: u64 = 32 * 1024;
/// Accepted connections beyond the inbound maximum: handshakes under way while all slots are taken.
pub const INBOUND_SLACK: usize = 16;
/// Connections accepted in one turn of the poll loop, so that a flood of them does not hold up the peers.
pub const ACCEPTS_PER_TURN: usize = 16;
/// How long the listener rests when the host has no file descriptor or memory for another connection.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes read from, or written to, one link before the others have their turn.
pub const LINK_TURN_BYTES: usize = 64 * KIB;
/// Frames handed on from one link before the others have their turn.
pub const LINK_TURN_FRAMES: usize = 32;
/// Connection attempts under way; further ones fail at once.
pub const MAX_DIALS: usize = 32;
/// Bytes of one read. Bytes that cannot be handed on at once stay with the link, so this bounds them too.
pub const READ_BYTES: usize = 16 * KIB;

// ---- Sync. ----

/// `GetSync`s that the sync node has not answered: on a line of 160 ms, 10,000 headers a second.
pub const SYNCS_IN_FLIGHT: usize = 16;
/// `GetSkeleton` per second from one peer. One is enough for 100,000 headers.
pub const SKELETONS_PER_SECOND: u32 = 1;
/// The time after which all peers of a network group together get one more, and how many they get at once.
pub const SKELETONS_IN_GROUP: (Duration, u32) = (seconds(1), 4);
/// The same for all peers. An answer takes up to 8 ms.
pub const SKELETONS_IN_ALL: (Duration, u32) = (Duration::from_millis(40), 64);
/// Network groups whose peers are counted together.
pub const SKELETON_GROUPS: usize = 256;
/// How long a `GetSync` may go unanswered before another sync node is chosen.
pub const GET_SYNC_TIMEOUT: Duration = seconds(10);
/// How often a synced node asks a peer for headers although nobody announced any: one whose tip is another than ours.
pub const GET_SYNC_POLL: Duration = seconds(60);
/// How long a header that is too far in the future is waited for before it is asked for again.
pub const FUTURE_RETRY: Duration = seconds(30);
/// How long the sync node may leave a `GetSync` unanswered before another peer that has more is asked instead.
pub const GET_SYNC_SWITCH: Duration = seconds(3);
/// How long a peer that answered too late or with nothing new is not chosen as sync node.
pub const SYNC_NODE_PAUSE: Duration = seconds(60);
/// After a `GetSync` that brought nothing, no claim of the same peer makes us ask again before this has passed.
pub const GET_SYNC_QUIET: Duration = seconds(3);
/// `GetSync` per second from one peer that bring it no further than the one before.
pub const IDLE_GET_SYNC_PER_SECOND: u32 = 50;
/// Headers that may be validated ahead of the bodies that were fetched.
pub const HEADERS_AHEAD: u32 = 4096;
/// Headers that may be validated ahead of the committed tip; they must stay in memory until a commit.
pub const HEADERS_UNCOMMITTED: u32 = 6144;
/// Headers kept in memory below the applied tip: enough for median times and for usual reorganisations.
pub const HEADERS_BEHIND: u32 = 128;
/// Hashes of invalid blocks that are remembered besides the marks in the store.
pub const MAX_INVALID_KNOWN: usize = 1024;
/// Blocks that may be missing before a synced node changes its state: peers announce blocks one by one.
pub const SYNCED_SLACK_BLOCKS: u32 = 3;
/// How long known headers may wait for their blocks before a synced node changes its state.
pub const SYNCED_SLACK: Duration = seconds(2);
/// How long a node with a ledger but without configured peers looks into its peer book before it counts as alone.
pub const LONE_AFTER: Duration = seconds(2);
/// How long a miner waits before people are told: at a start it waits for peers as a matter of course.
pub const MINE_WAIT_TOLD: Duration = seconds(5);
/// Time between two looks at the clock in a role to which nothing happens.
pub const CLOCK_LOOK: Duration = seconds(3);
/// Shortest time between two reports of a reason whose state did not change.
pub const REASON_INTERVAL: Duration = seconds(1);
/// Headers kept in memory behind and around the best one; older ones are read from the store.
pub const HEADERS_IN_MEMORY: usize = 8192;
/// Headers of branches that are not the best chain that may be stored, over all peers: about 5 MB.
pub const MAX_FORK_HEADERS: usize = 16_384;
/// Blocks asked of one peer and not yet answered, on a line that holds few.
pub const BLOCKS_IN_FLIGHT_PER_PEER: usize = 16;
/// The same on the longest and widest line: 50 Mbit/s hold as many of 4 KB for a sixth of a second.
pub const PEER_WINDOW_MOST: usize = 256;
/// Blocks asked of all peers and not yet answered.
pub const BLOCKS_IN_FLIGHT: usize = 1024;
/// How far ahead of the applied chain bodies may be asked for.
pub const FETCH_WINDOW: usize = 2048;
/// Bytes of bodies that arrived and are not yet applied: as much as one core verifies while another flushes coins.
pub const FETCH_BYTES: usize = 6 * MIB;
/// How long one `GetBlock` may go unanswered before the block is asked of another peer.
pub const GET_BLOCK_TIMEOUT: Duration = seconds(20);
/// How long the block that holds up the window may take before its peer counts as stalling; doubles up to the maximum,
/// shrinks by 15 % with each block that arrives (Bitcoin Core's rule).
pub const STALL_FIRST: Duration = seconds(2);
/// The longest stall time.
pub const STALL_MAX: Duration = seconds(64);
/// A download of more blocks than this waits a moment for further peers, so that several share it from the start.
pub const GATHER_BLOCKS: usize = 64;
/// How many peers are worth waiting for; fewer if fewer are configured with `--connect`.
pub const GATHER_PEERS: usize = 3;
/// How long after the first peer: enough to hear of others and to dial some.
pub const GATHER_TIME: Duration = seconds(2);
/// How long after the first a second peer is asked for the same block near the tip; a third after twice that.
pub const BLOCK_HEDGE: Duration = seconds(5);
/// A block that holds up the bulk of a download is asked for once more after this time, or four times what blocks usually
/// take if that is longer.
pub const BULK_HEDGE: Duration = Duration::from_millis(500);
/// Missing blocks up to which the download counts as near the tip.
pub const NEAR_TIP_BLOCKS: usize = 4;
/// Blocks asked of a new peer before it has delivered any; grows by one with each delivery.
pub const PEER_WINDOW_FIRST: usize = 4;
/// When every peer said `Absent`, the block is asked for again after this.
pub const ABSENT_RETRY: Duration = seconds(2);
/// How long the next block of the best header chain may be missing before another chain may take its place; or eight times
/// what blocks usually take if that is longer, up to `OVERDUE_MAX`. Long enough to ask every peer.
pub const OVERDUE_FIRST: Duration = seconds(2);
/// The longest such time: enough for the largest block at 50 KB/s. What liars deliver slowly must not raise it further.
pub const OVERDUE_MAX: Duration = seconds(20);
/// A node that was synced within this time needs no other chain to set a branch aside: it has its own.
pub const SYNCED_RECENTLY: Duration = seconds(60);
/// A node without another chain sets a branch aside when all peers were asked in vain for this long.
pub const WITHHELD_AFTER: Duration = seconds(30);
/// How long a branch is withheld the first time; doubles with each further time.
pub const WITHHELD_FIRST: Duration = seconds(60);
/// The longest time that a branch is withheld.
pub const WITHHELD_MAX: Duration = seconds(3600);
/// Branches that are withheld at the same time.
pub const MAX_WITHHELD: usize = 64;
/// Bodies that arrived unasked and wait for their header's verdict.
pub const MAX_OFFERED: usize = 8;
/// Bytes of such bodies; one may always wait.
pub const OFFERED_BYTES: usize = 2 * MIB;
/// Unasked blocks per second from one peer that we knew already. Relay in a busy cluster stays below it.
pub const KNOWN_BLOCKS_PER_SECOND: u32 = 100;
/// `submitblock` commands that wait for their verdict.
pub const MAX_SUBMITTED: usize = 16;
/// Without any progress for this long while somebody has more work, the state is `stalled`.
pub const STALLED_AFTER: Duration = seconds(20);
/// How long a starting node looks for peers before it says `isolated`.
pub const ISOLATED_AFTER: Duration = seconds(15);

// ---- Ledger and mempool. ----

/// Bytes of coin changes held in memory during sync; beyond it they are flushed into the open transaction.
pub const COIN_OVERLAY_BYTES: usize = 4 * MIB + 512 * KIB;
/// Longest time between commits during sync, and so the work that a kill loses. A page that changes twice in one transaction
/// is written to the log once, so longer transactions write less. 4 s saved another sixtieth of a sync over a million coins,
/// but let coin changes use all of their memory on a slow host with 32 MiB.
pub const COMMIT_INTERVAL: Duration = seconds(2);
/// Bytes of mempool transactions.
pub const MEMPOOL_BYTES: usize = 4 * MIB;
/// How long an unconfirmed transaction is kept.
pub const MEMPOOL_EXPIRY: Duration = seconds(72 * 3600);
/// Blocks in one commit during sync; bounds what one `ChainMoved` lists. Well below `HEADERS_UNCOMMITTED`, so that
/// headers never wait for a commit.
pub const COMMIT_BLOCKS: usize = 1024;
/// Blocks behind the best header up to which a synced node still commits each block by itself.
pub const COMMIT_BURST: u32 = 4;
/// Bytes of bodies that wait in memory for their parent: those that may be asked for, and those already under way.
pub const WAITING_BYTES: usize = FETCH_BYTES + MIB;
/// Stored bodies with a missing ancestor that are remembered; beyond it a body is not kept and asked for again.
pub const STAGED_BLOCKS: usize = 4096;
/// Abandoned blocks whose transactions return to the mempool, all at once, when the node is synced. The latest are kept; a
/// few full blocks fill a mempool.
pub const ABANDONED_BLOCKS: usize = 64;
/// Blocks disconnected by one reorganisation beyond which the operator is warned.
pub const DEEP_REORGANISATION: usize = 6;
/// Unconfirmed ancestors of one mempool transaction; bounds the work of selecting and evicting.
pub const MEMPOOL_ANCESTORS: usize = 25;
/// Bytes of bookkeeping per mempool transaction (decoded form, indexes), counted against [`MEMPOOL_BYTES`].
pub const MEMPOOL_ENTRY_BYTES: usize = 400;
/// Coins that waiting transactions spend, cached for the block that confirms them: half a megabyte.
pub const EXPECTED_COINS: usize = 4096;
/// Time between two searches for expired mempool transactions.
pub const MEMPOOL_EXPIRY_CHECK: Duration = seconds(60);
/// Packages that are compared for eviction before a transaction is refused instead.
pub const MEMPOOL_EVICTION_TRIES: usize = 64;
/// Transactions in one batch to the verifier; larger batches gain little and hold up the next.
pub const VERIFY_BATCH: usize = 256;
/// How long transactions may wait for their batch to fill while another batch is being verified.
pub const GATHER_TRANSACTIONS: Duration = Duration::from_millis(10);
/// Signatures in one batch: 13.5 µs each, against 36 µs alone; larger batches gain nothing more.
pub const SIGNATURE_BATCH: usize = 1024;
/// Transactions waiting for the verifier over all peers; a peer that fills it is read no further.
pub const VERIFY_QUEUE: usize = 2048;
/// Transactions of one peer in that queue; more are dropped, and asked for again when there is room.
pub const VERIFY_QUEUE_PER_PEER: usize = 1024;
/// Bytes of transactions waiting for the verifier; further ones are dropped.
pub const VERIFY_QUEUE_BYTES: usize = 2 * MIB;
/// Bytes of one batch to the verifier.
pub const VERIFY_BATCH_BYTES: usize = 256 * KIB;
/// Orphans: verified transactions whose parent has not arrived yet; the oldest makes room.
pub const MAX_ORPHANS: usize = 128;
/// Bytes of orphans.
pub const ORPHAN_BYTES: usize = 256 * KIB;
/// Ids of recently accepted or requested transactions that gossip remembers, so as not to ask for them again.
pub const RECENT_TRANSACTIONS: usize = 8192;
/// Blocks that gossip remembers each peer to have.
pub const KNOWN_BLOCKS_PER_PEER: usize = 64;
/// Peers whose mempool a node asks for when it has become synced.
pub const MEMPOOL_ASK_PEERS: usize = 3;
/// Shortest time between two such rounds, and after which an id that did not come is asked of another peer.
pub const MEMPOOL_ASK_INTERVAL: Duration = seconds(5);
/// Ids of one peer's transactions in one request …
pub const MISSING_PORTION: usize = 128;
/// … and in all open requests: half of what the verifiers' queue takes from one peer, which may relay others meanwhile.
pub const MISSING_IN_FLIGHT: usize = VERIFY_QUEUE_PER_PEER / 2;
/// Ids of one peer's transactions that wait to be requested; more are dropped. The ids of one answer fit.
pub const MISSING_PER_PEER: usize = 1024;
/// If a peer delivers none of the requested transactions for this long, they no longer count as under way.
pub const MISSING_TIMEOUT: Duration = seconds(2);
/// Ids that gossip remembers per peer.
pub const KNOWN_PER_PEER: usize = 4096;
/// Refused transactions whose ids are remembered, so that they are not checked twice.
pub const MAX_REFUSED: usize = 4096;

// ---- Mining. ----

/// Hashes that the miner tries per wake: about 2 ms of work, so that the miner reacts to a stop or a new tip at once.
pub const MINE_SLICE_HASHES: u64 = 10_000;
/// Time between two slices of a throttled miner.
pub const MINE_SLICE_INTERVAL: Duration = Duration::from_millis(100);
/// Credit that a throttled miner may save up while it had no work.
pub const MINE_CREDIT: Duration = seconds(1);
/// How long the miner waits for a template, or for its block's verdict, before it asks again.
pub const MINE_TIMEOUT: Duration = seconds(5);
/// Shortest time between two templates on one tip.
pub const MINE_REFRESH: Duration = seconds(1);
/// Time between two reports of the measured rate.
pub const MINE_REPORT: Duration = seconds(1);
/// Blocks of one `mine` order.
pub const MINE_ORDER_BLOCKS: u32 = 10_000;
/// `mine` orders that may wait for their turn.
pub const MINE_ORDERS: usize = 16;

// ---- Threads. ----

/// Events from the poll loop that wait for one role; when full, the links that feed it are not read.
pub const LINK_QUEUE: usize = 256;
/// Bytes of frames that wait for one role; when full, the links that feed it are not read.
pub const LINK_QUEUE_BYTES: usize = MIB + 512 * KIB;
/// Notices and commands that wait for one role. Protocol windows keep it far from full.
pub const NOTICE_QUEUE: usize = 8192;
/// Orders that the poll loop handles before the sockets have their turn.
pub const ORDERS_PER_TURN: usize = 1024;
/// How long the poll loop may take to say goodbye at a stop.
pub const STOP_FLUSH: Duration = seconds(1);
/// How long a stop may take before the process ends anyway.
pub const STOP_TIMEOUT: Duration = seconds(10);

/// How long a role may take to answer a command.
pub const COMMAND_TIMEOUT: Duration = seconds(30);

// ---- Databases. ----

/// SQLite page cache of the writer: holds the inner pages of some millions of coins. Nearly every coin is on another leaf,
/// so twice as much saved nothing in a sync over five million.
pub const SQLITE_CACHE_BYTES: usize = MIB;
/// Quiet time after a commit before the store does maintenance, such as moving its log into the database.
pub const LEDGER_TIDY_AFTER: Duration = Duration::from_millis(200);
/// Time between two turns at maintenance.
pub const LEDGER_TIDY_AGAIN: Duration = Duration::from_millis(50);
/// The same while the index has to read blocks before they can be pruned.
pub const LEDGER_TIDY_HELD: Duration = seconds(1);
/// A tip younger than this makes every commit durable against power loss.
pub const DURABLE_WITHIN: Duration = seconds(24 * 3600);
