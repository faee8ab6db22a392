#!/usr/bin/env bash
# lsmdb (crate): a store that was opened a second time, and written to, is empty when it is opened the third time.
#
# Guess: a "persistent, crash-safe key-value storage engine" with a write-ahead log that is synchronised at each put(): whatever is put is
# there after opening again, however often.
# Happens: the log is cut into blocks of 32 KiB. Opened again, it is continued with a block that is counted from zero, wherever the file
# ends. Where the writer fills up what it takes for the rest of a block, the reader sees a damaged record, and an error of the reader is
# taken for an empty log: all keys are gone, those of the first time as well, and stay so, as does what is put from then on. There is
# no error. A block of small records is filled up, or ended by the reader alone, each few times; with records as here in the first one.
# Hurts: any service that is restarted twice: the first restart is fine, and the second one finds no accounts.
# Way out: none but reading the log oneself: the records are whole in wal/00001.log. A store that is opened once is right.
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
lsmdb = "=1.0.0"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use lsmdb::StorageEngine;

fn put(store: &StorageEngine, numbers: std::ops::Range<usize>) {
    for number in numbers {
        store.put(format!("account {number:04}"), "10.00 EUR").unwrap();
    }
}

fn found(store: &StorageEngine, numbers: std::ops::Range<usize>) -> usize {
    numbers.filter(|number| store.get(format!("account {number:04}")).unwrap() == Some(b"10.00 EUR".to_vec())).count()
}

fn main() {
    println!("lsmdb 1.0.0");
    let store = StorageEngine::open("once").unwrap();
    put(&store, 0..801);
    drop(store);
    let once = found(&StorageEngine::open("once").unwrap(), 0..801);
    println!("801 accounts put at the first opening: {once} are there at the second");
    assert_eq!(once, 801);

    let store = StorageEngine::open("twice").unwrap();
    put(&store, 0..1);
    drop(store);
    let store = StorageEngine::open("twice").unwrap();
    let second = found(&store, 0..1);
    put(&store, 1..801);
    let before = found(&store, 0..801);
    drop(store);
    let store = StorageEngine::open("twice").unwrap();
    let third = found(&store, 0..801);
    put(&store, 801..811);
    drop(store);
    let fourth = found(&StorageEngine::open("twice").unwrap(), 0..811);
    println!("one put at the first opening: {second} is there at the second; 800 more: {before} are there");
    println!("at the third opening {third} are there, and after 10 more {fourth} at the fourth");
    assert_eq!((second, before, third, fourth), (1, 801, 0, 0));
    println!("as described: the third time it is empty");
}
RUST
cargo run --quiet
