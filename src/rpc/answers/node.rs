//! The node as a whole.

use crate::rpc::schema::{Property, Schema, optional, required};

/// Numbers of peers.
pub const PEER_COUNTS: Schema = Schema::Object(&[&[
    required("inbound", Schema::Integer, "peers that dialled us"),
    required("outbound", Schema::Integer, "peers that we dialled"),
]]);
const STATE: &[&str] = &["starting", "connecting", "headers", "snapshot", "blocks", "synced", "stalled", "isolated"];
const MEMPOOL: Schema = Schema::Object(&[&[
    required("count", Schema::Integer, "number of transactions"),
    required("bytes", Schema::Integer, "their bytes"),
]]);
const MINING: Schema = Schema::Object(&[&[
    required("enabled", Schema::Boolean, "whether the miner works"),
    required("hashes_per_second", Schema::Integer, "over the last seconds"),
]]);
const LIMIT: Schema = Schema::Object(&[&[
    required("used", Schema::Integer, "how much of it is in use"),
    required("cap", Schema::Integer, "the most that may be"),
    required("hits", Schema::Integer, "how often it was reached since the start"),
]]);
const TRAFFIC: Schema = Schema::Object(&[&[
    required("sent_bytes", Schema::Integer, "bytes sent to peers"),
    required("received_bytes", Schema::Integer, "bytes received from peers"),
]]);
const WARNINGS: Property = required("warnings", Schema::Array(&Schema::Text), "what an operator should know");

const HINDRANCE: Schema = Schema::Object(&[&[
    required("id", Schema::Text, "which"),
    required("since", Schema::Integer, "when it began, unix seconds"),
    required("text", Schema::Text, "what it is"),
    required("advice", Schema::Text, "what to do"),
    required("blocks", Schema::Array(&Schema::Choice(&["ready", "mining"])), "what it keeps the node from"),
]]);
const HINDRANCES: Property =
    required("hindrances", Schema::Array(&HINDRANCE), "what keeps the node from its work though nothing is broken");

const FINAL: Schema = Schema::Object(&[&[
    required("height", Schema::Integer, "its height"),
    required("hash", Schema::Hash, "its hash"),
    required("since", Schema::Integer, "since when this node knows that, unix seconds; for genesis: since its start"),
]]);
const AUTHORITY: Schema = Schema::Object(&[&[
    required("key", Schema::Hex, "its public key"),
    required(
        "seen",
        Schema::Nullable(&Schema::Integer),
        "when it last sent something new, unix seconds; null: not yet",
    ),
    required("voted", Schema::Integer, "the last view in which it voted for a block; 0: not since the start"),
]]);
const NOTARISED: Schema =
    Schema::Object(&[&[required("view", Schema::Integer, "the view"), required("hash", Schema::Hash, "the block")]]);
const NEXT_SET: Schema = Schema::Object(&[&[
    required("from", Schema::Integer, "the height of its first block"),
    required("authorities", Schema::Integer, "how many they are"),
    required("hash", Schema::Hash, "what the headers of blocks call the set"),
]]);
const SEALING: Schema = Schema::Object(&[&[
    required("view", Schema::Integer, "the view that this node is in"),
    required("leader", Schema::Integer, "who proposes in it: its place among the authorities, from 0"),
    required("notarised", NOTARISED, "the highest view with a notarised block"),
    required("own", Schema::Nullable(&Schema::Integer), "this node's own place; null: it only follows"),
    required("stuck", Schema::Nullable(&Schema::Text), "why nothing becomes final although something waits"),
    required("lying", Schema::Integer, "authorities that provably signed what excludes each other"),
    required("epoch", Schema::Integer, "the number of the set of authorities that seals, 0 for the first"),
    required(
        "until",
        Schema::Nullable(&Schema::Integer),
        "the last height that it seals, if the chain's file names a later set",
    ),
    required("next", Schema::Nullable(&NEXT_SET), "the set that takes over then, by this node's chain file"),
]]);

/// After a join with a snapshot.
const VOUCHED: Schema = Schema::Object(&[&[
    required("height", Schema::Integer, "the height of the block after which the coins were taken from peers"),
    required("block", Schema::Hash, "that block"),
    required("by", Schema::Choice(&["work", "seals"]), "what vouches for them"),
    required("above", Schema::Integer, "headers above that block at the time"),
]]);
const JOINED: &[Property] =
    &[optional("vouched", VOUCHED, "if the node joined with a snapshot: up to where it has verified nothing itself")];
