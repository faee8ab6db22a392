//! How much a node sends to its peers.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::values;

/// Bytes a second with which the largest block passes within the minute that peers wait for it.
const LEAST: u64 = 32_000;
/// Bytes a second that no node sends.
const MOST: u64 = 100_000_000_000;

/// A limit in bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadLimit(pub u64);

impl FromStr for UploadLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = match text.strip_suffix(['k', 'K']) {
            Some(number) => (number, 1_000),
            None => match text.strip_suffix(['m', 'M']) {
                Some(number) => (number, 1_000_000),
                None => (text, 1),
            },
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        let problem =
            || format!("\"{text}\" is not a number of bytes a second from 32k to 100000m, such as 500k or 2m");
        bytes.filter(|bytes| (LEAST..=MOST).contains(bytes)).map(Self).ok_or_else(problem)
    }
}

impl<'de> Deserialize<'de> for UploadLimit {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        values::written(source)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_of_bytes_with_a_unit_or_without() {
        let bytes = |text: &str| text.parse::<UploadLimit>().map(|limit| limit.0);
        assert_eq!(
            ["32000", "32k", "2m", "2M"].map(|text| bytes(text).ok()),
            [32_000, 32_000, 2_000_000, 2_000_000].map(Some)
        );
        for wrong in ["", "k", "31k", "-1m", "1.5m", "2mb", "0", "99999999999m", "18446744073709551615"] {
            assert!(bytes(wrong).is_err_and(|why| why.contains("from 32k to 100000m")), "{wrong}");
        }
    }
}
