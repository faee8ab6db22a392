#!/usr/bin/env bash
# do-riblt (crate): two sets that are equal are never done, however many symbols are received.
#
# Guess: rateless set reconciliation ends as soon as the symbols received so far hold no more differences: "`true` when done and `false` if
# there are more items to peel". Sets that differ in d items need about 1.35 d symbols, equal ones a single one.
# Happens: done is set when the last difference is peeled out of the first symbol. Where there is none, nothing is peeled, and it stays
# false: the loop of the read-me, "if done { break; }", receives symbols for ever. And since it is read before the new symbol is
# peeled, it comes one symbol late in all other cases: one that was peeled whole by the first symbol asks for a second one.
# Hurts: nodes that compare their sets each minute: as long as they differ all is well; as soon as they agree, which is what the comparison
# is for, they send until the connection is cut.
# Way out: compare the number of items and a hash first, or end oneself when the first symbol, with one's own taken out, is zero.
# (Needs cargo.)
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
do-riblt = "=1.0.2"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use do_riblt::{Decoder, Encoder, Symbol};

#[derive(Clone, Copy, Debug)]
struct Id(u64);
impl Symbol<8> for Id {
    fn to_bytes(&self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
    fn from_bytes(bytes: &[u8; 8]) -> Self {
        Id(u64::from_be_bytes(*bytes))
    }
}

/// Symbols until all differences are known, and until the decoder says so (2,000 at most).
fn run(remote: std::ops::Range<u64>, local: std::ops::Range<u64>) -> (usize, Option<usize>) {
    let differences = remote.start.abs_diff(local.start) + remote.end.abs_diff(local.end);
    let mut encoder = Encoder::<8>::new(remote.map(Id));
    let mut decoder = Decoder::<8, Id>::new(local.map(Id));
    let (mut known, mut all) = (0, 0);
    for number in 1..=2_000 {
        let (done, peeled) = decoder.next_symbol(encoder.next_symbol());
        known += peeled.len() as u64;
        if known == differences && all == 0 {
            all = number;
        }
        if done {
            return (all, Some(number));
        }
    }
    (all, None)
}

fn main() {
    println!("do-riblt 1.0.2");
    for different in [100, 10, 1, 0] {
        let (all, done) = run(0..1000, different..1000);
        println!("{different} of 1,000 items differ: all known after {all} symbols, done after {done:?}");
        assert_eq!(done, (different > 0).then_some(all + 1));
        assert!(different > 1 || all == 1);
    }
    println!("as described: equal sets are never done");
}
RUST
cargo run --quiet
