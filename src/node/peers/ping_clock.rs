//! The clock in the nonce of a ping. A `Version` tells it once; clocks are set while links last.

use crate::{
    base::{rng::Rng, time::UnixTime},
    wire::message::SERVICE_CLOCK,
};

/// Low bits of the nonce that are random, so that each ping has another nonce.
const RANDOM_BITS: u32 = 24;

/// A nonce that tells this clock; a clock beyond the year 36,000 is cut.
pub(super) fn nonce(unix: UnixTime, rng: &mut Rng) -> u64 {
    unix.0 << RANDOM_BITS | rng.next_u64() >> (u64::BITS - RANDOM_BITS)
}

/// The clock that the nonce of a peer with these services tells.
pub(super) fn clock(services: u64, nonce: u64) -> Option<UnixTime> {
    (services & SERVICE_CLOCK != 0).then_some(UnixTime(nonce >> RANDOM_BITS))
}
