//! aserti3-2d, exactly as specified for Bitcoin Cash (CHIP-2020-11 "ASERT"), anchored at the genesis block.
//!
//! target = anchor target × 2^((time since the anchor's parent − ideal time × (height since the anchor + 1)) / half-life),
//! in 16.16 fixed-point arithmetic with a cubic approximation of 2^x, so that every implementation gets the same bits.

use ruint::aliases::U512;

use super::target::{CompactTarget, Target};

/// The anchor of the exponential, and how fast it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asert {
    /// The anchor block's target.
    pub anchor_target: CompactTarget,
    /// Unix seconds of the anchor's **parent**; for a genesis anchor, genesis time − block time.
    pub anchor_parent_time: i64,
    /// The anchor's height.
    pub anchor_height: i64,
    /// Seconds between blocks that the schedule aims at.
    pub block_time: i64,
    /// Seconds ahead of or behind the schedule that halve or double the target.
    pub half_life: i64,
    /// The easiest target allowed.
    pub limit: Target,
}

impl Asert {
    /// The target of the block after the one with this time (unix seconds) and height.
    ///
    /// Shapes as in the specification's test vectors: the result is rounded through the compact form and clamped to
    /// `1..=limit`.
    pub fn next(&self, parent_time: i64, parent_height: i64) -> CompactTarget {
        let Some(anchor) = self.anchor_target.expand() else { return self.limit.compact() };
        let time = i128::from(parent_time) - i128::from(self.anchor_parent_time);
        let height = i128::from(parent_height) - i128::from(self.anchor_height);
        // Rust's division truncates towards zero as the reference's does.
        let exponent = ((time - i128::from(self.block_time) * (height + 1)) * 65536) / i128::from(self.half_life);
        let shifts = exponent >> 16;
        let fraction = u64::try_from(exponent & 0xffff).expect("16 bits");
        let factor: u64 = 65536 + (cubic(fraction) >> 48) as u64;
        let mut next = U512::from(anchor.value()) * U512::from(factor);
        let limit = U512::from(self.limit.value());
        // Beyond 256 places in either direction the result is clamped anyway.
        let places = shifts.clamp(-256, 256) - 16;
        if places < 0 {
            next >>= usize::try_from(-places).expect("at most 272");
        } else {
            let up = usize::try_from(places).expect("at most 240");
            if next.bit_len() + up > 512 {
                return self.limit.compact();
            }
            next <<= up;
        }
        if next.is_zero() {
            return CompactTarget(0x0101_0000);
        }
        if next > limit {
            return self.limit.compact();
        }
        Target::new(next.to()).map_or(self.limit.compact(), |target| target.compact())
    }
}

/// 2^48-scaled 2^(x/65536) − 1 for x in 0..65536, rounded; the specification's polynomial.
fn cubic(x: u64) -> u128 {
    let x = u128::from(x);
    195_766_423_245_049 * x + 971_821_376 * x * x + 5_127 * x * x * x + (1 << 47)
}
