//! Large blocks that two nodes push to each other over a slow line with small buffers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::{
    base::{
        codec::List,
        limits::{GET_SYNC_QUIET, MAX_BLOCK_BYTES, MAX_MEMO_BYTES},
    },
    chain::{
        block::HashedBlock,
        key::SecretKey,
        spec::ChainSpec,
        testkit::{self, BlockMaker},
        transaction::{OutPoint, Output},
    },
    wire::message::Message,
};

use crate::support::{
    TestNode,
    attack::{MEMORY_LIMIT_KIB, count, full, memory, record, rest},
    line::Line,
    peer::RawPeer,
};

/// The longest time without a byte, of an optimised build and of others.
const PAUSE_LIMITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// How long a test waits before it fails.
const PATIENCE: Duration = Duration::from_secs(50);

/// A block that is as large as a block may be, or nearly so: a long row of payments of one account to itself.
pub(super) fn large_block(maker: &mut BlockMaker, account: u32) -> HashedBlock {
    let (key, genesis) = (SecretKey::well_known(account), maker.spec().genesis_hash());
    let address = key.address();
    let coins = maker.spendable(&address).map(|(at, coin)| (at, coin.amount));
    let (mut coin, mut amount) = coins.max_by_key(|(_, amount)| *amount).expect("the account has money");
    let (mut transactions, mut bytes) = (Vec::new(), 0);
    loop {
        let spent = [(coin, amount, &key)];
        amount -= 1_000;
        let payment = testkit::spend(&spent, vec![Output { amount, address }], &[7; MAX_MEMO_BYTES], &genesis);
        bytes += payment.to_bytes().len();
        if bytes > MAX_BLOCK_BYTES - 1_000 {
            break;
        }
        coin = OutPoint { txid: payment.txid(), index: 0 };
        transactions.push(payment);
    }
    maker.next_block(transactions, address)
}

/// A test makes its blocks before it connects peers: on a slow host they take longer than a peer may take to answer.
fn large_blocks(maker: &mut BlockMaker, account: u32, count: usize) -> Vec<HashedBlock> {
    (0..count).map(|_| large_block(maker, account)).collect()
}

/// A node, and a peer on a line of its own that gives it blocks.
struct Side {
    node: TestNode,
    feeder: RawPeer,
}

impl Side {
    fn new(node: TestNode) -> Self {
        let feeder = RawPeer::handshaken(node.p2p(), &Arc::new(ChainSpec::local()));
        Self { node, feeder }
    }

    /// Gives the node its next block. It relays blocks that come one by one.
    fn feed(&mut self, block: &HashedBlock) {
        self.feeder.send(&Message::Block(block.bytes.clone()));
    }
}

/// Waits until both nodes have this height. Meanwhile their feeders answer them: a feeder that leaves questions open for
/// ten seconds is closed, and on a busy host the nodes take that long.
fn reach(mut sides: [&mut Side; 2], height: usize) {
    let height = height.to_string();
    let waits = sides
        .each_ref()
        .map(|side| side.node.command(&["wait", "height", &height, "--timeout", "120"]).spawn().unwrap());
    for mut wait in waits {
        let status = loop {
            sides.iter_mut().for_each(|side| {
                side.feeder.drain();
            });
            match wait.try_wait().unwrap() {
                Some(status) => break status,
                None => rest(Duration::from_millis(20)),
            }
        };
        assert!(status.success(), "height {height}\n{}\n{}", sides[0].node.log(), sides[1].node.log());
    }
}

/// Two nodes push large blocks to each other, on branches of their own. One more block lets the second one's branch win.
fn push_both_ways(blocks: usize) {
    let mut makers = [0; 2].map(|_| BlockMaker::new(Arc::new(ChainSpec::local())));
    let first = makers[0].next_block(Vec::new(), SecretKey::well_known(3).address());
    makers[1].connect(&first);
    let branches = [large_blocks(&mut makers[0], 1, blocks), large_blocks(&mut makers[1], 2, blocks)];
    let last = makers[1].next_block(Vec::new(), SecretKey::well_known(2).address());
    let far = TestNode::start(&["--is-bootnode", "--max-outbound", "0"]);
    let line = Line::to(far.p2p());
    let near = TestNode::start(&["--is-bootnode", "--max-outbound", "1", "--connect", &line.address().to_string()]);
    near.wait(&["peers", "1"]);
    let (mut near, mut far) = (Side::new(near), Side::new(far));
    // A node asks a peer that had nothing new no more before this time has passed.
    rest(GET_SYNC_QUIET);
    near.feed(&first);
    reach([&mut near, &mut far], 1);
    let bytes = line.bytes();
    line.watch();
    for (height, (one, other)) in branches[0].iter().zip(&branches[1]).enumerate() {
        near.feed(one);
        far.feed(other);
        reach([&mut near, &mut far], height + 2);
    }
    far.feed(&last);
    let start = Instant::now();
    while near.node.tip() != last.hash && start.elapsed() < PATIENCE {
        near.feeder.drain();
        far.feeder.drain();
        rest(Duration::from_millis(20));
    }
    let pause = line.longest_pause();
    let figure = format!(
        "{blocks} blocks pushed both ways: {:.1} s, {} KB, longest pause {} ms",
        start.elapsed().as_secs_f64(),
        (line.bytes() - bytes) / 1000,
        pause.as_millis()
    );
    record(&figure);
    let context = || format!("{figure}\n{}\n{}", near.node.log(), far.node.log());
    assert!(near.node.tip() == last.hash && pause <= PAUSE_LIMITS[usize::from(!full())], "{}", context());
    assert_eq!(line.connections(), 1, "no link was closed: {}", context());
}

