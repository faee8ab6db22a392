#!/usr/bin/env bash
# tiny-sparse-merkle-tree (crate): of leaves that come through filter() only the first one is in the root.
#
# Guess: SparseMerkleTree::new() takes any iterator of leaves. The root depends on the leaves, not on how they come: from a list, through
# filter(), or out of a file. Another last leaf gives another root.
# Happens: the leaves are counted by the lower end of size_hint(), before they are read. It is exact for lists; for filter(), flat_map(),
# lines and most others it is 0, or too few. The tree is laid out for that many: with 0 the root is the first leaf itself, whatever
# comes after it; non_empty_leaves_count is 0, and there is no proof of any leaf. No error.
# Hurts: roots over "all accounts that are not empty": they are the same whatever the second account has: ledgers that differ agree.
# Way out: collect() the leaves into a Vec first.
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
tiny-sparse-merkle-tree = "=0.4.0"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use tiny_sparse_merkle_tree::{Merge, SparseMerkleTree};

/// The hash of the documentation: a sum, here of the place too, so that the order counts.
struct Sum;
impl Merge for Sum {
    type Item = u64;
    fn merge(left: &u64, right: &u64) -> u64 {
        left * 1000 + right * 7 + 1
    }
}

fn main() {
    println!("tiny-sparse-merkle-tree 0.4.0");
    let balances = [0, 25, 0, 17, 3, 0, 90];
    let changed = [0, 25, 0, 17, 3, 0, 91];
    let listed = |list: &[u64]| {
        let kept: Vec<u64> = list.iter().copied().filter(|&balance| balance > 0).collect();
        SparseMerkleTree::new::<_, Sum>(kept.into_iter())
    };
    let filtered = |list: &[u64]| SparseMerkleTree::new::<_, Sum>(list.iter().copied().filter(|&balance| balance > 0));
    let (right, other) = (listed(&balances), listed(&changed));
    println!("collected: {} leaves, root {}, with another last balance {}", right.non_empty_leaves_count(), right.root(), other.root());
    assert_eq!(right.non_empty_leaves_count(), 4);
    assert_ne!(right.root(), other.root());
    let (tree, other) = (filtered(&balances), filtered(&changed));
    println!("filtered: {} leaves, root {}, with another last balance {}", tree.non_empty_leaves_count(), tree.root(), other.root());
    assert_eq!((tree.non_empty_leaves_count(), tree.root(), other.root()), (0, 25, 25));
    println!("as described: the root is the first leaf");
}
RUST
cargo run --quiet
