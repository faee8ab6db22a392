#!/usr/bin/env bash
# The crate ruint reads "", "0x" and "_" as the number zero.
#
# Guess: parsing an empty string into a 256-bit integer fails, as `"".parse::<u64>()` does.
# Happens: FromStr gives Ok(0) for an empty string, for a prefix without digits, and for underscores alone.
# Hurts: programs of ledgers that read an amount, a target or a balance from a field that may be empty or cut off: they
# go on with zero instead of telling the user what is missing.
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
ruint = { version = "=1.17.0", default-features = false, features = ["std"] }
[workspace]
TOML
cat >src/main.rs <<'RUST'
use ruint::aliases::U256;
fn main() {
    println!("ruint 1.17.0");
    for text in ["", "0x", "_"] {
        let (wide, narrow) = (text.parse::<U256>(), text.parse::<u64>());
        println!("{text:?}: U256 {wide:?}, u64 {narrow:?}");
        assert!(matches!(wide, Ok(U256::ZERO)) && narrow.is_err());
    }
    assert!("+1".parse::<U256>().is_err() && "1 ".parse::<U256>().is_err(), "it is not lenient in general");
    println!("as described: nothing is read as zero");
}
RUST
cargo run --quiet
