//! How often a node commits and flushes blocks that it got from peers.

use std::{str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::values;

/// The word for a commit and a flush with every block.
const EVERY_BLOCK: &str = "every-block";
/// Seconds that may be between two flushes.
const MOST_SECONDS: u64 = 3600;

/// The time between two flushes unless the flag says otherwise: four blocks of the `local` chain, which share the pages
/// and the flush of one.
const DEFAULT: Duration = Duration::from_secs(20);

/// The time between two flushes; zero: every block is committed and flushed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlushInterval(pub Duration);

impl Default for FlushInterval {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl FromStr for FlushInterval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(seconds @ 1..=MOST_SECONDS) => Ok(Self(Duration::from_secs(seconds))),
            Err(_) if text == EVERY_BLOCK => Ok(Self(Duration::ZERO)),
            _ => Err(format!("{EVERY_BLOCK}, or 1 to {MOST_SECONDS} seconds")),
        }
    }
}

impl<'de> Deserialize<'de> for FlushInterval {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        values::written(source)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_word_or_seconds_within_an_hour() {
        let seconds = |text: &str| text.parse::<FlushInterval>().map(|interval| interval.0.as_secs());
        assert_eq!((seconds("every-block"), seconds("1"), seconds("3600")), (Ok(0), Ok(1), Ok(3600)));
        for wrong in ["0", "3601", "-1", "1.5", "never", ""] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