const HISTORY: Schema = Schema::Object(&[&[
    required("from_height", Schema::Integer, "the lowest height whose block is kept whole; 1: all are"),
    required("verified_from", Schema::Integer, "the lowest height whose block was verified here; 1: all were"),
    required(
        "verified_below",
        Schema::Nullable(&Schema::Integer),
        "with --history, until it is done: up to this height the blocks before are verified, too",
    ),
    required("goal", Schema::Nullable(&Schema::Integer), "the last height that is to be"),
]]);
/// On sealed chains only.
const SEALED: &[Property] = &[
    optional("final", FINAL, "on sealed chains: the last block that is final, with all before it"),
    optional("authorities", Schema::Array(&AUTHORITY), "on sealed chains: who seals blocks, as this node sees them"),
    optional("sealing", SEALING, "on sealed chains: how it goes on"),
];
const FACTS: &[Property] = &[
    required("state", Schema::Choice(STATE), "what the node does"),
    required("reason", Schema::Text, "why, in words"),
    required("chain", Schema::Text, "name of the chain"),
    required("genesis", Schema::Hash, "hash of its first block"),
    required("node_id", Schema::Nullable(&Schema::Text), "who this node is to others; null while it starts"),
    required("height", Schema::Integer, "the tip's height"),
    required("tip", Schema::Nullable(&Schema::Hash), "the tip's hash"),
    required("tip_time", Schema::Nullable(&Schema::Integer), "the tip's time, unix seconds"),
    required("headers", Schema::Integer, "height of the best header"),
    required("work", Schema::Nullable(&Schema::Text), "work of the chain, in hex"),
    required("state_digest", Schema::Nullable(&Schema::Hash), "digest of the coins"),
    required("peers", PEER_COUNTS, "number of peers"),
    required("mempool", MEMPOOL, "transactions that wait for a block"),
    required("mining", MINING, "the miner"),
    required("version", Schema::Text, "the program's version"),
    required("uptime_s", Schema::Integer, "seconds since the start"),
    required("rss_bytes", Schema::Integer, "resident memory"),
    required("traffic", TRAFFIC, "traffic since the data directory was made"),
    WARNINGS,
    HINDRANCES,
    required("limits", Schema::Map(&LIMIT), "each limit and its use"),
    required("last_reorganisation", Schema::Nullable(&Schema::Integer), "blocks that it disconnected"),
    required("mempool_sequence", Schema::Integer, "grows with each change of the mempool"),
    required("indexed", Schema::Nullable(&Schema::Integer), "height up to which the index is filled"),
    required("indexed_from", Schema::Integer, "height from which on it is; 0: from genesis"),
    required("kept_from", Schema::Integer, "the lowest height whose block is kept whole; 1: all are"),
    required("history", HISTORY, "which blocks are here, and verified here"),
    required("block_time", Schema::Integer, "seconds between blocks that the chain aims at"),
    required("address_prefix", Schema::Text, "what the chain's addresses begin with"),
    required("test_chain", Schema::Boolean, "whether blocks may be made on demand"),
    required("names_others", Schema::Boolean, "whether settings or the chain's file name other nodes"),
    required("clock_offset_s", Schema::Signed, "test chains: seconds by which the node's clock is ahead of the host's"),
    required("unit", Schema::Text, "the unit in which people read amounts; empty: base units"),
    required("decimals", Schema::Integer, "one such unit is this power of ten in base units"),
];
const COUNTERS: &[Property] =
    &[required("counters", Schema::Map(&Schema::Integer), "what was counted since the start")];
const TIME: &[Property] = &[required("time", Schema::Integer, "the node's clock, unix seconds")];

