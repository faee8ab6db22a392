#!/usr/bin/env bash
# quotient-filter (crate): it denies keys that were put in, from a tenth of its size on.
#
# Guess: a quotient filter says yes to each key that was put in, and now and then to another; until it is full it loses nothing.
# Happens: as soon as several groups of neighbours meet, an insertion takes the wrong place for its group: it writes over a slot that
# another key has, or puts the remainder into the group of another quotient. No error is raised, and the count goes up. Keys are missing
# one in 200 at a tenth of its size, one in six when it is half full.
# Hurts: whoever asks it before a look into a store, a set of spent coins or of seen blocks: "not there" is the one answer that such a
# filter must never give in error; data that is stored is not found.
# Way out: another filter.
# (Needs cargo. The fingerprints are spread evenly, and the table never has to grow.)
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export CARGO_TARGET_DIR=$dir/target
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"
[dependencies]
quotient-filter = "=0.2.3"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use quotient_filter::QuotientFilter;

/// Even and always the same: the finalizer of SplitMix64.
fn spread(number: u64) -> u64 {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn main() {
    println!("quotient-filter 0.2.3");
    for (keys, at_least) in [(200, 0), (400, 1), (800, 1), (1200, 1), (1600, 1), (2000, 1)] {
        let mut filter = QuotientFilter::new(12).unwrap();
        for key in 1..=keys {
            filter.insert(spread(key)).unwrap();
        }
        let denied = (1..=keys).filter(|key| !filter.lookup(spread(*key))).count();
        println!("{keys} keys in 4,096 slots: {denied} are denied");
        assert!(denied >= at_least);
    }
    println!("as described: what was put in is denied");
}
RUST
cargo run --quiet
