#!/usr/bin/env bash
# exponential-backoff (crate): who has waited longest comes at the same instant as all others: the longest waits have no jitter.
#
# Guess: "an exponential backoff generator with jitter", 0.3 by default: each wait is up to 30 percent shorter or longer than doubled,
# so that clients of a server that was away spread out, above all those that have failed often.
# Happens: the wait is moved first and cut to the smallest and largest afterwards. From 100 ms to 10 s, the ninth and every later wait
# is 10 s to the microsecond, as are seven of eight eighth ones. Of the first waits half are 100 ms exactly, since shorter is not
# allowed. In between there are 45 values, in whole percents: shorter by 0 to 29, longer by 15 to 29, never by 1 to 14.
# Hurts: servers after an outage: clients that were cut off together have climbed to the limit together, and come back together every
# ten seconds, which is what jitter is there for. A test of one client sees waits that vary, at first.
# Way out: draw between half the largest wait and that yourself once the limit is reached.
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
exponential-backoff = "=2.1.1"
[workspace]
TOML
cat >src/main.rs <<'RUST'
use exponential_backoff::Backoff;
use std::collections::BTreeMap;
use std::time::Duration;

const CLIENTS: usize = 20_000;

fn main() {
    println!("exponential-backoff 2.1.1");
    let [min, max] = [100, 10_000].map(Duration::from_millis);
    let mut waits = vec![BTreeMap::<u128, usize>::new(); 11];
    for _ in 0..CLIENTS {
        for (attempt, wait) in Backoff::new(12, min, max).iter().flatten().enumerate() {
            *waits[attempt].entry(wait.as_micros()).or_default() += 1;
        }
    }
    for (attempt, counts) in waits.iter().enumerate() {
        let (wait, count) = counts.iter().max_by_key(|(_, count)| **count).unwrap();
        let different = counts.len();
        println!("wait {}: {different} different ones, the commonest, {wait} us, {count} times", attempt + 1);
    }

    let share = |attempt: usize, wait: u128| waits[attempt - 1].get(&wait).map_or(0.0, |count| *count as f64 / CLIENTS as f64);
    assert!((0.46..0.54).contains(&share(1, 100_000)));
    assert!((0.83..0.91).contains(&share(8, 10_000_000)));
    for attempt in 9..=11 {
        assert_eq!(share(attempt, 10_000_000), 1.0);
    }
    let percents: Vec<_> = waits[3].keys().map(|wait| *wait as i128 / 8_000 - 100).collect();
    assert_eq!(percents, (-29..=0).chain(15..=29).collect::<Vec<_>>());
    println!("as described: at the limit all are alike");
}
RUST
cargo run --quiet
