//! Attacks by volume: frames, transactions, requests.
//!
//! The nodes dial nobody: on a test chain they would dial every address that they are told.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tussock::{
    base::{codec::List, hash::Hash, rng::Rng, time::UnixTime},
    chain::{
        key::SecretKey,
        spec::ChainSpec,
        testkit::{self, BlockMaker},
        transaction::{OutPoint, Output, Transaction},
    },
    wire::{
        frame::Frame,
        message::{Message, PeerAddress},
    },
};

use crate::support::{
    TestNode,
    attack::{Watch, count, duration, rest},
    peer::{RawPeer, version},
};

/// Time in which the node must have received everything.
const PATIENCE: Duration = Duration::from_secs(100);

/// A node whose first blocks split the well-known accounts' money into at least `coins_wanted` coins; returns the coins.
fn funded(coins_wanted: usize) -> (TestNode, BlockMaker, Vec<(OutPoint, SecretKey, u64)>) {
    let node = TestNode::start(&["--is-bootnode", "--max-outbound", "0"]);
    node.wait(&["synced"]);
    let spec = Arc::new(ChainSpec::local());
    let mut maker = BlockMaker::new(spec.clone());
    let mut coins: Vec<(OutPoint, SecretKey, u64)> = Vec::new();
    for account in 0..8 {
        let key = SecretKey::well_known(account);
        let owned: Vec<(OutPoint, u64)> = maker.spendable(&key.address()).map(|(at, coin)| (at, coin.amount)).collect();
        coins.extend(owned.into_iter().map(|(at, amount)| (at, SecretKey::well_known(account), amount)));
    }
    let mut miner = RawPeer::handshaken(node.p2p(), &spec);
    while coins.len() < coins_wanted {
        let mut next = Vec::new();
        let mut transactions = Vec::new();
        for (at, key, amount) in coins.drain(..) {
            let share = (amount - 20_000) / 200;
            let outputs: Vec<Output> = (0..200).map(|_| Output { amount: share, address: key.address() }).collect();
            let split = testkit::spend(&[(at, amount, &key)], outputs, b"", &spec.genesis_hash());
            let txid = split.txid();
            let number = account_of(&key);
            next.extend((0..200).map(|index| (OutPoint { txid, index }, SecretKey::well_known(number), share)));
            transactions.push(split);
            // A block has at most a megabyte.
            if transactions.len() == 80 {
                mine(&mut maker, &mut miner, std::mem::take(&mut transactions));
            }
            if next.len() >= coins_wanted {
                break;
            }
        }
        mine(&mut maker, &mut miner, transactions);
        coins = next;
    }
    node.wait(&["height", &maker.height().to_string()]);
    (node, maker, coins)
}

fn account_of(key: &SecretKey) -> u32 {
    (0..10).find(|n| SecretKey::well_known(*n).address() == key.address()).unwrap()
}

fn mine(maker: &mut BlockMaker, miner: &mut RawPeer, transactions: Vec<Transaction>) {
    let block = maker.next_block(transactions, SecretKey::well_known(9).address());
    miner.send(&Message::Block(block.bytes));
}

/// A valid transaction for each coin.
fn spends(coins: &[(OutPoint, SecretKey, u64)], genesis: &Hash) -> Vec<Vec<u8>> {
    let to = SecretKey::well_known(9).address();
    let spend = |(at, key, amount): &(OutPoint, SecretKey, u64)| {
        let output = Output { amount: amount - 1_000, address: to };
        testkit::spend(&[(*at, *amount, key)], vec![output], b"", genesis).to_bytes()
    };
    coins.iter().map(spend).collect()
}

