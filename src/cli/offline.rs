//! What can be told without a running node.
use serde_json::Value;

use super::{
    context::Context,
    exit::{Failure, Outcome},
};

/// The data directory's own answer to `status`.
pub fn status(context: &Context, failure: Failure) -> Outcome<Value> {
    Err(super::status::nothing_there(context, failure))
}

/// The documented tables and views.
pub fn schema() -> String {
    String::new()
}
