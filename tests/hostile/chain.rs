//! Attacks on the sync: forks of cheap headers, and peers that withhold blocks.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tussock::{
    base::{codec::List, hash::Hash, limits::MAX_SYNC_HEADERS},
    chain::{
        block::HashedBlock,
        header::Header,
        key::SecretKey,
        rules::next_target,
        seal::Seal,
        spec::ChainSpec,
        testkit::{self, BlockMaker},
    },
    wire::message::Message,
};

use super::mixed::{answer_once, tip_of};
use crate::support::{
    TestNode,
    attack::{Watch, count, duration, folder_bytes, full, rest},
    peer::RawPeer,
};

/// The next headers of a branch without blocks: valid as far as a header alone can show.
pub(super) fn cheap_headers(spec: &ChainSpec, branch: &mut Header, salt: u64) -> Vec<Header> {
    (0..MAX_SYNC_HEADERS)
        .map(|_| {
            let mut name = [0xcc; 32];
            name[..8].copy_from_slice(&salt.to_le_bytes());
            let mut header = Header {
                version: branch.version,
                height: branch.height + 1,
                previous: branch.hash(),
                merkle_root: Hash(name),
                state_digest: branch.state_digest,
                time: branch.time + u64::from(spec.parameters.block_time),
                seal: Seal::unsolved(next_target(spec, branch.time, branch.height)),
            };
            testkit::mine(&mut header);
            *branch = header.clone();
            header
        })
        .collect()
}

/// Answers each `GetSync` with a hundred more headers of a branch that starts at genesis. When the node asks no more, or
/// before the branch has the most work, it disconnects and returns with another branch.
fn fork_forever(address: SocketAddr, spec: &Arc<ChainSpec>, longest: u32, shared: &Shared, seed: u64) {
    let (ends, sent) = (&shared.ends, &shared.sent);
    let mut salt = seed << 32;
    while !ends.load(SeqCst) {
        salt += 1;
        let Some(mut peer) = RawPeer::try_claiming(address, spec, 1 << 30, u64::MAX >> 1) else { continue };
        let mut branch = spec.genesis.header.clone();
        let mut quiet = 0;
        while quiet < 2 && branch.height + 100 < longest && !ends.load(SeqCst) {
            match peer.read_within(Duration::from_millis(100)) {
                None => quiet += 1,
                Some(None) => break,
                Some(Some(Message::Ping { nonce, .. })) => peer.send(&Message::Pong(nonce)),
                Some(Some(Message::GetSync(_))) => {
                    quiet = 0;
                    peer.send(&Message::Sync(List::truncated(cheap_headers(spec, &mut branch, salt))));
                    sent.fetch_add(MAX_SYNC_HEADERS, SeqCst);
                }
                Some(Some(Message::GetBlock(hash))) => peer.send(&Message::Absent(hash)),
                Some(Some(_)) => {}
            }
        }
    }
}

/// Sends a hundred headers above the node's tip without blocks, stays silent for a while, and starts again.
fn extend_tip_forever(address: SocketAddr, spec: &Arc<ChainSpec>, shared: &Shared, seed: u64) {
    let mut salt = seed << 32;
    while !shared.ends.load(SeqCst) {
        salt += 1;
        let Some(mut tip) = tip_of(address, spec) else { continue };
        let Some(mut peer) = RawPeer::try_claiming(address, spec, 1 << 30, u64::MAX >> 1) else { continue };
        answer_once(&mut peer, cheap_headers(spec, &mut tip, salt));
        shared.sent.fetch_add(MAX_SYNC_HEADERS, SeqCst);
        let stays = Instant::now() + Duration::from_secs(2);
        while Instant::now() < stays && !shared.ends.load(SeqCst) && peer.skim() {
            rest(Duration::from_millis(50));
        }
    }
}

