#!/usr/bin/env bash
# walogs (crate): after rotate() and checkpoint() the numbers begin at 1 again with the next start, so that new entries count as applied.
#
# Guess: "LSNs are monotonically increasing within a single WAL." A service applies what it has appended, keeps the number of the last one
# applied, and lets checkpoint() delete the files up to it. After a restart it applies what iter() gives above that number.
# Happens: the next number is reckoned from the entries that are found. If the last file has just been begun, by rotate() or because the
# one before was full, and checkpoint() has deleted all others, none is found, and the next entry has number 1. Within the process the
# number went on, next_lsn() was 6.
# Hurts: replication and recovery by number: entries 1 to 5 of after the restart are taken for applied and left out, and the next
# checkpoint() with the kept number deletes them. append() had said that they are durable.
# Way out: append an entry of one's own after each rotate() before checkpoint(); or compare next_lsn() with the kept number at start.
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
walogs = "=0.1.0"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use std::path::Path;
use walogs::{Lsn, Wal};

/// What a service does at its start: everything above the last number that it has applied.
fn to_apply(wal: &Wal, applied: Lsn) -> Vec<String> {
    let entries = wal.iter().map(|entry| entry.unwrap()).filter(|(lsn, _)| *lsn > applied);
    entries.map(|(_, data)| String::from_utf8(data).unwrap()).collect()
}

fn run(path: &str, marker: bool) -> (Lsn, Lsn, Vec<String>, usize) {
    let mut wal = Wal::open(Path::new(path)).unwrap();
    let mut applied = Lsn(0);
    for number in 1..=5 {
        applied = wal.append(format!("payment {number}").as_bytes()).unwrap();
    }
    wal.rotate().unwrap();
    if marker {
        applied = wal.append(b"marker").unwrap();
    }
    assert_eq!(wal.checkpoint(applied).unwrap(), 1, "the file of the five is deleted");
    let before = wal.next_lsn();
    drop(wal);

    let mut wal = Wal::open(Path::new(path)).unwrap();
    let after = wal.next_lsn();
    for number in 6..=8 {
        let _ = wal.append(format!("payment {number}").as_bytes()).unwrap();
    }
    drop(wal); // a crash before they are applied
    let mut wal = Wal::open(Path::new(path)).unwrap();
    let pending = to_apply(&wal, applied);
    wal.rotate().unwrap();
    let _ = wal.checkpoint(applied).unwrap();
    let left = wal.iter().count();
    (before, after, pending, left)
}

fn main() {
    println!("walogs 0.1.0");
    let (before, after, pending, left) = run("./marked", true);
    println!("an entry after rotate(): next {before:?}, after a restart {after:?}; payments 6 to 8: to apply {pending:?}");
    assert_eq!((before, after, left), (Lsn(7), Lsn(7), 4));
    assert_eq!(pending, ["payment 6", "payment 7", "payment 8"]);
    let (before, after, pending, left) = run("./plain", false);
    println!("none: next {before:?}, after a restart {after:?}; payments 6 to 8: to apply {pending:?}, left by checkpoint(): {left}");
    assert_eq!((before, after, left), (Lsn(6), Lsn(1), 0));
    assert!(pending.is_empty());
    println!("as described: the numbers begin again");
}
RUST
cargo run --quiet
