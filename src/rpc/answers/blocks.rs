//! Blocks, headers and branches.

use crate::rpc::{
    answers::transactions::{PAYMENT, TRANSACTION},
    schema::{Property, Schema, optional, required},
};

/// How far this node has come with a block.
const BLOCK_STATUS: Schema = Schema::Choice(&["applied", "stored", "header", "invalid"]);

/// The seal of authorities.
const SEAL: Schema = Schema::Object(&[&[
    required("view", Schema::Integer, "the view in which it was proposed"),
    required(
        "proposer",
        Schema::Nullable(&Schema::Integer),
        "who proposed it: its place among the authorities, from 0",
    ),
    required("next_authorities", Schema::Hash, "the hash of the set of authorities for the next height"),
    required("parent_view", Schema::Integer, "the view in which the block before it was notarised"),
    required(
        "parent_signers",
        Schema::Array(&Schema::Integer),
        "the numbers of those who notarised the block before it",
    ),
]]);

/// A header's fields.
const HEADER: &[Property] = &[
    required("hash", Schema::Hash, "the block's hash"),
    required("height", Schema::Integer, "blocks before it"),
    required("version", Schema::Integer, "version of the header"),
    required("previous", Schema::Nullable(&Schema::Hash), "the block before it; null for genesis"),
    required("merkle_root", Schema::Hash, "the root of the Merkle tree of its transactions"),
    required("state_digest", Schema::Hash, "the digest of the coins before this block"),
    required("time", Schema::Integer, "unix seconds"),
    required("target", Schema::Nullable(&Schema::Hex), "compact target; null without proof of work"),
    required("difficulty", Schema::Nullable(&Schema::Number), "how many times harder than the chain's easiest target"),
    required("nonce", Schema::Nullable(&Schema::Wide), "the nonce"),
    required("work", Schema::Text, "work of the chain up to this block, in hex; on sealed chains the block's view"),
    required("status", BLOCK_STATUS, "how far this node has come with it"),
    required("in_best_chain", Schema::Boolean, "whether it is in the best chain"),
    required(
        "confirmations",
        Schema::Signed,
        "blocks from it to the tip; 0 outside the best chain, by Core's names -1",
    ),
    optional("final", Schema::Boolean, "on sealed chains: whether it can never be undone"),
    optional("seal", Schema::Nullable(&SEAL), "on sealed chains: what authorities say in the header; null in genesis"),
];
const NEXT: &[Property] = &[required("next", Schema::Nullable(&Schema::Hash), "the block after it in the best chain")];
const SIZE: &[Property] = &[
    required("size", Schema::Nullable(&Schema::Integer), "bytes; null if only the header is here"),
    required("transactions", Schema::Nullable(&Schema::Integer), "number of transactions, the coinbase included"),
];
const TRANSACTION_IDS: &[Property] = &[required("txs", Schema::Array(&Schema::Hash), "ids of its transactions")];
const MINER: &[Property] =
    &[required("miner", Schema::Nullable(&Schema::Address), "the first address that the coinbase pays")];
/// Bitcoin Core's names of the same.
const CORE_NAMES: &[Property] = &[
    optional("previousblockhash", Schema::Hash, "previous"),
    optional("nextblockhash", Schema::Hash, "next"),
    required("merkleroot", Schema::Hash, "merkle_root"),
    required("bits", Schema::Nullable(&Schema::Hex), "target"),
    required("chainwork", Schema::Text, "work"),
];
const CORE_BLOCK_NAMES: &[Property] = &[
    required("nTx", Schema::Integer, "transactions"),
    required("tx", Schema::Array(&Schema::AnyOf(&[Schema::Hash, TRANSACTION])), "ids; transactions with verbosity 2"),
];

const EARNINGS: &[Property] = &[
    required(
        "miner",
        Schema::Nullable(&Schema::Address),
        "the first address that the coinbase pays; null without body",
    ),
    required("reward", Schema::Nullable(&Schema::Wide), "what the coinbase pays, base units: subsidy and fees"),
    required("fees", Schema::Nullable(&Schema::Wide), "the sum of its transactions' fees, base units"),
];
const REPLACED: &[Property] = &[optional(
    "replaced_by",
    Schema::Nullable(&Schema::Hash),
    "outside the best chain: that chain's block of the same height; null if it is not that high",
)];

