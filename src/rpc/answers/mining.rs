//! Mining.

use crate::rpc::schema::{Schema, required};

/// The miner and its work.
pub const INFO: Schema = Schema::Object(&[&[
    required("blocks", Schema::Integer, "the tip's height"),
    required("chain", Schema::Text, "name of the chain"),
    required("mining", Schema::Boolean, "whether the miner works"),
    required("hashespersec", Schema::Integer, "hashes a second"),
    required("difficulty", Schema::Number, "of the tip"),
    required("bits", Schema::Hex, "the tip's compact target"),
    required("pooledtx", Schema::Integer, "transactions in the mempool"),
    required("warnings", Schema::Array(&Schema::Text), "what an operator should know"),
]]);
/// A block without its nonce.
pub const TEMPLATE: Schema = Schema::Object(&[&[
    required("height", Schema::Integer, "the block's height"),
    required("previousblockhash", Schema::Hash, "the block before it"),
    required("version", Schema::Integer, "version of the header"),
    required("bits", Schema::Hex, "compact target"),
    required("target", Schema::Nullable(&Schema::Hash), "the highest hash that is low enough, big-endian"),
    required("curtime", Schema::Integer, "its time"),
    required("mintime", Schema::Integer, "the earliest time that it may have"),
    required("merkle_root", Schema::Hash, "root of its transactions"),
    required("state_digest", Schema::Hash, "digest of the coins before it"),
    required("coinbasevalue_subsidy", Schema::Wide, "the subsidy, without fees"),
    required("transactions", Schema::Integer, "number of transactions"),
    required("sizelimit", Schema::Integer, "the most bytes of a block"),
    required("header", Schema::Hex, "the header's encoding; the nonce is its last 8 bytes"),
    required("body", Schema::Hex, "the encoding of what follows the header"),
]]);
