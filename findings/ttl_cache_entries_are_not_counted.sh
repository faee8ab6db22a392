#!/usr/bin/env bash
# ttl_cache (crate): what is put in by entry() does not count for the capacity, and rev() ends at the first entry that has expired.
#
# Guess: TtlCache::new(2) is "an empty cache that can hold at most capacity items", however they come in: by insert(), or by entry(),
# which is the usual way to look for a key and fill it in one step. An iterator gives the same items from both ends.
# Happens: only insert() looks at the capacity, and takes out one item then. With entry() a cache of two holds 100,000, and a later
# insert() leaves as many, since it adds one and takes one. From the front, expired items are stepped over; from the back the first of
# them is taken for the end: with the newest one expired, iter().rev() has nothing, iter() all others.
# Hurts: caches of peers, sessions or seen messages, which are bounded so that memory is: keys come from the network, and each new one
# stays. Expired ones stay too, as nothing looks at them. "The ten newest" by rev() are none, as soon as a short-lived one was the last.
# Way out: get(), then insert(); iter() and turn the result round oneself.
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
ttl_cache = "=0.5.1"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use std::time::Duration;
use ttl_cache::{Entry, TtlCache};

fn main() {
    println!("ttl_cache 0.5.1");
    let hour = Duration::from_secs(3600);
    let mut inserted = TtlCache::new(2);
    let mut entered = TtlCache::new(2);
    for key in 0..100_000 {
        inserted.insert(key, "peer", hour);
        match entered.entry(key) {
            Entry::Vacant(place) => *place.insert("peer", hour),
            Entry::Occupied(_) => unreachable!(),
        };
    }
    println!("capacity {}: {} by insert(), {} by entry()", entered.capacity(), inserted.iter().count(), entered.iter().count());
    assert_eq!((entered.capacity(), inserted.iter().count(), entered.iter().count()), (2, 2, 100_000));
    entered.insert(100_000, "peer", hour);
    println!("after one more insert(): {}", entered.iter().count());
    assert_eq!(entered.iter().count(), 100_000);

    let mut cache = TtlCache::new(10);
    for key in 1..=4 {
        cache.insert(key, "message", hour);
    }
    cache.insert(5, "message", Duration::from_millis(1));
    std::thread::sleep(Duration::from_millis(50));
    let forwards: Vec<_> = cache.iter().map(|(key, _)| *key).collect();
    let backwards: Vec<_> = cache.iter().rev().map(|(key, _)| *key).collect();
    println!("iter(): {forwards:?}, iter().rev(): {backwards:?}");
    assert_eq!(forwards, [1, 2, 3, 4]);
    assert!(backwards.is_empty());
    println!("as described: entry() has no bound, and rev() ends early");
}
RUST
cargo run --quiet
