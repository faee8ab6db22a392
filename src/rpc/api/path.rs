//! A row of the table of paths.

use std::{collections::BTreeSet, str::FromStr};

use serde_json::Value;

use crate::{
    base::hash::unhex,
    rpc::{
        continuation::{Continuation, Shared},
        error::RpcError,
        integers,
        schema::{Property, Schema},
    },
};

/// The function of a path.
pub type Reader = fn(&Shared, &Lookup) -> Result<Continuation, RpcError>;

/// A path that answers JSON.
pub struct Path {
    /// The path. One segment may be a name in braces that stands for a value.
    pub path: &'static str,
    /// What the name in braces and the fields of the query are.
    pub params: &'static [Property],
    /// What it is, in a line.
    pub summary: &'static str,
    /// The type of the answer.
    pub result: Schema,
    /// The function that carries it out.
    pub reader: Reader,
}

/// What one request asks of a path.
pub struct Lookup {
    /// What stands for the name in braces; empty if there is none.
    pub id: String,
    /// After the question mark.
    pub query: String,
}

impl Path {
    /// What stands for the name in braces if `path` has this form.
    pub fn match_id<'a>(&self, path: &'a str) -> Option<&'a str> {
        let mut id = "";
        let (mut wanted, mut given) = (self.path.split('/'), path.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return Some(id),
                (Some(wanted), Some(given)) if wanted.starts_with('{') => id = given,
                (Some(wanted), Some(given)) if wanted == given => {}
                _ => return None,
            }
        }
    }

    /// Whether a parameter is the name in braces.
    pub fn is_id(&self, param: &Property) -> bool {
        self.path.contains(&format!("{{{}}}", param.name))
    }

    /// Refuses a query with a field that is unknown, missing, twice there or of the wrong type. What is misspelt would
    /// otherwise be left out in silence.
    pub fn check(&self, query: &str) -> Result<(), RpcError> {
        integers::check(query)?;
        let mut seen = BTreeSet::from([integers::FIELD]);
        for (name, value) in fields(query).filter(|(name, _)| *name != integers::FIELD) {
            let param = self.fields().find(|param| param.name == name).ok_or_else(|| self.unknown(name))?;
            if !seen.insert(param.name) {
                return Err(RpcError::bad_parameter(format!("\"{name}\" is there twice")));
            }
            if !percent_decode(value).is_some_and(|text| is_of(&param.schema, text)) {
                return Err(RpcError::bad_parameter(format!("\"{name}\" must be {}", param.schema.words())));
            }
        }
        match self.fields().find(|param| param.required && !seen.contains(param.name)) {
            Some(param) => Err(RpcError::bad_parameter(format!("\"{}\" is missing: {}", param.name, param.summary))),
            None => Ok(()),
        }
    }

    /// The parameters that are fields of the query.
    fn fields(&self) -> impl Iterator<Item = &'static Property> {
        self.params.iter().filter(|param| !self.is_id(param))
    }

    fn unknown(&self, name: &str) -> RpcError {
        let known: Vec<&str> = self.fields().map(|param| param.name).chain([integers::FIELD]).collect();
        integers::unknown(name, &format!("the fields of this path are: {}", known.join(", ")))
    }

    /// The path as `GET /api` lists it, names in capitals.
    pub fn listed(&self) -> String {
        let fields: Vec<String> =
            self.fields().map(|param| format!("{}={}", param.name, param.name.to_ascii_uppercase())).collect();
        let path = match self.path.split_once(['{', '}']) {
            Some((start, rest)) => match rest.split_once('}') {
                Some((name, end)) => format!("{start}{}{end}", name.to_ascii_uppercase()),
                None => self.path.to_owned(),
            },
            None => self.path.to_owned(),
        };
        if fields.is_empty() { path } else { format!("{path}?{}", fields.join("&")) }
    }
}

impl Lookup {
    /// The value of a field of the query, percent signs resolved.
    pub fn field(&self, name: &str) -> Option<String> {
        fields(&self.query).find(|(key, _)| *key == name).and_then(|(_, value)| percent_decode(value))
    }

    /// A field that is a number, or its default.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Result<T, RpcError> {
        match self.field(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| RpcError::bad_parameter(format!("\"{name}\" is not a number"))),
        }
    }
}

/// Names and values, as sent. A name alone has an empty value.
fn fields(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Whether a text stands for a value of this type.
fn is_of(schema: &Schema, text: String) -> bool {
    serde_json::from_str(&text).is_ok_and(|value| schema.accepts(&value)) || schema.accepts(&Value::String(text))
}

/// `None` if the result is not UTF-8, or if the text ends within a percent sign and its digits.
fn percent_decode(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2)?;
        bytes.extend(unhex(digits)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_signs_are_resolved_or_refused() {
        assert_eq!(percent_decode("7%3A3").as_deref(), Some("7:3"));
        assert_eq!(percent_decode("%c3%a9").as_deref(), Some("é"));
        for broken in ["%", "%4", "%zz", "%c3", "a%é"] {
            assert_eq!(percent_decode(broken), None, "{broken}");
        }
    }
}
