//! What `watch` answers.

use crate::rpc::schema::{Schema, optional, required};

const KIND: Schema = Schema::Choice(&["seen", "confirmed", "final", "undone", "replaced", "dropped"]);
const OUTPUT: Schema = Schema::Object(&[&[
    required("index", Schema::Integer, "which output of the transaction"),
    required("address", Schema::Address, "an address that is watched"),
    required("amount", Schema::Wide, "base units"),
]]);
/// An event.
pub const EVENT: Schema = Schema::Object(&[&[
    required("event", KIND, "what happened"),
    required("id", Schema::Hash, "the transaction"),
    required("received", Schema::Wide, "base units that it pays to addresses that are watched"),
    required("spent", Schema::Wide, "base units of them that it spends"),
    required("net", Schema::SignedWide, "received less spent: what came in, if it is positive"),
    required("outputs", Schema::Array(&OUTPUT), "its outputs to addresses that are watched"),
    required("memo", Schema::Text, "as text, or as hex if it is not printable"),
    required("memo_hex", Schema::Hex, "its bytes"),
    required("coinbase", Schema::Boolean, "whether it is a block's reward"),
    required("cursor", Schema::Text, "where you are once you have dealt with this event"),
    optional("block", Schema::Hash, "confirmed, final, undone: the block"),
    optional("height", Schema::Integer, "its height"),
    optional("block_time", Schema::Integer, "the time in its header, unix seconds"),
    optional("confirmations", Schema::Integer, "confirmed, final: blocks from it to the tip"),
    optional("since", Schema::Integer, "seen: when it came, unix seconds"),
    optional("conflicts_with", Schema::Nullable(&Schema::Hash), "undone, replaced: what spends a coin of it instead"),
]]);
/// Events of addresses and transactions.
pub const EVENTS: Schema = Schema::Object(&[&[
    required("events", Schema::Array(&EVENT), "what happened, in order"),
    required("from", Schema::Text, "where the first of them begins: where to go on if you could not deal with it"),
    required(
        "cursor",
        Schema::Text,
        "where you are once you have dealt with all of them: the \"cursor\" of the next call",
    ),
    required("more", Schema::Boolean, "whether there may be more already"),
]]);
