//! Proof-of-work targets: Bitcoin's compact form, 256-bit targets, cumulative work.

use std::fmt;

use ruint::aliases::U256;

use crate::{
    base::{
        codec::{Decode, Encode},
        hash::{Hash, hex},
    },
    chain::seal::Epoch,
};

/// A target in Bitcoin's compact form ("nBits"): an exponent byte and a 23-bit mantissa.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
pub struct CompactTarget(pub u32);

/// A 256-bit target. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target(U256);

/// Work: the expected number of hashes, of one block or summed over a chain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Work(pub U256);

impl CompactTarget {
    /// The full target; `None` for zero, negative or overflowing forms and for those that are not the canonical form
    /// of their value, so that each target is written in one way only.
    pub fn expand(self) -> Option<Target> {
        let size = self.0 >> 24;
        let mantissa = U256::from(self.0 & 0x007f_ffff);
        if self.0 & 0x0080_0000 != 0 || mantissa.is_zero() {
            return None;
        }
        let value = if size <= 3 {
            mantissa >> (8 * (3 - size as usize))
        } else {
            let shift = 8 * (size as usize - 3);
            if mantissa.bit_len() + shift > 256 {
                return None;
            }
            mantissa << shift
        };
        let target = Target::new(value)?;
        (target.compact() == self).then_some(target)
    }
}

impl Target {
    /// A target; `None` for zero, which no hash could meet.
    pub fn new(value: U256) -> Option<Self> {
        (!value.is_zero()).then_some(Self(value))
    }

    /// The 256-bit number.
    pub fn value(&self) -> U256 {
        self.0
    }

    /// The compact form, rounded down as Bitcoin does.
    pub fn compact(&self) -> CompactTarget {
        let mut size = self.0.bit_len().div_ceil(8);
        let mut mantissa: u32 =
            if size <= 3 { (self.0 << (8 * (3 - size))).to() } else { (self.0 >> (8 * (size - 3))).to() };
        // The sign bit of the mantissa must stay clear.
        if mantissa & 0x0080_0000 != 0 {
            mantissa >>= 8;
            size += 1;
        }
        CompactTarget(mantissa | (u32::try_from(size).expect("at most 33 bytes") << 24))
    }

    /// Whether a hash, read as a big-endian number, is at most the target.
    pub fn admits(&self, hash: &Hash) -> bool {
        U256::from_be_bytes(hash.0) <= self.0
    }

    /// The expected number of hashes to meet the target: 2²⁵⁶ / (target + 1).
    pub fn work(&self) -> Work {
        // 2^256 does not fit into 256 bits; the identity with the complement is Bitcoin's.
        match self.0.checked_add(U256::from(1)) {
            Some(next) => Work((!self.0 / next).saturating_add(U256::from(1))),
            None => Work(U256::from(1)),
        }
    }
}

impl Work {
    /// No work.
    pub const ZERO: Self = Self(U256::ZERO);

    /// The sum, kept at the maximum instead of wrapping.
    pub fn plus(self, more: Work) -> Work {
        Work(self.0.saturating_add(more.0))
    }

    /// What stands for the work of a chain that the first authorities seal: the view of its last block.
    pub fn of_view(view: u64) -> Self {
        Self::of_seal(0, view)
    }

    /// What stands for the work of a chain that authorities seal: the set that sealed its last block, and the view. A set
    /// comes after all that those before it have sealed, whatever their views.
    pub fn of_seal(epoch: Epoch, view: u64) -> Self {
        Self((U256::from(epoch) << 64) | U256::from(view))
    }

    /// The view that [`Work::of_seal`] was made of.
    pub fn view(self) -> u64 {
        self.0.as_limbs()[0]
    }

    /// 32 big-endian bytes: their order as bytes is the order of the numbers.
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }

    /// Reads [`Work::to_be_bytes`].
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(U256::from_be_bytes(bytes))
    }

    /// An approximation, to be displayed.
    pub fn to_f64(self) -> f64 {
        f64::from(self.0)
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.to_be_bytes()))
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_set_comes_after_every_view_of_an_earlier_one() {
        let all =
            [(0, 0), (0, 1), (0, u64::MAX), (1, 0), (1, 7), (2, 3)].map(|(epoch, view)| Work::of_seal(epoch, view));
        assert!(all.is_sorted() && Work::of_view(7) == Work::of_seal(0, 7));
        assert_eq!(all.map(Work::view), [0, 1, u64::MAX, 0, 7, 3]);
    }

    #[test]
    fn compact_targets_of_bitcoin_s_own_examples() {
        let target = |text: &str| Target::new(U256::from_str_radix(text, 16).unwrap()).unwrap();
        assert_eq!(CompactTarget(0x1d00_ffff).expand(), Some(target(&format!("ffff{}", "0".repeat(52)))));
        assert_eq!(CompactTarget(0x0412_3456).expand(), Some(target("12345600")));
        assert_eq!(CompactTarget(0x0300_1234).expand(), None, "not canonical: 0x02123400 is the same number");
        for refused in [0, 0x0492_3456, 0x0400_0000, 0xff12_3456, 0x2101_0000] {
            assert_eq!(CompactTarget(refused).expand(), None, "{refused:#x}");
        }
        assert_eq!(CompactTarget(0x2100_ffff).expand(), Some(target(&format!("ffff{}", "0".repeat(60)))));
    }

    #[test]
    fn work_is_the_expected_number_of_hashes() {
        assert_eq!(Target::new(U256::MAX).unwrap().work(), Work(U256::from(1)));
        assert_eq!(Target::new(U256::MAX >> 1).unwrap().work(), Work(U256::from(2)));
        assert_eq!(Target::new(U256::MAX >> 20).unwrap().work(), Work(U256::from(1 << 20)));
        assert_eq!(CompactTarget(0x1d00_ffff).expand().unwrap().work(), Work(U256::from(0x0001_0001_0001u64)));
    }
}