/// State and health of the node.
pub const STATUS: Schema = Schema::Object(&[FACTS, JOINED, SEALED, COUNTERS]);
/// The part of it that the page shows.
pub const SUMMARY: Schema = Schema::Object(&[FACTS, JOINED, SEALED, TIME]);
/// Bitcoin Core's `getblockchaininfo`.
pub const CHAIN_INFO: Schema = Schema::Object(&[&[
    required("chain", Schema::Text, "name of the chain"),
    required("blocks", Schema::Integer, "the tip's height"),
    required("headers", Schema::Integer, "height of the best header"),
    required("bestblockhash", Schema::Hash, "the tip's hash"),
    required("difficulty", Schema::Number, "the tip's difficulty"),
    required("time", Schema::Integer, "the tip's time, unix seconds"),
    required("mediantime", Schema::Integer, "median time of the last 11 blocks"),
    required("chainwork", Schema::Text, "work of the chain, in hex"),
    required("verificationprogress", Schema::Number, "1 at the best header"),
    required("initialblockdownload", Schema::Boolean, "whether the node still catches up"),
    required("size_on_disk", Schema::Integer, "bytes of the ledger's file"),
    required("state", Schema::Choice(STATE), "what the node does"),
    required("pruned", Schema::Boolean, "whether only the last blocks are whole"),
    optional("pruneheight", Schema::Integer, "if so, the lowest of them"),
    WARNINGS,
]]);
const NETWORK: Schema = Schema::Object(&[&[
    required("name", Schema::Choice(&["ipv4", "ipv6"]), "kind of addresses"),
    required("limited", Schema::Boolean, "false"),
    required("reachable", Schema::Boolean, "true"),
    required("proxy", Schema::Text, "empty: no proxy is used"),
    required("proxy_randomize_credentials", Schema::Boolean, "false"),
]]);
/// Bitcoin Core's `getnetworkinfo`.
pub const NETWORK_INFO: Schema = Schema::Object(&[&[
    required("version", Schema::Integer, "the version of Bitcoin Core whose methods these follow"),
    required("subversion", Schema::Text, "the program's name and version"),
    required("protocolversion", Schema::Integer, "version of the protocol between nodes"),
    required("localservices", Schema::Hex, "service bits"),
    required("localservicesnames", Schema::Array(&Schema::Text), "their names"),
    required("localrelay", Schema::Boolean, "true: the node relays transactions"),
    required("timeoffset", Schema::Signed, "0: the node does not adjust its clock"),
    required("networkactive", Schema::Boolean, "whether the node has started"),
    required("connections", Schema::Integer, "number of peers"),
    required("connections_in", Schema::Integer, "peers that dialled us"),
    required("connections_out", Schema::Integer, "peers that we dialled"),
    required("networks", Schema::Array(&NETWORK), "kinds of addresses that the node uses"),
    required("relayfee", Schema::Wide, "the lowest fee rate that the node accepts, base units per 1000 bytes"),
    required("incrementalfee", Schema::Wide, "the same"),
    required("localaddresses", Schema::Array(&Schema::Text), "empty: the node does not know its own addresses"),
    WARNINGS,
]]);
const UPLOAD_TARGET: Schema = Schema::Object(&[&[
    required("timeframe", Schema::Integer, "seconds of a cycle: 1"),
    required("target", Schema::Integer, "bytes in a cycle (--max-upload); 0: no limit"),
    required("target_reached", Schema::Boolean, "whether the limit holds something back now"),
    required("serve_historical_blocks", Schema::Boolean, "whether peers that catch up get answers at once"),
    required("bytes_left_in_cycle", Schema::Integer, "0 while the limit holds something back, or without a limit"),
    required("time_left_in_cycle", Schema::Integer, "0"),
]]);
const ALL_TIME: Schema = Schema::Object(&[&[
    required("bytesrecv", Schema::Integer, "bytes received"),
    required("bytessent", Schema::Integer, "bytes sent"),
]]);
const MONTH: Schema = Schema::Object(&[&[
    required("name", Schema::Text, "year and month, by UTC"),
    required("bytesrecv", Schema::Integer, "bytes received"),
    required("bytessent", Schema::Integer, "bytes sent"),
]]);
/// Traffic.
pub const NET_TOTALS: Schema = Schema::Object(&[&[
    required("totalbytesrecv", Schema::Integer, "bytes received since the start"),
    required("totalbytessent", Schema::Integer, "bytes sent since the start"),
    required("timemillis", Schema::Integer, "the node's clock, unix milliseconds"),
    required("uploadtarget", UPLOAD_TARGET, "the limit of uploads, in Bitcoin Core's form"),
    required("all_time", ALL_TIME, "traffic since the data directory was made"),
    required("month", MONTH, "traffic of this month"),
]]);
const INDEX: Schema = Schema::Object(&[&[
    required("synced", Schema::Boolean, "whether it is level with the chain"),
    required("best_block_height", Schema::Integer, "height up to which it is filled"),
]]);
/// Indexes by name.
pub const INDEX_INFO: Schema = Schema::Map(&INDEX);
/// All coins.
pub const COIN_SET: Schema = Schema::Object(&[&[
    required("height", Schema::Integer, "the tip's height"),
    required("bestblock", Schema::Hash, "the tip's hash"),
    required("txouts", Schema::Integer, "number of coins"),
    required("total_amount", Schema::Wide, "their sum, base units"),
    required("state_digest", Schema::Hash, "their digest"),
    required("disk_size", Schema::Integer, "bytes of the ledger's file"),
]]);
const WALL_LINK: Schema = Schema::Object(&[&[
    required("node_id", Schema::Text, "the peer's id"),
    required("listens", Schema::Nullable(&Schema::Endpoint), "where it listens"),
    required("inbound", Schema::Boolean, "whether it dialled"),
    required("height", Schema::Integer, "its height, as far as known"),
    required("bytes", Schema::Integer, "bytes that the link has moved, both ways"),
]]);
const WALL_DENIED: Schema = Schema::Object(&[&[
    required("address", Schema::Nullable(&Schema::Endpoint), "where it listens, if that was named"),
    required("node_id", Schema::Nullable(&Schema::Text), "which node that is, as far as known"),
]]);
const WALL_MESSAGE: Schema = Schema::Object(&[&[
    required("time", Schema::Integer, "when it came, unix seconds"),
    required("from", Schema::Text, "the id of the node that sent it"),
    required("message", Schema::Text, "its kind, as tussock print protocol names it"),
]]);
const WALL_BLOCK: Schema =
    Schema::Object(&[&[required("height", Schema::Integer, "its height"), required("hash", Schema::Hash, "its hash")]]);
