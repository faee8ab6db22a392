//! Five peers of eight lie about the snapshot with which a node joins, each in another way.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use tussock::{
    base::{bytes::Bytes, codec::List, hash::Hash},
    chain::{
        snapshot::{put_coin, take_coin},
        spec::ChainSpec,
    },
    wire::message::{Message, SERVICE_FULL, SERVICE_SNAPSHOT, Version},
};

use crate::{
    joining::{BLOCKS, provider},
    support::{
        TempDir, TestNode,
        attack::{record, rest},
        peer::{PATIENCE, RawPeer, version},
    },
};

/// Honest peers that give the snapshot.
const GIVERS: usize = 3;
/// What each of those may send a second: little, so that lost pieces would take their time.
const RATE: &str = "32k";
/// How long hedging one late piece takes: on top of twice the time without liars, since this join is short.
const HEDGE: Duration = Duration::from_secs(2);
/// Bytes of a manifest before its leaves.
const BEFORE_LEAVES: usize = 36;

/// What a liar does to what an honest node answers.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// A leaf differs.
    Leaves,
    /// A coin in each piece belongs to somebody else.
    Coins,
    /// Each piece is its neighbour.
    Swapped,
    /// Each piece is the first one.
    Repeated,
    /// The coins of each piece descend.
    Reordered,
}

const LIES: [Lie; 5] = [Lie::Leaves, Lie::Coins, Lie::Swapped, Lie::Repeated, Lie::Reordered];

impl Lie {
    fn manifest(self, bytes: &Bytes) -> Bytes {
        let mut bytes = bytes.to_vec();
        if matches!(self, Self::Leaves) {
            bytes.get_mut(BEFORE_LEAVES).into_iter().for_each(|byte| *byte ^= 1);
        }
        bytes.into()
    }

    fn piece(self, source: &mut RawPeer, block: Hash, number: u32) -> Bytes {
        let asked = match self {
            Self::Swapped => number ^ 1,
            Self::Repeated => u32::from(number == 0),
            Self::Leaves | Self::Coins | Self::Reordered => number,
        };
        source.send(&Message::GetPiece(block, asked));
        let bytes = source.read_until(|message| match message {
            Message::Piece { bytes, .. } => Some(bytes),
            _ => None,
        });
        match self {
            Self::Coins => {
                let mut bytes = bytes.to_vec();
                bytes.last_mut().into_iter().for_each(|byte| *byte ^= 1);
                bytes.into()
            }
            Self::Reordered => descending(&bytes),
            Self::Leaves | Self::Swapped | Self::Repeated => bytes,
        }
    }

    fn answer(self, message: Message, source: &mut RawPeer) -> Option<Message> {
        Some(match message {
            Message::Ping { nonce, .. } => Message::Pong(nonce),
            Message::GetSync(_) => Message::Sync(List::EMPTY),
            Message::GetBlock(hash) => Message::Absent(hash),
            Message::GetSnapshot { .. } => Message::Snapshot(self.manifest(&manifest(source, &message))),
            Message::GetPiece(block, number) => {
                Message::Piece { block, number, bytes: self.piece(source, block, number) }
            }
            _ => return None,
        })
    }
}

/// The same coins, the last one first: they add up to the same.
fn descending(piece: &Bytes) -> Bytes {
    let (mut rest, mut coins) = (&piece[..], Vec::new());
    while let Some(coin) = take_coin(&mut rest) {
        coins.push(coin);
    }
    assert!(coins.len() > 1, "one coin alone has no order");
    let mut bytes = Vec::new();
    coins.iter().rev().for_each(|(outpoint, coin)| put_coin(&mut bytes, outpoint, coin));
    bytes.into()
}

fn manifest(source: &mut RawPeer, question: &Message) -> Bytes {
    source.send(question);
    source.read_until(|message| match message {
        Message::Snapshot(bytes) => Some(bytes),
        _ => None,
    })
}

