//! Balances, coins and histories of addresses.

use crate::rpc::schema::{Schema, optional, required};

/// What an address has.
pub const BALANCE: Schema = Schema::Object(&[&[
    required("address", Schema::Address, "the address"),
    required("confirmed", Schema::Wide, "sum of its coins in the best chain"),
    required("pending", Schema::Wide, "sum of its unspent coins in the mempool"),
    required("immature", Schema::Wide, "part of confirmed that the next block may not spend yet"),
    required("spendable", Schema::Wide, "confirmed without immature and spending"),
    required("spending", Schema::Wide, "part of confirmed that the mempool spends"),
    required("coins", Schema::Integer, "number of its coins in the best chain"),
]]);
/// Unspent outputs.
pub const COINS: Schema = Schema::Array(&Schema::Object(&[&[
    required("txid", Schema::Hash, "the transaction that made the coin"),
    required("index", Schema::Integer, "position of the output"),
    required("amount", Schema::Wide, "base units"),
    required("height", Schema::Nullable(&Schema::Integer), "the block's height; null in the mempool"),
    required("coinbase", Schema::Boolean, "whether a coinbase made it"),
    required("spendable", Schema::Boolean, "whether the next block may spend it"),
    required("pending", Schema::Boolean, "whether it is in the mempool"),
]]));
const COUNTERPARTIES: &str = "who paid it, or whom it paid; 4 at most. In entries with memos";
const ENTRY: Schema = Schema::Object(&[&[
    required("txid", Schema::Hash, "the transaction"),
    required("height", Schema::Integer, "its block's height"),
    required("position", Schema::Integer, "its position in the block"),
    required("received", Schema::Wide, "what its outputs pay to the address"),
    required("sent", Schema::Wide, "what its inputs spend of the address"),
    required("net", Schema::SignedWide, "received minus sent"),
    required("confirmations", Schema::Integer, "blocks from its block to the tip"),
    optional("time", Schema::Integer, "with memos: the block's time, unix seconds"),
    optional("memo", Schema::Text, "with memos: the memo; as hex if it is not printable text"),
    optional("counterparties", Schema::Array(&Schema::Address), COUNTERPARTIES),
]]);
const PENDING: Schema = Schema::Object(&[&[
    required("txid", Schema::Hash, "the transaction"),
    required("received", Schema::Wide, "what its outputs pay to the address"),
    required("sent", Schema::Wide, "base units that it spends of the address's coins"),
    required("spends", Schema::Boolean, "whether it spends coins of the address"),
    required("since", Schema::Integer, "when it came, unix seconds"),
    required("memo", Schema::Text, "the memo; as hex if it is not printable text"),
    required("counterparties", Schema::Array(&Schema::Address), COUNTERPARTIES),
]]);
/// A page of an address's history.
pub const HISTORY: Schema = Schema::Object(&[&[
    required("address", Schema::Address, "the address"),
    required("entries", Schema::Array(&ENTRY), "confirmed transactions, the newest first"),
    required("next", Schema::Nullable(&Schema::Text), "\"before\" of the next page; null on the last"),
    required("indexed", Schema::Nullable(&Schema::Integer), "height up to which the index is filled"),
    required("indexed_from", Schema::Integer, "height from which on it is; 0: from genesis"),
    required("height", Schema::Integer, "the tip's height"),
    optional("pending", Schema::Array(&PENDING), "first page: transactions in the mempool"),
]]);
/// Whether a text is an address.
pub const VALIDITY: Schema = Schema::Object(&[&[
    required("isvalid", Schema::Boolean, "whether the text is an address of this chain"),
    optional("address", Schema::Address, "the address in its usual form"),
    optional("error", Schema::Text, "what is wrong with it"),
]]);
