#!/usr/bin/env bash
# turmoil, a network simulator for Rust: with a fail_rate of 1 % and a latency of 50 ms, a third of the messages is lost.
#
# Guess: the builder documents fail_rate as "the failure rate of messages on the network", and recommends it for trying UDP on
# a flaky network. With 0.01 and the default repair_rate of 1, one datagram in a hundred is lost, at any latency.
# Happens: each draw that fails cuts the link for a moment, and all messages that are under way on it, in both directions,
# vanish with the one. The loss grows with latency and traffic: at one datagram per millisecond and 1 % it is 1 % for a
# latency of 1 ms, and about 38 % for 50 ms; at 10 % nearly nothing arrives.
# Hurts: simulations of gossip and failure detectors. A protocol that withstands 10 % loss seems to fail, limits tuned until
# it passes are wrong outside, and two links with the same rate lose different shares.
# (Needs cargo; builds tokio, which takes most of a minute.)
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
turmoil = "=0.7.2"
tokio = { version = "=1.47.1", default-features = false, features = ["time"] }
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use std::{cell::Cell, net::Ipv4Addr, rc::Rc, time::Duration};
use turmoil::net::UdpSocket;

const SENT: u32 = 1000;

/// How many datagrams arrive of one each millisecond, in one direction.
fn arrived(fail_rate: f64, latency_ms: u64) -> u32 {
    let latency = Duration::from_millis(latency_ms);
    let mut sim = turmoil::Builder::new()
        .rng_seed(1)
        .fail_rate(fail_rate)
        .min_message_latency(latency)
        .max_message_latency(latency)
        .build();
    let count = Rc::new(Cell::new(0));
    let counter = count.clone();
    sim.host("receiver", move || {
        let counter = counter.clone();
        async move {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 4130)).await?;
            loop {
                socket.recv_from(&mut [0; 8]).await?;
                counter.set(counter.get() + 1);
            }
        }
    });
    sim.client("sender", async {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        for _ in 0..SENT {
            socket.send_to(&[0; 8], ("receiver", 4130)).await?;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    });
    sim.run().unwrap();
    count.get()
}

fn main() {
    println!("turmoil 0.7.2, {SENT} datagrams, one each millisecond");
    for (fail_rate, latency_ms, expected) in [
        (0.0, 50, SENT..=SENT),
        (0.01, 1, 970..=999),
        (0.01, 50, 500..=750),
        (0.1, 1, 850..=950),
        (0.1, 50, 0..=50),
    ] {
        let arrived = arrived(fail_rate, latency_ms);
        println!("fail_rate {fail_rate}, latency {latency_ms} ms: {arrived} arrived");
        assert!(expected.contains(&arrived));
    }
    println!("as described: a failure takes all messages under way with it");
}
RUST
cargo run --quiet
