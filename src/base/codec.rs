//! The only user of bincode: fixed-width little-endian integers, bounded lists, every byte consumed.
//!
//! Fixed widths leave each value exactly one encoding, so that `encode(decode(bytes)) == bytes` and a
//! message with other bytes is another message. bincode is unmaintained (RUSTSEC-2025-0141) but complete for this
//! use; golden bytes in `tests/vectors/` pin its output, so that a compatible library can take its place.

use std::ops::Deref;

use bincode::config::{Configuration, Fixint, LittleEndian, NoLimit};
/// For types with an encoding of their own.
pub use bincode::{
    BorrowDecode, Decode, Encode,
    de::{BorrowDecoder, Decoder},
    enc::Encoder,
    error::{DecodeError, EncodeError},
};

const CONFIG: Configuration<LittleEndian, Fixint, NoLimit> =
    bincode::config::standard().with_little_endian().with_fixed_int_encoding().with_no_limit();

/// Why bytes are not a value of the expected type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes do not form the type: cut short, a list over its limit, an unknown variant.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The value ends before the bytes do.
    #[error("{0} bytes left over")]
    Trailing(usize),
}

/// Encodes a value. Lists longer than their limit cannot be built, so this cannot fail.
pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
    bincode::encode_to_vec(value, CONFIG).expect("plain values always encode")
}

/// Decodes a value that must take up all of `bytes`.
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, used) = decode_prefix(bytes)?;
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(CodecError::Trailing(left)),
    }
}

/// Decodes a value at the start of `bytes`; also returns how many bytes it took.
pub fn decode_prefix<T: Decode<()>>(bytes: &[u8]) -> Result<(T, usize), CodecError> {
    bincode::decode_from_slice(bytes, CONFIG).map_err(|error| {
        CodecError::Malformed(match error {
            DecodeError::UnexpectedEnd { additional } => format!("{additional} bytes or more are missing"),
            DecodeError::OtherString(text) => text, // ours: its own words are Rust's debug form
            error => error.to_string(),
        })
    })
}

/// Why bytes do not form a type, in words that users see.
pub fn malformed(text: String) -> DecodeError {
    DecodeError::OtherString(text)
}

/// A list of at most `MAX` items; on the wire a `u32` count, then the items.
///
/// The count is checked before anything is allocated, and memory grows only with items that arrived.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct List<T, const MAX: usize>(Vec<T>);

/// More items than the list may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{count} items where at most {max} are allowed")]
pub struct TooMany {
    /// Items that were given.
    pub count: usize,
    /// Items that are allowed.
    pub max: usize,
}

impl<T, const MAX: usize> List<T, MAX> {
    /// A list of no items.
    pub const EMPTY: Self = Self(Vec::new());

    /// Takes the items, unless there are too many.
    pub fn new(items: Vec<T>) -> Result<Self, TooMany> {
        if items.len() > MAX { Err(TooMany { count: items.len(), max: MAX }) } else { Ok(Self(items)) }
    }

    /// Keeps the first `MAX` items of an iterator.
    pub fn truncated(items: impl IntoIterator<Item = T>) -> Self {
        Self(items.into_iter().take(MAX).collect())
    }

    /// The items.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// The items, mutable; their number does not change.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> IntoIterator for List<T, MAX> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a List<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Encode, const MAX: usize> Encode for List<T, MAX> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        u32::try_from(self.0.len()).expect("a list's limit fits in 32 bits").encode(encoder)?;
        self.0.iter().try_for_each(|item| item.encode(encoder))
    }
}

impl<C, T: Decode<C>, const MAX: usize> Decode<C> for List<T, MAX> {
    fn decode<D: Decoder<Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        let count = u32::decode(decoder)? as usize;
        if count > MAX {
            return Err(malformed(TooMany { count, max: MAX }.to_string()));
        }
        // A hostile count within the limit allocates no more than a few items ahead of those that arrive.
        let mut items = Vec::with_capacity(count.min(16));
        for _ in 0..count {
            items.push(T::decode(decoder)?);
        }
        Ok(Self(items))
    }
}

impl<'de, C, T: Decode<C>, const MAX: usize> BorrowDecode<'de, C> for List<T, MAX> {
    fn borrow_decode<D: BorrowDecoder<'de, Context = C>>(decoder: &mut D) -> Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_too_long_is_said_in_words() {
        let error = decode::<List<u8, 3>>(&4u32.to_le_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "malformed: 4 items where at most 3 are allowed");
    }

    #[test]
    fn integers_are_fixed_width_little_endian() {
        assert_eq!(encode(&(1u16, 2u32, 3u64)), [1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn trailing_and_missing_bytes_are_refused() {
        assert_eq!(decode::<u16>(&[1, 0, 9]), Err(CodecError::Trailing(1)));
        assert!(matches!(decode::<u16>(&[1]), Err(CodecError::Malformed(_))));
    }

    #[test]
    fn a_list_counts_before_it_allocates() {
        type Few = List<u8, 3>;
        assert_eq!(encode(&Few::new(vec![7, 8]).unwrap()), [2, 0, 0, 0, 7, 8]);
        assert_eq!(decode::<Few>(&[2, 0, 0, 0, 7, 8]).unwrap().into_vec(), [7, 8]);
        assert!(matches!(decode::<Few>(&[4, 0, 0, 0, 1, 2, 3, 4]), Err(CodecError::Malformed(_))));
        assert!(matches!(decode::<List<u8, { u32::MAX as usize }>>(&[255; 4]), Err(CodecError::Malformed(_))));
    }
}
