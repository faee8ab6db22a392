//! Every cap, interval and timeout, each with its unit and reason. What can be full says here when it is.

mod command_line;
mod defence;
mod storage;

use std::time::Duration;

pub use command_line::*;
pub use defence::*;
pub use storage::*;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

// ---- Consensus. Changing one of these makes another network. ----

/// Bytes of a header's encoding.
pub const HEADER_BYTES: usize = 124;
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

// ---- Frames (design §6). Checked against the frame's head before a byte of its body is kept. ----

/// Bytes before a frame's body: magic 4, kind 1, length 4, checksum 4.
pub const FRAME_HEAD_BYTES: usize = 13;
/// Body bytes of `Version`.
pub const MAX_VERSION_BYTES: usize = 256;
/// Body bytes of `Peers`.
pub const MAX_PEERS_BYTES: usize = 4 * KIB;
/// Body bytes of `GetSync`.
pub const MAX_GET_SYNC_BYTES: usize = 4 * KIB;
/// Body bytes of `Sync`.
pub const MAX_SYNC_BYTES: usize = 32 * KIB;
/// Body bytes of `GetMemoryPool` and `MemoryPool`.
pub const MAX_MEMORY_POOL_BYTES: usize = 32 * KIB + 16;
/// Body bytes of the small messages: acknowledgements, pings, single hashes, farewells.
pub const MAX_SMALL_BYTES: usize = 128;
/// Body bytes of `Block`.
pub const MAX_BLOCK_MESSAGE_BYTES: usize = MAX_BLOCK_BYTES + HEADER_BYTES;
/// Headers in one `Sync`: the published protocol's number.
pub const MAX_SYNC_HEADERS: usize = 100;
/// Hashes in one locator: ten recent ones and doubling steps reach back through 2^54 blocks.
pub const MAX_LOCATOR_HASHES: usize = 64;
/// Addresses in one `Peers`.
pub const MAX_PEERS_ADDRESSES: usize = 100;
/// Ids in one `GetMemoryPool` or `MemoryPool`.
pub const MAX_MEMORY_POOL_IDS: usize = 1000;
/// Bytes of the agent string in `Version`.
pub const MAX_AGENT_BYTES: usize = 64;
/// Frames whose body is larger than this need a lease from the pool of large bodies while they arrive.
pub const LEASE_FREE_BYTES: usize = 16 * KIB;

// ---- Link budgets. ----

/// Bytes of partial frames that may be buffered over all links.
pub const RECEIVE_BUDGET_BYTES: usize = 6 * MIB;
/// Bytes that a link's buffer grows ahead of what arrived.
pub const RECEIVE_AHEAD_BYTES: usize = 16 * KIB;
/// Bytes queued to one peer above which we stop reading from it: it must read our answers before it asks for more.
pub const SEND_SOFT_BYTES: usize = 256 * KIB;
/// The same while much waits for all peers together.
pub const SEND_CROWDED_BYTES: usize = 16 * KIB;
/// Bytes queued to one peer above which the link is closed: room for one largest block beyond the soft limit.
pub const SEND_HARD_BYTES: usize = MIB + 256 * KIB;
/// Bytes queued to all peers; beyond it the peer with the longest queue is closed.
pub const SEND_BUDGET_BYTES: usize = 8 * MIB;
/// A peer with queued data that accepts no byte for this long is closed.
pub const SEND_STALL: Duration = seconds(60);
/// A frame of up to `LEASE_FREE_BYTES` must be complete this long after its first byte.
pub const PARTIAL_FRAME: Duration = seconds(30);
/// A larger frame (a block over a slow line) must be complete this long after its first byte.
pub const PARTIAL_BLOCK: Duration = seconds(120);
/// How long a TCP connection attempt may take.
pub const DIAL_TIMEOUT: Duration = seconds(5);
/// How long a link that said goodbye may take to hand over what is queued and to be closed by the other side too.
pub const GOODBYE_LINGER: Duration = seconds(2);
/// The time over which the pace of a large frame counts: a line may lose a packet in it.
pub const LEASE_GRACE: Duration = seconds(3);
/// While others wait for the pool of large bodies, a large frame that arrives slower than this (bytes per second) is
/// given up: a few silent announcements must not hold the whole pool.
pub const LEASE_MIN_RATE: u64 = 32 * 1024;
/// Accepted connections beyond the inbound maximum: handshakes under way while all slots are taken.
pub const INBOUND_SLACK: usize = 16;
/// Connections accepted in one turn of the poll loop, so that a storm of them does not hold up the peers.
pub const ACCEPTS_PER_TURN: usize = 16;
/// How long the listener rests when the host has no file descriptor or memory for another connection.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes read from, or written to, one link before the others have their turn.
pub const LINK_TURN_BYTES: usize = 64 * KIB;
/// Frames handed on from one link before the others have their turn.
pub const LINK_TURN_FRAMES: usize = 32;
/// Connection attempts under way; further ones fail at once.
pub const MAX_DIALS: usize = 32;
/// Bytes of one read; what cannot be handed on at once stays with the link, so this also bounds that.
pub const READ_BYTES: usize = 16 * KIB;

