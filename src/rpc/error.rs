//! Errors of calls: JSON-RPC's own codes, and Bitcoin Core's where it has one.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{chain::archive::StoreError, node::Refusal, wallet::error::WalletError};

/// The body is not JSON.
pub const PARSE: i32 = -32700;
/// The body is JSON, but not a request.
pub const INVALID_REQUEST: i32 = -32600;
/// There is no such method.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// A parameter is missing, unknown or of the wrong type.
pub const INVALID_PARAMS: i32 = -32602;
/// The node failed.
pub const INTERNAL: i32 = -1;
/// No such block, transaction, peer.
pub const NOT_FOUND: i32 = -5;
/// A parameter has a value that is not allowed.
pub const BAD_PARAMETER: i32 = -8;
/// Hex that does not encode a transaction or block.
pub const UNDECODABLE: i32 = -22;
/// The node refuses the transaction, block or order.
pub const REJECTED: i32 = -26;
/// A database cannot be read: its disk fails, or it is damaged.
pub const DATABASE: i32 = -20;
/// The node is starting.
pub const STARTING: i32 = -28;
/// The node is stopping.
pub const STOPPING: i32 = -32001;
/// An amount that cannot be paid.
pub const AMOUNT: i32 = -3;
/// No further key is made.
pub const KEYS_USED_UP: i32 = -12;
/// A key that is needed has a passphrase.
pub const UNLOCK_NEEDED: i32 = -13;
/// The coins that can be spent now do not suffice.
pub const INSUFFICIENT: i32 = -6;
/// The passphrase does not open the key.
pub const WRONG_PASSPHRASE: i32 = -14;
/// The wallet cannot do it.
pub const WALLET: i32 = -4;
/// The credentials do not allow it.
pub const FORBIDDEN: i32 = -32003;
/// Too much at once; try again.
pub const BUSY: i32 = -32000;

/// The reason, in the data of an error, that a block is older than those that the node keeps whole.
pub const PRUNED: &str = "pruned";

/// The reason, in the data of an error, that a role or the disk did not answer in time. What was asked for may still be done.
pub const LATE: &str = "late";

/// All codes, each with what it means.
pub const MEANINGS: [(i32, &str); 20] = [
    (PARSE, "the body is not JSON"),
    (INVALID_REQUEST, "the body is not a request"),
    (METHOD_NOT_FOUND, "no such method"),
    (INVALID_PARAMS, "a parameter is missing, unknown or of the wrong type"),
    (INTERNAL, "the node failed"),
    (NOT_FOUND, "no such block, transaction or peer; of the wallet's methods also: not an address"),
    (BAD_PARAMETER, "a parameter has a value that is not allowed"),
    (UNDECODABLE, "not the encoding of a transaction or block"),
    (REJECTED, "the node refuses the transaction, block or order"),
    (AMOUNT, "an amount that cannot be paid"),
    (KEYS_USED_UP, "no further key is made"),
    (UNLOCK_NEEDED, "a key that is needed has a passphrase"),
    (INSUFFICIENT, "the coins that can be spent now do not suffice"),
    (WRONG_PASSPHRASE, "the passphrase does not open the key"),
    (WALLET, "a key cannot be used, or a payment cannot be made"),
    (DATABASE, "a database cannot be read: its disk fails, or it is damaged"),
    (STARTING, "the node is starting"),
    (STOPPING, "the node is stopping"),
    (FORBIDDEN, "the credentials do not allow it"),
    (BUSY, "too much at once; try again"),
];

/// Why a call failed: the error object of JSON-RPC.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RpcError {
    /// One of this module's codes.
    pub code: i32,
    /// What is wrong, in a line.
    pub message: String,
    /// Facts for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The failing database that is behind it.
    #[serde(skip)]
    pub cause: Option<Box<Cause>>,
}

/// Which database failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// The ledger, and how.
    Ledger(StoreError),
    /// The index, which can be rebuilt.
    Index,
}

