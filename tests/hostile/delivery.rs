//! Branches whose headers have work and whose bodies do not come, or come in part, or do not fit.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tussock::{
    base::{
        codec::List,
        hash::Hash,
        limits::{GET_BLOCK_TIMEOUT, MAX_SYNC_HEADERS},
    },
    chain::{block::HashedBlock, key::SecretKey, spec::ChainSpec, testkit::BlockMaker},
    wire::message::{Kind, Message, SERVICE_FULL, Version, pruned_services},
};

use super::FAULT;
use crate::support::{
    TestNode,
    attack::rest,
    peer::{PATIENCE, RawPeer, version},
};

/// How long a branch may keep a node from the state `synced`, or more than one block behind the honest chain: 2 s, and
/// what it takes to look.
pub(super) const LIMIT: Duration = Duration::from_secs(3);
/// Time between two honest blocks.
pub(super) const BLOCK_EVERY: Duration = Duration::from_secs(1);
/// How long one branch is watched.
const WATCHED: Duration = Duration::from_secs(7);

/// What a liar answers when it is asked for a body that it does not deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Absent,
    Silence,
    Unfit,
    /// The body fits its header, and the block is invalid by the coins.
    Invalid,
}

/// A peer that has these blocks, and delivers the first `delivers` of them.
pub(super) struct Holder {
    pub(super) blocks: Vec<HashedBlock>,
    pub(super) delivers: usize,
    pub(super) manner: Manner,
}

impl Holder {
    pub(super) fn answer(&self, message: Message) -> Option<Message> {
        match message {
            Message::Ping { nonce, .. } => Some(Message::Pong(nonce)),
            Message::GetSync(locator) => {
                let at = |hash: &Hash| self.blocks.iter().position(|block| block.hash == *hash).map(|at| at + 1);
                let from = locator.iter().find_map(at).unwrap_or(0);
                let headers = self.blocks[from..].iter().take(MAX_SYNC_HEADERS).map(|block| block.header.clone());
                Some(Message::Sync(List::truncated(headers)))
            }
            Message::GetBlock(hash) => match self.blocks.iter().position(|block| block.hash == hash) {
                Some(at) if at < self.delivers => Some(Message::Block(self.blocks[at].bytes.clone())),
                Some(at) => match self.manner {
                    Manner::Absent => Some(Message::Absent(hash)),
                    Manner::Silence => None,
                    Manner::Invalid => Some(Message::Block(self.blocks[at].bytes.clone())),
                    Manner::Unfit => {
                        let header = self.blocks[at].header.clone();
                        Some(Message::Block(HashedBlock::new(header, Vec::new()).bytes))
                    }
                },
                None => Some(Message::Absent(hash)),
            },
            _ => None,
        }
    }
}

