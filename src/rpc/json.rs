//! Small helpers for JSON values.

use serde_json::{Map, Value};

/// The fields of an object that was written down as one.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}
