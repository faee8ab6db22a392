//! Links of real nodes, seen from the line between them: what an eavesdropper reads, and what becomes of changed bytes.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use tussock::{
    chain::spec::ChainSpec,
    node::key_agreement::PROLOGUE,
    wire::{
        frame::{Frame, FrameReader},
        message::{GoodbyeCode, Message},
    },
};
use tussock_noise::{Agreement, Key, public_key};

use crate::support::{
    TestNode,
    peer::{PATIENCE, RawPeer, version},
    tunnel::{framed, fresh_key},
};

/// A line that keeps a copy of all that passes, and may change one byte of it.
struct Tap {
    address: SocketAddr,
    seen: Arc<Mutex<[Vec<u8>; 2]>>,
}

impl Tap {
    /// A tap before `node` that changes the byte at this place of the direction from the node, if any.
    fn before(node: SocketAddr, flips: Option<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<[Vec<u8>; 2]>> = Arc::default();
        let copies = Arc::clone(&seen);
        thread::spawn(move || {
            while let Ok((near, _)) = listener.accept() {
                let far = TcpStream::connect(node).unwrap();
                let (near_reads, far_reads) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let (to, from) = (Arc::clone(&copies), Arc::clone(&copies));
                thread::spawn(move || copy(near_reads, far, &to, 0, None));
                thread::spawn(move || copy(far_reads, near, &from, 1, flips));
            }
        });
        Self { address, seen }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, seen: &Mutex<[Vec<u8>; 2]>, way: usize, flips: Option<usize>) {
    let mut buffer = [0; 16 * 1024];
    let mut passed = 0;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let bytes = &mut buffer[..count];
        if let Some(at) = flips.and_then(|at| at.checked_sub(passed)).filter(|at| *at < count) {
            bytes[at] ^= 1;
        }
        passed += count;
        seen.lock().unwrap()[way].extend_from_slice(bytes);
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    drop(to.shutdown(std::net::Shutdown::Both));
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn an_eavesdropper_sees_nothing_of_network_agent_or_address() {
    let node = TestNode::start(&[]);
    let spec = Arc::new(ChainSpec::local());
    let tap = Tap::before(node.p2p(), None);
    let mut peer = RawPeer::handshaken(tap.address, &spec);
    peer.send(&Message::GetPeers);
    peer.ping(7);
    let seen = tap.seen.lock().unwrap();
    assert!(seen.iter().all(|way| way.len() > 300), "both spoke");
    let genesis = spec.genesis_hash();
    let secrets: [&[u8]; 5] = [&genesis.0, &spec.magic(), b"tussock", b"raw:1", spec.name.as_bytes()];
    for (way, part) in seen.iter().flat_map(|way| secrets.iter().map(move |part| (way, part))) {
        assert!(!contains(way, part), "{:?}", String::from_utf8_lossy(part));
    }
}

#[test]
fn a_changed_byte_ends_the_link_wherever_it_is() {
    let node = TestNode::start(&[]);
    let spec = Arc::new(ChainSpec::local());
    // In the key agreement's message, its length, a sealed message's length, and its bytes.
    for at in [0, 1, 2, 60, 97, 98, 99, 100, 150, 250] {
        let tap = Tap::before(node.p2p(), Some(at));
        let stream = TcpStream::connect(tap.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let peer = RawPeer::over(stream.try_clone().unwrap(), &spec);
        let linked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            peer.try_handshake(Duration::from_secs(3)).is_some()
        }));
        assert!(!matches!(linked, Ok(true)), "byte {at}");
        drop(stream.shutdown(std::net::Shutdown::Both));
    }
    RawPeer::handshaken(node.p2p(), &spec).ping(1);
}

