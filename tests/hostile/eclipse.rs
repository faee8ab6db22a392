//! Attacks on the peers that a node knows and dials. On a test chain each /16 of 127.0.0.0/8 except the first stands for
//! a network of its own.

use std::{
    collections::BTreeSet,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tussock::{
    base::{codec::List, rng::Rng, time::UnixTime},
    chain::{spec::ChainSpec, testkit::BlockMaker},
    wire::message::{Message, PeerAddress},
};

use crate::support::{
    TempDir, TestNode,
    attack::{Watch, count, duration, full, memory, rest},
    peer::RawPeer,
};

const HONEST: u8 = 8;
const ATTACKERS: u16 = 1_000;
const OUTBOUND: usize = 8;
/// At full scale: time from telling the node of the attackers to killing it.
const ROUND: Duration = Duration::from_secs(2);
/// Time in which the node must fill its outbound slots.
const PATIENCE: Duration = Duration::from_secs(60);
/// Resident memory of the whole node.
const MEMORY_LIMIT_KIB: u64 = 32 * 1024;

/// The address of an honest listener. Each has its own network.
fn honest(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 10 + n % HONEST, 0, 1)
}

/// The address of a hostile listener. All share one network.
fn attacker(n: u16) -> Ipv4Addr {
    let [high, low] = (n % ATTACKERS + 1).to_be_bytes();
    Ipv4Addr::new(127, 66, high, low)
}

fn is_attacker(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.octets().starts_with(&[127, 66]))
}

/// All listeners, on one socket: it accepts for every loopback address.
struct World {
    port: u16,
    /// The dialled addresses, in order.
    dialled: Arc<Mutex<Vec<IpAddr>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl World {
    fn new(spec: &Arc<ChainSpec>) -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (dialled, ends) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let thread = {
            let (spec, dialled, ends) = (spec.clone(), Arc::clone(&dialled), Arc::clone(&ends));
            thread::spawn(move || listen(&listener, &spec, &dialled, &ends))
        };
        Self { port, dialled, ends, thread: Some(thread) }
    }

    /// Takes the addresses dialled since the last call.
    fn dialled(&self) -> Vec<IpAddr> {
        std::mem::take(&mut *self.dialled.lock().unwrap())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.ends.store(true, SeqCst);
        self.thread.take().map(JoinHandle::join).transpose().unwrap();
    }
}

