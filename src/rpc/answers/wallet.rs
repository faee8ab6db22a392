//! What the methods of the wallet answer: Bitcoin Core's forms, with amounts in base units.

use crate::rpc::schema::{Schema, optional, required};

const CATEGORY: Schema = Schema::Choice(&["send", "receive", "generate", "immature", "orphan"]);
const ROW: Schema = Schema::Object(&[&[
    required("address", Schema::Address, "whom this output pays"),
    required("category", CATEGORY, "what the output is to the wallet"),
    required("amount", Schema::SignedWide, "base units; negative if it is sent"),
    required("label", Schema::Text, "the label of the wallet's key, or empty"),
    required("vout", Schema::Integer, "which output"),
    optional("fee", Schema::SignedWide, "send: base units that the transaction paid for its block; negative"),
    optional("involvesWatchonly", Schema::Boolean, "true: an address whose key is elsewhere"),
    optional("abandoned", Schema::Boolean, "send: false"),
    required("confirmations", Schema::Integer, "blocks from its block to the tip; 0: it waits, or was removed"),
    optional("trusted", Schema::Boolean, "without confirmations: false"),
    optional("blockhash", Schema::Hash, "its block"),
    optional("blockheight", Schema::Integer, "the block's height"),
    optional("blockindex", Schema::Integer, "its position in the block"),
    optional("blocktime", Schema::Integer, "the time in the block's header, unix seconds"),
    required("txid", Schema::Hash, "the transaction"),
    required("walletconflicts", Schema::Array(&Schema::Hash), "empty"),
    required("time", Schema::Integer, "the block's time, or when it came; unix seconds"),
    required("timereceived", Schema::Integer, "the same"),
    required("memo", Schema::Text, "as text, or as hex if it is not printable"),
]]);
/// Rows of transactions.
pub const ROWS: Schema = Schema::Array(&ROW);
/// What happened since a block.
pub const SINCE: Schema = Schema::Object(&[&[
    required("transactions", ROWS, "since then, the oldest first"),
    required("removed", ROWS, "of blocks that are no longer in the best chain"),
    required("lastblock", Schema::Hash, "\"blockhash\" of the next call"),
]]);
/// Coins.
pub const UNSPENT: Schema = Schema::Array(&Schema::Object(&[&[
    required("txid", Schema::Hash, "the transaction"),
    required("vout", Schema::Integer, "which output"),
    required("address", Schema::Address, "whose it is"),
    required("label", Schema::Text, "the label of the key, or empty"),
    required("amount", Schema::Wide, "base units"),
    required("confirmations", Schema::Integer, "blocks from its block to the tip; 0: it waits"),
    required("spendable", Schema::Boolean, "whether RPC can pay with it: its key has no passphrase"),
    required("solvable", Schema::Boolean, "whether its key is here"),
    required("safe", Schema::Boolean, "whether it is confirmed"),
]]));
/// A payment.
pub const PAID: Schema = Schema::AnyOf(&[
    Schema::Hash,
    Schema::Object(&[&[
        required("txid", Schema::Hash, "the transaction"),
        required("fee", Schema::Wide, "base units that it pays for its block"),
        required("fee_reason", Schema::Text, "mempool"),
    ]]),
]);
/// A signed transaction.
pub const SIGNED: Schema = Schema::Object(&[&[
    required("hex", Schema::Hex, "the transaction's encoding"),
    required("complete", Schema::Boolean, "whether each input has a signature that holds"),
    optional("errors", Schema::Array(&UNSIGNED), "the inputs that have none"),
]]);
const UNSIGNED: Schema = Schema::Object(&[&[
    required("txid", Schema::Hash, "the transaction that made the coin"),
    required("vout", Schema::Integer, "which of its outputs"),
    required("address", Schema::Address, "whose coin it is"),
    required("error", Schema::Text, "why there is none"),
]]);
/// The wallet.
pub const INFO: Schema = Schema::Object(&[&[
    required("walletname", Schema::Text, "empty: there is one"),
    required("walletversion", Schema::Integer, "1"),
    required("format", Schema::Text, "files"),
    required("balance", Schema::Wide, "base units in the chain that can be spent, those with a passphrase included"),
    required("unconfirmed_balance", Schema::Wide, "base units that wait"),
    required("immature_balance", Schema::Wide, "base units of rewards that are too young to be spent"),
    required(
        "txcount",
        Schema::Nullable(&Schema::Integer),
        "confirmed transactions; 5000: so many or more; null without an index",
    ),
    required("keypoolsize", Schema::Integer, "0: each new address has a key of its own, in a file to back up"),
    required("paytxfee", Schema::Wide, "0: the fee follows the mempool"),
    required("private_keys_enabled", Schema::Boolean, "true"),
    required("avoid_reuse", Schema::Boolean, "false"),
    required("scanning", Schema::Boolean, "false"),
    required("descriptors", Schema::Boolean, "false"),
    required("keys", Schema::Integer, "number of keys"),
    required("locked_keys", Schema::Integer, "those with a passphrase: RPC does not pay with them"),
    required("watched_keys", Schema::Integer, "addresses whose keys are elsewhere"),
    required("watched_balance", Schema::Wide, "what those have: not part of balance"),
    required("warnings", Schema::Array(&Schema::Text), "which keys are left out, and why"),
]]);
