//! Attacks on the key agreement, whose answers cost the node more than its messages cost a stranger.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use tussock::chain::{spec::ChainSpec, testkit::BlockMaker};

use crate::support::{
    TestNode,
    attack::{Watch, count, duration, rest},
    tunnel::framed,
};

/// Threads of the attacker.
const THREADS: usize = 8;
/// Agreements that each thread begins in a second.
const RATE: u32 = 125;

/// Begins a key agreement with a point that nobody has the secret of. Whether the node answered it.
fn begin(node: SocketAddr, number: usize) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&node, Duration::from_secs(1)) else { return false };
    let mut point = [0x21; 32];
    point[..8].copy_from_slice(&number.to_le_bytes());
    let sent = stream.set_read_timeout(Some(Duration::from_secs(1))).and_then(|()| stream.write_all(&framed(&point)));
    sent.is_ok() && stream.read_exact(&mut [0; 2 + 96]).is_ok()
}

#[test]
fn a_thousand_garbage_agreements_a_second_do_not_slow_an_honest_peer() {
    let mut node = TestNode::start(&["--is-bootnode"]);
    node.wait(&["synced"]);
    let watch = Watch::start(&node, BlockMaker::new(Arc::new(ChainSpec::local())));
    let (address, start) = (node.p2p(), Instant::now());
    let time = duration(Duration::from_secs(3), Duration::from_secs(60));
    let (begun, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let attackers: Vec<_> = (0..count(2, THREADS))
        .map(|_| {
            let (begun, answered) = (Arc::clone(&begun), Arc::clone(&answered));
            thread::spawn(move || {
                for n in 0.. {
                    let due = Duration::from_secs(1) * n / RATE;
                    if due > time || start.elapsed() > time {
                        return;
                    }
                    rest(due.saturating_sub(start.elapsed()));
                    let is_answered = begin(address, begun.fetch_add(1, Relaxed));
                    answered.fetch_add(usize::from(is_answered), Relaxed);
                }
            })
        })
        .collect();
    attackers.into_iter().for_each(|attacker| attacker.join().unwrap());
    let (begun, answered) = (begun.load(Relaxed), answered.load(Relaxed));
    let rate = begun as f64 / start.elapsed().as_secs_f64();
    let figure = format!("{rate:.0} agreements a second, {answered} of {begun} answered");
    watch.finish(&mut node, "garbage key agreements", &figure, "1,000 a second");
    assert!(answered > 0, "the node answers some");
}
