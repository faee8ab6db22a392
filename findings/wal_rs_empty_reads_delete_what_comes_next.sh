#!/usr/bin/env bash
# wal-rs (crate): a read that finds nothing deletes the log's last file, and what is written after it is skipped or deleted unread.
#
# Guess: a write-ahead log that is read from the front, WAL::read(n), gives each entry once, in order. A consumer polls it: a read when
# nothing has come gives nothing, and the next one gives what was written in between, before a restart or after it.
# Happens: the read that finds nothing takes the file for finished and deletes it, though it had room for more. The place, "three
# entries of this file are read", stays, and is then applied to the next file: its first three entries are skipped, and if it has no
# more than three, it is deleted with them. No error; len() counted them. Opened again, the log looks for the deleted file, finds none,
# and is empty, though the next file is there. If no read comes too early, all is right.
# Hurts: whoever polls: payments, orders or replication records that write() has accepted are gone after the first quiet moment.
# Way out: read() only if len() is not zero, and never more than len().
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
wal-rs = "=1.0.2"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use wal_rs::{Config, WAL};

fn open(path: &str) -> WAL {
    WAL::open(path, Config { entry_per_segment: 1000, check_crc32: true }).unwrap()
}

fn write(wal: &mut WAL, numbers: std::ops::RangeInclusive<usize>) {
    for number in numbers {
        wal.write(format!("payment {number}").as_bytes()).unwrap();
    }
}

fn read(wal: &mut WAL) -> Vec<String> {
    let entries = wal.read(10).unwrap();
    entries.into_iter().map(|entry| String::from_utf8(entry).unwrap()).collect()
}

fn main() {
    println!("wal-rs 1.0.2");
    let mut quiet = open("quiet");
    write(&mut quiet, 1..=3);
    assert_eq!(read(&mut quiet), ["payment 1", "payment 2", "payment 3"]);
    write(&mut quiet, 4..=5);
    let usual = read(&mut quiet);
    println!("3 written and read, 2 written: read {usual:?}");
    assert_eq!(usual, ["payment 4", "payment 5"]);

    let mut polled = open("polled");
    write(&mut polled, 1..=3);
    assert_eq!(read(&mut polled).len(), 3);
    assert!(read(&mut polled).is_empty(), "nothing has come");
    write(&mut polled, 4..=5);
    let waiting = polled.len();
    let few = read(&mut polled);
    println!("the same with a read in between that found nothing: {waiting} wait, read {few:?}, {} wait", polled.len());
    assert_eq!((waiting, few.len(), polled.len()), (2, 0, 0));
    write(&mut polled, 6..=10);
    let more = read(&mut polled);
    println!("5 more written, 6 to 10: read {more:?}");
    assert_eq!(more, ["payment 9", "payment 10"]);

    let mut restarted = open("restarted");
    write(&mut restarted, 1..=3);
    assert_eq!(read(&mut restarted).len(), 3);
    assert!(read(&mut restarted).is_empty());
    write(&mut restarted, 4..=8);
    let before = restarted.len();
    drop(restarted);
    let mut again = open("restarted");
    println!("{before} wait, and after opening the log again {}: read {:?}", again.len(), read(&mut again));
    assert_eq!((before, again.len()), (5, 0));
    println!("as described: what comes after an empty read is lost");
}
RUST
cargo run --quiet
