//! What every module uses: hashes, identifiers, time, seeded randomness, the codec, and shared limits.

pub mod bytes;
pub mod codec;
pub mod gather;
pub mod hash;
pub mod ids;
pub mod leb128;
pub mod limits;
pub mod link_map;
pub mod rng;
pub mod text;
pub mod time;