#[test]
fn headers_without_blocks_that_have_the_most_work_from_ten_peers() {
    let spec = Arc::new(ChainSpec::local());
    let (mut node, maker) = node_with_chain(&spec, count(50, 500));
    node.wait(&["synced"]);
    let watch = Watch::start(&node, maker);
    let (address, database) = (node.p2p(), node.dir.join("local/ledger.db"));
    let before = file_bytes(&database);
    let shared = Arc::new(Shared::default());
    let peers: Vec<_> = (0..10)
        .map(|n| {
            let (spec, shared) = (spec.clone(), shared.clone());
            std::thread::spawn(move || extend_tip_forever(address, &spec, &shared, n))
        })
        .collect();
    let end = Instant::now() + duration(Duration::from_secs(8), Duration::from_secs(300));
    let (mut looks, mut synced, mut ahead) = (0, 0, 0);
    while Instant::now() < end {
        let status = node.status();
        looks += 1;
        synced += usize::from(status["state"] == "synced");
        // Not at every look: the node may have set the last branch aside.
        ahead += usize::from(status["headers"].as_u64() > status["height"].as_u64());
        rest(Duration::from_millis(100));
    }
    shared.ends.store(true, SeqCst);
    peers.into_iter().for_each(|peer| peer.join().unwrap());
    let grown = file_bytes(&database).saturating_sub(before) as f64 / 1e6;
    let sent = shared.sent.load(SeqCst);
    let figure = format!(
        "{sent} headers, some ahead at {ahead} and synced at {synced} of {looks} looks, the database grew by {grown:.1} MB"
    );
    let figures = watch.finish(&mut node, "most work without blocks", &figure, "the tip moves");
    assert!(sent >= 1_000 && ahead > 0, "no branch was ahead");
    assert_eq!(synced, looks, "headers without blocks do not end the state synced");
    assert!(figures.slowest_block < Duration::from_secs(5), "{figure}");
}

fn file_bytes(path: &std::path::Path) -> u64 {
    std::fs::metadata(path).map_or(0, |facts| facts.len())
}

/// Shared by the threads of an attack.
#[derive(Default)]
struct Shared {
    ends: AtomicBool,
    sent: AtomicUsize,
}

/// A node with a chain of this length.
fn node_with_chain(spec: &Arc<ChainSpec>, length: usize) -> (TestNode, BlockMaker) {
    let (chain, maker) = Chain::new(spec, length);
    let (chain, ends) = (Arc::new(chain), Arc::new(AtomicBool::new(false)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let provider = {
        let (spec, chain, ends) = (spec.clone(), chain.clone(), ends.clone());
        std::thread::spawn(move || provide(&listener, &spec, &chain, false, &ends))
    };
    let node = TestNode::start(&["--is-bootnode", "--bootnode", &address]);
    node.wait(&["height", &length.to_string()]);
    ends.store(true, SeqCst);
    provider.join().unwrap();
    (node, maker)
}

#[test]
fn minimum_work_headers_that_fork_at_genesis_from_ten_peers() {
    let spec = Arc::new(ChainSpec::local());
    let length = count(1_000, 5_000);
    let (mut node, maker) = node_with_chain(&spec, length);
    // Small honest blocks, so that the growth of the database is the attackers'.
    let watch = Watch::with_small_blocks(&node, maker);
    let (address, folder) = (node.p2p(), node.dir.join("local"));
    let (before, database) = (folder_bytes(&folder), file_bytes(&folder.join("ledger.db")));
    let shared = Arc::new(Shared::default());
    let peers: Vec<_> = (0..10)
        .map(|n| {
            let (spec, shared, longest) = (spec.clone(), shared.clone(), u32::try_from(length).unwrap());
            std::thread::spawn(move || fork_forever(address, &spec, longest, &shared, n))
        })
        .collect();
    let start = Instant::now();
    let (time, all) = (duration(Duration::from_secs(5), Duration::from_secs(600)), count(usize::MAX, 1_000_000));
    while start.elapsed() < time && shared.sent.load(SeqCst) < all {
        rest(Duration::from_millis(100));
    }
    shared.ends.store(true, SeqCst);
    let sent = shared.sent.load(SeqCst);
    peers.into_iter().for_each(|peer| peer.join().unwrap());
    let all_grown = folder_bytes(&folder).saturating_sub(before);
    let grown = file_bytes(&folder.join("ledger.db")).saturating_sub(database);
    let figure = format!(
        "{} headers in {} s, ledger.db grew by {:.1} MB, its folder (with the write-ahead log) by {:.1} MB",
        sent,
        start.elapsed().as_secs(),
        grown as f64 / 1e6,
        all_grown as f64 / 1e6
    );
    watch.finish(&mut node, "headers that fork at genesis", &figure, "1,000,000; 10 MB");
    assert!(sent >= MAX_SYNC_HEADERS, "the node asked nobody for headers");
    assert!(grown <= 10_000_000 || !full(), "{figure}");
}

/// A chain as a peer serves it.
struct Chain {
    blocks: Vec<HashedBlock>,
    heights: BTreeMap<Hash, usize>,
    work: u64,
}

impl Chain {
    fn new(spec: &Arc<ChainSpec>, length: usize) -> (Self, BlockMaker) {
        let mut maker = BlockMaker::new(spec.clone());
        let mut blocks = Vec::new();
        for n in 0..length {
            let key = SecretKey::well_known(u32::try_from(n % 8).unwrap());
            let transfers = (0..3).map(|_| maker.transfer(&key, key.address(), 10_000, 100)).collect();
            blocks.push(maker.next_block(transfers, key.address()));
        }
        let mut heights: BTreeMap<Hash, usize> = blocks.iter().enumerate().map(|(at, b)| (b.hash, at + 1)).collect();
        heights.insert(spec.genesis_hash(), 0);
        (Self { work: 1 << 40, blocks, heights }, maker)
    }
}

/// A listening peer with the whole chain. One that withholds answers everything except `GetBlock`.
fn provide(listener: &TcpListener, spec: &Arc<ChainSpec>, chain: &Chain, withholds: bool, ends: &AtomicBool) {
    listener.set_nonblocking(true).unwrap();
    let mut peer: Option<RawPeer> = None;
    while !ends.load(SeqCst) {
        let Some(open) = &mut peer else {
            match listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    peer = RawPeer::answer(stream, spec, u32::try_from(chain.blocks.len()).unwrap(), chain.work);
                }
                Err(_) => rest(Duration::from_millis(5)),
            }
            continue;
        };
        match open.read_within(Duration::from_millis(50)) {
            None => {}
            Some(None) => peer = None,
            Some(Some(message)) => {
                if let Some(answer) = chain.answer(message, withholds) {
                    open.send(&answer);
                }
            }
        }
    }
}

