#!/usr/bin/env bash
# crdt-kit (crate): after compact_tombstones(), which is "safe to call at any time", removed elements come back with the next merge.
#
# Guess: "Remove tombstones that are no longer needed ... It is safe to call at any time." A tombstone that "might suppress a tag that
# hasn't been propagated yet" is kept: what was removed stays removed, whoever has not heard of it yet.
# Happens: a tombstone is kept if an element of one's own set still has its tag. But a removal takes the element out, so that this is never
# so: all tombstones are deleted, as by compact_tombstones_all(), which is "safe only when every peer has converged". The next merge
# with a peer that has the element brings it back here, and the removal never gets there.
# Hurts: sets of members, permissions or deleted records that are compacted by a timer, as the documentation invites to: whoever was removed
# since the last meeting with any peer is in again, everywhere.
# Way out: compact only when each peer is known to have merged; both functions are the same.
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
crdt-kit = "=0.5.1"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use crdt_kit::prelude::*;

/// Anna and Bert share a set of ten members; Anna removes some, may compact, and then they meet.
fn run(removed: u32, compact: bool) -> (usize, usize, usize) {
    let (mut anna, mut bert) = (ORSet::new(1), ORSet::new(2));
    for member in 0..10 {
        anna.insert(member);
    }
    bert.merge(&anna);
    for member in 0..removed {
        assert!(anna.remove(&member));
    }
    let gone = if compact { anna.compact_tombstones() } else { 0 };
    let before = anna.clone();
    anna.merge(&bert);
    bert.merge(&before);
    assert_eq!(anna.iter().collect::<Vec<_>>(), bert.iter().collect::<Vec<_>>());
    (gone, before.len(), anna.len())
}

fn main() {
    println!("crdt-kit 0.5.1");
    for removed in [1, 3, 10] {
        let (_, before, after) = run(removed, false);
        println!("{removed} of 10 removed: {before} are left, and {after} when the two have met");
        assert_eq!((before, after), (10 - removed as usize, 10 - removed as usize));
        let (gone, before, after) = run(removed, true);
        println!("  with compact_tombstones(), which took {gone}: {before} are left, and {after} when the two have met");
        assert_eq!((gone, before, after), (removed as usize, 10 - removed as usize, 10));
    }
    println!("as described: compacting undoes removals");
}
RUST
cargo run --quiet
