//! The texts of a receipt: hex, and lists of it.

use serde::{Deserializer, de};

use crate::base::{
    hash::{Hash, unhex},
    limits::WORK_HEADER_BYTES,
};

/// Partners in a merkle tree at most: more than any tree has levels.
const MAX_PATH: usize = 64;

/// Lower-case hex of at most so many bytes: one text for one value, so that no change goes unnoticed.
pub(super) fn bytes_of(text: &str, most: usize) -> Option<Vec<u8>> {
    let is_lower = text.len() / 2 <= most && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    is_lower.then(|| unhex(text)).flatten()
}

pub(super) fn path_text(path: &[Option<Hash>]) -> Vec<String> {
    path.iter().map(|partner| partner.map_or_else(String::new, |hash| hash.to_string())).collect()
}

pub(super) fn path_of(texts: &[String]) -> Option<Vec<Option<Hash>>> {
    let one = |text: &String| match text.as_str() {
        "" => Some(None),
        text => bytes_of(text, 32)?.try_into().ok().map(|bytes| Some(Hash(bytes))),
    };
    if texts.len() <= MAX_PATH { texts.iter().map(one).collect() } else { None }
}

/// Receipts come from strangers: a short text takes ten times its bytes in memory, so a list of them is bounded while it is
/// read.
pub(super) fn read_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_seq(Texts { most: MAX_PATH, least_bytes: 0 })
}

pub(super) fn read_headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    deserializer.deserialize_seq(Texts { most: usize::MAX, least_bytes: 2 * WORK_HEADER_BYTES })
}

/// Reads a list of texts.
struct Texts {
    most: usize,
    /// Of each.
    least_bytes: usize,
}

impl<'de> de::Visitor<'de> for Texts {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of hex texts")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            if texts.len() >= self.most || text.len() < self.least_bytes {
                return Err(de::Error::invalid_length(text.len(), &self));
            }
            texts.push(text);
        }
        Ok(texts)
    }
}
