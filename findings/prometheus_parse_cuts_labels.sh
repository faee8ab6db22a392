#!/usr/bin/env bash
# The crate prometheus-parse cuts label values at commas, drops labels with "=" and drops whole samples, without an error.
#
# Guess: the text format of Prometheus has label values in quotation marks, in which any character may stand; \" \\ and \n are
# escapes. A sample that cannot be parsed is an error of Scrape::parse(), which gives a Result.
# Happens: what is between the braces is split at commas, and each part at "=", quotation marks or not. path="a,b" becomes "a";
# query="x=1" is gone, so that two series become one; after ", " the name of the next label begins with a space. Escapes
# stay as they are, less quotation marks at the end. Samples with "}" in a value, with an empty pair of braces or with a colon in
# their name (recorded series have one) are left out. The result is Ok in each case.
# Hurts: tools that watch a node by its metrics: sums over a label are wrong, and alarms on a series that was left out never
# fire. Labels of letters and digits, written without spaces, are right.
# (Needs cargo; builds regex and chrono, which takes most of a minute.)
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
prometheus-parse = "=0.2.5"
[workspace]
TOML
cat >src/main.rs <<'RUST'
use prometheus_parse::Scrape;

/// The labels of each sample that is found in a line, in the order of their names.
fn labels(line: &str) -> Vec<Vec<(String, String)>> {
    let lines = ["# TYPE calls counter", line].map(|text| Ok(text.to_owned()));
    let scrape = Scrape::parse(lines.into_iter()).expect("no error for any line here");
    let sorted = |sample: prometheus_parse::Sample| {
        let mut pairs: Vec<_> = sample.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        pairs.sort();
        pairs
    };
    scrape.samples.into_iter().map(sorted).collect()
}

fn main() {
    println!("prometheus-parse 0.2.5");
    let read: [(&str, &[(&str, &str)]); 6] = [
        (r#"calls{path="ab",peer="n1"} 7"#, &[("path", "ab"), ("peer", "n1")]),
        (r#"calls{path="a,b"} 7"#, &[("path", "a")]),
        (r#"calls{query="x=1"} 7"#, &[]),
        (r#"calls{query="x=2"} 7"#, &[]),
        (r#"calls{path="ab", peer="n1"} 7"#, &[(" peer", "n1"), ("path", "ab")]),
        (r#"calls{text="say \"no\""} 7"#, &[("text", r#"say \"no\"#)]),
    ];
    for (line, expected) in read {
        let found = labels(line);
        println!("{line} has the labels {found:?}");
        let expected: Vec<_> = expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        assert_eq!(found, [expected]);
    }
    for line in [r#"calls{path="{id}"} 7"#, "calls{} 7", "job:calls:rate5m 7"] {
        let found = labels(line);
        println!("{line} has {} samples", found.len());
        assert!(found.is_empty());
    }
    println!("as described: labels are cut and samples left out");
}
RUST
cargo run --quiet
