#!/usr/bin/env bash
# convergent (crate): nodes that write in the same millisecond keep different values for ever, and a removal never reaches anybody.
#
# Guess: "merged with a mathematically guaranteed consistent result": merging is "commutative: a.merge(b) == b.merge(a)". The clock is a
# hybrid logical one, so that who has seen a value and replaces it has the later one. In the set, removing what one has seen removes it.
# Happens: the register compares time and sequence, and leaves out the node: of two writes in one millisecond each side keeps its own,
# however often they merge. A merge does not move the clock on: who sees a value and replaces it at once is not later, and the author
# keeps the old one. The set's remove() deletes the element and leaves no trace: the other side keeps it, and a merge brings it back.
# Hurts: whoever replicates settings, stock or carts with it: two nodes show two values from then on, and what was removed is sold.
# Way out: another crate; a write only after a millisecond's wait, and removals as a set of their own.
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
convergent = "=0.1.0"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use convergent::{LWWRegister, Merge, ORSet};

fn main() {
    println!("convergent 0.1.0");
    let (mut differ, mut ignored) = (0, 0);
    for _ in 0..1000 {
        let (mut anna, mut bert) = (LWWRegister::new(1), LWWRegister::new(2));
        anna.set("red");
        bert.set("blue");
        for _ in 0..3 {
            anna.merge(&bert);
            bert.merge(&anna);
        }
        differ += usize::from(anna.get() != bert.get());

        let (mut anna, mut bert) = (LWWRegister::new(1), LWWRegister::new(2));
        anna.set("draft");
        bert.merge(&anna);
        assert_eq!(bert.get(), Some(&"draft"));
        bert.set("final");
        anna.merge(&bert);
        ignored += usize::from(anna.get() == Some(&"draft") && bert.get() == Some(&"final"));
    }
    println!("of 1,000 pairs that write at once, {differ} have two values after merging three times");
    println!("of 1,000 values that were seen and replaced at once, {ignored} stay with their author");
    assert!(differ > 100 && ignored > 100);

    let (mut anna, mut bert) = (ORSet::new(1), ORSet::new(2));
    anna.insert("milk");
    bert.merge(&anna);
    bert.remove(&"milk");
    assert!(!bert.contains(&"milk"));
    anna.merge(&bert);
    let stays = anna.contains(&"milk");
    bert.merge(&anna);
    println!("Bert removed what he had seen: it stays with Anna {stays}, and is back at Bert {}", bert.contains(&"milk"));
    assert!(stays && bert.contains(&"milk"));
    println!("as described: merged, and different");
}
RUST
cargo run --quiet
