//! The mempool.

use crate::rpc::{
    answers::transactions::PAYMENT,
    schema::{Schema, required},
};

/// A transaction in a list of the mempool.
pub const ENTRY: Schema = Schema::Object(&[
    &[
        required("id", Schema::Hash, "the transaction's id"),
        required("fee", Schema::Wide, "base units"),
        required("size", Schema::Integer, "bytes"),
        required("fee_rate", Schema::Wide, "base units per 1000 bytes"),
        required("since", Schema::Integer, "when it came, unix seconds"),
        required("age_s", Schema::Integer, "seconds since then"),
        required("inputs", Schema::Integer, "number of inputs"),
        required("outputs", Schema::Integer, "number of outputs"),
        required("amount", Schema::Wide, "sum of all outputs, change included"),
        required("memo", Schema::Text, "the memo; as hex if it is not printable text"),
        required("first_output", Schema::Nullable(&Schema::Address), "the address that the first output pays"),
    ],
    PAYMENT,
]);
const BAND: Schema = Schema::Object(&[&[
    required("from", Schema::Wide, "the band's least fee rate, base units per 1000 bytes"),
    required("below", Schema::Nullable(&Schema::Wide), "fee rates are below this; null in the highest band"),
    required("count", Schema::Integer, "number of transactions"),
    required("bytes", Schema::Integer, "their bytes"),
    required("blocks", Schema::Integer, "the next block is 1: by then all of them fit, if nothing better comes"),
    required("wait_s", Schema::Integer, "so many times the seconds between blocks that the chain aims at"),
]]);
/// The mempool by fee rate.
pub const FEE_BANDS: Schema = Schema::Object(&[&[
    required("count", Schema::Integer, "number of transactions"),
    required("bytes", Schema::Integer, "their bytes"),
    required("block_bytes", Schema::Integer, "the most bytes of a block"),
    required("min_fee_rate", Schema::Wide, "the lowest fee rate that the mempool takes, base units per 1000 bytes"),
    required("next_block", Schema::Wide, "the fee rate that gets a transaction into the next block"),
    required("bands", Schema::Array(&BAND), "bands with transactions, the highest fee rates first"),
]]);
/// The mempool with some of its transactions.
pub const MEMPOOL: Schema = Schema::Object(&[&[
    required("count", Schema::Integer, "number of transactions"),
    required("bytes", Schema::Integer, "their bytes"),
    required("limit_bytes", Schema::Integer, "the most bytes that it holds"),
    required("transactions", Schema::Array(&ENTRY), "the highest fee rate first"),
]]);
/// How full the mempool is.
pub const INFO: Schema = Schema::Object(&[&[
    required("loaded", Schema::Boolean, "true"),
    required("size", Schema::Integer, "number of transactions"),
    required("bytes", Schema::Integer, "their bytes"),
    required("usage", Schema::Integer, "the same"),
    required("maxmempool", Schema::Integer, "the most bytes that it holds"),
    required("mempoolminfee", Schema::Wide, "the lowest fee rate that it takes, base units per 1000 bytes"),
    required("minrelaytxfee", Schema::Wide, "the same"),
    required("sequence", Schema::Integer, "grows with each change"),
]]);
/// Ids, or entries by id.
pub const RAW: Schema = Schema::AnyOf(&[Schema::Array(&Schema::Hash), Schema::Map(&ENTRY)]);
/// A fee rate.
pub const FEE_ESTIMATE: Schema = Schema::Object(&[&[
    required("feerate", Schema::Wide, "base units per 1000 bytes"),
    required("blocks", Schema::Integer, "the number of blocks that was asked for"),
]]);
const FEES: Schema = Schema::Object(&[&[
    required("base", Schema::Wide, "its fee, base units"),
    required("modified", Schema::Wide, "the same"),
    required("ancestor", Schema::Wide, "fees of it and all that it depends on in the mempool"),
    required("descendant", Schema::Wide, "fees of it and all that depend on it in the mempool"),
]]);
/// Bitcoin Core's form of an entry.
pub const CORE_ENTRY: Schema = Schema::Object(&[&[
    required("vsize", Schema::Integer, "bytes"),
    required("weight", Schema::Integer, "four times as many"),
    required("time", Schema::Integer, "when it came, unix seconds"),
    required("ancestorcount", Schema::Integer, "it and all that it depends on in the mempool"),
    required("ancestorsize", Schema::Integer, "their bytes"),
    required("descendantcount", Schema::Integer, "it and all that depend on it in the mempool"),
    required("descendantsize", Schema::Integer, "their bytes"),
    required("wtxid", Schema::Hash, "its id"),
    required("fees", FEES, "fees"),
    required("depends", Schema::Array(&Schema::Hash), "mempool transactions whose outputs it spends"),
    required("spentby", Schema::Array(&Schema::Hash), "mempool transactions that spend its outputs"),
    required("bip125-replaceable", Schema::Boolean, "true"),
    required("unbroadcast", Schema::Boolean, "false"),
]]);