// ---- Connections. ----

/// Links that others opened to us.
pub const MAX_INBOUND: usize = 48;
/// Links that we opened, anchors included, feelers not.
pub const MAX_OUTBOUND: usize = 8;
/// Accepted links from one IP address (loopback is exempt on test chains).
pub const MAX_INBOUND_PER_IP: usize = 4;
/// Accepted links from one /16 (IPv4) or /32 (IPv6).
pub const MAX_INBOUND_PER_GROUP: usize = 16;
/// Accept-to-promotion; long enough for two round trips over a bad line.
pub const HANDSHAKE_TIMEOUT: Duration = seconds(10);
/// Outbound peers that are redialled first after a restart, against a restart eclipse.
pub const ANCHORS: usize = 2;
/// What a refused newcomer is told to wait when no slot is free.
pub const FULL_RETRY_AFTER: Duration = seconds(60);

// ---- Keep-alive and discovery. ----

/// Silence after which a `Ping` is sent.
pub const PING_INTERVAL: Duration = seconds(15);
/// Shortest time between pings to a peer that tell it of a tip.
pub const TIP_PING_INTERVAL: Duration = seconds(1);
/// How much sooner a ping may go out, so that those to several peers take one wake.
pub const PING_TOGETHER: Duration = seconds(3);
/// Silence after a `Ping` that ends the link: 15 s + 45 s = dead after 60 s.
pub const PONG_TIMEOUT: Duration = seconds(45);
/// The same together: a peer that says nothing for so long is gone.
pub const DEAD_AFTER: Duration = seconds(PING_INTERVAL.as_secs() + PONG_TIMEOUT.as_secs());
/// Time between two dial attempts for missing outbound links.
pub const DIAL_INTERVAL: Duration = Duration::from_millis(500);
/// The same on a test chain, where a cluster is to stand, and to heal, within seconds …
pub const DIAL_INTERVAL_TEST: Duration = Duration::from_millis(50);
/// … and so many may go out at once.
pub const DIAL_BURST_TEST: u32 = 16;
/// First wait before an address that failed is tried again; doubles with each failure.
pub const REDIAL_FIRST: Duration = seconds(2);
/// Longest wait before a configured (`--connect`, bootnode) address is tried again.
pub const REDIAL_MAX_CONFIGURED: Duration = seconds(30);
/// Longest wait before a learned address is tried again.
pub const REDIAL_MAX: Duration = seconds(600);
/// Longest wait before any address is tried again on a test chain: a healed partition must close within seconds.
pub const REDIAL_MAX_TEST: Duration = seconds(5);
/// Dials under way at the same time; more wait for the next one to end.
pub const PENDING_DIALS: usize = 16;
/// Addresses whose back-off is remembered; when full, the one that ends first is forgotten.
pub const MAX_BACKOFFS: usize = 2048;
/// Addresses that an operator may have kept connected; more are refused.
pub const MAX_CONFIGURED: usize = 64;
/// Addresses that an operator may deny on a test chain; more are refused.
pub const MAX_DENIED: usize = 1024;
/// Addresses known to be our own, found by dialling ourselves; more are not remembered.
pub const MAX_OWN_ADDRESSES: usize = 64;
/// Time between two `GetPeers` to the same peer while we look for more peers.
pub const GET_PEERS_INTERVAL: Duration = seconds(30);
/// Time between two feelers: short test dials that move an address from "new" to "tried".
pub const FEELER_INTERVAL: Duration = seconds(120);
/// Addresses heard of but not yet reached by us.
pub const BOOK_NEW: usize = 1024;
/// Addresses that we have shaken hands with.
pub const BOOK_TRIED: usize = 256;
/// Failures in a row after which a learned address is forgotten.
pub const BOOK_FAILURES: u32 = 10;
/// Failures without any success that let a newer address take the place of an untested one.
pub const BOOK_FAILURES_UNTESTED: u32 = 3;
/// An address that nobody vouched for in this time gives up its place; also the oldest age that is believed.
pub const BOOK_HORIZON: Duration = seconds(30 * 86_400);
/// The age that an address gets whose teller claims to have seen it in the future (Bitcoin Core's number).
pub const BOOK_UNBELIEVED_AGE: Duration = seconds(5 * 86_400);
/// News of an address being alive is written down only if it is newer by this much: it spares the disk.
pub const BOOK_REFRESH: Duration = seconds(3600);
/// Tried addresses that wait to be tested because a newcomer wants their place; more wait for another success.
pub const BOOK_COLLISIONS: usize = 10;
/// Time in which a peer may tell one address without having been asked.
pub const ADDRESS_INTERVAL: Duration = seconds(10);
/// Addresses that are told in full; of more, at most 23 % are told to one peer (Bitcoin Core's number).
pub const PEERS_ANSWER_ALL: usize = 64;
/// How long the same answer to `GetPeers` is given, so that repeated questions do not reveal the whole book.
pub const PEERS_ANSWER_KEPT: Duration = seconds(3600);
/// Pings that a peer may send at once; one a second beyond that.
pub const PING_BURST: u32 = 30;
/// Bans that are kept; the one that ends first makes room.
pub const MAX_BANS: usize = 4096;
/// How long a fault of the heavier kind keeps an address out.
pub const BAN_TIME: Duration = seconds(3600);
/// Fault points at which an address is banned.
pub const BAN_SCORE: u32 = 100;
/// IP addresses with fault points that are remembered; the lowest score makes room.
pub const MAX_SCORES: usize = 4096;
/// Fault points that an address loses per minute.
pub const BAN_SCORE_DECAY_PER_MINUTE: u32 = 1;

