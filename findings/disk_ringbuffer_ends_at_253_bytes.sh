#!/usr/bin/env bash
# disk-ringbuffer (crate): a message of 253 bytes, or of 509, 765 and so on, is the end for its readers: they get nothing any more.
#
# Guess: a reader gets each message that is pushed, in order, whatever is in it and however long it is (16 MB at most).
# Happens: each message is written behind its length, lowest byte first. Where a page of 256 MB ends, there is a byte 0xFD, and a reader
# asks for this byte before it reads a length: 253 is 0xFD, as are all lengths that leave 253 when divided by 256. It goes on to the
# next page, which is empty, and waits there until the writer comes to it: this message and all after it are lost for it, up to
# 256 MB of them. push() has returned the bytes that it wrote; a reader that starts later ends at the same place.
# Hurts: one message in 256 of whatever has changing lengths: logs, JSON, blocks. A consumer is silent from then on, without an error.
# Way out: pad messages so that no length leaves 253.
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
disk-ringbuffer = "=0.7.4"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use disk_ringbuffer::ringbuf;

/// Messages of these lengths are pushed; how many are popped, and how many by a reader that starts afterwards.
fn run(path: &str, lengths: &[usize]) -> (usize, usize) {
    let (mut sender, mut reader) = ringbuf::new(path).unwrap();
    for &length in lengths {
        assert_eq!(sender.push("x".repeat(length)).unwrap(), length + 4);
    }
    let (_, mut second) = ringbuf::new(path).unwrap();
    let count = |reader: &mut ringbuf::DiskRing<ringbuf::Receiver>| {
        let mut popped = 0;
        while let Some(message) = reader.pop().unwrap() {
            assert_eq!(message.len(), lengths[popped]);
            popped += 1;
        }
        popped
    };
    (count(&mut reader), count(&mut second))
}

fn main() {
    println!("disk-ringbuffer 0.7.4");
    for length in [252, 253, 254, 508, 509, 510, 65_533] {
        let lengths = [10, 20, length, 30, 40];
        let (popped, second) = run(&format!("ring{length}"), &lengths);
        println!("messages of {lengths:?} bytes: {popped} of 5 are popped, {second} by a second reader");
        let expected = if length % 256 == 253 { 2 } else { 5 };
        assert_eq!((popped, second), (expected, expected));
    }
    let lengths: Vec<usize> = (0..2000).map(|number| 100 + number * 7919 % 900).collect();
    let (popped, _) = run("many", &lengths);
    println!("2,000 messages of 100 to 999 bytes: {popped} are popped");
    assert!(popped < 1000);
    println!("as described: 253 bytes are the end");
}
RUST
cargo run --quiet
