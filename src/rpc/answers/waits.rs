//! Answers of calls that wait.

use crate::rpc::{
    answers::node::PEER_COUNTS,
    schema::{Schema, optional, required},
};

const TX_STATUS: Schema = Schema::Choice(&["unknown", "mempool", "confirmed", "orphaned", "conflicted"]);
const UNDONE: Schema = Schema::Object(&[&[
    required("id", Schema::Hash, "the transaction"),
    required("status", Schema::Choice(&["orphaned", "conflicted"]), "what has become of it"),
    required("conflicts_with", Schema::Nullable(&Schema::Hash), "what spends a coin of it instead"),
]]);

/// What held when a wait ended.
pub const FACTS: Schema = Schema::Object(&[&[
    required("ok", Schema::Boolean, "whether it came true; false if the time was up"),
    required("state", Schema::Text, "state of the node"),
    required("reason", Schema::Text, "the state in words"),
    required("height", Schema::Nullable(&Schema::Integer), "the tip's height"),
    required("tip", Schema::Nullable(&Schema::Hash), "the tip's hash"),
    required("headers", Schema::Integer, "height of the best header"),
    required("peers", PEER_COUNTS, "number of peers"),
    optional("id", Schema::Hash, "tx: the transaction"),
    optional("status", TX_STATUS, "tx: where it is"),
    optional("conflicts_with", Schema::Hash, "tx: what spends a coin of it instead"),
    optional("replaced", Schema::Boolean, "tx: whether that took its place in the mempool, since it pays more"),
    optional("block", Schema::Nullable(&Schema::Hash), "tx: its block"),
    optional("tx_height", Schema::Nullable(&Schema::Integer), "tx: its block's height"),
    optional("confirmations", Schema::Integer, "tx: blocks from its block to the tip"),
    optional("final", Schema::Boolean, "tx: on sealed chains whether its block is final"),
]]);
/// The tip when a wait ended.
pub const TIP: Schema = Schema::Object(&[&[
    required("hash", Schema::Nullable(&Schema::Hash), "the tip's hash"),
    required("height", Schema::Nullable(&Schema::Integer), "the tip's height"),
]]);
const KIND: Schema = Schema::Choice(&["block", "final", "reorganisation", "state", "peers", "mempool", "warnings"]);
const EVENT: Schema = Schema::Object(&[&[
    required("seq", Schema::Integer, "number of the event"),
    required("time", Schema::Integer, "when it was noticed, unix seconds"),
    required("event", KIND, "what happened"),
    optional("height", Schema::Integer, "block, final: the height"),
    optional("hash", Schema::Hash, "block, final: the hash"),
    optional("block_time", Schema::Integer, "block: the time in its header"),
    optional("depth", Schema::Integer, "reorganisation: blocks that were disconnected"),
    optional("old_tip", Schema::Hash, "reorganisation: the highest of them"),
    optional("undone", Schema::Array(&UNDONE), "reorganisation: their payments that are not confirmed and do not wait"),
    optional("state", Schema::Text, "state: the new one"),
    optional("reason", Schema::Text, "state: the state in words"),
    optional("inbound", Schema::Integer, "peers: that dialled us"),
    optional("outbound", Schema::Integer, "peers: that we dialled"),
    optional("count", Schema::Integer, "mempool: number of transactions"),
    optional("bytes", Schema::Integer, "mempool: their bytes"),
    optional("warnings", Schema::Array(&Schema::Text), "warnings: those that hold now"),
]]);
/// Events.
pub const EVENTS: Schema = Schema::Object(&[&[
    required("events", Schema::Array(&EVENT), "what happened, in order"),
    required("next", Schema::Integer, "\"since\" of the next call"),
    optional("missed", Schema::Boolean, "true if some events are no longer known"),
]]);
