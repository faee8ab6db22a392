#!/usr/bin/env bash
# hdlc (crate): FrameReader drops what a read brings if no frame ends in it, and says that all is over.
#
# Guess: FrameReader "can be used to read frames from a stream of bytes", which come in pieces of any size from a socket or a serial line.
# The begin of a frame is kept until its end comes, and the iterator ends with the stream.
# Happens: each call reads once, up to 1,024 bytes. If there is no whole frame yet, the result is None, which ends a for loop, and the
# bytes of this read are forgotten: the next call begins in the middle of the frame. Three messages of three to five letters, read four
# bytes at a time, are none at all; read five at a time, the third one is "e". A frame of more than 1,024 bytes never comes, not even
# from a slice in memory. With reads that are larger than the frames all is right.
# Hurts: whoever reads a modem, a meter or a tunnel: at 115,200 baud a read has a few bytes, and nearly every frame is cut by one.
# Tests from a slice with short frames pass.
# Way out: collect bytes oneself, cut at the flag, and call decode().
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
hdlc = "=0.4.1"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use hdlc::{decode, encode, FrameReader, SpecialChars};
use std::io::Read;

/// A line that gives so many bytes with each read.
struct Line(Vec<u8>, usize);
impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let size = self.1.min(self.0.len()).min(buffer.len());
        buffer[..size].copy_from_slice(&self.0[..size]);
        self.0.drain(..size);
        Ok(size)
    }
}

/// The messages that come in a for loop, and those of a hundred calls.
fn read(frames: &[Vec<u8>], size: usize) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let chars = SpecialChars::default();
    let bytes: Vec<u8> = frames.iter().flat_map(|data| encode(data, chars).unwrap()).collect();
    let mut line = Line(bytes.clone(), size);
    let looped = FrameReader::new(&mut line, chars).filter_map(|frame| decode(&frame, chars).ok()).collect();
    let mut line = Line(bytes, size);
    let mut reader = FrameReader::new(&mut line, chars);
    let called = (0..100).filter_map(|_| reader.read_frame()).filter_map(|frame| decode(&frame, chars).ok()).collect();
    (looped, called)
}

fn main() {
    println!("hdlc 0.4.1");
    let frames = [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()];
    let text = |found: &[Vec<u8>]| found.iter().map(|data| String::from_utf8_lossy(data).into_owned()).collect::<Vec<_>>();
    for size in [100, 10, 5, 4, 1] {
        let (looped, called) = read(&frames, size);
        println!("{size} bytes a read: for loop {:?}, 100 calls {:?}", text(&looped), text(&called));
        match size {
            100 | 10 => assert_eq!((&looped[..], &called[..]), (&frames[..], &frames[..])),
            5 => assert_eq!((text(&looped).join(" "), text(&called).join(" ")), ("one two".into(), "one two e".into())),
            _ => assert!(looped.is_empty() && called.is_empty()),
        }
    }
    for length in [1000, 1022, 1023, 5000] {
        let (looped, called) = read(&[vec![b'x'; length]], usize::MAX);
        println!("one frame of {length} bytes, all at once: for loop {}, 100 calls {}", looped.len(), called.len());
        let right = (length <= 1022) as usize;
        assert_eq!((looped.len(), called.len()), (right, right));
    }
    println!("as described: a frame has to end in the read that it begins in");
}
RUST
cargo run --quiet
