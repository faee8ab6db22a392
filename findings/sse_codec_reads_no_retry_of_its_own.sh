#!/usr/bin/env bash
# sse-codec (crate): "retry: 3000" is ignored, which is how it writes the field itself.
#
# Guess: a codec reads what it writes. The one space behind the colon is no part of a value, in any field.
# Happens: for "retry" the space is not taken away, so the value is no number and the line is dropped: only "retry:3000" is read. An
# empty id, which asks clients to forget the last one, is written as a line "id", and read as nothing: later events keep the
# old id. A message with empty data is written as no data at all, and data that ends with a line feed without that.
# Hurts: clients of servers that ask for a pause, nearly all of which write the space: they connect again as they please. Pairs of
# this encoder and decoder: what depends on an empty id or an empty message differs at the two ends.
# Way out: take away the space of retry lines before; write ids and data by hand.
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
futures = { version = "=0.3.31", default-features = false, features = ["executor", "std"] }
sse-codec = "=0.3.3"
[workspace]
TOML
cat >src/main.rs <<'RUST'
use futures::executor::block_on;
use futures::io::Cursor;
use futures::stream::TryStreamExt;
use sse_codec::{decode_stream, Event};

fn read(text: &str) -> Vec<Event> {
    let events: Vec<Event> = block_on(decode_stream(Cursor::new(text.as_bytes())).try_collect()).expect("valid");
    println!("{text:?} is read as {events:?}");
    events
}

/// As the encoder writes it: the event and an empty line.
fn written(event: &Event) -> String {
    format!("{event}\n")
}

fn main() {
    println!("sse-codec 0.3.3");
    let pause = Event::retry(3000);
    assert_eq!(read("retry:3000\n\n"), [pause.clone()]);
    assert_eq!(written(&pause), "retry: 3000\n\n");
    assert_eq!(read(&written(&pause)), []);

    let events = [Event::message("message", "one", "7"), Event::message("message", "two", "")];
    let back = read(&events.iter().map(written).collect::<String>());
    assert_eq!(back[0], events[0]);
    assert_eq!(back[1], Event::message("message", "two", "7"));
    assert_eq!(read("id: 7\ndata: one\n\nid:\ndata: two\n\n"), events);

    assert_eq!(read(&written(&Event::message("ping", "", None))), []);
    assert_eq!(read("event: ping\ndata\n\n"), [Event::message("ping", "", None)]);
    let line = Event::message("message", "a\n", None);
    assert_eq!(read(&written(&line)), [Event::message("message", "a", None)]);
    assert_eq!(read("data: a\ndata:\n\n"), [line]);
    println!("as described: it does not read what it writes");
}
RUST
cargo run --quiet
