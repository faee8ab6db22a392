//! Transactions and coins.

use crate::rpc::schema::{Property, Schema, optional, required};

const INPUT: Schema = Schema::Object(&[&[
    required("txid", Schema::Hash, "the transaction that made the coin"),
    required("index", Schema::Integer, "position of the output that is the coin"),
    required("address", Schema::Address, "the coin's owner"),
    required("amount", Schema::Wide, "the coin's amount, as the input names it"),
    required("public_key", Schema::Hex, "the owner's key"),
    required("signature", Schema::Hex, "the owner's signature"),
]]);
const OUTPUT: Schema = Schema::Object(&[&[
    required("amount", Schema::Wide, "base units"),
    required("address", Schema::Address, "the new owner"),
]]);

/// Who pays whom how much.
pub const PAYMENT: &[Property] = &[
    required("from", Schema::Nullable(&Schema::Address), "the owner of its first input; null for a coinbase"),
    required("to", Schema::Nullable(&Schema::Address), "the first owner of an output who owns no input; null: none"),
    required("paid", Schema::Wide, "base units that it pays to others than the owners of its inputs"),
];

/// What a transaction itself says.
const CONTENT: &[Property] = &[
    required("id", Schema::Hash, "the transaction's id"),
    required("inputs", Schema::Array(&INPUT), "the coins that it spends"),
    required("outputs", Schema::Array(&OUTPUT), "the coins that it makes"),
    required(
        "fee",
        Schema::Nullable(&Schema::Wide),
        "base units: inputs less outputs; null if the outputs exceed the inputs",
    ),
    required("fee_rate", Schema::Nullable(&Schema::Wide), "base units per 1000 bytes; null if there is no fee"),
    required("coinbase", Schema::Boolean, "whether it is a block's first transaction"),
    required("memo", Schema::Text, "the memo; as hex if it is not printable text"),
    required("memo_hex", Schema::Hex, "the memo's bytes"),
    required("size", Schema::Integer, "bytes"),
    required("version", Schema::Integer, "version of the encoding"),
];
const STATUS: Schema = Schema::Choice(&["mempool", "confirmed", "unknown", "orphaned", "conflicted"]);
const PLACE: &[Property] = &[
    required(
        "status",
        STATUS,
        "where it is; unknown: see doubt; the last two: in a block outside the best chain, or in none any more",
    ),
    required("block", Schema::Nullable(&Schema::Hash), "its block"),
    required("height", Schema::Nullable(&Schema::Integer), "its block's height"),
    required("confirmations", Schema::Integer, "blocks from its block to the tip; 0 in the mempool"),
    optional("since", Schema::Integer, "in the mempool: when it came, unix seconds"),
    optional("time", Schema::Integer, "in a block: the block's time"),
    optional("position", Schema::Integer, "in a block: its position"),
    optional("conflicts_with", Schema::Nullable(&Schema::Hash), "conflicted: what spends a coin of it instead"),
    optional("final", Schema::Boolean, "on sealed chains: whether its block is final, so that nothing undoes it"),
    optional("doubt", Schema::Text, "in a block: why that may not be one of the network, such as a wrong clock"),
];

