#!/usr/bin/env bash
# unbounded-interval-tree (crate): after remove_random_leaf() some of the ranges that are still in the tree are no longer found.
#
# Guess: remove_random_leaf() "removes a random leaf from the tree, and returns the range stored in" it: all others stay, are found by
# get_interval_overlaps() and counted by len().
# Happens: each node keeps the largest end below it. When a removed leaf had it, the nodes above get the largest end of the part that the
# leaf was in, even if their own or their other side's is larger: below such a node nothing with a larger end is found any more, though
# iter() still has it, and contains_point() says false. Of 2,000 trees of 12 ranges, one removal left some dozens with such ranges.
# len() counts a range that was put in twice as two, though it is kept once, so that an emptied tree has a length.
# Hurts: those who keep what they have (blocks, pages, bytes of a file, times) in such a tree and drop at random when it is full, which
# is what the function is for: what is there is fetched or paid again, now and then, never in a test of three ranges.
# Way out: build a new tree from iter() after a removal.
# (Needs cargo.)
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
unbounded-interval-tree = "=1.1.2"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use std::ops::Bound::Included;
use unbounded_interval_tree::interval_tree::IntervalTree;

/// The ranges of the tree, and those of them that a search for their own end does not find.
fn lost(tree: &IntervalTree<u32>) -> (usize, Vec<(u32, u32)>) {
    let pair = |range: &(std::ops::Bound<u32>, std::ops::Bound<u32>)| match range {
        (Included(start), Included(end)) => (*start, *end),
        _ => unreachable!(),
    };
    let all: Vec<_> = tree.iter().map(pair).collect();
    let is_lost = |&(_, end): &(u32, u32)| !tree.contains_point(&end);
    (all.len(), all.iter().copied().filter(is_lost).collect())
}

fn main() {
    println!("unbounded-interval-tree 1.1.2");
    let mut state = 1_u64;
    let mut draw = |bound: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) % bound) as u32
    };
    let (mut trees, mut shown) = (0, false);
    for _ in 0..2000 {
        let mut tree = IntervalTree::default();
        for _ in 0..12 {
            let start = draw(1000);
            tree.insert(start..=start + draw(100));
        }
        assert!(lost(&tree).1.is_empty());
        tree.remove_random_leaf();
        let (count, missing) = lost(&tree);
        trees += !missing.is_empty() as u32;
        if !missing.is_empty() && !shown {
            println!("a tree of {count} ranges says that there is nothing at the ends of {missing:?}:\n  {tree}");
            shown = true;
        }
    }
    println!("of 2000 trees {trees} do not find all their ranges");
    assert!(trees > 20);

    let mut tree = IntervalTree::default();
    tree.insert(1..=2);
    tree.insert(1..=2);
    println!("one range twice: iter() has {}, len() is {}", tree.iter().count(), tree.len());
    assert_eq!((tree.iter().count(), tree.len()), (1, 2));
    assert!(tree.remove_random_leaf().is_some() && tree.remove_random_leaf().is_none());
    println!("after its removal: len() is {}, is_empty() is {}", tree.len(), tree.is_empty());
    assert!(tree.iter().count() == 0 && !tree.is_empty());
    println!("as described: removed leaves take others along");
}
RUST
cargo run --quiet