impl RpcError {
    /// An error without further facts.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None, cause: None }
    }

    /// No such block, transaction or peer.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(NOT_FOUND, message)
    }

    /// A parameter is missing, unknown or of the wrong type.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    /// A parameter has a value that is not allowed.
    pub fn bad_parameter(message: impl Into<String>) -> Self {
        Self::new(BAD_PARAMETER, message)
    }

    /// A queue is full.
    pub fn busy(what: &str) -> Self {
        Self::new(BUSY, format!("too many {what} at once; try again"))
    }

    /// The ledger is not open yet.
    pub fn starting() -> Self {
        Self::new(STARTING, "the node is starting")
    }

    /// The node is stopping.
    pub fn stopping() -> Self {
        Self::new(STOPPING, "the node is stopping")
    }

    /// The index cannot be read.
    pub fn of_index(error: StoreError) -> Self {
        let of_ledger = matches!(error, StoreError::Pruned { .. });
        let error = Self::from(error);
        if of_ledger { error } else { Self { cause: Some(Box::new(Cause::Index)), ..error } }
    }

    /// A role or a query took too long.
    pub fn late() -> Self {
        let data = Some(json!({ "reason": LATE }));
        Self { data, ..Self::new(INTERNAL, "the node did not answer in time; its disk or its processors may be slow") }
    }

    /// The node failed.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(INTERNAL, message)
    }
}

/// The ledger cannot be read.
impl From<StoreError> for RpcError {
    fn from(error: StoreError) -> Self {
        if matches!(error, StoreError::Pruned { .. }) {
            // The words and the code of Bitcoin Core. Programs tell it by its data from a node that failed.
            let message =
                format!("Block not available (pruned data): {error}; ask a node that keeps the whole history");
            return Self { data: Some(json!({ "reason": PRUNED })), ..Self::new(INTERNAL, message) };
        }
        let code = if error.is_failing_disk() { DATABASE } else { INTERNAL };
        let message = format!("the database cannot be read: {error}");
        Self { cause: Some(Box::new(Cause::Ledger(error))), ..Self::new(code, message) }
    }
}

/// The mempool does not take a transaction: why, and what would do, for programs, too.
impl From<Refusal> for RpcError {
    fn from(refusal: Refusal) -> Self {
        let mut data = json!({ "reason": refusal.word() });
        if let Some(needed) = refusal.needed_fee() {
            data["needed_fee"] = json!(needed);
        }
        if let Refusal::NotSynced(state) = refusal {
            data["state"] = json!(state.name());
        }
        Self { data: Some(data), ..Self::new(REJECTED, refusal.to_string()) }
    }
}

/// A key cannot be used, or a payment cannot be made.
impl From<WalletError> for RpcError {
    fn from(error: WalletError) -> Self {
        let code = match &error {
            WalletError::Usage(_) | WalletError::Exists { .. } => BAD_PARAMETER,
            WalletError::NoKey { .. } => NOT_FOUND,
            WalletError::Insufficient { .. } => INSUFFICIENT,
            WalletError::WrongPassphrase => WRONG_PASSPHRASE,
            WalletError::TooManyCoins { .. }
            | WalletError::Watched { .. }
            | WalletError::HighFee { .. }
            | WalletError::Foreign(_)
            | WalletError::Damaged(_)
            | WalletError::Denied(_)
            | WalletError::File(_) => WALLET,
            WalletError::Internal(_) => INTERNAL,
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{base::hash::Hash, node::SyncState};

    #[test]
    fn a_refused_transaction_says_for_programs_what_would_do() {
        let data = |refusal: Refusal| RpcError::from(refusal).data.unwrap();
        let underpaid = Refusal::Underpaid { rival: Hash([1; 32]), fee: 5, needed: 1234 };
        assert_eq!(data(underpaid), json!({ "reason": "conflict", "needed_fee": 1234 }));
        assert_eq!(data(Refusal::Rival(Hash([1; 32]))), json!({ "reason": "conflict" }));
        assert_eq!(data(Refusal::NotSynced(SyncState::Headers)), json!({ "reason": "not-synced", "state": "headers" }));
        assert_eq!(RpcError::from(Refusal::Known).code, REJECTED);
    }
}