/// `/api/wall`.
pub const WALL: Schema = Schema::Object(&[&[
    required("chain", Schema::Text, "name of the chain"),
    required("genesis", Schema::Hash, "hash of its first block"),
    required("node_id", Schema::Nullable(&Schema::Text), "who this node is to others; null while it starts"),
    required("listens", Schema::Array(&Schema::Endpoint), "where it listens for peers"),
    required("state", Schema::Choice(STATE), "what the node does"),
    required("reason", Schema::Text, "why, in words"),
    required("height", Schema::Integer, "the tip's height"),
    required("tip", Schema::Hash, "the tip's hash"),
    required("tip_time", Schema::Integer, "the tip's time, unix seconds"),
    required("time", Schema::Integer, "the node's clock, unix seconds"),
    required("mempool", Schema::Integer, "number of transactions that wait for a block"),
    required("mining", Schema::Boolean, "whether the miner works"),
    required("last_reorganisation", Schema::Nullable(&Schema::Integer), "blocks that it disconnected"),
    required("final", Schema::Nullable(&Schema::Integer), "on sealed chains: height of the last final block"),
    required("recent", Schema::Array(&WALL_BLOCK), "the last blocks of its chain, the tip first"),
    required(
        "news",
        Schema::Array(&Schema::AnyObject),
        "its last events but those of the mempool, as /api/events tells them",
    ),
    required("peers", Schema::Array(&WALL_LINK), "its links"),
    required("heard", Schema::Array(&WALL_MESSAGE), "the last messages of its peers, signs of life left out"),
    required("denied", Schema::Array(&WALL_DENIED), "nodes with which the operator allows no links"),
]]);
/// `/healthz`.
pub const HEALTH: Schema = Schema::Object(&[&[
    required("ok", Schema::Boolean, "true"),
    required("state", Schema::Choice(STATE), "what the node does"),
]]);
/// `/readyz`.
pub const READINESS: Schema = Schema::Object(&[&[
    required("ready", Schema::Boolean, "whether the node is synced"),
    required("state", Schema::Choice(STATE), "what the node does"),
    required("reason", Schema::Text, "why, in words"),
    required("height", Schema::Integer, "the tip's height"),
    required("headers", Schema::Integer, "height of the best header"),
]]);
/// `/api`.
pub const PATHS: Schema = Schema::Object(&[&[required("paths", Schema::Array(&Schema::Text), "all paths")]]);
/// An error of a path.
pub const ERROR: Schema = Schema::Object(&[&[
    required("error", Schema::Text, "what is wrong, in a line"),
    optional("code", Schema::Signed, "the code that a call would answer"),
]]);