// ---- Sync. ----

/// How long a `GetSync` may go unanswered before another sync node is chosen.
pub const GET_SYNC_TIMEOUT: Duration = seconds(10);
/// How often a synced node asks a peer for headers although nobody announced any.
pub const GET_SYNC_IDLE: Duration = seconds(30);
/// How long the sync node may leave a `GetSync` unanswered before another peer that has more is asked instead.
pub const GET_SYNC_SWITCH: Duration = seconds(3);
/// How long a peer that answered too late or with nothing new is not chosen as sync node.
pub const SYNC_NODE_PAUSE: Duration = seconds(60);
/// After a `GetSync` that brought nothing, no claim of the same peer makes us ask again before this has passed.
pub const GET_SYNC_QUIET: Duration = seconds(3);
/// `GetSync` from one peer that bring it no further than the one before: a second's allowance.
pub const IDLE_GET_SYNC_PER_SECOND: u32 = 50;
/// Headers that may be validated ahead of the bodies that were fetched.
pub const HEADERS_AHEAD: u32 = 4096;
/// Headers that may be validated ahead of the committed tip; they must stay in memory until a commit.
pub const HEADERS_UNCOMMITTED: u32 = 6144;
/// Headers kept in memory below the applied tip: enough for median times and for usual reorganisations.
pub const HEADERS_BEHIND: u32 = 128;
/// Hashes of invalid blocks that are remembered besides the marks in the store.
pub const MAX_INVALID_KNOWN: usize = 1024;
/// Peers of a synced node announce blocks one by one; up to so many may be on their way before the state changes.
pub const SYNCED_SLACK_BLOCKS: u32 = 3;
/// Known headers may wait for their blocks this long before a synced node says that it is not.
pub const SYNCED_SLACK: Duration = seconds(2);
/// How long a node with a ledger but without configured peers looks into its peer book before it counts as alone.
pub const LONE_AFTER: Duration = seconds(2);
/// Shortest time between two reports of a reason whose state did not change.
pub const REASON_INTERVAL: Duration = seconds(1);
/// Headers kept in memory behind and around the best one; older ones are read from the store.
pub const HEADERS_IN_MEMORY: usize = 8192;
/// Headers of branches that are not the best chain that may be stored, over all peers: about 5 MB.
pub const MAX_FORK_HEADERS: usize = 16_384;
/// Blocks asked of one peer and not yet answered.
pub const BLOCKS_IN_FLIGHT_PER_PEER: usize = 16;
/// Blocks asked of all peers and not yet answered.
pub const BLOCKS_IN_FLIGHT: usize = 128;
/// How far ahead of the applied chain bodies may be asked for.
pub const FETCH_WINDOW: usize = 1024;
/// Bytes of bodies that arrived and are not yet applied: what a core can verify while the other moves coins to the disk.
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
/// With at most so many blocks missing, the download counts as near the tip.
pub const NEAR_TIP_BLOCKS: usize = 4;
/// Blocks asked of a new peer before it has delivered any; grows by one with each delivery.
pub const PEER_WINDOW_FIRST: usize = 4;
/// Bytes that an unknown block is taken to have, until blocks have arrived.
pub const BODY_ESTIMATE_BYTES: usize = 16 * KIB;
/// When every peer said `Absent`, the block is asked for again after this.
pub const ABSENT_RETRY: Duration = seconds(2);
/// When nobody delivers a block of the best header chain for this long though all were asked, its branch is set aside.
pub const WITHHELD_AFTER: Duration = seconds(30);
/// How long a branch whose blocks nobody delivers is set aside the first time; doubles with each further time.
pub const WITHHELD_FIRST: Duration = seconds(60);
/// The longest time that a branch is set aside.
pub const WITHHELD_MAX: Duration = seconds(3600);
/// Branches that are set aside at the same time.
pub const MAX_WITHHELD: usize = 64;
/// Bodies that arrived unasked and wait for their header's verdict.
pub const MAX_OFFERED: usize = 8;
/// Bytes of such bodies; one may always wait.
pub const OFFERED_BYTES: usize = 2 * MIB;
/// Unasked blocks from one peer that we knew already: a second's allowance. Relay in a busy cluster stays below it.
pub const KNOWN_BLOCKS_PER_SECOND: u32 = 100;
/// `submitblock` commands that wait for their verdict.
pub const MAX_SUBMITTED: usize = 16;
/// Without any progress for this long while somebody has more work, the state is `stalled`.
pub const STALLED_AFTER: Duration = seconds(20);
/// How long a starting node looks for peers before it says `isolated`.
pub const ISOLATED_AFTER: Duration = seconds(15);

