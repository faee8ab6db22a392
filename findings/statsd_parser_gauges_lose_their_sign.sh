#!/usr/bin/env bash
# statsd-parser (crate): a gauge that is raised by ten is ten, and names that begin with "_sc" are service checks.
#
# Guess: "all standard StatsD metric types are implemented". A gauge with a sign is a change of the gauge ("+10": ten more), without one
# the new value; the parser says which. A metric's name is free, and only lines that begin with "_sc|" are service checks.
# Happens: "queue:+10|g" and "queue:10|g" give the same Gauge { value: 10.0 }: the sign is gone, and "queue:-10|g" is a gauge of minus
# ten. Nothing else tells them apart. Sets ("s") are refused as an unknown type. "_scrapes.total:5|c", a counter, is given as a service
# check with the name "c" and the status UNKNOWN, without an error; so are all names with "_sc", as "_schema" or "_score".
# Hurts: receivers built on it: a queue that senders count up and down jumps between 1 and -1, and one's own checks get an entry "c" that
# is in trouble, while the counter is missing.
# Way out: look for the sign behind ":" in the line oneself, and rename.
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
statsd-parser = "=0.3.0"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use statsd_parser::{parse, Counter, Gauge, Metric, ParseError, ServiceCheck, Status};

fn main() {
    println!("statsd-parser 0.3.0");
    let gauge = |value| Metric::Gauge(Gauge { value, sample_rate: None });
    for (line, expected) in [("queue:10|g", 10.0), ("queue:+10|g", 10.0), ("queue:-10|g", -10.0)] {
        let message = parse(line).unwrap();
        println!("{line}: {message:?}");
        assert_eq!(message.metric, gauge(expected));
    }
    assert_eq!(parse("queue:+10|g"), parse("queue:10|g"));
    println!("users:17|s: {:?}", parse("users:17|s"));
    assert_eq!(parse("users:17|s"), Err(ParseError::UnknownMetricType));

    let right = parse("scrapes.total:5|c").unwrap();
    let wrong = parse("_scrapes.total:5|c").unwrap();
    println!("scrapes.total:5|c: {right:?}\n_scrapes.total:5|c: {wrong:?}");
    assert_eq!(right.metric, Metric::Counter(Counter { value: 5.0, sample_rate: None }));
    assert_eq!(wrong.name, "c");
    let check = ServiceCheck { status: Status::UNKNOWN, timestamp: None, hostname: None, message: None };
    assert_eq!(wrong.metric, Metric::ServiceCheck(check));
    println!("as described: a change of a gauge is a value");
}
RUST
cargo run --quiet
