#!/usr/bin/env bash
# systemd-unit-edit (crate): %n and %N are each other's name, a time of 0 is empty, and an indented key is an error.
#
# Guess: specifiers as in systemd.unit(5): %n is the full name of the unit, %N the same without its type, %p of a unit without
# instance is that too. Times as in systemd.time(7): "0", "1.5h", "2m", "1month". Spaces before a key mean nothing.
# Happens: with_unit_name("node.service") expands %n to "node" and %N to "node.service", the other way round; %p and %i stay as they
# are unless there is an instance. parse_timespan("0"), as in TimeoutStartSec=0, is the error Empty, as if nothing stood there;
# fractions, m, month, y and infinity are errors as well. A file whose keys are indented cannot be parsed, nor one with a
# comment between continued lines, both of which systemd reads.
# Hurts: tools that check or preview units: "SyslogIdentifier=%n" and paths with %N look right for the wrong one of the two. A check
# of RestartSec=0 or TimeoutStopSec=infinity reports a mistake in units that have run for years.
# Way out: set() %n, %N, %p and %i yourself.
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
systemd-unit-edit = "=0.1.4"
[workspace]
TOML
cat >src/main.rs <<'RUST'
use std::time::Duration;
use systemd_unit_edit::{parse_timespan, SpecifierContext, SystemdUnit};

fn main() {
    println!("systemd-unit-edit 0.1.4");
    for (name, expected) in [("node.service", "node node.service %p %i"), ("node@1.service", "node@1 node@1.service node 1")] {
        let expanded = SpecifierContext::with_unit_name(name).expand("%n %N %p %i");
        println!("%n %N %p %i of {name}: {expanded}");
        assert_eq!(expanded, expected);
    }

    assert_eq!(parse_timespan("5min 20s"), Ok(Duration::from_secs(320)));
    for text in ["0", "0s", "1.5h", "2m", "1month", "1y", "infinity"] {
        let error = parse_timespan(text).unwrap_err();
        println!("{text} is an error: {error}");
        assert_eq!(text.starts_with('0'), error.to_string() == "empty timespan");
    }

    let parses = |text: &str| text.parse::<SystemdUnit>().is_ok();
    let plain = "[Service]\nExecStart=/bin/node \\\n  --listen 1\nRestart=no\n";
    let indented = "[Service]\n  ExecStart=/bin/node\n  Restart=no\n";
    let comment = "[Service]\nExecStart=/bin/node \\\n# where peers connect\n  --listen 1\nRestart=no\n";
    println!("plain, indented, with a comment: {:?}", [plain, indented, comment].map(parses));
    assert_eq!([plain, indented, comment].map(parses), [true, false, false]);
    println!("as described: swapped names, and no 0");
}
RUST
cargo run --quiet
