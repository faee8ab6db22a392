//! 64-bit integers as strings, for clients whose numbers are exact to 2^53 only, such as JavaScript's.

use std::collections::BTreeSet;

use crate::rpc::{error::RpcError, schema::Schema};

/// The field of a query that asks for strings.
pub(super) const FIELD: &str = "integers";
/// Its value.
pub(super) const STRINGS: &str = "strings";

/// Whether a query asks for strings.
pub(super) fn wants_strings(query: &str) -> bool {
    query.split('&').any(|pair| pair.split_once('=') == Some((FIELD, STRINGS)))
}

/// Refuses another value of the field: a program that misspells it would get numbers that it rounds.
pub(super) fn check(query: &str) -> Result<(), RpcError> {
    let wrong = |pair: &str| pair.split('=').next() == Some(FIELD) && !wants_strings(pair);
    match query.split('&').any(wrong) {
        true => Err(RpcError::bad_parameter(format!("\"{FIELD}\" can only be \"{STRINGS}\""))),
        false => Ok(()),
    }
}

/// The same for a path that has no other field.
pub(super) fn check_alone(query: &str) -> Result<(), RpcError> {
    let names = query.split('&').filter_map(|pair| pair.split('=').next());
    match names.filter(|name| !name.is_empty()).find(|name| *name != FIELD) {
        Some(name) => Err(unknown(name, &format!("the only field of calls is \"{FIELD}\""))),
        None => check(query),
    }
}

/// The refusal of a field that a path does not have.
pub(super) fn unknown(name: &str, known: &str) -> RpcError {
    let name: String = name.chars().take(40).collect();
    RpcError::bad_parameter(format!("\"{}\" is unknown; {known}", name.escape_default()))
}

/// Whether a result may hold 64-bit integers.
pub(super) fn has_wide(schema: &Schema) -> bool {
    is_wide(schema) || !wide_names(schema).is_empty()
}

/// The JSON text of a result with every 64-bit integer as a string. Which ones these are depends on the type alone, not
/// on the value, so that a client reads one type.
pub(super) fn as_strings(text: &str, schema: &Schema) -> String {
    let names = wide_names(schema);
    let mut quoted = String::with_capacity(text.len() + text.len() / 8);
    let (mut rest, mut wide) = (text, is_wide(schema));
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => string_length(rest),
            '-' | '0'..='9' => rest.find([',', '}', ']', ' ']).unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        match first {
            '"' if after.starts_with(':') => wide = names.contains(token.trim_matches('"')),
            '{' | '}' | ']' => wide = false,
            _ => {}
        }
        let is_number = matches!(first, '-' | '0'..='9');
        if is_number && wide {
            quoted.extend(["\"", token, "\""]);
        } else {
            quoted.push_str(token);
        }
        rest = after;
    }
    quoted
}

/// Bytes of the JSON string that a text begins with.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

fn is_wide(schema: &Schema) -> bool {
    match schema {
        Schema::Wide | Schema::SignedWide => true,
        Schema::Nullable(inner) | Schema::Array(inner) => is_wide(inner),
        _ => false,
    }
}

/// The names of all properties that are 64-bit integers or lists of them.
fn wide_names(schema: &Schema) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    collect(schema, &mut names);
    names
}

fn collect(schema: &Schema, names: &mut BTreeSet<&'static str>) {
    match schema {
        Schema::Object(groups) => {
            for property in groups.iter().copied().flatten() {
                if is_wide(&property.schema) {
                    names.insert(property.name);
                }
                collect(&property.schema, names);
            }
        }
        Schema::Array(inner) | Schema::Map(inner) | Schema::Nullable(inner) => collect(inner, names),
        Schema::AnyOf(types) => types.iter().for_each(|schema| collect(schema, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::schema::{optional, required};

    const PAYMENT: Schema = Schema::Object(&[&[
        required("amount", Schema::Wide, "units"),
        required("height", Schema::Integer, "height"),
        optional("rates", Schema::Array(&Schema::Wide), "rates"),
        optional("memo", Schema::Text, "text"),
    ]]);

    #[test]
    fn only_wide_integers_become_strings() {
        let text =
            r#"[{"amount":18446744073709551615,"height":7,"rates":[1,2],"memo":"\"amount\":3 \\"},{"amount":0}]"#;
        let expected = r#"[{"amount":"18446744073709551615","height":7,"rates":["1","2"],"memo":"\"amount\":3 \\"},{"amount":"0"}]"#;
        assert_eq!(as_strings(text, &Schema::Array(&PAYMENT)), expected);
        assert_eq!(as_strings("12", &Schema::Wide), "\"12\"");
        assert_eq!(as_strings("null", &Schema::Nullable(&Schema::Wide)), "null");
        assert_eq!(as_strings(r#"{"x":1}"#, &Schema::AnyObject), r#"{"x":1}"#);
    }

    #[test]
    fn a_query_asks_for_strings_by_one_field() {
        assert!(wants_strings("integers=strings") && wants_strings("limit=1&integers=strings"));
        assert!(!wants_strings("integers=numbers") && !wants_strings(""));
    }
}
