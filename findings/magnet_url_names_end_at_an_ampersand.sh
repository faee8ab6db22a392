#!/usr/bin/env bash
# magnet-url (crate): a magnet link's texts are neither decoded when read nor encoded when written.
#
# Guess: Magnet::new() gives the name, trackers and sources of a magnet link as they are meant: "%20" is a space, since a link's query is
# percent-encoded. MagnetBuilder takes the plain texts, as its page shows with "My Torrent", and writes a link that reads back the same.
# Happens: texts are taken and written as they stand. A link of any client has the tracker "udp%3A%2F%2Ftracker.example%3A6969", which no
# library can connect to. Built with the name "Tom & Jerry #2", the link is read as "Tom ", by others without all behind "#"; a tracker
# "wss://t.example/announce?key=1&ip=2" loses its second parameter. No function says that anything is wrong, all are Ok.
# Also, of two hashes (xt) the last is kept, and an unreadable length is none.
# Hurts: clients that announce to the trackers of a link: none is reached, and only those found by the DHT are; links handed on lose
# names and keys of private trackers. Links made for tests ("dn=Sintel") are right.
# Way out: percent_decode_str() and utf8_percent_encode() of percent-encoding on each value.
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
magnet-url = "=3.0.0"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use magnet_url::{Magnet, MagnetBuilder};

fn main() {
    println!("magnet-url 3.0.0");
    let hash = "08ada5a7a6183aae1e09d831df6748d566095a10";
    let link = format!("magnet:?xt=urn:btih:{hash}&dn=Big%20Buck%20Bunny&tr=udp%3A%2F%2Ftracker.example%3A6969");
    let read = Magnet::new(&link).unwrap();
    println!("{link}\n  name {:?}, trackers {:?}", read.display_name(), read.trackers());
    assert_eq!(read.display_name(), Some("Big%20Buck%20Bunny"));
    assert_eq!(read.trackers(), ["udp%3A%2F%2Ftracker.example%3A6969"]);

    let tracker = "wss://t.example/announce?key=1&ip=2".to_string();
    let built = MagnetBuilder::new().hash_type("btih").hash(hash).display_name("Tom & Jerry #2").add_tracker(&tracker).build();
    let link = built.to_string();
    let read = Magnet::new(&link).unwrap();
    println!("{link}\n  name {:?}, trackers {:?}", read.display_name(), read.trackers());
    assert_eq!((built.display_name(), read.display_name()), (Some("Tom & Jerry #2"), Some("Tom ")));
    assert_eq!(read.trackers(), ["wss://t.example/announce?key=1"]);
    assert_ne!(built, read);

    let plain = MagnetBuilder::new().hash_type("btih").hash(hash).display_name("Sintel").build();
    assert_eq!(Magnet::new(&plain.to_string()), Ok(plain));
    println!("as described: texts with signs of their own are others");
}
RUST
cargo run --quiet
