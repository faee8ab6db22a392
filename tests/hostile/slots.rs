//! Attacks on slots, handshakes, buffers and descriptors.

use std::{
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::{
    base::limits,
    chain::{spec::ChainSpec, testkit::BlockMaker},
    wire::{
        frame::Frame,
        message::{GoodbyeCode, Message},
    },
};

use crate::support::{
    TestNode,
    attack::{Watch, count, duration, full, rest},
    peer::{RawPeer, version},
};

const TURN: Duration = Duration::from_millis(20);

fn scene() -> (TestNode, Arc<ChainSpec>) {
    let node = TestNode::start(&["--is-bootnode"]);
    node.wait(&["synced"]);
    (node, Arc::new(ChainSpec::local()))
}

/// The largest legal frame without its last byte.
fn unfinished(magic: [u8; 4]) -> Vec<u8> {
    let body = vec![7; limits::MAX_BLOCK_MESSAGE_BYTES];
    let mut bytes = Frame::new(&Message::Block(body.into())).to_bytes(magic);
    bytes.pop();
    bytes
}

#[test]
fn all_slots_hold_the_largest_frame_less_its_last_byte() {
    let (mut node, spec) = scene();
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let bytes = unfinished(spec.magic());
    let (slots, address) = (count(limits::MAX_INBOUND - 2, limits::MAX_INBOUND - 2), node.p2p());
    let mut holders: Vec<Option<(RawPeer, usize)>> = (0..slots).map(|_| None).collect();
    let end = Instant::now() + duration(Duration::from_secs(3), Duration::from_secs(300));
    let (mut sent, mut dials) = (0, 0);
    while Instant::now() < end {
        for holder in &mut holders {
            let Some((peer, at)) = holder else {
                // A closed peer returns.
                *holder = RawPeer::try_handshaken(address, &spec, Duration::from_secs(5)).map(|peer| (peer, 0));
                dials += 1;
                continue;
            };
            match if *at < bytes.len() { peer.push(&bytes[*at..]) } else { Some(0) } {
                Some(count) => (*at, sent) = (*at + count, sent + count),
                None => *holder = None,
            }
            if holder.as_mut().is_some_and(|(peer, _)| !peer.skim()) {
                *holder = None;
            }
        }
        rest(TURN);
    }
    let held = holders.iter().flatten().count();
    drop(holders);
    let figure = format!("{held} slots held, {} MB sent, {dials} dials", sent / 1_000_000);
    watch.finish(&mut node, "unfinished largest frames", &figure, "as long as asked");
}

/// It was told that it had broken the protocol.
#[test]
fn a_client_that_says_nothing_is_told_that_its_time_is_over() {
    let (node, spec) = scene();
    let mut silent = RawPeer::connect(node.p2p(), &spec);
    assert_eq!(silent.goodbye(), Some(GoodbyeCode::TimedOut as u8), "{}", node.log());
}

/// A client that sends nothing, or a byte of a `Version` every five seconds, and dials again when it is closed.
struct Slow {
    peer: Option<RawPeer>,
    bytes: Vec<u8>,
    at: usize,
    next: Instant,
}

impl Slow {
    fn turn(&mut self, address: std::net::SocketAddr, spec: &Arc<ChainSpec>, dials: &mut usize) {
        let Some(peer) = &mut self.peer else {
            let stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok();
            self.peer = stream.map(|stream| RawPeer::over(stream, spec));
            (self.at, self.next) = (0, Instant::now() + Duration::from_secs(5));
            *dials += 1;
            return;
        };
        if self.at < self.bytes.len() && Instant::now() >= self.next {
            let pushed = peer.push(&self.bytes[self.at..=self.at]);
            (self.at, self.next) = (self.at + pushed.unwrap_or(0), Instant::now() + Duration::from_secs(5));
        }
        if !peer.skim() {
            self.peer = None;
        }
    }
}

#[test]
fn silent_and_slow_clients_redial_while_honest_dials_succeed() {
    let (mut node, spec) = scene();
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let address = node.p2p();
    let hello = Frame::new(&Message::Version(version(&spec, 0, spec.genesis_hash(), 0))).to_bytes(spec.magic());
    let slow = |bytes: &[u8]| Slow { peer: None, bytes: bytes.to_vec(), at: 0, next: Instant::now() };
    let mut crowd: Vec<Slow> = (0..48).map(|_| slow(&[])).chain((0..48).map(|_| slow(&hello))).collect();
    let time = duration(Duration::from_secs(4), Duration::from_secs(600));
    let tries = count(10, 100);
    let (begin, mut dials) = (Instant::now(), 0);
    let (ask, honest) = std::sync::mpsc::channel::<()>();
    let dialler = {
        let spec = spec.clone();
        std::thread::spawn(move || {
            let mut succeeded = 0;
            while honest.recv().is_ok() {
                let start = Instant::now();
                let within = Duration::from_secs(15);
                while start.elapsed() < within {
                    if RawPeer::try_handshaken(address, &spec, within.saturating_sub(start.elapsed())).is_some() {
                        succeeded += 1;
                        break;
                    }
                    rest(TURN);
                }
            }
            succeeded
        })
    };
    let mut asked = 0;
    while begin.elapsed() < time {
        crowd.iter_mut().for_each(|client| client.turn(address, &spec, &mut dials));
        if asked < tries && begin.elapsed() >= time * asked as u32 / tries as u32 {
            asked += 1;
            ask.send(()).unwrap();
        }
        rest(TURN);
    }
    drop(ask);
    // The crowd stays until the last honest dial is done.
    while !dialler.is_finished() {
        crowd.iter_mut().for_each(|client| client.turn(address, &spec, &mut dials));
        rest(TURN);
    }
    let succeeded: usize = dialler.join().unwrap();
    drop(crowd);
    let figure = format!("{succeeded} of {asked} honest dials, {dials} hostile ones");
    watch.finish(&mut node, "silent and slow clients", &figure, "95 % within 15 s");
    assert!(succeeded * 100 >= asked * 95, "{figure}");
}

#[test]
fn connects_and_resets_leak_nothing() {
    let (mut node, spec) = scene();
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let hello = Frame::new(&Message::Version(version(&spec, 0, spec.genesis_hash(), 0))).to_bytes(spec.magic());
    let (all, address) = (count(1_000, 100_000), node.p2p());
    let start = Instant::now();
    for n in 0..all {
        let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(5)) else { continue };
        // Closing with unread bytes is a reset. Every second connection has been answered.
        if n % 2 == 0 {
            let mut peer = RawPeer::over(stream, &spec);
            peer.push(&hello);
            if n % 64 == 0 {
                rest(Duration::from_millis(1));
            }
        }
    }
    let figure = format!("{all} connects in {} s", start.elapsed().as_secs());
    watch.finish(&mut node, "connects and resets", &figure, "100,000");
}