fn listen(listener: &TcpListener, spec: &Arc<ChainSpec>, dialled: &Mutex<Vec<IpAddr>>, ends: &Arc<AtomicBool>) {
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut threads = Vec::new();
    while !ends.load(SeqCst) {
        let Ok((stream, _)) = listener.accept() else {
            rest(Duration::from_millis(2));
            continue;
        };
        stream.set_nonblocking(false).unwrap();
        let Ok(local) = stream.local_addr() else { continue };
        dialled.lock().unwrap().push(local.ip());
        let (spec, ends) = (spec.clone(), Arc::clone(ends));
        threads.push(thread::spawn(move || answer(stream, &spec, port, &ends)));
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Plays a listener: follows the protocol, and tells addresses of its own kind, honest or hostile.
fn answer(stream: TcpStream, spec: &Arc<ChainSpec>, port: u16, ends: &AtomicBool) {
    let theirs = stream.local_addr().is_ok_and(|local| is_attacker(local.ip()));
    let Some(mut peer) = RawPeer::answer(stream, spec, 0, 0) else { return };
    let mut rng = Rng::from_number(u64::from(port));
    while !ends.load(SeqCst) {
        match peer.read_within(Duration::from_millis(100)) {
            None => {}
            Some(None) => return,
            Some(Some(Message::GetPeers)) => {
                let told = (0..100).map(|n| if theirs { attacker(rng.next_u64() as u16) } else { honest(n % HONEST) });
                peer.send(&peers(told, port));
            }
            Some(Some(Message::Ping { nonce, .. })) => peer.send(&Message::Pong(nonce)),
            Some(Some(Message::GetSync(_))) => peer.send(&Message::Sync(List::EMPTY)),
            Some(Some(_)) => {}
        }
    }
}

fn peers(told: impl Iterator<Item = Ipv4Addr>, port: u16) -> Message {
    let address = |ip: Ipv4Addr| PeerAddress::new((ip, port).into(), UnixTime(1_795_000_000));
    Message::Peers(List::truncated(told.map(address)))
}

/// The attacker dials the node ten times and tells it of all hostile listeners.
fn tell_attackers(node: &TestNode, spec: &Arc<ChainSpec>, port: u16) -> Vec<RawPeer> {
    let tellers = (0..10).filter_map(|n| {
        let mut peer = RawPeer::try_handshaken(node.p2p(), spec, Duration::from_secs(5))?;
        peer.send(&peers((0..100).map(|m| attacker(n * 100 + m)), port));
        Some(peer)
    });
    tellers.collect()
}

/// The node's outbound peers, once all slots are taken or [`PATIENCE`] is over.
fn outbound(node: &TestNode) -> Vec<SocketAddr> {
    let start = Instant::now();
    loop {
        let peers = node.json(&["peers"]);
        let ours = peers.as_array().unwrap().iter().filter(|peer| peer["direction"] == "outbound");
        let all: Vec<SocketAddr> = ours.map(|peer| peer["address"].as_str().unwrap().parse().unwrap()).collect();
        if all.len() >= OUTBOUND || start.elapsed() > PATIENCE {
            return all;
        }
        rest(Duration::from_millis(100));
    }
}

/// The anchors that a killed node has stored, read from a copy.
fn anchors(node: &TestNode) -> BTreeSet<IpAddr> {
    let copy = TempDir::new();
    for name in ["peers.db", "peers.db-wal"] {
        drop(fs::copy(node.dir.join("local").join(name), copy.path().join(name)));
    }
    let db = rusqlite::Connection::open(copy.path().join("peers.db")).unwrap();
    let mut query = db.prepare("SELECT address FROM anchors").unwrap();
    let rows = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(|row| row.unwrap().parse::<SocketAddr>().unwrap().ip()).collect()
}

#[test]
fn after_each_kill_the_node_dials_its_anchors_first_and_a_thousand_attackers_get_one_slot() {
    let spec = Arc::new(ChainSpec::local());
    let world = World::new(&spec);
    let bootnode = SocketAddr::from((honest(0), world.port)).to_string();
    let mut node = TestNode::start(&["--bootnode", &bootnode]);
    let (rounds, mut most, mut peak, mut known) = (count(3, 20), 0, 0, BTreeSet::new());
    for round in 0..rounds {
        let tellers = tell_attackers(&node, &spec, world.port);
        rest(duration(Duration::ZERO, ROUND));
        let all = outbound(&node);
        let theirs = all.iter().filter(|address| is_attacker(address.ip())).count();
        assert!(all.len() == OUTBOUND && theirs <= 1, "round {round}: {all:?}");
        let first: BTreeSet<IpAddr> = world.dialled().into_iter().take(known.len()).collect();
        assert_eq!(first, known, "round {round}: the anchors are dialled first");
        (most, peak) = (most.max(theirs), peak.max(memory(node.pid(), "VmHWM:")));
        drop(tellers);
        node.kill();
        known = anchors(&node);
        assert_eq!(known.len(), 2);
        world.dialled();
        node.restart(&["--bootnode", &bootnode]);
    }
    // One more round, with honest peers.
    node.wait(&["synced"]);
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let end = Instant::now() + duration(Duration::ZERO, ROUND * 10);
    let mut tellers = tell_attackers(&node, &spec, world.port);
    while Instant::now() < end {
        tellers = tell_attackers(&node, &spec, world.port);
        rest(ROUND / 10);
    }
    let book = node.json(&["peers", "book"]);
    let share = book["entries"].as_array().unwrap().iter().filter(|entry| {
        entry["address"].as_str().and_then(|text| text.parse().ok()).is_some_and(|at: SocketAddr| is_attacker(at.ip()))
    });
    let share = share.count();
    drop(tellers);
    let figure = format!(
        "{rounds} times: both anchors first, {most} of 8 outbound slots at most, {share} of the book, {:.1} MB",
        peak as f64 / 1024.0
    );
    watch.finish(&mut node, "kill -9 among 1,000 attackers", &figure, "20 times; 1 slot");
    assert!(share <= 80, "{figure}");
    assert!(!full() || peak <= MEMORY_LIMIT_KIB, "{figure}");
}

#[test]
fn a_hundred_thousand_addresses_of_one_network_through_ten_peers() {
    let spec = Arc::new(ChainSpec::local());
    // Ten peers of ten networks: the book keeps sources apart.
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = (0..10).flat_map(|n| ["--connect".to_owned(), format!("127.{}.0.1:{port}", 30 + n)]);
    let connect: Vec<String> = ["--max-outbound".to_owned(), "0".to_owned()].into_iter().chain(connect).collect();
    let mut node = TestNode::start(&connect.iter().map(String::as_str).collect::<Vec<_>>());
    let mut peers: Vec<RawPeer> =
        (0..10).map(|_| RawPeer::answer(listener.accept().unwrap().0, &spec, 0, 0).unwrap()).collect();
    while node.status()["state"] != "synced" {
        assert!(peers.iter_mut().all(RawPeer::drain), "{}", node.log());
    }
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let all = count(2_000, 100_000);
    for batch in 0..all / 100 {
        let addresses = (0..100).map(|n| {
            let [_, _, high, low] = ((batch * 100 + n) as u32).to_be_bytes();
            PeerAddress::new(
                SocketAddr::from(([66, 66, high, low], 4130 + (batch % 7) as u16)),
                UnixTime(1_795_000_000),
            )
        });
        let peer = &mut peers[batch % 10];
        peer.send(&Message::Peers(List::truncated(addresses)));
        peer.drain();
    }
    for peer in &mut peers {
        peer.ping(1);
    }
    let book = node.json(&["peers", "book"]).to_string();
    let theirs = book.matches("\"66.66.").count();
    drop(peers);
    let figure = format!("{all} told, {theirs} in the book of 1,280");
    watch.finish(&mut node, "addresses of one network", &figure, "6.25 % (80)");
    assert!(theirs > 0 && theirs <= 80, "{figure}");
}
