//! A row of the table of paths.

use std::str::FromStr;

use crate::{
    base::hash::unhex,
    rpc::{
        continuation::{Continuation, Shared},
        error::RpcError,
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

    /// The path as `GET /api` lists it, names in capitals.
    pub fn listed(&self) -> String {
        let fields = self.params.iter().filter(|param| !self.is_id(param));
        let fields: Vec<String> =
            fields.map(|param| format!("{}={}", param.name, param.name.to_ascii_uppercase())).collect();
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
        let mut pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| *key == name).and_then(|(_, value)| percent_decode(value))
    }

    /// A field that is a number, or its default.
    pub fn number<T: FromStr>(&self, name: &str, default: T) -> Result<T, RpcError> {
        match self.field(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| RpcError::bad_parameter(format!("\"{name}\" is not a number"))),
        }
    }
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
