#!/usr/bin/env bash
# exp_backoff (crate): the pauses become shorter from try to try: after a hundred failures they are nanoseconds.
#
# Guess: "jittered exponential backoff" after a well-known article: each pause is drawn between the first one and a multiple of the last,
# so that they grow until the largest one. Nobody comes back before the first pause is over.
# Happens: each pause is drawn between one nanosecond and twice the last. That is longer as often as shorter, but shorter by more: in the
# middle twenty failures bring it from a second to some milliseconds, fifty to less than a microsecond, a hundred to nanoseconds.
# And the second pause is drawn from a second, whatever the first was set to.
# Hurts: clients of a server that is down: they wait well at first, and soon most of them ask without a pause, at full speed.
# Way out: pause().max(initial_ns), or a new Backoff after each ten tries.
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
exp_backoff = "=0.1.6"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use exp_backoff::BackoffBuilder;

/// The median of the n-th pause of 1,001 clients, in nanoseconds.
fn median(number: usize, initial: u64) -> u64 {
    let mut pauses: Vec<u64> = (0..1001)
        .map(|_| {
            let mut backoff = BackoffBuilder::new().initial_ns(initial).max_ns(600_000_000_000).build();
            for _ in 1..number {
                backoff.pause();
            }
            backoff.pause()
        })
        .collect();
    pauses.sort();
    pauses[500]
}

fn main() {
    println!("exp_backoff 0.1.6");
    let medians: Vec<u64> = [1, 2, 5, 10, 20, 50, 100, 200].map(|number| median(number, 1_000_000_000)).to_vec();
    println!("first pause a second, largest 600: pauses 1, 2, 5, 10, 20, 50, 100, 200 are {medians:?} ns in the middle");
    assert!(medians.windows(2).all(|pair| pair[1] <= pair[0] * 11 / 10));
    assert!(medians[0] == 1_000_000_000 && medians[4] < 100_000_000 && medians[6] < 1000 && medians[7] < 100);
    let long = median(2, 60_000_000_000);
    println!("first pause a minute: the second is {long} ns in the middle");
    assert!(long <= 2_000_000_001);
    println!("as described: the longer it fails, the shorter it waits");
}
RUST
cargo run --quiet