#[test]
fn two_hundred_connections_with_sixty_four_descriptors() {
    let mut node = TestNode::start_with_open_files(64, &["--is-bootnode"]);
    node.wait(&["synced"]);
    let spec = Arc::new(ChainSpec::local());
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let address = node.p2p();
    let ticks = cpu_ticks(node.pid());
    let start = Instant::now();
    let end = start + duration(Duration::from_secs(3), Duration::from_secs(60));
    let mut crowd: Vec<Option<TcpStream>> = (0..200).map(|_| None).collect();
    while Instant::now() < end {
        for place in &mut crowd {
            if place.is_none() {
                *place = TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
            }
        }
        for http in 0..20 {
            drop(TcpStream::connect_timeout(&node.http(), Duration::from_millis(200)));
            if http % 10 == 0 {
                rest(TURN);
            }
        }
        rest(Duration::from_millis(100));
        for place in &mut crowd {
            let closed = place.take().is_none_or(|stream| !RawPeer::over(stream.try_clone().unwrap(), &spec).skim());
            if closed {
                *place = None;
            }
        }
    }
    drop(crowd);
    let percent = (cpu_ticks(node.pid()) - ticks) as f64 / start.elapsed().as_secs_f64();
    let figure = format!("200 connections, {percent:.0} % of a core");
    let figures = watch.finish(&mut node, "64 descriptors", &figure, "nothing spins, nothing leaks");
    assert_eq!(node.height(), u64::from(figures.maker.height()), "the database had enough descriptors");
    assert!(!full() || percent < 50.0, "{figure}");
}

/// Processor time of a process, in hundredths of a second.
fn cpu_ticks(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
    ticks(11) + ticks(12)
}
