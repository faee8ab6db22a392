//! How many blocks a node keeps whole.

use std::str::FromStr;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::values;
use crate::chain::archive::Keep;

/// Units of bytes, the longer names first.
const UNITS: [(&str, u64); 8] = [
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("K", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
];
/// The fewest bytes: what the fewest blocks have, if they are not small.
const LEAST_BYTES: u64 = 1_000_000;

/// A number of blocks, or bytes of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepSetting(pub Keep);

impl FromStr for KeepSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || {
            let fewest = Keep::FEWEST;
            format!(
                "\"{text}\" is not a number of blocks from {fewest} up, such as 5000, or bytes from 1MB up, such as 2GB"
            )
        };
        if let Ok(blocks) = text.parse::<u32>() {
            return if blocks >= Keep::FEWEST { Ok(Self(Keep::Blocks(blocks))) } else { Err(problem()) };
        }
        let upper = text.trim().to_ascii_uppercase();
        let split = UNITS.iter().find_map(|(name, unit)| Some((upper.strip_suffix(name)?, *unit)));
        let bytes = split.and_then(|(number, unit)| number.trim_end().parse::<u64>().ok()?.checked_mul(unit));
        let bytes = bytes.filter(|bytes| *bytes >= LEAST_BYTES).ok_or_else(problem)?;
        Ok(Self(Keep::Bytes(bytes)))
    }
}

impl<'de> Deserialize<'de> for KeepSetting {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        values::written(source)?.parse().map_err(D::Error::custom)
    }
}

/// Whether so few blocks are enough for snapshots of this interval, at which newcomers join that are as deep as `join_depth`: a
/// snapshot is made from the blocks since its height, the last two are kept, and who joins at the older one needs what follows
/// it. `Err` says what is missing; a node that serves snapshots refuses it, others only say so.
pub fn check_keep(keep: Keep, interval: u32, join_depth: u32) -> Result<(), String> {
    let needed = interval.saturating_mul(2).saturating_add(join_depth);
    match keep {
        Keep::Blocks(blocks) if blocks < needed => Err(format!(
            "--keep {blocks} is fewer than the {needed} blocks with which newcomers can join by a snapshot (twice the interval of \
             {interval}, and a depth of {join_depth})"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_number_of_blocks_or_bytes_with_a_unit() {
        let read = |text: &str| text.parse::<KeepSetting>().map(|keep| keep.0);
        assert_eq!(read("5000"), Ok(Keep::Blocks(5000)));
        assert_eq!(read("100"), Ok(Keep::Blocks(100)));
        for text in ["2GB", "2gb", "2 GB", "2000MB", "2g", "2000000kb"] {
            assert_eq!(read(text), Ok(Keep::Bytes(2_000_000_000)), "{text}");
        }
        for wrong in ["", "99", "0", "-1", "1.5GB", "GB", "10KB", "2GiB", "all", "99999999999TB"] {
            assert!(read(wrong).is_err_and(|why| why.contains("such as 5000")), "{wrong}");
        }
    }

    #[test]
    fn a_few_blocks_are_too_few_for_those_who_join_by_snapshots() {
        let check = |keep| check_keep(keep, 1_000, 1_000);
        assert!(check(Keep::Blocks(2_999)).unwrap_err().contains("fewer than the 3000 blocks"));
        assert_eq!([Keep::Blocks(3_000), Keep::All, Keep::Bytes(1)].map(check), [Ok(()), Ok(()), Ok(())]);
    }
}