/// A recorded session: one frame of each kind, as a peer might send it.
pub(super) fn session(spec: &Arc<ChainSpec>) -> Vec<Vec<u8>> {
    let mut maker = BlockMaker::new(spec.clone());
    let transfer = maker.transfer(&SecretKey::well_known(0), SecretKey::well_known(1).address(), 5_000, 100);
    let block = maker.fork().next_block(vec![transfer.clone()], SecretKey::well_known(2).address());
    let (hash, address) = (Hash([3; 32]), PeerAddress::new("8.8.8.8:4130".parse().unwrap(), UnixTime(1_790_000_000)));
    let messages = [
        Message::Version(version(spec, 5, hash, 9)),
        Message::Verack(7),
        Message::Ping { nonce: 1, height: 2, tip: hash },
        Message::Pong(4),
        Message::GetPeers,
        Message::Peers(List::truncated([address; 20])),
        Message::GetSync(List::truncated([hash, spec.genesis_hash()])),
        Message::Sync(List::truncated([block.header.clone()])),
        Message::GetBlock(spec.genesis_hash()),
        Message::Block(block.bytes),
        Message::Absent(hash),
        Message::Transaction(transfer.to_bytes().into()),
        Message::GetMemoryPool(List::EMPTY),
        Message::MemoryPool(List::truncated([hash; 30])),
        Message::Goodbye { code: 9, retry_after: 3 },
    ];
    messages.iter().map(|message| Frame::new(message).to_bytes(spec.magic())).collect()
}

#[test]
fn mutated_frames_of_recorded_sessions() {
    let node = TestNode::start(&["--is-bootnode", "--max-outbound", "0"]);
    node.wait(&["synced"]);
    let mut node = node;
    let spec = Arc::new(ChainSpec::local());
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let (all, frames, address) = (count(2_000, 1_000_000), session(&spec), node.p2p());
    // At full scale as many frames as fit into the time.
    let end = Instant::now() + duration(Duration::from_secs(600), Duration::from_secs(3_600));
    let mut rng = Rng::from_number(4);
    let (mut sent, mut connections) = (0, 0);
    while sent < all && Instant::now() < end {
        connections += 1;
        // Every fourth connection sends its frames before the handshake.
        let peer = if connections % 4 == 0 {
            std::net::TcpStream::connect(address).ok().map(|stream| RawPeer::over(stream, &spec))
        } else {
            RawPeer::try_handshaken(address, &spec, Duration::from_secs(5))
        };
        let Some(mut peer) = peer else { continue };
        // One frame closes most links. The others show that the node ignores what follows a fault.
        let mut burst = Vec::new();
        for _ in 0..rng.between(1, 40) {
            let mut frame = rng.pick(&frames).unwrap().clone();
            crate::support::mutate::bytes(&mut rng, &mut frame);
            if rng.chance(500_000) {
                crate::support::mutate::repair(&mut frame);
            }
            burst.extend(frame);
            sent += 1;
        }
        peer.push(&burst);
    }
    let figure = format!("{sent} frames over {connections} connections");
    watch.finish(&mut node, "mutated frames", &figure, "1,000,000");
}

#[test]
fn transactions_with_bad_signatures_from_one_peer() {
    let (mut node, maker, coins) = funded(count(200, 2_000));
    let spec = maker.spec().clone();
    let mut bad = spends(&coins, &spec.genesis_hash());
    bad.iter_mut().for_each(|bytes| {
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
    });
    let frames: Vec<Vec<u8>> =
        bad.into_iter().map(|b| Frame::new(&Message::Transaction(b.into())).to_bytes(spec.magic())).collect();
    let watch = Watch::start(&node, maker);
    let (time, address) = (duration(Duration::from_secs(3), Duration::from_secs(120)), node.p2p());
    let (start, mut sent, mut closed) = (Instant::now(), 0usize, 0);
    let mut peer: Option<RawPeer> = None;
    while start.elapsed() < time {
        let due = (start.elapsed().as_secs_f64() * 1_000.0) as usize;
        if sent >= due {
            rest(Duration::from_millis(5));
            continue;
        }
        let Some(open) = &mut peer else {
            peer = RawPeer::try_handshaken(address, &spec, Duration::from_secs(5));
            continue;
        };
        let burst: Vec<u8> = (sent..due.min(sent + 100)).flat_map(|n| frames[n % frames.len()].clone()).collect();
        sent = due.min(sent + 100);
        if open.push(&burst).is_none() || !open.skim() {
            (peer, closed) = (None, closed + 1);
        }
    }
    let figure = format!("{:.0} a second, {closed} connections lost", sent as f64 / start.elapsed().as_secs_f64());
    watch.finish(&mut node, "bad signatures", &figure, "1,000 a second");
    assert!(closed > 0, "a bad signature closes the link");
}

