//! A crowd that fills a node's memory for large frames, each link just fast enough to be no fault.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use socket2::SockRef;
use tussock::{
    base::{
        codec::List,
        hash::Hash,
        limits::{LEASE_MIN_RATE, RECEIVE_BUDGET_BYTES},
    },
    chain::{spec::ChainSpec, testkit::BlockMaker},
    wire::{frame::Frame, message::Message},
};

use super::{
    delivery::{Holder, Manner},
    flow::large_block,
};
use crate::support::{
    TestNode,
    attack::{count, rest},
    peer::RawPeer,
};

/// Bytes a second of each link: a quarter more than is wanted while others wait.
const PACE: f64 = LEASE_MIN_RATE as f64 * 1.25;
/// Links of the crowd for which there was memory at the same time.
const AT_ONCE: u64 = 6;
/// Bytes of their frames, which so leave room for nothing large.
const BYTES: usize = RECEIVE_BUDGET_BYTES / AT_ONCE as usize - 8192;
/// How long one of these takes.
const HOLD: u64 = (BYTES as f64 / PACE) as u64;
/// How long the crowd is alone.
const BEFORE: Duration = Duration::from_secs(4);
/// How long an honest block of the largest size may take beside it, in builds of all kinds.
const LIMIT: Duration = Duration::from_secs(10);
const TURN: Duration = Duration::from_millis(20);

/// Brings something large, quickly: it is no stranger any more.
fn be_known(peer: &mut RawPeer) {
    assert!(peer.drain(), "it is asked for headers, too");
    peer.send(&Message::MemoryPool(List::truncated((0..900).map(|_| Hash([3; 32])))));
}

/// One link of the crowd.
struct Member {
    peer: RawPeer,
    frame: Arc<Vec<u8>>,
    sent: usize,
    since: Instant,
}

impl Member {
    fn new(node: &TestNode, spec: &Arc<ChainSpec>, frame: &Arc<Vec<u8>>) -> Self {
        let mut peer = RawPeer::handshaken(node.p2p(), spec);
        // What it sends must not wait in its own host.
        SockRef::from(&*peer.stream()).set_send_buffer_size(8192).unwrap();
        be_known(&mut peer);
        Self { peer, frame: frame.clone(), sent: 0, since: Instant::now() }
    }

    /// Sends what is due; false once the node has closed the link.
    fn turn(&mut self) -> bool {
        let due = (self.since.elapsed().as_secs_f64() * PACE) as usize;
        let due = due.min(self.frame.len());
        let Some(taken) = self.peer.push(&self.frame[self.sent..due]) else { return false };
        self.sent += taken;
        if self.sent == self.frame.len() {
            (self.sent, self.since) = (0, Instant::now());
        }
        self.peer.skim()
    }
}

#[test]
fn a_crowd_of_slow_large_frames_does_not_hold_up_a_block_that_the_node_has_asked_for() {
    let spec = Arc::new(ChainSpec::local());
    let mut maker = BlockMaker::new(spec.clone());
    let block = large_block(&mut maker, 1);
    let mut node = TestNode::start(&["--is-bootnode"]);
    node.wait(&["synced"]);
    let mut honest = RawPeer::handshaken(node.p2p(), &spec);
    be_known(&mut honest);
    // The header is known, and so the rest of no use: that costs nothing below 256 KiB a second.
    let junk = [spec.genesis.header.to_bytes(), vec![7; BYTES]].concat();
    let frame = Arc::new(Frame::new(&Message::Block(junk.into())).to_bytes(spec.magic()));
    let links = count(20, 44);
    let mut crowd: Vec<Member> = (0..links).map(|_| Member::new(&node, &spec, &frame)).collect();
    let (hash, begin) = (block.hash, Instant::now());
    let holder = Holder { blocks: vec![block], delivers: usize::MAX, manner: Manner::Silence };
    let mut wait = node.command(&["wait", "height", "1", "--timeout", "120"]).spawn().unwrap();
    let mut told = None;
    let status = loop {
        crowd.iter_mut().for_each(|member| assert!(member.turn(), "fast enough\n{}", node.log()));
        if told.is_none() && begin.elapsed() < BEFORE {
            assert!(honest.drain());
        } else if told.is_none() {
            honest.send(&Message::Ping { nonce: 1, height: 1, tip: hash });
            told = Some(Instant::now());
        }
        while told.is_some()
            && let Some(message) = honest.read_within(Duration::from_millis(1))
        {
            let message = message.expect("the node keeps its honest peer");
            holder.answer(message).into_iter().for_each(|answer| honest.send(&answer));
        }
        if let Some(status) = wait.try_wait().unwrap() {
            break status;
        }
        rest(TURN);
    };
    assert!(status.success(), "{}", node.log());
    let took = told.expect("it came after it was told of").elapsed();
    let in_line = links as u64 / AT_ONCE * HOLD;
    println!(
        "{links} links at {PACE:.0} bytes a second: {took:?}; in the order in which frames came it was {in_line} s"
    );
    assert!(took < LIMIT, "{took:?}\n{}", node.log());
    assert!(node.alive());
}
