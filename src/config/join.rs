//! How a new ledger is filled.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::values;
use crate::base::hash::Hash;

/// Where a node that has no blocks begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum JoinFrom {
    /// At genesis: it verifies the whole history.
    #[default]
    History,
    /// With the coins of a block far below the best header.
    Snapshot,
}

impl FromStr for JoinFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "history" => Ok(Self::History),
            "snapshot" => Ok(Self::Snapshot),
            _ => Err(format!("\"{text}\" is neither history nor snapshot")),
        }
    }
}

impl<'de> Deserialize<'de> for JoinFrom {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        values::written(source)?.parse().map_err(D::Error::custom)
    }
}

/// The block after which the coins are to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinBlock(pub Hash);

impl FromStr for JoinBlock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let hash = text.parse().map_err(|_| format!("\"{text}\" is not the hash of a block, 64 hex digits"))?;
        Ok(Self(hash))
    }
}

impl<'de> Deserialize<'de> for JoinBlock {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        values::written(source)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_and_blocks_are_read_or_refused() {
        assert_eq!(["history", "snapshot"].map(str::parse), [Ok(JoinFrom::History), Ok(JoinFrom::Snapshot)]);
        assert!("Snapshot".parse::<JoinFrom>().is_err_and(|why| why.contains("neither history nor snapshot")));
        let hash = Hash([7; 32]);
        assert_eq!(hash.to_string().parse(), Ok(JoinBlock(hash)));
        assert!("07".parse::<JoinBlock>().is_err_and(|why| why.contains("64 hex digits")));
    }
}
