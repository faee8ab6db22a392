//! Random changes to bytes, from a seed.

use tussock::{base::rng::Rng, wire::frame::checksum};

/// Numbers at which programs break.
const EDGES: [u32; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, u32::MAX];

/// Changes, removes, or inserts some bytes.
pub fn bytes(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.between(1, 4) {
        let at = usize::try_from(rng.below(bytes.len() as u64 + 1)).unwrap();
        match rng.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.below(8),
            1 if at < bytes.len() => bytes[at] = rng.next_u64() as u8,
            2 => bytes.truncate(at),
            3 => {
                let extra: [u8; 7] = rng.bytes();
                bytes.splice(at..at, extra);
            }
            4 if at + 4 <= bytes.len() => {
                let edge = *rng.pick(&EDGES).unwrap();
                bytes[at..at + 4].copy_from_slice(&edge.to_le_bytes());
            }
            5 if at < bytes.len() => {
                let end = (at + usize::try_from(rng.between(1, 40)).unwrap()).min(bytes.len());
                drop(bytes.drain(at..end));
            }
            6 => {
                let end = (at + usize::try_from(rng.between(1, 40)).unwrap()).min(bytes.len());
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {
                let value = rng.next_u64() as u8;
                bytes.iter_mut().skip(at).take(4).for_each(|byte| *byte = value);
            }
        }
    }
}

/// Corrects a frame's length and checksum, so that the node looks at its body.
pub fn repair(frame: &mut [u8]) {
    if frame.len() < 13 {
        return;
    }
    let length = u32::try_from(frame.len() - 13).unwrap();
    let sum = checksum(&frame[13..]);
    frame[5..9].copy_from_slice(&length.to_le_bytes());
    frame[9..13].copy_from_slice(&sum);
}
