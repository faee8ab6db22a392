//! A little of everything for as long as is wanted: nothing may grow.

use std::{
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::{
    base::{codec::List, hash::Hash, rng::Rng, time::UnixTime},
    chain::{key::SecretKey, spec::ChainSpec, testkit::BlockMaker},
    wire::{
        frame::Frame,
        message::{Message, PeerAddress},
    },
};

use crate::support::{
    TestNode,
    attack::{Watch, duration, folder_bytes, full, memory, rest},
    peer::RawPeer,
};

/// Time between two strokes.
const STROKE: Duration = Duration::from_millis(50);
/// Log files: four of 2 MiB, and a line.
const LOG_LIMIT: u64 = 4 * (2 << 20) + 4096;

/// One stroke of one of the attacks.
fn stroke(kind: u64, node: &TestNode, spec: &Arc<ChainSpec>, rng: &mut Rng, held: &mut Vec<RawPeer>) {
    let address = node.p2p();
    let patience = Duration::from_secs(5);
    let peer = || RawPeer::try_handshaken(address, spec, patience);
    match kind {
        0 => held.extend(TcpStream::connect_timeout(&address, patience).ok().map(|s| RawPeer::over(s, spec))),
        1 => {
            if let Some(mut peer) = peer() {
                let bytes = Frame::new(&Message::Block(vec![7; 900_000].into())).to_bytes(spec.magic());
                peer.push(&bytes[..usize::try_from(rng.between(1, 800_000)).unwrap()]);
                held.push(peer);
            }
        }
        2 => {
            if let Some(mut peer) = peer() {
                let mut frame =
                    Frame::new(&Message::Ping { nonce: 1, height: 1, tip: Hash::ZERO }).to_bytes(spec.magic());
                crate::support::mutate::bytes(rng, &mut frame);
                peer.push(&frame);
            }
        }
        3 => {
            if let Some(mut peer) = peer() {
                let genesis = spec.genesis_hash();
                let question = Frame::new(&Message::GetBlock(genesis)).to_bytes(spec.magic());
                peer.push(&question.repeat(500));
                held.push(peer);
            }
        }
        4 => {
            if let Some(mut peer) = peer() {
                let invent = |_| {
                    let [a, b, c, d] = rng.bytes::<4>();
                    PeerAddress::new(([a | 1, b, c, d], 4130).into(), UnixTime(1_795_000_000))
                };
                let told = Message::Peers(List::truncated((0..100).map(invent)));
                peer.send(&told);
                held.push(peer);
            }
        }
        5 => {
            if let Some(mut peer) = peer() {
                let mut maker = BlockMaker::new(spec.clone());
                let (key, to) = (SecretKey::well_known(3), SecretKey::well_known(4).address());
                let mut transfer = maker.transfer(&key, to, rng.between(1, 1_000_000), 1_000);
                if rng.chance(900_000) {
                    transfer.inputs.as_mut_slice()[0].signature[3] ^= 1;
                }
                peer.send(&Message::Transaction(transfer.to_bytes().into()));
                held.push(peer);
            }
        }
        _ => drop(TcpStream::connect_timeout(&node.http(), patience)),
    }
}

#[test]
fn everything_at_a_low_rate_makes_nothing_grow() {
    let mut node = TestNode::start(&["--is-bootnode", "--max-outbound", "0"]);
    node.wait(&["synced"]);
    let spec = Arc::new(ChainSpec::local());
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let mut rng = Rng::from_number(9);
    let time = duration(Duration::from_secs(4), Duration::from_secs(3_600));
    let (start, mut held, mut samples, mut strokes) = (Instant::now(), Vec::new(), Vec::new(), 0);
    while start.elapsed() < time {
        stroke(strokes % 7, &node, &spec, &mut rng, &mut held);
        strokes += 1;
        if held.len() > 40 {
            drop(held.remove(0));
        }
        held.retain_mut(RawPeer::skim);
        samples.push((start.elapsed().as_secs_f64(), memory(node.pid(), "VmRSS:") as f64));
        rest(STROKE);
    }
    drop(held);
    let logs = folder_bytes(&node.dir.join("local/logs"));
    // The first third warms caches up.
    let settled = &samples[samples.len() / 3..];
    let slope = slope(settled);
    let figure = format!(
        "{strokes} strokes in {} s, {slope:+.0} KiB an hour over the last two thirds, logs {} KiB",
        time.as_secs(),
        logs / 1024
    );
    watch.finish(&mut node, "soak of everything", &figure, "flat, logs 8 MiB");
    assert!(logs <= LOG_LIMIT, "{figure}");
    assert!(!full() || time < Duration::from_secs(1_800) || slope < 512.0, "{figure}");
}

/// KiB an hour, by least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len().max(1) as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|sample| sample.0), mean(|sample| sample.1));
    let over: f64 = samples.iter().map(|sample| (sample.0 - x) * (sample.1 - y)).sum();
    let under: f64 = samples.iter().map(|sample| (sample.0 - x).powi(2)).sum();
    if under > 0.0 { over / under * 3_600.0 } else { 0.0 }
}