#[test]
fn two_nodes_that_push_large_blocks_to_each_other_do_not_stop_each_other() {
    (0..count(1, 20)).for_each(|_| push_both_ways(1));
}

#[test]
fn many_large_blocks_pushed_both_ways_close_no_link() {
    (0..count(1, 20)).for_each(|_| push_both_ways(3));
}

#[test]
fn a_slow_reader_stays_and_gets_each_block_once() {
    let spec = Arc::new(ChainSpec::local());
    let blocks = large_blocks(&mut BlockMaker::new(spec.clone()), 1, 3);
    let node = TestNode::start(&["--is-bootnode", "--max-outbound", "0"]);
    let line = Line::to(node.p2p());
    let mut slow = RawPeer::handshaken(line.address(), &spec);
    let mut honest = RawPeer::handshaken(node.p2p(), &spec);
    let mut side = Side::new(node);
    let mut slowest = Duration::ZERO;
    for (height, block) in blocks.iter().enumerate() {
        let start = Instant::now();
        side.feed(block);
        honest.read_until(|message| (message == Message::Block(block.bytes.clone())).then_some(()));
        slowest = slowest.max(start.elapsed());
        side.node.wait(&["height", &(height + 1).to_string()]);
    }
    // It has read nothing yet. Part of a block is under way, and there was no room for the others.
    let wanted = |block: &HashedBlock| Message::GetBlock(block.hash);
    blocks.iter().for_each(|block| slow.send(&wanted(block)));
    let mut received = Vec::new();
    loop {
        match slow.read().unwrap_or_else(|| panic!("the node closed the link\n{}", side.node.log())) {
            Message::Block(bytes) => received.push(blocks.iter().position(|block| block.bytes == bytes).unwrap()),
            // All answers are here, and nothing is on its way behind them.
            Message::Pong(9) => break,
            Message::Ping { nonce, .. } => slow.send(&Message::Pong(nonce)),
            _ => {}
        }
        if received.len() == blocks.len() {
            slow.send(&Message::Ping { nonce: 9, height: 0, tip: spec.genesis_hash() });
        }
    }
    // Which block is under way depends on when gossip heard of the link, so the order is not part of the promise.
    received.sort_unstable();
    assert_eq!(received, [0, 1, 2]);
    record(&format!("slow reader: others get a block of 1 MB within {} ms", slowest.as_millis()));
}

/// Each of them is stuck with another block, so that no two share its memory.
#[test]
fn peers_that_read_nothing_cost_little_memory_and_hold_up_nobody() {
    let spec = Arc::new(ChainSpec::local());
    let blocks = large_blocks(&mut BlockMaker::new(spec.clone()), 1, count(5, 24));
    let node = TestNode::start(&["--is-bootnode", "--max-outbound", "0"]);
    let line = Line::to(node.p2p());
    let mut honest = RawPeer::handshaken(node.p2p(), &spec);
    let mut side = Side::new(node);
    let (mut readers, mut slowest) = (Vec::new(), Duration::ZERO);
    for block in blocks {
        readers.push(RawPeer::handshaken(line.address(), &spec));
        let start = Instant::now();
        side.feed(&block);
        loop {
            match honest.read().expect("the node keeps its honest peer") {
                Message::Block(bytes) if bytes == block.bytes => break,
                Message::Ping { nonce, tip, .. } => {
                    honest.send(&Message::Pong(nonce));
                    // News of its block alone, for there was no room for the block.
                    if tip == block.hash {
                        honest.send(&Message::GetBlock(tip));
                    }
                }
                Message::GetSync(_) => honest.send(&Message::Sync(List::EMPTY)),
                _ => {}
            }
        }
        slowest = slowest.max(start.elapsed());
        side.feeder.drain();
    }
    let peak = memory(side.node.pid(), "VmHWM:");
    let (readers, slowest) = (readers.len(), slowest.as_millis());
    record(&format!(
        "{readers} peers that read nothing: {peak} KiB at most, an honest one gets 1 MB within {slowest} ms"
    ));
    assert!(!full() || peak <= MEMORY_LIMIT_KIB, "{peak} KiB\n{}", side.node.log());
}
