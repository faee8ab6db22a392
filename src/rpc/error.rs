//! Errors of calls: JSON-RPC's own codes, and those that users of such nodes know.

use serde::Serialize;
use serde_json::Value;

use crate::chain::archive::StoreError;

/// The body is not JSON.
pub const PARSE: i32 = -32700;
/// JSON, but no request.
pub const INVALID_REQUEST: i32 = -32600;
/// There is no such method.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// Missing, superfluous or mistyped parameters.
pub const INVALID_PARAMS: i32 = -32602;
/// Something failed in here.
pub const INTERNAL: i32 = -1;
/// No such block, transaction, peer.
pub const NOT_FOUND: i32 = -5;
/// A parameter of the right type with a value that makes no sense.
pub const BAD_PARAMETER: i32 = -8;
/// Hex that is no transaction or block.
pub const UNDECODABLE: i32 = -22;
/// A transaction, block or order that the node does not take.
pub const REJECTED: i32 = -26;
/// The node is not yet far enough.
pub const STARTING: i32 = -28;
/// Too much at once; try again.
pub const BUSY: i32 = -32000;

/// All codes, each with what it means.
pub const MEANINGS: [(i32, &str); 11] = [
    (PARSE, "the body is not JSON"),
    (INVALID_REQUEST, "the body is not a request"),
    (METHOD_NOT_FOUND, "no such method"),
    (INVALID_PARAMS, "a parameter is missing, unknown or of the wrong type"),
    (INTERNAL, "the node failed"),
    (NOT_FOUND, "no such block, transaction or peer"),
    (BAD_PARAMETER, "a parameter has a value that is not allowed"),
    (UNDECODABLE, "not the encoding of a transaction or block"),
    (REJECTED, "the node refuses the transaction, block or order"),
    (STARTING, "the node is starting"),
    (BUSY, "too much at once; try again"),
];

/// Why a call failed: the error object of JSON-RPC.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RpcError {
    /// One of this module's codes.
    pub code: i32,
    /// One line.
    pub message: String,
    /// Facts for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl RpcError {
    /// An error without further facts.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(NOT_FOUND, message)
    }

    /// Parameters that do not fit the method.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(INVALID_PARAMS, message)
    }

    /// A value that makes no sense.
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

    /// A bug or a failing part of the node.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(INTERNAL, message)
    }
}

impl From<StoreError> for RpcError {
    fn from(error: StoreError) -> Self {
        Self::internal(format!("the database cannot be read: {error}"))
    }
}
