//! How far a client of `watch` was told. The client keeps it, so that the node need not know its clients.

use std::{fmt, str::FromStr};

use crate::base::hash::Hash;

/// The position of a client: in the chain, and in what its node saw of the mempool.
///
/// As text: two points and the mempool's part, with hyphens between them. It has only letters, digits, dots and hyphens, so
/// that it can stand in a URL or a header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Up to here payments were told as confirmed.
    pub confirmed: Point,
    /// Up to here they were told as final.
    pub last_final: Point,
    /// Up to here it was told what waits.
    pub pool: PoolMark,
}

/// A position in the tree of blocks: all blocks up to this one's parent are told, and the first transactions of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The block's height.
    pub height: u32,
    /// The block.
    pub hash: Hash,
    /// How many of its transactions; [`Point::ALL`]: all.
    pub told: u32,
}

/// A position in the numbers that a run of a node gives to what comes into its mempool and leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct PoolMark {
    /// The run of the node.
    pub run: u64,
    /// The last number that was told.
    pub number: u64,
}

/// The version of the text form.
const VERSION: &str = "w1";

impl Point {
    /// All transactions of a block.
    pub const ALL: u32 = u32::MAX;

    /// The whole block.
    pub fn whole(height: u32, hash: Hash) -> Self {
        Self { height, hash, told: Self::ALL }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.told {
            Self::ALL => write!(f, "{}.all.{}", self.height, self.hash),
            told => write!(f, "{}.{told}.{}", self.height, self.hash),
        }
    }
}

impl FromStr for Point {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(());
        let (height, told, hash) = (part()?, part()?, part()?);
        let told = if told == "all" { Self::ALL } else { number(told)? };
        match parts.next() {
            None => Ok(Self { height: number(height)?, told, hash: hash.parse().map_err(|_| ())? }),
            Some(_) => Err(()),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { confirmed, last_final, pool } = self;
        write!(f, "{VERSION}-{confirmed}-{last_final}-{:x}.{}", pool.run, pool.number)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = text.trim().split('-').collect();
        let [VERSION, confirmed, last_final, pool] = parts.as_slice() else { return Err(()) };
        let (run, last) = pool.split_once('.').ok_or(())?;
        let pool = PoolMark { run: u64::from_str_radix(run, 16).map_err(|_| ())?, number: number(last)? };
        Ok(Self { confirmed: confirmed.parse()?, last_final: last_final.parse()?, pool })
    }
}

/// Digits only: `parse` would also take a sign.
fn number<T: FromStr>(digits: &str) -> Result<T, ()> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    if plain { digits.parse().map_err(|_| ()) } else { Err(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_what_it_writes_and_nothing_else() {
        let cursor = Cursor {
            confirmed: Point { height: 7, hash: Hash([1; 32]), told: 3 },
            last_final: Point::whole(u32::MAX, Hash([2; 32])),
            pool: PoolMark { run: u64::MAX, number: 9 },
        };
        let text = cursor.to_string();
        assert_eq!(text.parse(), Ok(cursor));
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte)), "{text}");
        let hash = "0".repeat(64);
        for broken in [
            "",
            "w1",
            "w2-1.all.H-1.all.H-0.0",
            "w1-1.all.H-1.all.H-0",
            "w1-1.all.H-1.all.H-0.0-0",
            "w1-+1.all.H-1.all.H-0.0",
            "w1-1.H-1.all.H-0.0",
            "w1-1.all.H.1-1.all.H-0.0",
            "w1-4294967296.all.H-1.all.H-0.0",
            "w1-1.all.-1.all.H-0.0",
        ] {
            assert_eq!(broken.replace('H', &hash).parse::<Cursor>(), Err(()), "{broken}");
        }
    }
}