#[test]
fn what_the_node_cannot_open_ends_the_link_and_nothing_is_applied() {
    let node = TestNode::start(&[]);
    let spec = Arc::new(ChainSpec::local());
    let mut peer = RawPeer::handshaken(node.p2p(), &spec);
    peer.ping(1);
    let ping = Frame::new(&Message::Ping { nonce: 9, height: 0, tip: spec.genesis_hash() }).to_bytes(spec.magic());
    // A frame as protocol 1 had it, and a sealed message of another key.
    let mut forged = ping.clone();
    tussock_noise::Sealer::new(fresh_key()).seal(&mut forged, 0);
    peer.stream().write_all(&framed(&forged)).unwrap();
    assert_eq!(peer.goodbye(), Some(GoodbyeCode::Fault as u8));
    let mut peer = RawPeer::handshaken(node.p2p(), &spec);
    peer.stream().write_all(&ping).unwrap();
    assert_eq!(peer.goodbye(), Some(GoodbyeCode::Fault as u8));
}

#[test]
fn a_recorded_session_gets_nowhere() {
    let node = TestNode::start(&[]);
    let spec = Arc::new(ChainSpec::local());
    let tap = Tap::before(node.p2p(), None);
    RawPeer::handshaken(tap.address, &spec).ping(1);
    let recorded = tap.seen.lock().unwrap()[0].clone();
    let before = node.status()["counters"]["handshakes_done"].clone();
    let mut again = TcpStream::connect(node.p2p()).unwrap();
    again.set_read_timeout(Some(PATIENCE)).unwrap();
    drop(again.write_all(&recorded));
    let mut answer = Vec::new();
    drop(again.read_to_end(&mut answer));
    assert_eq!(answer.len(), 2 + 96, "the second message of the agreement, and no more");
    assert_eq!(node.status()["counters"]["handshakes_done"], before);
}

/// Sends bytes to the node and returns all that it says until it closes.
fn answer_to(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    drop(stream.write_all(bytes));
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
    answer
}

