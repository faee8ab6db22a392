//! Reads a call's parameters, by position or by name, and checks them against the method's table row.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::{
    base::gather::gather,
    rpc::{error::RpcError, schema::Property},
};

/// The parameters of one call, checked against the table.
#[derive(Debug)]
pub struct Args(Map<String, Value>);

impl Args {
    /// Reads parameters. A single object in an array counts as named parameters.
    pub fn read(params: &[Property], given: Value) -> Result<Self, RpcError> {
        let named = match given {
            Value::Null => Map::new(),
            Value::Object(named) => named,
            Value::Array(mut list) => match (list.len(), list.first_mut()) {
                (1, Some(Value::Object(named))) => std::mem::take(named),
                _ => by_position(params, list)?,
            },
            _ => return Err(RpcError::invalid_params("parameters are an array or an object")),
        };
        let args = Self(gather(named.into_iter().filter(|(_, value)| !value.is_null())));
        args.check(params)?;
        Ok(args)
    }

    fn check(&self, params: &[Property]) -> Result<(), RpcError> {
        if let Some(name) = self.0.keys().find(|name| params.iter().all(|param| param.name != name.as_str())) {
            let names: Vec<&str> = params.iter().map(|param| param.name).collect();
            let name: String = name.chars().take(40).collect();
            let text = format!("no parameter \"{}\"; there are: {}", name.escape_default(), names.join(", "));
            return Err(RpcError::invalid_params(text));
        }
        for param in params {
            match self.0.get(param.name) {
                None if param.required => {
                    let text = format!("\"{}\" is missing: {}", param.name, param.summary);
                    return Err(RpcError::invalid_params(text));
                }
                Some(value) if !param.schema.accepts(value) => {
                    let text = format!("\"{}\" must be {}", param.name, param.schema.words());
                    return Err(RpcError::invalid_params(text));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// A whole number that may be negative.
    pub fn signed(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_i64)
    }

    /// A number that is not negative.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Value::as_f64)
    }

    /// A whole number within a range, or its default.
    pub fn integer_in(&self, name: &str, range: std::ops::RangeInclusive<u64>, default: u64) -> Result<u64, RpcError> {
        let number = self.integer(name).unwrap_or(default);
        if range.contains(&number) {
            return Ok(number);
        }
        let text = format!("\"{name}\" must be within {} and {}", range.start(), range.end());
        Err(RpcError::bad_parameter(text))
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A required text.
    pub fn required_text(&self, name: &str) -> Result<&str, RpcError> {
        self.text(name).ok_or_else(|| RpcError::invalid_params(format!("\"{name}\" is missing")))
    }

    /// A text that is parsed, such as an address.
    pub fn parsed<T: FromStr>(&self, name: &str, what: &str) -> Result<T, RpcError> {
        let text = self.required_text(name)?;
        text.parse().map_err(|_| RpcError::bad_parameter(format!("\"{name}\" is not {what}")))
    }

    /// True or false, or its default.
    pub fn boolean(&self, name: &str, default: bool) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(default)
    }

    /// A number or text as text, or its default.
    pub fn id(&self, name: &str, default: &str) -> String {
        match self.0.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => default.to_owned(),
        }
    }

    /// An object; empty if it is left out.
    pub fn object(&self, name: &str) -> Map<String, Value> {
        self.0.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// A list; empty if it is left out.
    pub fn list(&self, name: &str) -> &[Value] {
        self.0.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A list of texts; empty if it is left out.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let list = self.0.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

fn by_position(params: &[Property], list: Vec<Value>) -> Result<Map<String, Value>, RpcError> {
    if list.len() > params.len() {
        let text = format!("{} parameters; at most {} are allowed", list.len(), params.len());
        return Err(RpcError::invalid_params(text));
    }
    Ok(gather(params.iter().map(|param| param.name.to_owned()).zip(list)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rpc::schema::{ID, Schema, optional, required};

    const PARAMS: &[Property] = &[
        required("id", ID, "height or hash"),
        optional("limit", Schema::Integer, "how many"),
        optional("names", Schema::Array(&Schema::Text), "names"),
    ];

    #[test]
    fn position_and_name_mean_the_same() {
        for given in
            [json!([7, 3]), json!({ "id": 7, "limit": 3 }), json!([{ "id": 7, "limit": 3 }]), json!([7, 3, null])]
        {
            let args = Args::read(PARAMS, given).unwrap();
            assert_eq!((args.id("id", ""), args.integer("limit")), ("7".to_owned(), Some(3)));
            assert_eq!(args.texts("names"), Vec::<&str>::new());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_name() {
        let refused = |given: Value| {
            let error = Args::read(PARAMS, given).unwrap_err();
            assert_eq!(error.code, -32602);
            error.message
        };
        assert!(refused(json!([])).contains("\"id\" is missing"));
        assert!(refused(json!([null])).contains("\"id\" is missing"));
        assert!(refused(json!([1, -1])).contains("\"limit\" must be a whole number"));
        assert!(refused(json!([1, 1.5])).contains("\"limit\""));
        assert!(refused(json!([true])).contains("\"id\""));
        assert!(refused(json!([1, 2, ["a", 3]])).contains("\"names\" must be a list of texts"));
        assert!(refused(json!([1, 2, [], 4])).contains("4 parameters"));
        assert!(refused(json!({ "id": 1, "colour": 2 })).contains("no parameter \"colour\""));
    }
}
