//! Numbers in LEB128: seven bits a byte, the lowest first.

/// Appends a number.
pub fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Takes a number from the front.
pub fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        let part = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit only.
        if shift == 63 && part > 1 {
            return None;
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The same, and refuses a number that has more bytes than [`put`] writes: each number then has one encoding.
pub fn take_shortest(rest: &mut &[u8]) -> Option<u64> {
    let before = *rest;
    let number = take(rest)?;
    let taken = &before[..before.len() - rest.len()];
    (taken.len() == 1 || taken.last() != Some(&0)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_one_shortest_encoding() {
        for number in [0, 1, 0x7f, 0x80, 300, 1 << 35, u64::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            assert_eq!(take_shortest(&mut bytes.as_slice()), Some(number));
            assert_eq!(take_shortest(&mut &bytes[..bytes.len() - 1]), None, "cut short");
            let last = bytes.len() - 1;
            bytes[last] |= 0x80;
            bytes.push(0);
            if bytes.len() <= 10 {
                assert_eq!(take(&mut bytes.as_slice()), Some(number));
            }
            assert_eq!(take_shortest(&mut bytes.as_slice()), None, "{number} with a byte too many");
        }
        assert_eq!(take(&mut [0xff; 10].as_slice()), None, "more than 64 bits");
    }
}