// ---- Ledger and mempool. ----

/// Bytes of coin changes held in memory during sync; beyond it some of them move into the open transaction.
pub const COIN_OVERLAY_BYTES: usize = 8 * MIB + 512 * KIB;
/// Longest time between commits during sync, and so what a kill costs: a page that changes again in a transaction has one
/// place in the log, so that the longer it is, the less is written, moved and waited for. 4 s saved another sixtieth of a
/// sync over a million coins, but let coin changes take all of their room on a slow host that has only 32 MiB for all.
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
/// Bytes of bodies that wait in memory for their parent: what may be asked for, and what was under way meanwhile.
pub const WAITING_BYTES: usize = FETCH_BYTES + MIB;
/// Stored bodies with a missing ancestor that are remembered; beyond it a body is not kept and asked for again.
pub const STAGED_BLOCKS: usize = 4096;
/// Abandoned blocks whose transactions come back once the node is synced, all at once. The latest count; few full ones fill
/// a mempool.
pub const ABANDONED_BLOCKS: usize = 64;
/// Blocks taken off at once beyond which an operator is warned.
pub const DEEP_REORGANISATION: usize = 6;
/// Unconfirmed ancestors of one mempool transaction; bounds the work of selecting and evicting.
pub const MEMPOOL_ANCESTORS: usize = 25;
/// Bytes of bookkeeping per mempool transaction (decoded form, indexes), counted against [`MEMPOOL_BYTES`].
pub const MEMPOOL_ENTRY_BYTES: usize = 400;
/// Coins that waiting transactions spend, kept at hand for the block that confirms them: half a megabyte.
pub const EXPECTED_COINS: usize = 4096;
/// Time between two looks for expired mempool transactions.
pub const MEMPOOL_EXPIRY_CHECK: Duration = seconds(60);
/// Packages that are weighed for eviction before a transaction is refused instead.
pub const MEMPOOL_EVICTION_TRIES: usize = 64;
/// Blocks from the future that are held until their time has come.
pub const MAX_FUTURE_BLOCKS: usize = 16;
/// Transactions in one batch to the verifier; larger batches gain little and hold up the next.
pub const VERIFY_BATCH: usize = 256;
/// How long transactions gather at most into a batch for the verifier while others are under way.
pub const GATHER_TRANSACTIONS: Duration = Duration::from_millis(10);
/// Signatures in one batch: 13.5 µs each, against 36 µs alone; larger batches gain nothing more.
pub const SIGNATURE_BATCH: usize = 1024;
/// Transactions waiting for the verifier over all peers; a peer that fills it is read no further.
pub const VERIFY_QUEUE: usize = 2048;
/// Of these from one peer; further ones are dropped, and asked for again when there is room.
pub const VERIFY_QUEUE_PER_PEER: usize = 1024;
/// Bytes of transactions waiting for the verifier; further ones are dropped.
pub const VERIFY_QUEUE_BYTES: usize = 2 * MIB;
/// Bytes of one batch to the verifier.
pub const VERIFY_BATCH_BYTES: usize = 256 * KIB;
/// Verified transactions that wait for the one they spend from, which may be on its way; the oldest makes room.
pub const MAX_ORPHANS: usize = 128;
/// Bytes of them.
pub const ORPHAN_BYTES: usize = 256 * KIB;
/// Ids of transactions lately taken or asked for that gossip remembers, so that they are not asked for again.
pub const RECENT_TRANSACTIONS: usize = 8192;
/// Blocks that gossip remembers each peer to have.
pub const KNOWN_BLOCKS_PER_PEER: usize = 64;
/// Peers whose mempool a node asks for when it has become synced.
pub const MEMPOOL_ASK_PEERS: usize = 3;
/// Shortest time between two such rounds, and after which an id that did not come is asked of another peer.
pub const MEMPOOL_ASK_INTERVAL: Duration = seconds(5);
/// Ids of one peer's transactions that are asked for in one question …
pub const MISSING_PORTION: usize = 128;
/// … and at most at a time: half of what the verifiers' queue takes from one peer, which may relay others meanwhile.
pub const MISSING_IN_FLIGHT: usize = VERIFY_QUEUE_PER_PEER / 2;
/// Ids of one peer's transactions that wait to be asked for; further ones are not. One answer's fit.
pub const MISSING_PER_PEER: usize = 1024;
/// Without any of them for this long, what was asked of a peer does not count as on its way.
pub const MISSING_TIMEOUT: Duration = seconds(2);
/// Ids that gossip remembers per peer.
pub const KNOWN_PER_PEER: usize = 4096;
/// Refused transactions whose ids are remembered, so that they are not checked twice.
pub const MAX_REFUSED: usize = 4096;

