//! Peers, the peer book and bans.

use crate::rpc::schema::{Property, Schema, optional, required};

/// The connected peers.
pub const PEERS: Schema = Schema::Array(&Schema::Object(&[&[
    required("id", Schema::Integer, "number of the link"),
    required("address", Schema::Endpoint, "the peer's address"),
    required("direction", Schema::Choice(&["inbound", "outbound"]), "which side dialled"),
    required("agent", Schema::Text, "the peer's program"),
    required("height", Schema::Integer, "the peer's height, as far as known"),
    required("ping_ms", Schema::Nullable(&Schema::Number), "round-trip time"),
    required("connected_s", Schema::Integer, "seconds since the handshake"),
    required("sent_bytes", Schema::Integer, "bytes sent over this link"),
    required("received_bytes", Schema::Integer, "bytes received over this link"),
    required("in_flight", Schema::Integer, "blocks asked of it and not here yet"),
    required("score", Schema::Signed, "points of misbehaviour"),
    required("last_error", Schema::Nullable(&Schema::Text), "how the last dial to its address failed"),
    required("node_id", Schema::Text, "the node's id, which it has proven"),
    required("protected", Schema::Choice(&["encrypted", "pinned", "member"]), "what is known of the other end"),
    required("blocks_received", Schema::Integer, "blocks that it delivered"),
    required("listens", Schema::Nullable(&Schema::Endpoint), "where it listens"),
    required("protocol", Schema::Integer, "its protocol version"),
    required("services", Schema::Wide, "its service bits"),
    required("clock_offset_s", Schema::Signed, "its clock minus ours, in seconds"),
]]));
/// The same by Bitcoin Core's names.
pub const PEER_INFO: Schema = Schema::Array(&Schema::Object(&[&[
    required("id", Schema::Integer, "number of the link"),
    required("addr", Schema::Endpoint, "the peer's address"),
    required("addrbind", Schema::Nullable(&Schema::Endpoint), "where it listens"),
    required("services", Schema::Text, "its service bits, in hex"),
    required("version", Schema::Integer, "its protocol version"),
    required("subver", Schema::Text, "its program"),
    required("inbound", Schema::Boolean, "whether it dialled"),
    required("startingheight", Schema::Integer, "its height at the handshake"),
    required("synced_blocks", Schema::Integer, "its height, as far as known"),
    required("conntime", Schema::Integer, "time of the handshake, unix seconds"),
    required("timeoffset", Schema::Signed, "its clock minus ours, in seconds"),
    required("pingtime", Schema::Nullable(&Schema::Number), "round-trip time in seconds"),
    required("bytessent", Schema::Integer, "bytes sent over this link"),
    required("bytesrecv", Schema::Integer, "bytes received over this link"),
    required("inflight", Schema::Integer, "blocks asked of it and not here yet"),
]]));
/// The nodes that may link.
pub const MEMBERS: Schema = Schema::Object(&[&[
    required("file", Schema::Nullable(&Schema::Text), "the file that the node reads"),
    required("members", Schema::Nullable(&Schema::Array(&Schema::Text)), "their ids"),
]]);
const BOOK_ENTRY: Schema = Schema::Object(&[&[
    required("address", Schema::Endpoint, "the node's address"),
    required("source", Schema::Nullable(&Schema::Endpoint), "the node that named it; null for configured addresses"),
    required("last_seen", Schema::Integer, "when a node last saw it, unix seconds; 0: never"),
    required("last_success", Schema::Nullable(&Schema::Integer), "the last handshake with it"),
    required("last_attempt", Schema::Nullable(&Schema::Integer), "the last dial"),
    required("failures", Schema::Integer, "dials that failed since the last success"),
    required("last_error", Schema::Nullable(&Schema::Text), "how the last dial failed, or the last link ended"),
    required("node_id", Schema::Nullable(&Schema::Text), "which node is there, as far as known"),
]]);
const BAN: Schema = Schema::Object(BAN_FIELDS);
const BAN_FIELDS: &[&[Property]] = &[&[
    required("ip", Schema::Nullable(&Schema::Ip), "the IP address; null for a node that is banned wherever it is"),
    required("address", Schema::Nullable(&Schema::Ip), "the same"),
    required("node_id", Schema::Nullable(&Schema::Text), "the node's id, if the ban is one of a node"),
    required("until", Schema::Integer, "when the ban ends, unix seconds"),
    required("banned_until", Schema::Integer, "the same"),
    required("reason", Schema::Text, "why"),
]];
/// The peer book.
pub const BOOK: Schema = Schema::Object(&[&[
    required("entries", Schema::Array(&BOOK_ENTRY), "known addresses"),
    required("bans", BANS, "the bans"),
    required("denied", DENIED, "the addresses that netdeny named"),
]]);
/// The bans.
pub const BANS: Schema = Schema::Array(&BAN);
/// Denied addresses.
pub const DENIED: Schema = Schema::Array(&Schema::Object(&[&[
    optional("address", Schema::Endpoint, "where the node listens, if that was named"),
    optional("node_id", Schema::Text, "the node's id, if that was named"),
]]));
/// Addresses of other nodes.
pub const ADDRESSES: Schema = Schema::Array(&Schema::Object(&[&[
    required("address", Schema::Ip, "IP address"),
    required("port", Schema::Integer, "port"),
    required("time", Schema::Integer, "when a node last saw it, unix seconds"),
    required("source", Schema::Nullable(&Schema::Endpoint), "the node that named it; null for configured addresses"),
]]));
