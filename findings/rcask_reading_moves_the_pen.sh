#!/usr/bin/env bash
# rcask (crate), a Bitcask store: set() after get() writes over the values that stand behind the one that was read.
#
# Guess: "Data is appended to a file in a sequential log fashion": what was set stays as it is, until compaction, whatever is read in
# between. After reading one key and setting another, all keys have their last values, after opening again too.
# Happens: set() writes where the file's position is, and get() leaves it behind the value it has read. Only if that was the last one of
# the file, or nothing was read since the last set(), it is the end. Else the new record goes over the next ones, and get() of their keys
# is "Data corruption: key mismatch". After opening again the index ends there, and all keys behind it are unknown, also those that
# nobody has touched. set() returns Ok.
# Hurts: every use that reads and writes, as "read the balance, write the new one": three accounts, one transfer, one account is gone.
# Way out: get() of the key that was set last before each set().
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
rcask = "=0.1.0"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use rcask::RCask;

const ACCOUNTS: [&str; 5] = ["anna", "bert", "carl", "dora", "emil"];

fn open(folder: &str) -> RCask {
    RCask::new(folder.to_string(), "accounts".to_string()).unwrap()
}

/// What each account has: its value, none, or an error.
fn all(store: &mut RCask) -> Vec<String> {
    let text = |answer: std::io::Result<Option<String>>| match answer {
        Ok(value) => value.unwrap_or("none".to_string()),
        Err(error) => error.to_string(),
    };
    ACCOUNTS.iter().map(|name| text(store.get(name))).collect()
}

fn run(folder: &str, read: bool) -> (Vec<String>, Vec<String>) {
    let mut store = open(folder);
    for name in ACCOUNTS {
        store.set(name, "100 euro").unwrap();
    }
    if read {
        assert_eq!(store.get("anna").unwrap().unwrap(), "100 euro");
    }
    store.set("anna", "75 euro").unwrap();
    let found = all(&mut store);
    drop(store);
    (found, all(&mut open(folder)))
}

fn main() {
    println!("rcask 0.1.0");
    let right = ["75 euro", "100 euro", "100 euro", "100 euro", "100 euro"];
    let (found, again) = run("blind", false);
    println!("{ACCOUNTS:?} have 100 euro, anna is set to 75: {found:?}");
    assert!(found == right && again == right);
    let (found, again) = run("read", true);
    println!("the same, but anna's balance is read before it is set: {found:?}");
    println!("after opening again: {again:?}");
    assert_eq!(found[0], "75 euro");
    assert_ne!(found[1], "100 euro");
    assert!(again.iter().filter(|text| *text == "100 euro").count() < 4);
    println!("as described: written over");
}
RUST
cargo run --quiet