// ---- Mining. ----

/// Hashes that the miner tries per wake: about 2 ms of work, so that a stop or a new tip is heard at once.
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
/// How long a role may wait for another's queue before the node stops as broken.
pub const NOTICE_TIMEOUT: Duration = seconds(30);
/// Blocks and the like that wait for the ledger at which the last of several verifiers leaves it a core.
pub const LEDGER_BACKLOG: usize = 1;
/// Actions that wait for the poll loop.
pub const ACTION_QUEUE: usize = 4096;
/// Events that a role handles, while more wait, before what they ask for is carried out.
pub const HELD_EVENTS: usize = 32;
/// How long that may wait after the first of them.
pub const HELD_TIME: Duration = Duration::from_micros(300);
/// Notices and commands that a role hears in a row while link events wait.
pub const NOTICES_IN_A_ROW: usize = 64;
/// Orders that the poll loop takes before the sockets have their turn.
pub const ORDERS_PER_TURN: usize = 1024;
/// Commands that wait for their answers; beyond it new ones are refused.
pub const MAX_TICKETS: usize = 1024;
/// Stack of a role thread. SQLite and the codecs need a tenth of it.
pub const ROLE_STACK_BYTES: usize = 512 * KIB;
/// Stack of a verify thread: batched signature checks keep their tables on it.
pub const VERIFY_STACK_BYTES: usize = MIB;
/// How long the poll loop may take to say goodbye at a stop.
pub const STOP_FLUSH: Duration = seconds(1);
/// How long a stop may take before the process ends anyway.
pub const STOP_TIMEOUT: Duration = seconds(10);

