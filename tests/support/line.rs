//! A slow line between two nodes: a relay in this process with small buffers, a rate, a delay and short segments.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use socket2::{Domain, Socket, Type};

use super::attack::rest;

/// Bytes of a segment on an Ethernet. Loopback's are 45 times as long, and the system's buffers grow with them.
const SEGMENT_BYTES: u32 = 1_448;
/// Bytes per second of each direction.
const RATE: u64 = 1024 * 1024;
/// How long a byte travels.
const DELAY: Duration = Duration::from_millis(20);
/// Bytes of each buffer of the relay's sockets.
const BUFFER_BYTES: usize = 4 * 1024;
/// Segments under way in one direction: as many as the rate sends within the delay.
const UNDER_WAY: usize = 16;

/// A line that leads to a node. Nodes dial its address in place of the node's.
pub struct Line {
    address: SocketAddr,
    traffic: Arc<Traffic>,
}

#[derive(Default)]
struct Traffic {
    connections: AtomicUsize,
    bytes: AtomicUsize,
    /// When the last byte arrived, and the longest time between two, in either direction.
    pace: Mutex<(Option<Instant>, Duration)>,
}

impl Traffic {
    fn arrived(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, SeqCst);
        let (last, longest) = &mut *self.pace.lock().unwrap();
        *longest = (*longest).max(last.map_or(Duration::ZERO, |last| last.elapsed()));
        *last = Some(Instant::now());
    }
}

impl Line {
    /// A line to a node.
    pub fn to(node: SocketAddr) -> Self {
        let listener = socket();
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        listener.listen(8).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let traffic = Arc::new(Traffic::default());
        let line = Self { address, traffic: Arc::clone(&traffic) };
        thread::spawn(move || {
            while let Ok((dialler, _)) = listener.accept() {
                let far = socket();
                if far.connect(&node.into()).is_ok() {
                    traffic.connections.fetch_add(1, SeqCst);
                    join(dialler.into(), far.into(), &traffic);
                }
            }
        });
        line
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.traffic.connections.load(SeqCst)
    }

    /// Bytes that have arrived, in both directions.
    pub fn bytes(&self) -> usize {
        self.traffic.bytes.load(SeqCst)
    }

    /// Begins to measure how long no byte arrives, from the next byte on.
    pub fn watch(&self) {
        *self.traffic.pace.lock().unwrap() = (None, Duration::ZERO);
    }

    /// The longest time between two bytes since [`Line::watch`].
    pub fn longest_pause(&self) -> Duration {
        self.traffic.pace.lock().unwrap().1
    }
}

fn socket() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_tcp_mss(SEGMENT_BYTES).unwrap();
    socket.set_recv_buffer_size(BUFFER_BYTES).unwrap();
    socket.set_send_buffer_size(BUFFER_BYTES).unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    socket
}

fn join(one: TcpStream, other: TcpStream, traffic: &Arc<Traffic>) {
    for (from, to) in [(&one, &other), (&other, &one)] {
        let (from, to, traffic) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(traffic));
        let (put, under_way) = sync_channel(UNDER_WAY);
        thread::spawn(move || take(from, &put));
        thread::spawn(move || give(to, &under_way, &traffic));
    }
}

/// Reads at the line's rate.
fn take(mut from: TcpStream, put: &SyncSender<(Instant, Vec<u8>)>) {
    let (mut free_at, mut segment) = (Instant::now(), [0; SEGMENT_BYTES as usize]);
    while let Ok(bytes @ 1..) = from.read(&mut segment) {
        free_at = free_at.max(Instant::now()) + Duration::from_micros(bytes as u64 * 1_000_000 / RATE);
        rest(free_at.saturating_duration_since(Instant::now()));
        if put.send((free_at + DELAY, segment[..bytes].to_vec())).is_err() {
            break;
        }
    }
    drop(from.shutdown(Shutdown::Read));
}

/// Writes what has travelled for long enough.
fn give(mut to: TcpStream, under_way: &Receiver<(Instant, Vec<u8>)>, traffic: &Traffic) {
    while let Ok((at, bytes)) = under_way.recv() {
        rest(at.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
        traffic.arrived(bytes.len());
    }
    drop(to.shutdown(Shutdown::Write));
}
