#!/usr/bin/env bash
# mdcs-core (crate): in its map an older value wins over the one that replaced it, and what was removed comes back.
#
# Guess: the map's "single shared causal context ensures that causality is tracked consistently": "a value is 'removed' if its dot is in the
# context but not in the store." Who has seen a value and replaces or removes it, has replaced or removed it for all.
# Happens: join() puts together all dots of both sides and does not look at the contexts. A value that one side has replaced stays with
# the other one, which has both after the join; get() gives the first of them, the oldest. The new value is never seen there, however
# often they join, and joined back the old one is current at its own author too. A removed key is there again after the next join with
# anybody. The register for several values keeps replaced ones in the same way, as if they were concurrent.
# Hurts: prices, balances and permissions in such a map: a change never gets through, and a removal is undone.
# Way out: keys that are written once; the LWWRegister for values, and the ORSet for removals.
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
mdcs-core = "=0.1.2"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use mdcs_core::prelude::*;

fn main() {
    println!("mdcs-core 0.1.2");
    let mut anna = CRDTMap::new();
    let mut bert = CRDTMap::new();
    for price in [100, 110, 120] {
        anna.put("anna", "price", MapValue::Int(price));
        bert = bert.join(&anna);
        println!("Anna puts {price}; Bert has joined and gets {:?} of {:?}", bert.get(&"price").unwrap(), bert.get_all(&"price"));
        assert_eq!(anna.get(&"price"), Some(&MapValue::Int(price)));
        assert_eq!(bert.get(&"price"), Some(&MapValue::Int(100)));
    }
    anna = anna.join(&bert);
    println!("Anna has joined with Bert and gets {:?}", anna.get(&"price").unwrap());
    assert_eq!(anna.get(&"price"), Some(&MapValue::Int(100)));

    let mut owner = CRDTMap::new();
    owner.put("anna", "admin", MapValue::Text("Carl".into()));
    let mut other = CRDTMap::new().join(&owner);
    owner.remove(&"admin");
    assert!(!owner.contains_key(&"admin"));
    other = other.join(&owner);
    owner = owner.join(&other);
    let there = (other.contains_key(&"admin"), owner.contains_key(&"admin"));
    println!("Anna removed a key that Bert had seen: it is there at Bert {}, at Anna {}", there.0, there.1);
    assert_eq!(there, (true, true));

    let mut first = MVRegister::new();
    first.write("anna", 100);
    let mut second = MVRegister::new().join(&first);
    second.write("bert", 110); // has seen 100, and replaces it
    assert_eq!(second.read(), [&110]);
    first = first.join(&second);
    println!("register: Anna wrote 100, Bert saw and replaced it by 110; Anna has {:?}", first.read());
    assert_eq!(first.len(), 2);
    println!("as described: the older one wins");
}
RUST
cargo run --quiet