/// A node that serves a snapshot, once it is made.
fn giver(dir: &Path, args: &[&str], spec: &Arc<ChainSpec>) -> TestNode {
    let node = provider(dir, args);
    let (mut peer, start) = (RawPeer::handshaken(node.p2p(), spec), Instant::now());
    while manifest(&mut peer, &Message::GetSnapshot { block: Hash::ZERO, most: u32::MAX }).is_empty() {
        assert!(start.elapsed() < PATIENCE, "{}", node.log());
        rest(Duration::from_secs(2));
    }
    node
}

/// Links a liar to the newcomer until the end. Returns its address.
fn begin(
    lie: Lie,
    newcomer: SocketAddr,
    source: SocketAddr,
    spec: &Arc<ChainSpec>,
    ends: &Arc<AtomicBool>,
) -> SocketAddr {
    let (mut peer, mut source) = (RawPeer::connect(newcomer, spec), RawPeer::handshaken(source, spec));
    let services = SERVICE_FULL | SERVICE_SNAPSHOT;
    peer.send(&Message::Version(Version { services, ..version(spec, 0, spec.genesis_hash(), 0) }));
    peer.finish_handshake();
    let (address, ends) = (peer.stream().local_addr().unwrap(), ends.clone());
    thread::spawn(move || {
        while !ends.load(SeqCst) {
            match peer.read_within(Duration::from_millis(20)) {
                None => {}
                Some(None) => return,
                Some(Some(message)) => {
                    lie.answer(message, &mut source).into_iter().for_each(|answer| peer.send(&answer));
                }
            }
        }
    });
    address
}

/// How long a newcomer takes that is linked to these liars first, and then to those that give. All liars are named in its log.
fn join(givers: &[TestNode], source: SocketAddr, spec: &Arc<ChainSpec>, lies: &[Lie]) -> Duration {
    let (own, ends) = (TempDir::new(), Arc::new(AtomicBool::new(false)));
    let node = TestNode::start_in(own.path(), &["--join", "snapshot", "--join-depth", "10"]);
    let liars: Vec<(Lie, SocketAddr)> =
        lies.iter().map(|lie| (*lie, begin(*lie, node.p2p(), source, spec, &ends))).collect();
    node.wait(&["peers", &lies.len().to_string()]);
    let start = Instant::now();
    for giver in givers {
        assert!(node.cli(&["peers", "add", &giver.p2p().to_string()]).status.success());
    }
    node.wait(&["height", &BLOCKS.to_string()]);
    let took = start.elapsed();
    ends.store(true, SeqCst);
    let status = node.status();
    assert_eq!((node.tip(), status["vouched"]["height"].as_u64()), (givers[0].tip(), Some(150)), "{status}");
    assert_eq!(status["state_digest"], givers[0].status()["state_digest"]);
    let log = fs::read_to_string(own.path().join("local/logs/tussock.log")).unwrap();
    for (lie, address) in liars {
        let said = format!("peer closed for a fault address={address} fault=\"snapshot: ");
        assert!(log.contains(&said), "{lie:?} is not named: {said}\n{log}");
    }
    took
}

#[test]
fn five_liars_of_eight_hold_up_no_join_and_all_of_them_are_named() {
    let (dir, spec) = (TempDir::new(), Arc::new(ChainSpec::local()));
    let givers: Vec<TestNode> =
        (0..GIVERS).map(|number| giver(&dir.path().join(number.to_string()), &["--max-upload", RATE], &spec)).collect();
    // The liars have from it what they change.
    let source = giver(&dir.path().join("source"), &[], &spec);
    let alone = join(&givers, source.p2p(), &spec, &[]);
    let among = join(&givers, source.p2p(), &spec, &LIES);
    let figure = format!("{:.1} s, undisturbed {:.1} s", among.as_secs_f64(), alone.as_secs_f64());
    record(&format!("a newcomer that joins with a snapshot among five liars of eight | {figure} | 2 × | | | |"));
    assert!(among <= 2 * alone + HEDGE, "{figure}");
}
