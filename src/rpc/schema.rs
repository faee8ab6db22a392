//! The types of parameters and answers, from which the OpenRPC and OpenAPI documents are made.

use serde_json::{Map, Value, json};

/// The type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Schema {
    /// Null and nothing else.
    Null,
    /// True or false.
    Boolean,
    /// A whole number from 0 to 2^53 - 1, which every JSON reader keeps exactly.
    Integer,
    /// A whole number that may be negative.
    Signed,
    /// A whole number from 0 to 2^64 - 1. JavaScript rounds it above 2^53.
    Wide,
    /// The difference of two [`Schema::Wide`] numbers.
    SignedWide,
    /// A number that is not negative.
    Number,
    /// Any text.
    Text,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// 32 bytes as 64 lower-case hex digits.
    Hash,
    /// Bytes as lower-case hex digits.
    Hex,
    /// An address of the chain.
    Address,
    /// `IP:PORT`.
    Endpoint,
    /// An IP address.
    Ip,
    /// Values of one type.
    Array(&'static Schema),
    /// An object with these properties, in groups that several objects share.
    Object(&'static [&'static [Property]]),
    /// An object with any names, whose values have one type.
    Map(&'static Schema),
    /// This type, or null.
    Nullable(&'static Schema),
    /// One of these types.
    AnyOf(&'static [Schema]),
    /// Any object.
    AnyObject,
}

/// A named value: a property of an object, or a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Property {
    /// The name.
    pub name: &'static str,
    /// The type.
    pub schema: Schema,
    /// Whether it is always there.
    pub required: bool,
    /// What it means, in a line.
    pub summary: &'static str,
}

/// A height or the name of a block, in a parameter.
pub const ID: Schema = Schema::AnyOf(&[Schema::Integer, Schema::Text]);

/// A property that is always there.
pub const fn required(name: &'static str, schema: Schema, summary: &'static str) -> Property {
    Property { name, schema, required: true, summary }
}

/// A property that may be missing. As a parameter it may also be null.
pub const fn optional(name: &'static str, schema: Schema, summary: &'static str) -> Property {
    Property { name, schema, required: false, summary }
}

impl Schema {
    /// Whether a parameter has the right JSON type. What a text says is checked by the method.
    pub fn accepts(&self, value: &Value) -> bool {
        match self {
            Self::Null => value.is_null(),
            Self::Boolean => value.is_boolean(),
            Self::Integer | Self::Wide => value.is_u64(),
            Self::Signed | Self::SignedWide => value.is_i64() || value.is_u64(),
            Self::Number => value.as_f64().is_some_and(|number| number >= 0.0),
            Self::Text | Self::Choice(_) | Self::Hash | Self::Hex | Self::Address | Self::Endpoint | Self::Ip => {
                value.is_string()
            }
            Self::Array(items) => value.as_array().is_some_and(|list| list.iter().all(|item| items.accepts(item))),
            Self::Object(_) | Self::Map(_) | Self::AnyObject => value.is_object(),
            Self::Nullable(inner) => value.is_null() || inner.accepts(value),
            Self::AnyOf(types) => types.iter().any(|schema| schema.accepts(value)),
        }
    }

    /// The type in words, for messages.
    pub fn words(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Integer | Self::Wide | Self::Signed | Self::SignedWide => "a whole number".to_owned(),
            Self::Number => "a number of at least 0".to_owned(),
            Self::Text | Self::Choice(_) | Self::Hash | Self::Hex | Self::Address | Self::Endpoint | Self::Ip => {
                "a text".to_owned()
            }
            Self::Array(_) => "a list of texts".to_owned(),
            Self::Object(_) | Self::Map(_) | Self::AnyObject => "an object".to_owned(),
            Self::Nullable(inner) => inner.words(),
            Self::AnyOf(types) => types.iter().map(Self::words).collect::<Vec<_>>().join(" or "),
        }
    }

    /// The JSON schema, in the vocabulary that draft 7 (OpenRPC) and draft 2020-12 (OpenAPI 3.1) share.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null => json!({ "type": "null" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Integer => json!({ "type": "integer", "minimum": 0 }),
            Self::Signed => json!({ "type": "integer" }),
            Self::Wide => json!({ "type": "integer", "minimum": 0, "format": "uint64" }),
            Self::SignedWide => json!({ "type": "integer", "format": "int128" }),
            Self::Number => json!({ "type": "number", "minimum": 0 }),
            Self::Text | Self::Address | Self::Endpoint | Self::Ip => json!({ "type": "string" }),
            Self::Choice(texts) => json!({ "type": "string", "enum": texts }),
            Self::Hash => json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
            Self::Hex => json!({ "type": "string", "pattern": "^([0-9a-fA-F]{2})*$" }),
            Self::Array(items) => json!({ "type": "array", "items": items.to_json() }),
            Self::Object(groups) => object(groups),
            Self::Map(values) => json!({ "type": "object", "additionalProperties": values.to_json() }),
            Self::Nullable(inner) => json!({ "anyOf": [inner.to_json(), { "type": "null" }] }),
            Self::AnyOf(types) => json!({ "anyOf": types.iter().map(Self::to_json).collect::<Vec<_>>() }),
            Self::AnyObject => json!({ "type": "object", "additionalProperties": true }),
        }
    }

    /// A value of the type, for the examples in documents.
    pub fn example(&self) -> Value {
        const HASH: &str = "5f1c0d3b9a7e4826c5d1f0a3b2e4968770615243f4e5d6c7b8a9909182736455";
        match self {
            Self::Null => Value::Null,
            Self::Boolean => json!(true),
            Self::Integer | Self::Signed => json!(1),
            Self::Wide | Self::SignedWide => json!(250_000),
            Self::Number => json!(1.5),
            Self::Text => json!("text"),
            Self::Choice(texts) => json!(texts.first()),
            Self::Hash => json!(HASH),
            Self::Hex => json!("00ff"),
            Self::Address => json!("ltus1q9x7e0m5v2k8c3d6h4j1n0p"),
            Self::Endpoint => json!("127.0.0.1:4130"),
            Self::Ip => json!("127.0.0.1"),
            Self::Array(items) => json!([items.example()]),
            Self::Object(groups) => {
                let properties = groups.iter().copied().flatten().filter(|property| property.required);
                properties.map(|property| (property.name.to_owned(), property.schema.example())).collect()
            }
            Self::Map(values) => json!({ "name": values.example() }),
            Self::Nullable(inner) => inner.example(),
            Self::AnyOf(types) => types.first().map_or(Value::Null, Self::example),
            Self::AnyObject => json!({}),
        }
    }
}

