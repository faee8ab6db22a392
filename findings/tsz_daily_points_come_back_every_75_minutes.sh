#!/usr/bin/env bash
# tsz (crate, Gorilla compression of time series): points of each day come back 75 minutes apart, with the right values.
#
# Guess: StdEncoder::new(start, …) takes any start before the first point, and what is encoded is decoded again: times are whole numbers
# of 64 bits, in seconds, milliseconds or whatever one counts in.
# Happens: of the distance from the start to the first point 14 bits are kept, and all later times are reckoned from it: from 16,384 on
# it is cut, so that a distance of 86,400 s is 4,480 s for the reader, and so is each later one. A pause of more than 2^31 units is cut as
# well: 25 days in milliseconds, 36 minutes in microseconds. No error is raised, and the values are right.
# Hurts: series of six hours, of days or of weeks whose start is one step before the first point, and nearly all in milliseconds.
# Way out: give the time of the first point as the start, and begin a new stream after each long pause.
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
tsz = "=0.1.4"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use tsz::stream::{BufferedReader, BufferedWriter};
use tsz::{DataPoint, Decode, Encode, StdDecoder, StdEncoder};

/// The times that come back.
fn again(start: u64, times: &[u64]) -> Vec<u64> {
    let mut encoder = StdEncoder::new(start, BufferedWriter::new());
    for time in times {
        encoder.encode(DataPoint::new(*time, 1.5));
    }
    let mut decoder = StdDecoder::new(BufferedReader::new(encoder.close()));
    std::iter::from_fn(|| decoder.next().ok())
        .map(|point| {
            assert_eq!(point.get_value(), 1.5);
            point.get_time()
        })
        .collect()
}

fn main() {
    println!("tsz 0.1.4");
    let midnight = 1_700_006_400;
    for step in [60, 3600, 4 * 3600, 6 * 3600, 86_400, 7 * 86_400] {
        let times: Vec<u64> = (1..=30).map(|point| midnight + point * step).collect();
        let back = again(midnight, &times);
        println!("30 points, one each {step} s: they come back each {} s, the last {} s too early", back[1] - back[0], times[29] - back[29]);
        assert_eq!(back, (1..=30).map(|point| midnight + point * (step % 16_384)).collect::<Vec<_>>());
        assert_eq!(again(times[0], &times), times);
    }
    for days in [24, 25, 60] {
        let first = midnight * 1000;
        let times = [0, 1000, 1000 + days * 86_400_000].map(|pause| first + pause);
        let back = again(first, &times);
        let apart = (back[2] as f64 - back[1] as f64) / 86_400_000.0;
        println!("in milliseconds, {days} days between: they come back {apart:.2} days apart");
        assert_eq!(back == times, days < 25);
    }
    println!("as described: it comes back at another time");
}
RUST
cargo run --quiet
