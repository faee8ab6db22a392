#!/usr/bin/env bash
# rs-snowflake (crate): ids out of a SnowflakeIdBucket go downwards, and after a while without use they are of long ago.
#
# Guess: SnowflakeIdBucket makes snowflake ids ahead and hands them out: get_id() gives larger and larger ones, since that is what such
# ids are for, and the time in them (the upper 42 bits, milliseconds) is about the time of the call.
# Happens: 4,091 ids are made in rising order, put into a Vec and taken from its end: each is smaller than the one before, with a jump
# upwards after each 4,091. The time is that of the bucket's making and grows by one millisecond with each 4,096 ids, whatever the clock
# says: a bucket that gives one id a second is an hour old after an hour, and all ids of this hour have the first millisecond.
# real_time_generate() of the generator is right in both.
# Hurts: tables and logs sorted by id, pages "after the last id seen", merges of several nodes: the newest entries of a node stand before
# its older ones and before all that others wrote since its start. None is given twice, so a test for that passes.
# Way out: SnowflakeIdGenerator::real_time_generate().
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
rs-snowflake = "=0.6.0"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use snowflake::{SnowflakeIdBucket, SnowflakeIdGenerator};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn main() {
    println!("rs-snowflake 0.6.0");
    let mut generator = SnowflakeIdGenerator::new(1, 1);
    let mut bucket = SnowflakeIdBucket::new(1, 1);
    let real: Vec<i64> = (0..10_000).map(|_| generator.real_time_generate()).collect();
    let ids: Vec<i64> = (0..10_000).map(|_| bucket.get_id()).collect();
    for (name, ids) in [("generator", &real), ("bucket", &ids)] {
        let up = ids.windows(2).filter(|pair| pair[1] > pair[0]).count();
        let mut distinct = ids.clone();
        distinct.sort();
        distinct.dedup();
        println!("{name}: {up} of 9999 ids are larger than the one before; {} are distinct", distinct.len());
        assert_eq!(up, if name == "bucket" { 2 } else { 9_999 });
        assert_eq!(distinct.len(), 10_000);
    }

    let mut bucket = SnowflakeIdBucket::new(1, 1);
    let mut last = bucket.get_id();
    for second in 1..=3 {
        std::thread::sleep(Duration::from_secs(1));
        let id = bucket.get_id();
        let (late, real_late) = (now() - (id >> 22), now() - (generator.real_time_generate() >> 22));
        let word = if id < last { "less" } else { "more" };
        println!("after {second} s: {id} is {word} than the last, {late} ms late (generator: {real_late})");
        assert!(id < last && late >= second * 1000 && real_late < 500);
        last = id;
    }
    println!("as described: downwards, and of the bucket's first millisecond");
}
RUST
cargo run --quiet