fn object(groups: &[&[Property]]) -> Value {
    let (mut properties, mut names) = (Map::new(), Vec::new());
    for property in groups.iter().copied().flatten() {
        let mut schema = property.schema.to_json();
        schema["description"] = json!(property.summary);
        properties.insert(property.name.to_owned(), schema);
        if property.required {
            names.push(property.name);
        }
    }
    json!({ "type": "object", "properties": properties, "required": names })
}

#[cfg(test)]
impl Schema {
    /// What of a value does not fit, with its path: a missing property, a wrong type, a property that is not documented.
    pub(super) fn mismatch(&self, value: &Value, path: &str) -> Option<String> {
        match (self, value) {
            (Self::Array(items), Value::Array(list)) => {
                list.iter().enumerate().find_map(|(at, item)| items.mismatch(item, &format!("{path}[{at}]")))
            }
            (Self::Map(values), Value::Object(fields)) => {
                fields.iter().find_map(|(name, value)| values.mismatch(value, &format!("{path}.{name}")))
            }
            (Self::Object(groups), Value::Object(fields)) => {
                let properties: Vec<&Property> = groups.iter().copied().flatten().collect();
                let missing = properties.iter().find(|one| one.required && !fields.contains_key(one.name));
                if let Some(missing) = missing {
                    return Some(format!("{path}.{} is missing", missing.name));
                }
                fields.iter().find_map(|(name, value)| match properties.iter().find(|one| one.name == name) {
                    Some(property) => property.schema.mismatch(value, &format!("{path}.{name}")),
                    None => Some(format!("{path}.{name} is not documented")),
                })
            }
            (Self::Nullable(_), Value::Null) => None,
            (Self::Nullable(inner), value) => inner.mismatch(value, path),
            (Self::AnyOf(types), value) => {
                let all: Vec<String> = types.iter().map_while(|schema| schema.mismatch(value, path)).collect();
                (all.len() == types.len()).then(|| all.join("; "))
            }
            (schema, value) => {
                let text = value.as_str().unwrap_or_default();
                let hex = || text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
                let fits = match schema {
                    Self::Hash => text.len() == 64 && hex(),
                    Self::Hex => text.len() % 2 == 0 && hex(),
                    Self::Choice(texts) => texts.contains(&text),
                    Self::Address => text.contains("tus1"),
                    Self::Endpoint => text.parse::<std::net::SocketAddr>().is_ok(),
                    Self::Ip => text.parse::<std::net::IpAddr>().is_ok(),
                    Self::Integer => value.as_u64().is_some_and(|number| number < 1 << 53),
                    _ => true,
                };
                (!schema.accepts(value) || !fits).then(|| format!("{path}: {value} is not {schema:?}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINT: Schema = Schema::Object(&[
        &[required("x", Schema::Integer, "the first")],
        &[optional("y", Schema::Nullable(&Schema::Hash), "the second")],
    ]);

    #[test]
    fn what_does_not_fit_is_named_with_its_path() {
        let problem = |value: Value| Schema::Array(&POINT).mismatch(&value, "points");
        assert_eq!(problem(json!([{ "x": 1 }, { "x": 2, "y": null }, { "x": 2, "y": "ab".repeat(32) }])), None);
        assert_eq!(problem(json!([{ "x": 1 }, { "y": null }])).unwrap(), "points[1].x is missing");
        assert_eq!(problem(json!([{ "x": 1, "z": 2 }])).unwrap(), "points[0].z is not documented");
        assert!(problem(json!([{ "x": "1" }])).unwrap().starts_with("points[0].x: \"1\""));
        assert!(problem(json!([{ "x": 1, "y": "AB" }])).is_some() && problem(json!({})).is_some());
        assert!(problem(json!([{ "x": 1u64 << 53 }])).is_some(), "JavaScript would round it");
    }

    #[test]
    fn an_object_s_schema_lists_its_properties_and_which_are_always_there() {
        let schema = POINT.to_json();
        assert_eq!(schema["required"], json!(["x"]));
        assert_eq!(schema["properties"]["x"], json!({ "type": "integer", "minimum": 0, "description": "the first" }));
        assert_eq!(schema["properties"]["y"]["anyOf"][1], json!({ "type": "null" }));
    }

    #[test]
    fn each_example_is_of_its_own_type() {
        for schema in [POINT, Schema::Array(&POINT), Schema::Map(&Schema::Wide), ID, Schema::Choice(&["a", "b"])] {
            assert_eq!(schema.mismatch(&schema.example(), "example"), None);
        }
    }
}