impl Chain {
    fn answer(&self, message: Message, withholds: bool) -> Option<Message> {
        match message {
            Message::Ping { nonce, .. } => Some(Message::Pong(nonce)),
            Message::GetSync(locator) => {
                let from = locator.iter().find_map(|hash| self.heights.get(hash)).copied().unwrap_or(0);
                let headers = self.blocks[from..].iter().take(MAX_SYNC_HEADERS).map(|block| block.header.clone());
                Some(Message::Sync(List::truncated(headers)))
            }
            Message::GetBlock(_) if withholds => None,
            Message::GetBlock(hash) => match self.heights.get(&hash) {
                Some(height) if *height > 0 => Some(Message::Block(self.blocks[height - 1].bytes.clone())),
                _ => Some(Message::Absent(hash)),
            },
            _ => None,
        }
    }
}

/// The time of a newcomer's sync from eight peers, some of which withhold every block.
fn sync_time(spec: &Arc<ChainSpec>, chain: &Arc<Chain>, withholding: usize) -> Duration {
    let ends = Arc::new(AtomicBool::new(false));
    let (mut arguments, mut threads) = (Vec::new(), Vec::new());
    for n in 0..8 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        arguments.extend(["--connect".to_owned(), listener.local_addr().unwrap().to_string()]);
        let (spec, chain, ends) = (spec.clone(), chain.clone(), ends.clone());
        threads.push(std::thread::spawn(move || provide(&listener, &spec, &chain, n < withholding, &ends)));
    }
    let start = Instant::now();
    let node = TestNode::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    node.wait(&["height", &chain.blocks.len().to_string()]);
    let time = start.elapsed();
    assert_eq!(node.tip(), chain.blocks.last().unwrap().hash);
    ends.store(true, SeqCst);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    time
}

#[test]
fn peers_that_withhold_blocks_slow_a_sync_down_by_a_bounded_factor() {
    let spec = Arc::new(ChainSpec::local());
    let chain = Arc::new(Chain::new(&spec, count(300, 8_000)).0);
    let all = sync_time(&spec, &chain, 0);
    let seven = sync_time(&spec, &chain, 1);
    let one = sync_time(&spec, &chain, 7);
    let ratio = |time: Duration| time.as_secs_f64() / all.as_secs_f64();
    let line = format!(
        "peers withholding blocks | {} blocks: none {:.1} s, one of eight {:.1} s ({:.1}x), seven of eight {:.1} s ({:.1}x) | 2x and 5x",
        chain.blocks.len(),
        all.as_secs_f64(),
        seven.as_secs_f64(),
        ratio(seven),
        one.as_secs_f64(),
        ratio(one)
    );
    crate::support::attack::record(&line);
    if full() {
        assert!(ratio(seven) <= 2.0 && ratio(one) <= 5.0, "{line}");
    }
}
