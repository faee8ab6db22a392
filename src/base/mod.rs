//! The ground that everything stands on: hashes, identifiers, time, seeded randomness, the codec and every limit.

pub mod bytes;
pub mod codec;
pub mod gather;
pub mod hash;
pub mod ids;
pub mod limits;
pub mod rng;
pub mod time;
