//! The inner loop of the state digest: LtHash's sum of expanded keys.
//!
//! Each coin of each block passes through here, which is a twelfth of a sync's time. So it is a package of its own, always
//! compiled for speed. Inside `tussock-core` the compiler does not inline the cipher's steps, and the sum takes more than
//! twice as long.

use chacha20::{
    ChaCha20,
    cipher::{KeyIvInit as _, StreamCipher as _},
};

/// Bytes of a sum: 1,024 numbers of 16 bits, little-endian.
pub const SUM_BYTES: usize = 2048;

/// A sum.
pub type Sum = [u8; SUM_BYTES];

/// Expands `key` and adds it, number by number, modulo 2¹⁶.
pub fn add(sum: &mut Sum, key: &[u8; 32]) {
    merge(sum, &expand(key));
}

/// Subtracts what `key` expands to: the inverse of [`add`].
pub fn subtract(sum: &mut Sum, key: &[u8; 32]) {
    each(sum, &expand(key), eight::subtract);
}

fn merge(sum: &mut Sum, other: &Sum) {
    each(sum, other, eight::add);
}

/// Changes eight numbers at a time. A compiler that optimises for size does not vectorise by itself: number by number took
/// as long as the cipher.
fn each(sum: &mut Sum, other: &Sum, change: impl Fn([u8; 16], [u8; 16]) -> [u8; 16]) {
    for (places, more) in sum.as_chunks_mut().0.iter_mut().zip(other.as_chunks().0) {
        *places = change(*places, *more);
    }
}

/// Sums and differences of eight numbers in one instruction, which every processor of this family has.
#[cfg(target_arch = "x86_64")]
mod eight {
    use safe_arch::{add_i16_m128i, sub_i16_m128i};

    pub(super) fn add(one: [u8; 16], other: [u8; 16]) -> [u8; 16] {
        add_i16_m128i(one.into(), other.into()).into()
    }

    pub(super) fn subtract(one: [u8; 16], other: [u8; 16]) -> [u8; 16] {
        sub_i16_m128i(one.into(), other.into()).into()
    }
}

/// The same elsewhere.
#[cfg(not(target_arch = "x86_64"))]
mod eight {
    use bytemuck::must_cast;
    use wide::u16x8;

    pub(super) fn add(one: [u8; 16], other: [u8; 16]) -> [u8; 16] {
        must_cast(little_endian(eight(one) + eight(other)))
    }

    pub(super) fn subtract(one: [u8; 16], other: [u8; 16]) -> [u8; 16] {
        must_cast(little_endian(eight(one) - eight(other)))
    }

    fn eight(bytes: [u8; 16]) -> u16x8 {
        little_endian(must_cast(bytes))
    }

    /// Converts to and from the byte order of sums.
    fn little_endian(places: u16x8) -> u16x8 {
        if cfg!(target_endian = "little") { places } else { places.to_array().map(u16::swap_bytes).into() }
    }
}

/// The ChaCha20 keystream of the key (RFC 8439, nonce and counter zero).
///
/// Not BLAKE3's extended output, which is fast only with AVX-512 and otherwise a third of a block's cost.
fn expand(key: &[u8; 32]) -> Sum {
    let mut stream = [0; SUM_BYTES];
    ChaCha20::new(key.into(), &[0; 12].into()).write_keystream(&mut stream);
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expansion_is_the_keystream_of_rfc_8439() {
        // RFC 8439, appendix A.1, test vector 1: key, nonce and counter all zero.
        let stream = expand(&[0; 32]);
        let first = [0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d, 0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28];
        assert_eq!(stream[..16], first);
        // Test vector 2: the counter is one.
        let second = [0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a, 0x98, 0xba, 0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d];
        assert_eq!(stream[64..80], second);
    }

    #[test]
    fn places_are_summed_each_by_itself_and_subtracting_undoes_adding() {
        let (one, other) = (expand(&[1; 32]), expand(&[2; 32]));
        let place = |sum: &Sum, at: usize| u16::from_le_bytes([sum[2 * at], sum[2 * at + 1]]);
        let mut sum = [0xff; SUM_BYTES];
        add(&mut sum, &[1; 32]);
        let before = sum;
        add(&mut sum, &[2; 32]);
        for at in 0..SUM_BYTES / 2 {
            let expected = place(&one, at).wrapping_add(place(&other, at)).wrapping_sub(1);
            assert_eq!(place(&sum, at), expected, "place {at}");
        }
        let mut merged = before;
        merge(&mut merged, &other);
        assert_eq!(merged, sum);
        subtract(&mut sum, &[2; 32]);
        assert_eq!(sum, before);
    }
}
