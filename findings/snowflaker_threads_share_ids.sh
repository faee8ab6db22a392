#!/usr/bin/env bash
# snowflaker (crate): a generator that is shared by threads gives ids twice, and workers above 31 get others' ids.
#
# Guess: next_id() takes &self and "generates and returns a unique ID"; its fields are atomics in an Arc, of which the source says "Support
# multi-thread". So an Arc of one generator serves all threads. new(center, worker) refuses numbers above 31 with CenterIdInvalid and
# WorkerIdInvalid, as its page shows with 32.
# Happens: the time and the number within it are read, reckoned with and stored in separate steps: two threads that do so at the same
# time get the same id. Of 200,000 ids from two threads some are there twice in each run. The test for the worker looks at the center's
# number again: worker 32 is accepted, and its bit is that of the center: center 0, worker 32 is center 1, worker 0, to the bit.
# Hurts: primary keys: an insertion in a thousand fails as a duplicate under load, or overwrites another's row; and clusters of more than
# 32 workers.
# Way out: a Mutex around the generator (snowflaker::next_id() has one), and one's own test of the worker.
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
snowflaker = "=0.3.6"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use snowflaker::generator::{Generator, SnowflakeGenerator};
use std::sync::{Arc, Barrier};

/// How many ids of two threads that share a generator are there more than once.
fn twice(share: bool) -> usize {
    let generators: Vec<_> = (0..2).map(|worker| Arc::new(SnowflakeGenerator::new(1, worker).unwrap())).collect();
    let barrier = Arc::new(Barrier::new(2));
    let threads: Vec<_> = (0..2)
        .map(|number| {
            let (generator, barrier) = (generators[if share { 0 } else { number }].clone(), barrier.clone());
            std::thread::spawn(move || {
                barrier.wait();
                (0..100_000).map(|_| generator.next_id().unwrap()).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut ids: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    ids.sort();
    ids.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

fn main() {
    println!("snowflaker 0.3.6");
    let apart = twice(false);
    let mut shared = 0;
    for _ in 0..20 {
        shared += twice(true);
        if shared > 0 {
            break;
        }
    }
    println!("ids that are there twice: {apart} with a generator for each thread, {shared} with one for both");
    assert!(apart == 0 && shared > 0);

    assert!(SnowflakeGenerator::new(32, 0).is_err());
    let parts = |center, worker| {
        let id = SnowflakeGenerator::new(center, worker).unwrap().next_id().unwrap();
        (id >> 17 & 31, id >> 12 & 31)
    };
    println!("center 0, worker 32: center and worker of the id are {:?}", parts(0, 32));
    println!("center 1, worker 0: {:?}", parts(1, 0));
    assert_eq!(parts(0, 32), parts(1, 0));
    println!("as described: neither threads nor workers are kept apart");
}
RUST
cargo run --quiet
