//! Two honest peers: one makes and serves a block every second, the other receives the blocks and measures pings.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering::SeqCst},
    time::{Duration, Instant},
};

use tussock::{
    base::{bytes::Bytes, codec::List, hash::Hash, limits::MAX_SYNC_HEADERS},
    chain::{block::HashedBlock, key::SecretKey, testkit::BlockMaker},
    wire::message::Message,
};

use crate::support::peer::RawPeer;

/// A peer may send 30 pings in a row, and then one a second. These intervals stay below that.
const QUICK_PINGS: usize = 20;
const QUICK_PING_EVERY: Duration = Duration::from_millis(200);
const PING_EVERY: Duration = Duration::from_millis(1050);
/// Time between two blocks.
const BLOCK_EVERY: Duration = Duration::from_millis(1000);
/// Every so many blocks one is large, so that it needs the memory that attackers with large frames hold.
const BLOCKS_PER_LARGE: u32 = 5;
/// Transfers in a large block: 20 KB, more than a link receives without a lease.
const LARGE_TRANSFERS: u32 = 100;
/// A block or a pong that takes longer than this counts as lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait for a message of the sink.
const TURN: Duration = Duration::from_millis(10);
/// Messages read from one peer before the other's turn.
const TURN_MESSAGES: usize = 500;

/// What the two peers saw.
pub(super) struct Seen {
    pub(super) pings: Vec<Duration>,
    pub(super) blocks: u32,
    pub(super) slowest_block: Duration,
    pub(super) maker: BlockMaker,
}

/// The two peers.
pub(super) struct Pair {
    source: RawPeer,
    sink: RawPeer,
    made: Vec<HashedBlock>,
    /// Whether some blocks are large.
    large: bool,
    /// The parent of the first block made here.
    base: Hash,
    /// Blocks that the sink has not received, oldest first.
    under_way: VecDeque<(Bytes, Instant)>,
    ping: Option<(u64, Instant)>,
    next_nonce: u64,
    seen: Seen,
}

impl Pair {
    pub(super) fn new(source: RawPeer, sink: RawPeer, maker: BlockMaker, large: bool) -> Self {
        let base = maker.hash();
        let seen = Seen { pings: Vec::new(), blocks: 0, slowest_block: Duration::ZERO, maker };
        Self {
            source,
            sink,
            made: Vec::new(),
            large,
            base,
            under_way: VecDeque::new(),
            ping: None,
            next_nonce: 1_000,
            seen,
        }
    }

    /// Runs until `ends` is set and the last block has arrived.
    pub(super) fn run(mut self, ends: &AtomicBool) -> Seen {
        let (mut next_block, mut next_ping) = (Instant::now(), Instant::now());
        loop {
            let now = Instant::now();
            let ending = ends.load(SeqCst);
            if now >= next_ping && self.ping.is_none() {
                self.next_nonce += 1;
                let (nonce, tip) = (self.next_nonce, self.base);
                self.sink.send(&Message::Ping { nonce, height: 0, tip });
                self.ping = Some((nonce, Instant::now()));
                let quick = self.seen.pings.len() < QUICK_PINGS;
                next_ping = now + if quick { QUICK_PING_EVERY } else { PING_EVERY };
            }
            let done = ending && self.seen.blocks > 0 && self.under_way.is_empty();
            if now >= next_block && !done {
                self.make_block();
                next_block = now + BLOCK_EVERY;
            }
            self.read_sink();
            self.read_source();
            let late = |since: Option<Instant>| since.is_some_and(|since| since.elapsed() > PATIENCE);
            assert!(!late(self.ping.map(|(_, since)| since)), "no answer to a ping");
            assert!(!late(self.under_way.front().map(|(_, since)| *since)), "the tip does not move");
            if done && self.ping.is_none() && self.under_way.is_empty() {
                return self.seen;
            }
        }
    }

    fn make_block(&mut self) {
        let maker = &mut self.seen.maker;
        let is_large = self.large && self.made.len() as u32 % BLOCKS_PER_LARGE == BLOCKS_PER_LARGE - 1;
        let (from, to) = (SecretKey::well_known(8), SecretKey::well_known(9).address());
        let transfers = (0..if is_large { LARGE_TRANSFERS } else { 0 }).map(|_| maker.transfer(&from, to, 1_000, 100));
        let transfers = transfers.collect();
        let block = maker.next_block(transfers, to);
        self.source.send(&Message::Block(block.bytes.clone()));
        self.under_way.push_back((block.bytes.clone(), Instant::now()));
        self.made.push(block);
    }

    fn read_sink(&mut self) {
        for _ in 0..TURN_MESSAGES {
            let Some(message) = self.sink.read_within(TURN) else { return };
            match message.expect("the node closed the link to an honest peer") {
                Message::Pong(nonce) if self.ping.is_some_and(|(awaited, _)| awaited == nonce) => {
                    self.seen.pings.extend(self.ping.take().map(|(_, since)| since.elapsed()));
                }
                Message::Block(bytes) => self.arrived(&bytes),
                Message::Ping { nonce, .. } => self.sink.send(&Message::Pong(nonce)),
                Message::GetSync(_) => self.sink.send(&Message::Sync(List::EMPTY)),
                Message::GetBlock(hash) => self.sink.send(&Message::Absent(hash)),
                _ => {}
            }
        }
    }

    /// The node relays a block when it is the tip, so the blocks below it have arrived too.
    fn arrived(&mut self, bytes: &Bytes) {
        let Some(at) = self.under_way.iter().position(|(block, _)| block == bytes) else { return };
        for (_, since) in self.under_way.drain(..=at) {
            self.seen.blocks += 1;
            self.seen.slowest_block = self.seen.slowest_block.max(since.elapsed());
        }
    }

    fn read_source(&mut self) {
        for _ in 0..TURN_MESSAGES {
            let Some(message) = self.source.read_within(Duration::from_millis(1)) else { return };
            let answer = match message.expect("the node closed the link to an honest peer") {
                Message::Ping { nonce, .. } => Message::Pong(nonce),
                Message::GetSync(locator) => self.headers_after(&locator),
                Message::GetBlock(hash) => match self.made.iter().rev().find(|block| block.hash == hash) {
                    Some(block) => Message::Block(block.bytes.clone()),
                    None => Message::Absent(hash),
                },
                _ => continue,
            };
            self.source.send(&answer);
        }
    }

    fn headers_after(&self, locator: &[Hash]) -> Message {
        let known = |hash: &Hash| match self.made.iter().rposition(|block| block.hash == *hash) {
            Some(at) => Some(at + 1),
            None => (*hash == self.base).then_some(0),
        };
        let from = locator.iter().find_map(known).unwrap_or(self.made.len());
        let headers = self.made[from..].iter().take(MAX_SYNC_HEADERS).map(|block| block.header.clone());
        Message::Sync(List::truncated(headers))
    }
}
