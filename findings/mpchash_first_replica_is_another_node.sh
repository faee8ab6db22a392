#!/usr/bin/env bash
# mpchash (crate): the first of a key's replicas is not the node of the key, in most cases, though it is "guaranteed" to be.
#
# Guess: replicas(key, k) "returns k nodes responsible for the given key. The first node is the primary node … It is guaranteed that the
# first node is the same as the one returned by node()". A value stored at the replicas is found at the node, and the other way round.
# Happens: node() tries 23 places for a key and takes the one with a node closest behind it, which is what multi-probe hashing is;
# replicas() looks behind one place only, of another seed. With ten nodes nine keys of ten have another first replica, and most of them
# do not have the node among three at all. The loads differ too: node() gives each of ten nodes 6 to 14 percent of the keys, as the
# method promises, replicas() gives one of them a hundredth and another nearly a third.
# Hurts: stores that write to replicas(key, 3) and read from node(key): the answer is "not there" for seven keys of ten; and those that
# use replicas() alone, for balance.
# Way out: use either of the two, never both; for replicas go on from node(key) by position.
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
mpchash = "=2.0.10"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use mpchash::HashRing;
use std::collections::BTreeMap;

fn main() {
    println!("mpchash 2.0.10");
    let ring = HashRing::new();
    for node in 0..10_u64 {
        ring.add(node);
    }
    let (mut same, mut among, keys) = (0, 0, 10_000);
    let mut loads: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
    for number in 0..keys {
        let key = format!("key {number}");
        let node = *ring.node(&key).unwrap().node();
        let replicas: Vec<u64> = ring.replicas(&key, 3).iter().map(|token| *token.node()).collect();
        same += (replicas[0] == node) as u32;
        among += replicas.contains(&node) as u32;
        loads.entry(node).or_default().0 += 1;
        loads.entry(replicas[0]).or_default().1 += 1;
    }
    println!("of {keys} keys the node is the first replica for {same}, one of three replicas for {among}");
    println!("keys of each node, by node() and by the first of replicas(): {loads:?}");
    assert!(same < keys / 4 && among < keys / 2);
    let range = |loads: Vec<u32>| (*loads.iter().min().unwrap(), *loads.iter().max().unwrap());
    let by_node = range(loads.values().map(|load| load.0).collect());
    let by_replicas = range(loads.values().map(|load| load.1).collect());
    println!("smallest and largest load: {by_node:?} by node(), {by_replicas:?} by replicas()");
    assert!(by_replicas.1 - by_replicas.0 > 2 * (by_node.1 - by_node.0));
    println!("as described: two answers for one key");
}
RUST
cargo run --quiet
