#!/usr/bin/env bash
# clak (crate), SWIM membership: the answer to an indirect ping is never heard: a member that all others reach is dead.
#
# Guess: SWIM asks others to ping a member that does not answer oneself; if it answers one of them, it is alive. That is what there is a
# ping_req_group_size for: one bad line between two nodes, or one lost packet, is no failure.
# Happens: the others do ping, and they do send the answer on. But an answer is looked for among the direct pings only, which wait no
# longer; the list of the indirect ones is written and never read. So each indirect ping runs into its time-out, with any number of
# helpers, and the member is taken out; this is gossiped, and the others drop it too.
# Hurts: clusters of this crate: a single lost ping is a death that all hear of; with 1 % of loss that is each fiftieth ping.
# Way out: a Transport that repeats what is lost.
# (Needs cargo. Nodes 1 and 2 are of the crate, on the loopback. Node 3 answers as the crate does, but not what comes from node 1, as if
# the way between them was broken. Node 1 waits ten times as long as node 2.)
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
clak = "=0.1.0"
tokio = { version = "1", features = ["rt-multi-thread", "macros", "sync", "time"] }
[profile.dev]
debug = 0
[workspace]
TOML
cat >src/main.rs <<'RUST'
use clak::{event::Event, transport::{TcpAddress, UdpTransport}, Clak, ClakConfig};
use std::{net::UdpSocket, sync::atomic::{AtomicUsize, Ordering::SeqCst}, time::Duration};
use tokio::{sync::mpsc::UnboundedReceiver, time::timeout};

static ANSWERED: AtomicUsize = AtomicUsize::new(0);
static IGNORED: AtomicUsize = AtomicUsize::new(0);

fn address(port: u16) -> TcpAddress {
    TcpAddress::new("127.0.0.1".into(), port)
}

/// Answers each ping but those of node 1.
fn third(socket: UdpSocket, first: u16, second: u16) {
    let host = "127.0.0.1";
    let mut answer = vec![3, 0, 0, 0, host.len() as u8, 0, 0, 0, 0, 0, 0, 0]; // Message::Ack, the length of the address
    answer.extend(host.bytes());
    answer.extend(socket.local_addr().unwrap().port().to_le_bytes());
    answer.extend([0; 8]); // no gossip
    socket.send_to(&answer, (host, second)).unwrap(); // joins
    let mut packet = [0; 2000];
    loop {
        let (_, from) = socket.recv_from(&mut packet).unwrap();
        if packet[0] == 1 && from.port() == first {
            IGNORED.fetch_add(1, SeqCst);
        } else if packet[0] == 1 {
            ANSWERED.fetch_add(1, SeqCst);
            socket.send_to(&answer, from).unwrap();
        }
    }
}

async fn start(port: u16, join: Option<u16>, wait: u64) -> UnboundedReceiver<Event<TcpAddress>> {
    let config = ClakConfig {
        address: address(port),
        protocol_period: Duration::from_millis(100),
        protocol_timeout: Duration::from_millis(wait),
        ping_req_group_size: 3,
        gossip_max_age: 10,
        gossip_overheard_size: 10,
    };
    let mut node: Clak<UdpTransport> = Clak::new(config).await.unwrap();
    let events = node.subscribe().await;
    tokio::spawn(async move {
        match join {
            Some(port) => node.join(&address(port)).await,
            None => node.run().await,
        }
    });
    events
}

/// The events until one says that a node is dead.
async fn until_dead(events: &mut UnboundedReceiver<Event<TcpAddress>>, name: impl Fn(&TcpAddress) -> usize) -> Vec<String> {
    let mut seen = Vec::new();
    while let Ok(Some(event)) = timeout(Duration::from_secs(20), events.recv()).await {
        match event {
            Event::Alive(member) => seen.push(format!("{} alive", name(member.address()))),
            Event::Dead(member) => {
                seen.push(format!("{} dead", name(member.address())));
                break;
            }
        }
    }
    seen
}

#[tokio::main]
async fn main() {
    println!("clak 0.1.0");
    let sockets: Vec<UdpSocket> = (0..3).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = sockets.iter().map(|socket| socket.local_addr().unwrap().port()).collect();
    let socket = sockets.into_iter().nth(2).unwrap(); // the other two ports are free again
    let name = |address: &TcpAddress| 1 + ports.iter().position(|port| address.to_string().ends_with(&format!(":{port}"))).unwrap();
    let mut second = start(ports[1], None, 100).await;
    let mut first = start(ports[0], Some(ports[1]), 1000).await;
    let (one, two) = (ports[0], ports[1]);
    std::thread::spawn(move || third(socket, one, two));
    let seen = until_dead(&mut first, name).await;
    println!("node 1 saw: {seen:?}");
    let (ignored, answered) = (IGNORED.load(SeqCst), ANSWERED.load(SeqCst));
    println!("by then node 3 had got {ignored} ping of node 1, which was lost, and had answered {answered} of node 2");
    assert_eq!(seen.last().unwrap(), "3 dead");
    assert!(ignored == 1 && answered > 1);
    let seen = until_dead(&mut second, name).await;
    println!("node 2 saw: {seen:?}");
    assert_eq!(seen.last().unwrap(), "3 dead");
    println!("as described: who is reached by others is dead");
    std::process::exit(0);
}
RUST
cargo run --quiet