// ---- RPC. ----

/// Connections to the HTTP server.
pub const HTTP_CONNECTIONS: usize = 32;
/// Bytes of a request's head.
pub const HTTP_HEAD_BYTES: usize = 8 * KIB;
/// Bytes of a request's body.
pub const HTTP_BODY_BYTES: usize = MIB;
/// From a request's first byte to its last.
pub const HTTP_REQUEST: Duration = seconds(10);
/// Idle keep-alive connections are closed after this.
pub const HTTP_IDLE: Duration = seconds(60);
/// An answer must have left for the socket after this, however slowly its reader reads.
pub const HTTP_RESPONSE: Duration = seconds(60);
/// How long a connection that was ended with an answer is still read from, so that the answer is not lost to a reset.
pub const HTTP_LINGER: Duration = seconds(2);
/// Bytes that all HTTP connections hold together; beyond it new requests are answered with 503.
pub const HTTP_BUFFER_BYTES: usize = 8 * MIB;
/// Bytes of the results of one JSON-RPC batch; calls after that fail.
pub const RPC_RESULT_BYTES: usize = 4 * MIB;
/// Calls that wait for the status to change (`wait` and its kind); more are told to come back.
pub const RPC_WAITS: usize = 16;
/// Node commands asked through RPC and not yet answered.
pub const RPC_COMMANDS: usize = 256;
/// Queries that wait for the one thread that reads the database; more are told to come back.
pub const RPC_QUERIES: usize = 32;
/// Events that are kept for those who ask for what happened.
pub const RPC_EVENTS: usize = 512;
/// Blocks that one event may stand for and that are still told one by one.
pub const RPC_EVENT_BLOCKS: u32 = 100;
/// The longest that a call may ask to wait.
pub const RPC_WAIT_MAX: Duration = seconds(24 * 3600);
/// How long `mine` may take.
pub const RPC_MINE: Duration = seconds(600);
/// How long a database query may take before its asker is given up.
pub const RPC_QUERY: Duration = seconds(30);
/// How long a question to the index waits for the blocks that came just now.
pub const RPC_INDEX_WAIT: Duration = Duration::from_millis(500);
/// So many blocks, at most.
pub const RPC_INDEX_LAG: u32 = 32;
/// Requests in one JSON-RPC batch.
pub const RPC_BATCH: usize = 50;
/// How long a role may take to answer a command.
pub const COMMAND_TIMEOUT: Duration = seconds(30);

// ---- Logs. ----

/// Bytes of one log file.
pub const LOG_FILE_BYTES: u64 = 2 * 1024 * 1024;
/// Log files kept, the current one included.
pub const LOG_FILES: usize = 4;
/// Bytes that one place in the source may log within [`LOG_SITE_WINDOW`]; what is beyond is counted, not written.
pub const LOG_SITE_BYTES: usize = MIB;
/// The time over which [`LOG_SITE_BYTES`] counts.
pub const LOG_SITE_WINDOW: Duration = seconds(3600);
/// Places in the source whose volume is counted apart; any further ones share one count.
pub const LOG_SITES: usize = 1024;
