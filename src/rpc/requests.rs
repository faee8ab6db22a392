//! Reads a body of JSON, and tells of members that an object has twice. `serde_json` keeps the last of them, others the first:
//! what a caller meant is unknown.

use std::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// One request of a body.
#[derive(Debug, PartialEq)]
pub(super) struct Request {
    /// The request; the last of several members with one name.
    pub(super) value: Value,
    /// A member that is there twice.
    pub(super) repeated: Option<Repeated>,
}

/// A member that an object has twice.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Repeated {
    /// Its name, shortened for messages.
    pub(super) name: String,
    /// Whether the object is the request itself, not one of its parameters.
    pub(super) in_request: bool,
}

/// Reads the requests of a body, and whether they are a list.
pub(super) fn read(body: &[u8]) -> Result<(Vec<Request>, bool), serde_json::Error> {
    let mut source = serde_json::Deserializer::from_slice(body);
    let requests = source.deserialize_any(Body)?;
    source.end()?;
    Ok(requests)
}

/// The whole body: one request, or a list of them.
struct Body;

/// A value at some depth below its request.
#[derive(Clone, Copy)]
struct Node<'a> {
    depth: usize,
    repeated: &'a RefCell<Option<Repeated>>,
}

/// Forwards the values that are no lists and objects.
macro_rules! scalars {
    ($self:ident, $value:ident, $build:expr) => {
        fn visit_bool<E: Error>($self, $value: bool) -> Result<Self::Value, E> {
            Ok($build)
        }
        fn visit_i64<E: Error>($self, $value: i64) -> Result<Self::Value, E> {
            Ok($build)
        }
        fn visit_u64<E: Error>($self, $value: u64) -> Result<Self::Value, E> {
            Ok($build)
        }
        fn visit_f64<E: Error>($self, $value: f64) -> Result<Self::Value, E> {
            Ok($build)
        }
        fn visit_str<E: Error>($self, $value: &str) -> Result<Self::Value, E> {
            Ok($build)
        }
        fn visit_unit<E: Error>($self) -> Result<Self::Value, E> {
            let $value = ();
            Ok($build)
        }
    };
}

impl<'de> Visitor<'de> for Body {
    type Value = (Vec<Request>, bool);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request or a list of requests")
    }

    scalars!(self, value, (vec![Request { value: Value::from(value), repeated: None }], false));

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let repeated = RefCell::new(None);
        let value = Node { depth: 0, repeated: &repeated }.visit_map(map)?;
        Ok((vec![Request { value, repeated: repeated.into_inner() }], false))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut requests = Vec::new();
        loop {
            let repeated = RefCell::new(None);
            let Some(value) = list.next_element_seed(Node { depth: 0, repeated: &repeated })? else { break };
            requests.push(Request { value, repeated: repeated.into_inner() });
        }
        Ok((requests, true))
    }
}

impl Node<'_> {
    fn below(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    scalars!(self, value, Value::from(value));

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(self.below())? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(self.below())?;
            if members.contains_key(&name) {
                let name = name.chars().take(100).collect();
                *self.repeated.borrow_mut() = Some(Repeated { name, in_request: self.depth == 0 });
            }
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_those_of_serde_json() {
        for text in [
            r#"{"id":1,"method":"a","params":{"b":[null,true,-5,18446744073709551615,1.5,"x\u00e9"],"c":{}}}"#,
            "7",
            "null",
            r#""text""#,
            "-1.25e3",
            "[]",
        ] {
            let (requests, is_array) = read(text.as_bytes()).unwrap();
            let expected: Value = serde_json::from_str(text).unwrap();
            let values: Vec<Value> = requests.into_iter().map(|request| request.value).collect();
            assert_eq!(if is_array { json!(values) } else { values[0].clone() }, expected, "{text}");
        }
        for broken in ["", "{", "[1,]", "{} {}", "nul", r#"{"a":1,}"#, "\u{feff}{}"] {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
        assert!(read("[".repeat(100_000).as_bytes()).is_err(), "no stack overflow");
    }

    #[test]
    fn a_member_that_is_there_twice_is_told_with_its_place() {
        let repeated = |text: &str| read(text.as_bytes()).unwrap().0.pop().unwrap().repeated;
        let told = |name: &str, in_request| Some(Repeated { name: name.to_owned(), in_request });
        assert_eq!(repeated(r#"{"id":1,"params":{"a":{"b":1}},"b":[{"b":1}]}"#), None);
        assert_eq!(repeated(r#"{"id":1,"id":1}"#), told("id", true));
        assert_eq!(repeated(r#"{"params":{"a":1,"a":2}}"#), told("a", false));
        assert_eq!(repeated(r#"[{"id":1,"id":1},{"params":[{"a":1,"\u0061":2}]}]"#), told("a", false));
        assert_eq!(repeated(r#"[{"id":1,"id":1},{"id":2}]"#), None, "each request is judged by itself");
    }
}
