//! Receipts.

use crate::rpc::schema::{Schema, optional, required};

const OUTPUT: Schema = Schema::Object(&[&[
    required("index", Schema::Integer, "its position"),
    required("address", Schema::Address, "who was paid"),
    required("amount", Schema::Wide, "base units"),
]]);
const RECEIPT: Schema = Schema::Object(&[&[
    required("tussock_receipt", Schema::Integer, "the version of receipts: 1"),
    required("chain", Schema::Text, "the chain's name"),
    required("genesis", Schema::Hash, "its genesis block"),
    required("transaction", Schema::Hex, "the transaction's encoding"),
    required("index", Schema::Integer, "its position in its block"),
    required("path", Schema::Array(&Schema::Text), "its partners on the way to the merkle root; empty: it has none"),
    required("header", Schema::Hex, "the block's header"),
    optional("headers", Schema::Array(&Schema::Hex), "the headers that follow"),
    optional("certificate", Schema::Hex, "on sealed chains: that the last of these blocks is final"),
    optional("output", OUTPUT, "the output that it is about"),
]]);

/// A receipt, and how much of it is still to be fetched.
pub const PROOF: Schema = Schema::Object(&[&[
    required("receipt", RECEIPT, "the receipt; its headers end with the last, or with the page"),
    required("txid", Schema::Hash, "the transaction's id"),
    required("height", Schema::Integer, "its block's height"),
    required("next", Schema::Integer, "the height of the first header that is missing"),
    required("missing", Schema::Integer, "how many headers are missing: see headers"),
]]);
