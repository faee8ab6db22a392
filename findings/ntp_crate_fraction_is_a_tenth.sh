#!/usr/bin/env bash
# The crate ntp: the fraction of a second that it writes is a tenth of the right one, the one that it reads is right.
#
# Guess: a time of the system becomes an NTP timestamp (seconds since 1900, fraction in 2^32 parts) and back, and is the same. The
# client sends its own time, and servers give it back untouched as the origin of the answer.
# Happens: from time to timestamp the nanoseconds are divided by ten thousand millions instead of a thousand millions. Half past a
# second is written as a twentieth, and comes back so. Reading divides rightly. Whole seconds are right, and the fraction is never
# above a tenth, so that two stamps of one second keep their order, and a second has a jump of 0.9 at its end.
# Hurts: the offset to a server is (receive - origin + transmit - destination) / 2. With the origin from such a packet it is wrong
# by up to 0.45 seconds. A server made of the crate's packets sets others' clocks back by up to 0.9 seconds.
# Way out: make TimestampFormat { sec, frac } yourself.
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
ntp = "=0.5.0"
time = "0.1.45"
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use ntp::formats::timestamp::TimestampFormat;
use time::Timespec;

fn main() {
    println!("ntp 0.5.0");
    let second = 1_800_000_000;
    let mut last = 0;
    for part in [0, 1_000_000, 100_000_000, 250_000_000, 500_000_000, 999_999_999] {
        let written = TimestampFormat::from(Timespec::new(second, part));
        let right = (part as u64 * (1 << 32) / 1_000_000_000) as u32;
        let back = Timespec::from(written);
        println!("{part:>9} ns: written {:>9} of 2^32, right would be {right:>10}, read again {:>8} ns", written.frac, back.nsec);
        assert_eq!(written.sec as i64, second + 2_208_988_800);
        assert!((written.frac as i64 - right as i64 / 10).abs() <= 1);
        assert!((back.nsec - part / 10).abs() <= 2 && back.sec == second);
        assert!((Timespec::from(TimestampFormat { sec: written.sec, frac: right }).nsec - part).abs() <= 2);
        assert!(written.frac >= last);
        last = written.frac;
    }

    // A client and a server whose clocks agree, 40 ms apart: what the client makes of the answer if its time came from the crate.
    let seconds = |time: Timespec| (time.sec - second) as f64 + time.nsec as f64 / 1e9;
    for part in [100_000_000, 500_000_000, 900_000_000] {
        let sent = Timespec::new(second, part);
        let origin = seconds(TimestampFormat::from(sent).into());
        let arrived = seconds(sent) + 0.040;
        let offset = (arrived - origin + arrived - (seconds(sent) + 0.080)) / 2.0;
        println!("sent at {:.1}: offset {offset:.3} seconds, right would be 0", seconds(sent));
        assert!((offset - seconds(sent) * 0.45).abs() < 1e-6);
    }
    println!("as described: nine tenths are lost");
}
RUST
cargo run --quiet