/// A block.
pub const BLOCK: Schema = Schema::Object(&[HEADER, NEXT, SIZE, TRANSACTION_IDS, EARNINGS, REPLACED]);
/// A page of a block's transactions.
pub const TRANSACTIONS: Schema = Schema::Object(&[&[
    required("hash", Schema::Hash, "the block's hash"),
    required("height", Schema::Integer, "its height"),
    required("count", Schema::Integer, "number of its transactions, the coinbase included"),
    required("transactions", Schema::Array(&ENTRY), "some of them, in the block's order"),
    required("next", Schema::Nullable(&Schema::Integer), "\"from\" of the next page; null on the last"),
]]);
const ENTRY: Schema = Schema::Object(&[
    &[
        required("id", Schema::Hash, "the transaction's id"),
        required("position", Schema::Integer, "its position in the block"),
        required("coinbase", Schema::Boolean, "whether it is the block's first transaction"),
        required("fee", Schema::Nullable(&Schema::Wide), "base units; null for a coinbase"),
        required("fee_rate", Schema::Nullable(&Schema::Wide), "base units per 1000 bytes; null for a coinbase"),
        required("size", Schema::Integer, "bytes"),
        required("inputs", Schema::Integer, "number of inputs"),
        required("outputs", Schema::Integer, "number of outputs"),
        required("memo", Schema::Text, "the memo; as hex if it is not printable text"),
    ],
    PAYMENT,
]);
/// A page of the best chain.
pub const BLOCKS: Schema = Schema::Array(&Schema::Object(&[HEADER, SIZE, MINER]));
/// A header, or its encoding.
pub const CORE_HEADER: Schema = Schema::AnyOf(&[Schema::Object(&[HEADER, NEXT, CORE_NAMES]), Schema::Hex]);
const CORE_BLOCK_FIELDS: &[&[Property]] =
    &[HEADER, NEXT, SIZE, TRANSACTION_IDS, EARNINGS, REPLACED, CORE_NAMES, CORE_BLOCK_NAMES];
/// A block, or its encoding.
pub const CORE_BLOCK: Schema = Schema::AnyOf(&[Schema::Object(CORE_BLOCK_FIELDS), Schema::Hex]);
/// The ends of all branches.
pub const TIPS: Schema = Schema::Array(&Schema::Object(&[&[
    required("height", Schema::Integer, "height of the branch's last block"),
    required("hash", Schema::Hash, "its hash"),
    required("branch_length", Schema::Integer, "blocks since the branch left the best chain"),
    required("branchlen", Schema::Integer, "the same"),
    required("status", Schema::Choice(&["active", "valid-fork", "headers-only", "invalid"]), "as in Bitcoin Core"),
    required(
        "set_aside",
        Schema::Boolean,
        "of an invalid one: no rule is broken, an operator of a test chain wants it so",
    ),
    required("work", Schema::Text, "work up to this block, in hex"),
]]));
/// Numbers about a block. A call may ask for some of them only.
pub const STATISTICS: Schema = Schema::Object(&[&[
    optional("avgfee", Schema::Wide, "mean fee"),
    optional("avgfeerate", Schema::Wide, "mean fee rate, base units per 1000 bytes"),
    optional("avgtxsize", Schema::Integer, "mean size"),
    optional("blockhash", Schema::Hash, "the block's hash"),
    optional("height", Schema::Integer, "its height"),
    optional("time", Schema::Integer, "its time"),
    optional("feerate_percentiles", Schema::Array(&Schema::Wide), "fee rates at 10, 25, 50, 75 and 90 percent"),
    optional("ins", Schema::Integer, "number of inputs, without the coinbase"),
    optional("outs", Schema::Integer, "number of outputs"),
    optional("txs", Schema::Integer, "number of transactions"),
    optional("minfee", Schema::Wide, "lowest fee"),
    optional("maxfee", Schema::Wide, "highest fee"),
    optional("medianfee", Schema::Wide, "median fee"),
    optional("minfeerate", Schema::Wide, "lowest fee rate"),
    optional("maxfeerate", Schema::Wide, "highest fee rate"),
    optional("mintxsize", Schema::Integer, "smallest size"),
    optional("maxtxsize", Schema::Integer, "largest size"),
    optional("mediantxsize", Schema::Integer, "median size"),
    optional("subsidy", Schema::Wide, "the subsidy"),
    optional("total_out", Schema::Wide, "sum of all outputs, without the coinbase's"),
    optional("total_size", Schema::Integer, "bytes of all transactions, without the coinbase"),
    optional("totalfee", Schema::Wide, "sum of all fees"),
    optional("utxo_increase", Schema::Signed, "coins made minus coins spent"),
]]);
