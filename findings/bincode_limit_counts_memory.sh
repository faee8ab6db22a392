#!/usr/bin/env bash
# bincode's byte limit counts the memory of a decoded list, not the bytes of the message, and encoding ignores it.
#
# Guess: `config.with_limit::<16>()` refuses messages of more than 16 bytes, in both directions.
# Happens: four bytes that hold three small u64 as varints are refused under a limit of 16, since a Vec claims
# length x size_of::<T>() in advance; and encode_to_vec writes any number of bytes under the same configuration. A sender
# and a receiver that share one configuration do not agree on what is too large.
# Hurts: whoever takes the limit for the largest message of a protocol and sizes buffers or frames by it.
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
bincode = "=2.0.1"
[workspace]
TOML
cat >src/main.rs <<'RUST'
use bincode::{config, decode_from_slice, encode_to_vec};
fn main() {
    println!("bincode 2.0.1");
    let limited = config::standard().with_limit::<16>();
    let message = encode_to_vec(vec![1u64, 2, 3], config::standard()).unwrap();
    let read = decode_from_slice::<Vec<u64>, _>(&message, limited);
    println!("{} bytes under a limit of 16: {read:?}", message.len());
    assert!(message.len() == 4 && matches!(read, Err(bincode::error::DecodeError::LimitExceeded)));
    let wider = decode_from_slice::<Vec<u64>, _>(&message, config::standard().with_limit::<32>());
    println!("the same under a limit of 32: {wider:?}");
    assert!(wider.is_ok());
    let written = encode_to_vec(vec![7u8; 1000], limited).unwrap();
    println!("written under a limit of 16: {} bytes", written.len());
    assert!(written.len() > 1000);
    println!("as described: it is no limit of message bytes");
}
RUST
cargo run --quiet
