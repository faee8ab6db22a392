//! The encryption of links: the Noise protocol framework with X25519, ChaCha20-Poly1305 and BLAKE2s.
//!
//! A package of its own, always compiled for speed: the code of the cipher is generic, and is compiled where it is used.
//! Among code that is compiled for size, a message takes ten times as long.

mod blocking;
mod cipher;
mod handshake;
mod key;
mod resolver;

pub use blocking::SealedStream;
pub use cipher::{Forged, MAX_MESSAGE_BYTES, MAX_PAYLOAD_BYTES, Opener, REKEY_MESSAGES, Sealer, TAG_BYTES};
pub use handshake::{Agreement, Fault, Pattern};
pub use key::{Key, public_key};