/// A node, and an honest peer that pushes each of its blocks and serves them all.
pub(super) struct Network {
    pub(super) node: TestNode,
    pub(super) spec: Arc<ChainSpec>,
    pub(super) maker: Arc<Mutex<BlockMaker>>,
    pub(super) honest: Arc<Mutex<Holder>>,
    ends: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Network {
    pub(super) fn new() -> Self {
        let spec = Arc::new(ChainSpec::local());
        let node = TestNode::start(&["--is-bootnode"]);
        node.wait(&["synced"]);
        let honest = Holder { blocks: Vec::new(), delivers: usize::MAX, manner: Manner::Absent };
        let (honest, ends) = (Arc::new(Mutex::new(honest)), Arc::new(AtomicBool::new(false)));
        let mut peer = RawPeer::handshaken(node.p2p(), &spec);
        let thread = {
            let (honest, ends, mut pushed) = (honest.clone(), ends.clone(), 0);
            std::thread::spawn(move || {
                while !ends.load(SeqCst) {
                    let fresh: Vec<HashedBlock> = honest.lock().unwrap().blocks[pushed..].to_vec();
                    pushed += fresh.len();
                    fresh.iter().for_each(|block| peer.send(&Message::Block(block.bytes.clone())));
                    let Some(message) = peer.read_within(Duration::from_millis(10)) else { continue };
                    let message = message.expect("the node keeps its honest peer");
                    let answer = honest.lock().unwrap().answer(message);
                    answer.iter().for_each(|answer| peer.send(answer));
                }
            })
        };
        let maker = Arc::new(Mutex::new(BlockMaker::new(spec.clone())));
        let mut network = Self { node, spec, maker, honest, ends, threads: Mutex::new(vec![thread]) };
        network.grow();
        network.node.wait(&["height", "1"]);
        network
    }

    /// The honest peer makes a block and pushes it.
    pub(super) fn grow(&mut self) -> HashedBlock {
        let mut honest = self.honest.lock().unwrap();
        let block = self.maker.lock().unwrap().next_block(Vec::new(), SecretKey::well_known(0).address());
        honest.blocks.push(block.clone());
        block
    }

    /// The honest chain's height.
    pub(super) fn height(&self) -> u32 {
        self.maker.lock().unwrap().height()
    }

    /// Runs something until the test ends.
    pub(super) fn run(&self, work: impl FnOnce(&dyn Fn() -> bool) + Send + 'static) {
        let ends = self.ends.clone();
        self.threads.lock().unwrap().push(std::thread::spawn(move || work(&|| ends.load(SeqCst))));
    }

    /// A liar with a branch of `ahead` blocks on the honest tip. It delivers the first of them.
    fn half_withheld(&mut self, ahead: usize, manner: Manner) {
        let branch = self.maker.lock().unwrap().fork().empty_blocks(ahead, SecretKey::well_known(9).address());
        let mut blocks = self.honest.lock().unwrap().blocks.clone();
        let delivers = blocks.len() + 1;
        blocks.extend(branch);
        let height = u32::try_from(blocks.len()).unwrap();
        let liar = Holder { blocks, delivers, manner };
        let mut peer = RawPeer::claiming(self.node.p2p(), &self.spec, height, 1 << 40);
        self.run(move |ends| {
            while !ends() {
                match peer.read_within(Duration::from_millis(20)) {
                    None => {}
                    Some(None) => return,
                    Some(Some(message)) => liar.answer(message).iter().for_each(|answer| peer.send(answer)),
                }
            }
        });
    }

    /// A liar with a branch of `ahead` blocks on the honest tip who states that it keeps none of them, and may push the first.
    fn pruned(&mut self, ahead: usize, pushes: bool) {
        let branch = self.maker.lock().unwrap().fork().empty_blocks(ahead, SecretKey::well_known(9).address());
        let mut blocks = self.honest.lock().unwrap().blocks.clone();
        let first = branch[0].clone();
        blocks.extend(branch);
        let height = u32::try_from(blocks.len()).unwrap();
        let tip = blocks.last().unwrap().hash;
        let liar = Holder { blocks, delivers: 0, manner: Manner::Absent };
        let mut peer = RawPeer::connect(self.node.p2p(), &self.spec);
        let services = pruned_services(SERVICE_FULL, u32::MAX);
        peer.send(&Message::Version(Version { services, ..version(&self.spec, height, tip, 1 << 40) }));
        peer.finish_handshake();
        self.run(move |ends| {
            let mut told = false;
            while !ends() {
                match peer.read_within(Duration::from_millis(20)) {
                    None => {}
                    Some(None) => return,
                    Some(Some(message)) => {
                        let is_told = matches!(message, Message::GetSync(_));
                        liar.answer(message).iter().for_each(|answer| peer.send(answer));
                        if is_told && pushes && !std::mem::replace(&mut told, true) {
                            peer.send(&Message::Block(first.bytes.clone()));
                        }
                    }
                }
            }
        });
    }

    /// Lets honest blocks come for a while. Returns the longest times that the node was not synced, and more than one
    /// block behind.
    fn watch(&mut self) -> (Duration, Duration) {
        let start = Instant::now();
        let (mut next, mut apart, mut behind) = (start, Spell::default(), Spell::default());
        while start.elapsed() < WATCHED {
            if Instant::now() >= next {
                self.grow();
                next += BLOCK_EVERY;
            }
            let status = self.node.status();
            let height = status["height"].as_u64().unwrap();
            apart.see(status["state"] != "synced");
            behind.see(height + 1 < u64::from(self.height()));
            rest(Duration::from_millis(50));
        }
        (apart.longest, behind.longest)
    }

    pub(super) fn end(self) {
        self.ends.store(true, SeqCst);
        self.threads.into_inner().unwrap().into_iter().for_each(|thread| thread.join().unwrap());
    }
}

/// How long something lasts without a break.
#[derive(Default)]
pub(super) struct Spell {
    since: Option<Instant>,
    pub(super) longest: Duration,
}

impl Spell {
    pub(super) fn see(&mut self, lasts: bool) {
        self.since = lasts.then(|| self.since.unwrap_or_else(Instant::now));
        self.longest = self.longest.max(self.since.map_or(Duration::ZERO, |since| since.elapsed()));
    }
}

#[test]
fn an_unfit_body_does_not_stop_the_tip() {
    let mut network = Network::new();
    for n in 0..3 {
        let maker = network.maker.lock().unwrap().fork();
        let block = maker.fork().empty_blocks(1, SecretKey::well_known(9).address()).remove(0);
        let other = maker.fork().empty_blocks(1, SecretKey::well_known(8).address()).remove(0);
        let body = match n {
            0 => HashedBlock::new(block.header.clone(), other.transactions).bytes.to_vec(),
            1 => HashedBlock::new(block.header.clone(), Vec::new()).bytes.to_vec(),
            _ => block.bytes[..block.bytes.len() - 7].to_vec(),
        };
        let mut liar = RawPeer::handshaken(network.node.p2p(), &network.spec);
        liar.send_body(Kind::Block, body);
        assert_eq!(liar.goodbye(), FAULT);
        // An honest block of the same height is taken although it was seen later.
        let (honest, start) = (network.grow(), Instant::now());
        while network.node.tip() != honest.hash && start.elapsed() < PATIENCE {
            rest(Duration::from_millis(20));
        }
        assert!(start.elapsed() < LIMIT, "{:?} for body {n}\n{}", start.elapsed(), network.node.log());
        assert_eq!(network.node.status()["state"], "synced");
    }
    network.end();
}

#[test]
fn a_half_withheld_branch_does_not_keep_a_node_behind() {
    for ahead in [4, 40] {
        for manner in [Manner::Absent, Manner::Silence, Manner::Unfit] {
            let mut network = Network::new();
            network.half_withheld(ahead, manner);
            let (apart, behind) = network.watch();
            let figure = format!("{manner:?}, {ahead} ahead: not synced {apart:?}, behind {behind:?}");
            assert!(apart < LIMIT && behind < LIMIT, "{figure}\n{}", network.node.log());
            network.end();
        }
    }
}

/// Nothing was overdue of what a peer states to have let go of, also where it cannot have: where too few blocks follow.
#[test]
fn a_branch_whose_peer_states_that_it_keeps_none_of_it_does_not_keep_a_node_behind() {
    for (ahead, pushes) in [(40, true), (99, true), (40, false)] {
        let mut network = Network::new();
        network.pruned(ahead, pushes);
        let (apart, behind) = network.watch();
        let figure = format!("{ahead} ahead, pushes {pushes}: not synced {apart:?}, behind {behind:?}");
        println!("{figure}");
        assert!(apart < LIMIT && behind < LIMIT, "{figure}\n{}", network.node.log());
        network.end();
    }
}

/// A number of the node's metrics.
fn metric(node: &TestNode, name: &str) -> u64 {
    let mut stream = TcpStream::connect(node.http()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let value = answer.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// The counter stayed at zero until the requests timed out.
#[test]
fn requests_that_a_silent_peer_leaves_open_are_counted_as_asked_elsewhere() {
    let mut network = Network::new();
    let node = TestNode::start(&["--is-bootnode"]);
    (0..40).for_each(|_| drop(network.grow()));
    let blocks = network.honest.lock().unwrap().blocks.clone();
    let tip = blocks.last().unwrap().hash;
    let holders = [0, usize::MAX].map(|delivers| Holder { blocks: blocks.clone(), delivers, manner: Manner::Silence });
    for holder in holders {
        let mut peer = RawPeer::claiming(node.p2p(), &network.spec, 41, 1 << 40);
        network.run(move |ends| {
            while !ends() {
                match peer.read_within(Duration::from_millis(20)) {
                    None => {}
                    Some(None) => return,
                    Some(Some(message)) => holder.answer(message).iter().for_each(|answer| peer.send(answer)),
                }
            }
        });
    }
    node.wait(&["height", "41"]);
    assert_eq!(node.tip(), tip);
    let start = Instant::now();
    while metric(&node, "tussock_block_requests_reassigned_total") == 0 {
        assert!(start.elapsed() < GET_BLOCK_TIMEOUT / 4, "{}", node.log());
        rest(Duration::from_millis(200));
    }
    network.end();
}
