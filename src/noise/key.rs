//! Keys of 32 bytes that no log and no report shows.

use std::fmt;

use curve25519_dalek::MontgomeryPoint;

/// A secret: the private half of an X25519 key, or a key of a cipher.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(pub [u8; 32]);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The public half of an X25519 key (RFC 7748).
pub fn public_key(secret: &Key) -> [u8; 32] {
    MontgomeryPoint::mul_base_clamped(secret.0).to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_is_that_of_rfc_7748_and_the_secret_is_not_shown() {
        // RFC 7748, section 6.1, Alice.
        let secret = Key([
            0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c,
            0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a,
        ]);
        let public = public_key(&secret);
        assert_eq!(public[..8], [0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54]);
        assert_eq!(format!("{secret:?}"), "Key(..)");
    }
}
