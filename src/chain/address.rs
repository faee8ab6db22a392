//! Addresses: the hash of a public key, written in bech32m (BIP 350) with a prefix per chain.

use std::fmt;

use bech32::{Bech32m, Hrp};

use crate::base::{
    codec::{Decode, Encode},
    hash::{Domain, hex},
};

/// Who may spend a coin: the first 20 bytes of the domain-separated hash of an Ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
pub struct Address(pub [u8; 20]);

/// Digits of an address after the prefix and the 1: of 20 bytes, and six of the checksum.
const DIGITS: usize = 38;
/// So many after this chain's prefix are meant for an address, even if some are missing.
const MISTYPED_DIGITS: usize = 20;
/// The digits of bech32.
const BECH32: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Why a text is not an address on this chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Mistyped: the checksum does not match.
    #[error("not a valid address; a character is wrong or missing: copy it again")]
    Malformed,
    /// An address of another chain.
    #[error("an address of another chain: it starts with \"{found}1\", this chain's with \"{expected}1\"")]
    OtherChain {
        /// The prefix in the text.
        found: String,
        /// This chain's prefix.
        expected: String,
    },
    /// The right prefix, but not 20 bytes.
    #[error("an address holds 20 bytes, this one {0}")]
    Length(usize),
}

impl Address {
    /// The address that `public_key` may spend from.
    pub fn of(public_key: &[u8; 32]) -> Self {
        let hash = Domain::ADDRESS.hash(public_key);
        let mut bytes = [0; 20];
        bytes.copy_from_slice(&hash.0[..20]);
        Self(bytes)
    }

    /// The text form, with the chain's prefix.
    pub fn to_text(&self, prefix: &Prefix) -> String {
        bech32::encode::<Bech32m>(prefix.0, &self.0).expect("20 bytes and a checked prefix are within bech32's length")
    }

    /// Reads the text form; the prefix must be this chain's.
    pub fn parse(text: &str, prefix: &Prefix) -> Result<Self, AddressError> {
        let checked = bech32::primitives::decode::CheckedHrpstring::new::<Bech32m>(text.trim())
            .map_err(|_| AddressError::Malformed)?;
        if checked.hrp() != prefix.0 {
            let (found, expected) = (checked.hrp().to_string().to_lowercase(), prefix.to_string());
            return Err(AddressError::OtherChain { found, expected });
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        let length = bytes.len();
        bytes.try_into().map(Self).map_err(|_| AddressError::Length(length))
    }

    /// Whether people would take a text for an address, of whatever chain and in whatever case: its checksum is right, or it is
    /// one that was mistyped. Nothing else may be called so.
    pub fn is_like(text: &str, prefix: &Prefix) -> bool {
        let text = text.trim().to_ascii_lowercase();
        !matches!(Self::parse(&text, prefix), Err(AddressError::Malformed)) || is_mistyped(&text, prefix)
    }
}

/// Whether a text has the form of an address though its checksum is wrong: letters and digits after this chain's prefix, or as
/// many of bech32's as an address has after that of another chain.
fn is_mistyped(text: &str, prefix: &Prefix) -> bool {
    let own = text.strip_prefix(&prefix.to_string()).and_then(|rest| rest.strip_prefix('1'));
    let is_own = |rest: &str| rest.len() >= MISTYPED_DIGITS && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_bech32 = |rest: &str| rest.len() == DIGITS && rest.chars().all(|digit| BECH32.contains(digit));
    let other = text.rsplit_once('1').filter(|(start, _)| Prefix::new(start).is_some());
    own.is_some_and(is_own) || other.is_some_and(|(_, rest)| is_bech32(rest))
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0[..4]))
    }
}

/// The human-readable part of a chain's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix(Hrp);

impl Prefix {
    /// A prefix of 1 to 10 lower-case letters and digits; anything else is refused.
    pub fn new(text: &str) -> Option<Self> {
        let plain = (1..=10).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if plain { Hrp::parse(text).ok().map(Self) } else { None }
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_a_typing_error_or_another_chain_is_refused() {
        let prefix = Prefix::new("tus").unwrap();
        let address = Address::of(&[7; 32]);
        let text = address.to_text(&prefix);
        assert_eq!(Address::parse(&text, &prefix), Ok(address));
        let mut wrong = text.clone().into_bytes();
        wrong[10] = if wrong[10] == b'q' { b'p' } else { b'q' };
        let wrong = String::from_utf8(wrong).unwrap();
        assert!(matches!(Address::parse(&wrong, &prefix), Err(AddressError::Malformed)));
        let other = Prefix::new("other").unwrap();
        assert!(matches!(Address::parse(&text, &other), Err(AddressError::OtherChain { .. })));
        let foreign = wrong.replacen("tus1", "other1", 1);
        for like in [&text, &wrong, &text.to_uppercase(), &foreign, &text[..text.len() - 3], &format!("{text}x")] {
            assert!(Address::is_like(like, &prefix), "{like}");
        }
        for name in ["tus1", "tus1an", "alice", "Ann 1", "node1", &"a1".repeat(20), &"1".repeat(64)] {
            assert!(!Address::is_like(name, &prefix), "{name}");
        }
        assert!(Prefix::new("Ab").is_none() && Prefix::new("").is_none());
    }
}
