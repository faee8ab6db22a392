#!/usr/bin/env bash
# The crate snow calls a genuine message forged when the buffer for its plain text is too small.
#
# Guess: a buffer that is too small is Error::Input, as it is when writing; Error::Decrypt means that the tag is wrong.
# Happens: read_message into a buffer one byte short gives Error::Decrypt. The nonce has not moved, and the same message
# is read once the buffer fits.
# Hurts: programs that close a link on Error::Decrypt, as they should, and log an attack where their own buffer was short.
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
snow = "=0.10.0"
[workspace]
TOML
cat >src/main.rs <<'RUST'
use snow::{Builder, Error};
fn main() {
    println!("snow 0.10.0");
    let pattern = || "Noise_XX_25519_ChaChaPoly_BLAKE2s".parse().unwrap();
    let mut dialler = Builder::new(pattern()).local_private_key(&[1; 32]).unwrap().build_initiator().unwrap();
    let mut acceptor = Builder::new(pattern()).local_private_key(&[2; 32]).unwrap().build_responder().unwrap();
    let (mut wire, mut plain) = ([0; 1024], [0; 1024]);
    for turn in 0..3 {
        let (from, to) = if turn == 1 { (&mut acceptor, &mut dialler) } else { (&mut dialler, &mut acceptor) };
        let length = from.write_message(&[], &mut wire).unwrap();
        to.read_message(&wire[..length], &mut plain).unwrap();
    }
    let (mut dialler, mut acceptor) = (dialler.into_transport_mode().unwrap(), acceptor.into_transport_mode().unwrap());
    let short_write = dialler.write_message(&[7; 100], &mut wire[..100]);
    let length = dialler.write_message(&[7; 100], &mut wire).unwrap();
    let short_read = acceptor.read_message(&wire[..length], &mut plain[..99]);
    let again = acceptor.read_message(&wire[..length], &mut plain[..100]);
    println!("writing 100 bytes into a short buffer: {short_write:?}");
    println!("reading 100 bytes into 99: {short_read:?}");
    println!("reading them into 100: {again:?}");
    assert!(matches!(short_write, Err(Error::Input)));
    assert!(matches!(short_read, Err(Error::Decrypt)));
    assert!(matches!(again, Ok(100)));
    println!("as described: a short buffer looks like a forgery");
}
RUST
cargo run --quiet