#[test]
fn a_node_of_protocol_1_is_told_so_once_under_the_magic_that_it_sent() {
    let node = TestNode::start(&[]);
    let spec = ChainSpec::local();
    let hello = Frame::new(&Message::Version(version(&spec, 0, spec.genesis_hash(), 0)));
    for magic in [spec.magic(), [9, 8, 7, 6]] {
        let answer = answer_to(node.p2p(), &hello.to_bytes(magic));
        let mut reader = FrameReader::new(magic);
        let frame = reader.read(&mut &answer[..]).unwrap().expect("a whole frame");
        let wrong = GoodbyeCode::WrongVersion as u8;
        assert_eq!(frame.open().unwrap(), Message::Goodbye { code: wrong, retry_after: 0 });
        assert_eq!(answer.len(), frame.wire_len(), "and no more");
    }
    assert_eq!(answer_to(node.p2p(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"), b"", "nobody else is answered");
}

#[test]
fn a_man_in_the_middle_is_refused_where_the_id_is_pinned() {
    let spec = Arc::new(ChainSpec::local());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let honest = Key([0x42; 32]);
    let id = tussock::chain::node_id::to_text(&tussock::base::ids::NodeId(public_key(&honest)), &spec.prefix);
    let pinned = format!("{id}@{}", listener.local_addr().unwrap());
    let node = TestNode::start(&["--connect", &pinned]);
    // With another key the node does not even say who it is.
    let (mut stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut first = [0; 34];
    stream.read_exact(&mut first).unwrap();
    let mut middle = Agreement::responder(tussock_noise::Pattern::Xx, &fresh_key(), fresh_key(), PROLOGUE);
    middle.read(&first[2..]).unwrap();
    stream.write_all(&framed(&middle.write().unwrap().unwrap())).unwrap();
    let mut rest = Vec::new();
    drop(stream.read_to_end(&mut rest));
    assert_eq!(rest, b"");
    // With its own key it is the node that was dialled.
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "{}", node.log());
        let peer = RawPeer::accept(&listener, &spec).with_key(honest.clone());
        if peer.try_handshake(Duration::from_secs(5)).is_some() {
            break;
        }
    }
}

#[test]
fn a_stranger_hears_nothing_of_a_node_with_members_and_a_member_links() {
    let spec = Arc::new(ChainSpec::local());
    let member = fresh_key();
    let id = |key: &Key| tussock::chain::node_id::to_text(&tussock::base::ids::NodeId(public_key(key)), &spec.prefix);
    let file = std::env::temp_dir().join(format!("tussock-test-members-{}", std::process::id()));
    std::fs::write(&file, format!("{} # the test\n", id(&member))).unwrap();
    let node = TestNode::start(&["--members", file.to_str().unwrap()]);
    let text = node.status()["node_id"].as_str().unwrap().to_owned();
    let remote = tussock::chain::node_id::parse(&text, &spec.prefix).unwrap();
    // An agreement that is right on open chains, one by a stranger who knows the node's id, and a node of protocol 1.
    let hello = Frame::new(&Message::Version(version(&spec, 0, spec.genesis_hash(), 0))).to_bytes(spec.magic());
    let mut open = Agreement::initiator(&member, fresh_key(), PROLOGUE, None);
    let mut stranger = Agreement::initiator(&fresh_key(), fresh_key(), PROLOGUE, Some(&remote.0));
    for bytes in [framed(&open.write().unwrap().unwrap()), framed(&stranger.write().unwrap().unwrap()), hello] {
        assert_eq!(answer_to(node.p2p(), &bytes), b"");
    }
    let mut peer = RawPeer::connect(node.p2p(), &spec);
    let mut agreement = Agreement::initiator(&member, fresh_key(), PROLOGUE, Some(&remote.0));
    peer.secure_by(&mut agreement).expect("a member links");
    peer.send(&Message::Version(version(&spec, 0, spec.genesis_hash(), 0)));
    peer.finish_handshake();
    peer.ping(1);
    std::fs::remove_file(file).unwrap();
}

/// The node took the other end for the member, and closed its own dials to it.
#[test]
fn a_recorded_first_message_of_a_member_keeps_no_dial_to_it_away() {
    let spec = Arc::new(ChainSpec::local());
    let id = |key: &Key| tussock::chain::node_id::to_text(&tussock::base::ids::NodeId(public_key(key)), &spec.prefix);
    let file = std::env::temp_dir().join(format!("tussock-test-recorded-{}", std::process::id()));
    std::fs::write(&file, id(&fresh_key()) + "\n").unwrap();
    let node = TestNode::start(&["--members", file.to_str().unwrap()]);
    let text = node.status()["node_id"].as_str().unwrap().to_owned();
    let remote = tussock::chain::node_id::parse(&text, &spec.prefix).unwrap();
    // Of two nodes the one with the smaller identity closes a link. The node's own is known only now.
    let member = std::iter::repeat_with(fresh_key).find(|key| public_key(key) > remote.0).unwrap();
    std::fs::write(&file, id(&member) + "\n").unwrap();
    assert!(node.cli(&["members", "reload"]).status.success());
    let mut recorded = Agreement::initiator(&member, fresh_key(), PROLOGUE, Some(&remote.0));
    let mut replay = TcpStream::connect(node.p2p()).unwrap();
    replay.set_read_timeout(Some(PATIENCE)).unwrap();
    replay.write_all(&framed(&recorded.write().unwrap().unwrap())).unwrap();
    replay.read_exact(&mut [0; 2 + 48]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    node.json(&["peers", "add", &format!("{}@{}", id(&member), listener.local_addr().unwrap())]);
    let mut peer = RawPeer::accept(&listener, &spec);
    let mut agreement = Agreement::responder(tussock_noise::Pattern::Ik, &member, fresh_key(), PROLOGUE);
    peer.secure_by(&mut agreement).unwrap();
    let mut peer = peer.try_handshake(PATIENCE).expect("the dial stays");
    peer.ping(1);
    drop(replay);
    std::fs::remove_file(file).unwrap();
}
