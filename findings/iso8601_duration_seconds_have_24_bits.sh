#!/usr/bin/env bash
# iso8601-duration (crate): durations are reckoned in 32-bit floats: above 194 days seconds are lost, and "P1Y400D" is one year.
#
# Guess: the fields of a duration like "P365DT1S" come out as they are written, and num_seconds() and to_std() give the exact number, in
# 64 bits at least, since std::time::Duration has nanoseconds. num_years() and num_months() say how many there are, or None where a
# duration cannot be told in them (as the others do for years and months).
# Happens: all fields and sums are f32, with 24 bits. 365 days and one second are 31,536,000 seconds, 16,777,217 seconds are one less, a
# time of the present in nanoseconds or milliseconds is off by minutes; "PT86399.999S" is a whole day. num_years() and num_months() refuse
# hours, minutes and seconds, but leave out the days: "P400D" is 0 years, "P1Y400D" is 1.
# Hurts: leases, expiry times of keys and certificates, calendars: a round trip through the type changes the second, so that comparisons
# with what others signed or stored fail, and only for long durations.
# Way out: chrono's or time's own numbers with another parser.
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
iso8601-duration = { version = "=0.2.0", default-features = false }
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use iso8601_duration::Duration;

fn main() {
    println!("iso8601-duration 0.2.0");
    for (text, exact) in [
        ("PT1H0.5S", 3600.5),
        ("P194DT1S", 16_761_601.0),
        ("PT16777217S", 16_777_217.0),
        ("P365DT1S", 31_536_001.0),
        ("PT86399.999S", 86399.999),
        ("PT1800000001S", 1_800_000_001.0),
    ] {
        let duration: Duration = text.parse().unwrap();
        let std = duration.to_std().unwrap();
        println!("{text}: {std:?}, right would be {exact} s; written again: {duration}");
        assert_eq!(std.as_secs_f64() == exact, ["PT1H0.5S", "P194DT1S"].contains(&text));
    }
    let seconds = |text: &str| text.parse::<Duration>().unwrap().to_std().unwrap().as_secs_f64();
    assert_eq!(seconds("P365DT1S"), 31_536_000.0);
    assert_eq!(seconds("PT16777217S"), 16_777_216.0);
    assert_eq!(seconds("PT86399.999S"), 86_400.0);
    assert_eq!("PT16777217S".parse::<Duration>().unwrap().to_string(), "PT16777216S");

    for (text, years, months) in [("P1Y400D", Some(1.0), Some(12.0)), ("P400D", Some(0.0), Some(0.0)), ("P1YT1S", None, None)] {
        let duration: Duration = text.parse().unwrap();
        println!("{text}: num_years() {:?}, num_months() {:?}", duration.num_years(), duration.num_months());
        assert_eq!((duration.num_years(), duration.num_months()), (years, months));
    }
    println!("as described: 24 bits, and no days in years");
}
RUST
cargo run --quiet
