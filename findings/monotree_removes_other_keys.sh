#!/usr/bin/env bash
# The crate monotree, a sparse Merkle tree: to remove a key that is not in the tree removes up to all others.
#
# Guess: remove() of an absent key changes nothing, as in any map. And the root depends on the keys and leaves only: after insert(x)
# and remove(x) it is the one before, and two trees with the same content have the same root.
# Happens: on its way down remove() ends where the path of the absent key leaves the tree, and what hangs there counts as removed.
# A tree of one or two keys is empty then; of eight keys two to four are lost, of 1,000 two to seven. The answer is Ok with a
# new root. A key that is there is removed rightly, and the others stay, but nodes are not joined again, so that the root is not
# that of a tree which never had the key: nearly never equal. In any order of insertion, and in batches, roots agree.
# Hurts: ledgers and stores that delete without asking first ("delete if present", the same deletion delivered twice): balances
# of others are gone with a valid root. Nodes that took different ways to one content disagree on its root.
# Way out: get() before each remove(); build the tree anew where roots are compared.
# (Needs cargo and a C compiler; builds blake3.)
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
monotree = "=0.4.0"
[workspace]
TOML
cat >src/main.rs <<'RUST'
use monotree::{Hash, Monotree};

/// A key of 32 bytes that look random (xorshift), the same in each run.
fn key(number: u64) -> Hash {
    let mut state = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    std::array::from_fn(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    })
}

fn build(numbers: impl Iterator<Item = u64>) -> (Monotree, Option<Hash>) {
    let (mut tree, mut root) = (Monotree::default(), None);
    for number in numbers {
        root = tree.insert(root.as_ref(), &key(number), &key(number)).unwrap();
    }
    (tree, root)
}

fn held(tree: &mut Monotree, root: Option<&Hash>, size: u64) -> usize {
    (0..size).filter(|&number| tree.get(root, &key(number)).unwrap() == Some(key(number))).count()
}

fn main() {
    println!("monotree 0.4.0");
    for size in [1, 2, 3, 8, 100, 1000] {
        let (mut tree, root) = build(0..size);
        let left: Vec<usize> = (5000..5010)
            .map(|absent| {
                assert_eq!(tree.get(root.as_ref(), &key(absent)).unwrap(), None);
                let after = tree.remove(root.as_ref(), &key(absent)).unwrap();
                held(&mut tree, after.as_ref(), size)
            })
            .collect();
        println!("of {size} keys there are, after one absent key was removed: {left:?}");
        assert!(left.iter().all(|&count| (count as u64) < size));
        assert!(size > 2 || left.iter().all(|&count| count == 0));
    }

    let (mut equal, mut tried) = (0, 0);
    for size in [2, 3, 8, 100] {
        for gone in 0..size.min(20) {
            let (mut tree, root) = build(0..size);
            let after = tree.remove(root.as_ref(), &key(gone)).unwrap();
            assert_eq!(held(&mut tree, after.as_ref(), size) as u64, size - 1);
            let (_, fresh) = build((0..size).filter(|&number| number != gone));
            equal += usize::from(after == fresh);
            tried += 1;
        }
        assert_eq!(build(0..size).1, build((0..size).rev()).1);
    }
    println!("after a removal the root is that of a tree without the key in {equal} of {tried} cases");
    assert!(equal * 10 < tried);
    println!("as described: a removal takes others along, and leaves a trace");
}
RUST
cargo run --quiet