#[test]
fn valid_transactions_at_full_speed_from_eight_peers() {
    let (mut node, maker, coins) = funded(count(800, 40_000));
    let spec = maker.spec().clone();
    let frames: Vec<Vec<u8>> = spends(&coins, &spec.genesis_hash())
        .into_iter()
        .map(|bytes| Frame::new(&Message::Transaction(bytes.into())).to_bytes(spec.magic()))
        .collect();
    let watch = Watch::start(&node, maker);
    let (start, address) = (Instant::now(), node.p2p());
    let share = frames.len().div_ceil(8);
    let done = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> = frames
        .chunks(share)
        .map(|part| {
            let (part, spec, done) = (part.concat(), spec.clone(), done.clone());
            std::thread::spawn(move || push_all(address, &spec, &part, &done))
        })
        .collect();
    let received = |node: &TestNode| node.status()["counters"]["transactions_received"].as_u64().unwrap();
    let all = frames.len() as u64;
    while received(&node) < all && start.elapsed() < PATIENCE {
        rest(Duration::from_millis(100));
    }
    let seconds = start.elapsed().as_secs_f64();
    done.store(true, SeqCst);
    let through = senders.into_iter().map(|sender| sender.join().unwrap()).filter(|through| *through).count();
    let counters = node.status()["counters"].clone();
    let figure = format!(
        "{:.0} a second, {} received, {} dropped, {through} of 8 peers kept",
        received(&node) as f64 / seconds,
        counters["transactions_received"],
        counters["transactions_dropped"]
    );
    watch.finish(&mut node, "valid transactions from eight peers", &figure, "full speed");
    assert_eq!(through, 8, "valid transactions close no link");
}

/// Sends all bytes and reads what arrives until `done`; `false` if the node closed.
fn push_all(address: SocketAddr, spec: &Arc<ChainSpec>, bytes: &[u8], done: &AtomicBool) -> bool {
    let mut peer = RawPeer::handshaken(address, spec);
    let mut at = 0;
    while at < bytes.len() || !done.load(SeqCst) {
        let Some(count) = peer.push(&bytes[at..]) else { return false };
        at += count;
        if !peer.drain() {
            return false;
        }
        if count == 0 {
            rest(Duration::from_millis(1));
        }
    }
    true
}

#[test]
fn ten_thousand_block_requests_from_a_client_that_reads_nothing() {
    let (mut node, maker, _) = funded(1_600);
    let spec = maker.spec().clone();
    let large = maker.hash();
    let requests: Vec<u8> = Frame::new(&Message::GetBlock(large)).to_bytes(spec.magic()).repeat(10_000);
    let watch = Watch::start(&node, maker);
    let mut peer = RawPeer::handshaken(node.p2p(), &spec);
    let time = duration(Duration::from_secs(3), Duration::from_secs(120));
    let (start, mut at, mut closed) = (Instant::now(), 0, 0);
    while start.elapsed() < time {
        match if at < requests.len() { peer.push(&requests[at..]) } else { Some(0) } {
            Some(count) => at += count,
            None => {
                closed += 1;
                peer = RawPeer::handshaken(node.p2p(), &spec);
                at = 0;
            }
        }
        rest(Duration::from_millis(20));
    }
    let send = node.status()["limits"]["send_bytes"]["used"].clone();
    let served = node.status()["counters"]["blocks_served"].clone();
    drop(peer);
    let figure = format!("{} requests taken, {served} blocks served, {send} bytes queued, {closed} closed", at / 45);
    watch.finish(&mut node, "GetBlock and no reading", &figure, "10,000 pipelined");
}
