//! What operators of test chains do.

use crate::rpc::schema::{Property, Schema, required};

const PLACE: &[Property] = &[
    required("height", Schema::Integer, "the height of the chain's last block"),
    required("tip", Schema::Hash, "that block"),
];
/// A state to come back to.
pub const SNAPSHOT: Schema = Schema::Object(&[
    &[
        required("id", Schema::Integer, "its number"),
        required("mempool", Schema::Integer, "transactions in the mempool"),
        required("clock_offset_s", Schema::Signed, "seconds by which the node's clock is ahead of the host's"),
    ],
    PLACE,
]);
/// A return to it.
pub const REVERTED: Schema = Schema::Object(&[
    &[
        required("id", Schema::Integer, "the snapshot's number"),
        required("undone", Schema::Integer, "blocks that were taken off the chain"),
    ],
    PLACE,
]);
/// The node's clock.
pub const TIME: Schema = Schema::Object(&[&[
    required("time", Schema::Integer, "unix seconds by the node's clock"),
    required("clock_offset_s", Schema::Signed, "seconds by which it is ahead of the host's"),
]]);
/// Blocks in the place of others.
pub const REORGANISED: Schema = Schema::Object(&[
    &[
        required(
            "removed",
            Schema::Array(&Schema::Hash),
            "the blocks that were taken off the chain, the highest first",
        ),
        required("added", Schema::Array(&Schema::Hash), "those in their place, the lowest first"),
    ],
    PLACE,
]);