/// A transaction of the mempool or the best chain.
pub const TRANSACTION: Schema = Schema::Object(&[CONTENT, PLACE]);
const OUTSPEND: Schema = Schema::Object(&[&[
    required("index", Schema::Integer, "position of the output"),
    required(
        "spent",
        Schema::Nullable(&Schema::Boolean),
        "whether it is spent; null: it is in no chain and no mempool",
    ),
    required("txid", Schema::Nullable(&Schema::Hash), "what spends it, as far as that is known"),
    required("height", Schema::Nullable(&Schema::Integer), "the height of that one's block; null in the mempool"),
]]);
/// What spends a transaction's outputs.
pub const OUTSPENDS: Schema = Schema::Array(&OUTSPEND);
/// A transaction, or its encoding.
pub const RAW_TRANSACTION: Schema = Schema::AnyOf(&[Schema::Hex, TRANSACTION]);
/// An unspent output.
pub const UNSPENT_OUTPUT: Schema = Schema::Nullable(&Schema::Object(&[&[
    required("bestblock", Schema::Hash, "the tip"),
    required("confirmations", Schema::Integer, "blocks from its block to the tip; 0 in the mempool"),
    required("value", Schema::Wide, "base units"),
    required("amount", Schema::Wide, "the same"),
    required("address", Schema::Address, "the owner"),
    required("coinbase", Schema::Boolean, "whether a coinbase made it"),
    optional("height", Schema::Integer, "height of the block that made it"),
    optional("matures_at", Schema::Integer, "the height from which a block may spend it"),
]]));
/// What a search leads to.
pub const SEARCH: Schema = Schema::Object(&[&[
    required("kind", Schema::Choice(&["block", "tx", "address", "memos"]), "what it is; memos: see /api/memos"),
    required("id", Schema::Text, "its hash, id or address; of memos the text"),
]]);
const MEMO: &[Property] = &[
    required("txid", Schema::Hash, "the transaction"),
    required("memo", Schema::Text, "the memo; as hex if it is not printable text"),
    required("memo_hex", Schema::Hex, "the memo's bytes"),
    required("from", Schema::Nullable(&Schema::Address), "the owner of its first input"),
    required("outputs", Schema::Array(&OUTPUT), "the coins that it makes"),
    required("fee", Schema::Nullable(&Schema::Wide), "base units"),
];
const FOUND_MEMO: Schema = Schema::Object(&[
    MEMO,
    &[
        required("height", Schema::Integer, "its block's height"),
        required("position", Schema::Integer, "its position in the block"),
        required("time", Schema::Integer, "the block's time"),
        required("confirmations", Schema::Integer, "blocks from its block to the tip"),
        required("exact", Schema::Boolean, "whether the memo is the text as a whole"),
    ],
]);
/// What a text is, and the memos that have it.
pub const FOUND: Schema = Schema::Object(&[&[
    required(
        "kind",
        Schema::Nullable(&Schema::Choice(&["block", "tx", "address"])),
        "what the text names; null: nothing",
    ),
    required("id", Schema::Nullable(&Schema::Text), "its hash, id or address"),
    required("memos", Schema::Array(&FOUND_MEMO), "confirmed transactions with such memos, the newest first"),
    required("pending", Schema::Array(&Schema::Object(&[MEMO])), "those in the mempool; empty with before"),
    required("next", Schema::Nullable(&Schema::Text), "\"before\" of the next page; null: those were all"),
    required("indexed", Schema::Nullable(&Schema::Integer), "height up to which the index is filled"),
    required("indexed_from", Schema::Integer, "height from which on it has memos; 0: from genesis"),
    required("height", Schema::Integer, "the tip's height"),
]]);
/// What an encoded transaction says.
pub const DECODED: Schema = Schema::Object(&[
    CONTENT,
    &[
        required("txid", Schema::Hash, "its id, once more; the names of Bitcoin Core follow"),
        required(
            "vin",
            Schema::Array(&Schema::Object(&[&[
                required("txid", Schema::Hash, "the transaction that made the coin"),
                required("vout", Schema::Integer, "position of the output that is the coin"),
            ]])),
            "the coins that it spends",
        ),
        required(
            "vout",
            Schema::Array(&Schema::Object(&[&[
                required("value", Schema::Wide, "base units"),
                required("n", Schema::Integer, "its position"),
                required(
                    "scriptPubKey",
                    Schema::Object(&[&[required("address", Schema::Address, "the new owner")]]),
                    "whom it pays",
                ),
            ]])),
            "the coins that it makes",
        ),
    ],
]);
/// A waiting transaction that another one would take the place of.
pub const CONFLICT: Schema = Schema::Object(&[&[
    required("txid", Schema::Hash, "its id"),
    required("fee", Schema::Wide, "base units"),
    required("amount", Schema::Wide, "what it pays to others than its payers, base units"),
    required("payees", Schema::Array(&OUTPUT), "to whom, at most 20 of them"),
]]);
/// Whether the mempool would accept transactions.
pub const TESTED: Schema = Schema::Array(&Schema::Object(&[&[
    required("txid", Schema::Hash, "the transaction's id"),
    required("wtxid", Schema::Hash, "the same"),
    required("allowed", Schema::Boolean, "whether the mempool would accept it"),
    optional("vsize", Schema::Integer, "bytes"),
    optional("fees", Schema::Object(&[&[required("base", Schema::Wide, "its fee, base units")]]), "its fee"),
    optional("reject-reason", Schema::Text, "why it would not"),
    optional("reject-word", Schema::Text, "the same in a word that stays: known, confirmed, conflict, invalid"),
    optional("needed_fee", Schema::Wide, "base units for which it would take the place of what it conflicts with"),
    optional(
        "conflicts",
        Schema::Array(&CONFLICT),
        "what waits and spends the same coins, then what builds on that: allowed, it takes their place",
    ),
]]));
