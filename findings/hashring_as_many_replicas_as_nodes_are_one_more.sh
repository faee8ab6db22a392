#!/usr/bin/env bash
# hashring (crate): with as many replicas as there are nodes, a key's first node is given twice.
#
# Guess: get_with_replicas(key, n) gives "the node responsible for key along with the next n nodes after", each once; a number that is too
# large is cut "to just contain the entire ring". Of three nodes there are never more than three.
# Happens: the number is compared with the ring's length before the first node is added to it. One replica of three nodes gives two,
# two give three, four and more give three; three give four: the first node stands at the end again. A ring of one node and one replica
# gives this node twice.
# Hurts: stores that write three copies on a cluster of three, or on one that shrinks to three: one node writes twice (a counter counts
# twice), and two answers of the same node are taken for a majority of four when another is away.
# Way out: replicas.min(ring.len() - 1), or drop what is there already.
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
hashring = "=0.3.6"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use hashring::HashRing;

fn main() {
    println!("hashring 0.3.6");
    for size in 1..=6 {
        let mut ring = HashRing::new();
        ring.batch_add((0..size).map(|number| format!("node{number}")).collect());
        for replicas in 0..=size + 1 {
            for key in 0..100 {
                let nodes = ring.get_with_replicas(&key, replicas).unwrap();
                let mut distinct = nodes.clone();
                distinct.sort();
                distinct.dedup();
                if key == 0 {
                    println!("{size} nodes, {replicas} replicas: {} of {nodes:?} are distinct", distinct.len());
                }
                assert_eq!(distinct.len(), size.min(replicas + 1));
                assert_eq!(nodes.len(), if replicas == size { size + 1 } else { distinct.len() });
                assert_eq!(nodes.last() == nodes.first(), replicas == 0 || replicas == size || size == 1);
            }
        }
    }
    println!("as described: one too many, of a kind that is there");
}
RUST
cargo run --quiet
