#!/usr/bin/env bash
# cobs-rs (crate): with a marker other than zero, each zero of the data is written as the marker, so that frames end early.
#
# Guess: stuff(data, marker) "removes all occurrences of the marker value and adds one occurrence at the end": in the encoded frame the
# marker stands once, at its end, for whatever data. That is what the coding (COBS) is for.
# Happens: the marker's own places are taken out first, and then each byte of the frame is combined with the marker by exclusive or, which
# makes a marker of each zero of the data. 126 (0x7e, the usual flag) and the data 5, 0, 6 give 122, 123, 126, 120, 126. The function
# unstuff() undoes both on a whole frame, so that a round trip is right; with the marker 0 all is right.
# Unused room behind the frame, "filled with the marker value", is zeros, but for its last byte.
# Hurts: links that split a byte stream at the marker: a frame with a zero in it, and most have one, comes as two, each decoded to
# something else or to a panic. Tests that encode and decode one buffer see nothing.
# Way out: the marker 0, and exclusive or of the whole frame by oneself if another one is wanted.
# (Needs cargo.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
cobs-rs = "=1.1.2"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use cobs_rs::{stuff, unstuff};

/// The frame of four bytes, after it was checked that it comes back.
fn frame(data: [u8; 4], marker: u8) -> [u8; 6] {
    let frame: [u8; 6] = stuff(data, marker);
    let (back, length): ([u8; 4], usize) = unstuff(frame, marker);
    assert_eq!((back, length), (data, 4));
    frame
}

fn main() {
    println!("cobs-rs 1.1.2");
    for (data, marker, expected) in [
        ([5, 0, 6, 7], 0, [2, 5, 3, 6, 7, 0]),
        ([5, 126, 6, 7], 126, [124, 123, 125, 120, 121, 126]),
        ([5, 0, 6, 7], 126, [123, 123, 126, 120, 121, 126]),
        ([0, 0, 0, 0], 126, [123, 126, 126, 126, 126, 126]),
    ] {
        let frame = frame(data, marker);
        let count = frame.iter().filter(|&&byte| byte == marker).count();
        println!("{data:?} with the marker {marker}: {frame:?}, {count} times the marker");
        assert_eq!(frame, expected);
        assert_eq!(count, 1 + if marker == 0 { 0 } else { data.iter().filter(|&&byte| byte == 0).count() });
    }
    let mut wrong = 0;
    for byte in 0..=255 {
        for other in 0..=255 {
            wrong += frame([byte, other, 1, 2], 126)[..5].contains(&126) as u32;
            assert!(!frame([byte, other, 1, 2], 0)[..5].contains(&0));
        }
    }
    println!("of 65536 pairs of bytes {wrong} have the marker within the frame (with the marker 0 none)");
    assert_eq!(wrong, 511);
    let long: [u8; 10] = stuff([5, 9, 6, 7], 126);
    println!("in ten bytes: {long:?}");
    assert_eq!(long[5..], [0, 0, 0, 0, 126]);
    println!("as described: zeros become the marker");
}
RUST
cargo run --quiet
