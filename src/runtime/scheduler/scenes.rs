//! Whole nodes, their real roles on their real threads, through a thousand interleavings: blocks are submitted to one and
//! spread to the other, while one of them is stopped or crashes at some step and starts again on what its disk has.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{Answer, NodeIndex, Scheduler, StopReason};
use crate::{
    base::{hash::Hash, rng::Rng},
    chain::{
        archive::{LedgerStore, SealStore},
        block::HashedBlock,
        key::SecretKey,
        spec::ChainSpec,
        testkit::BlockMaker,
    },
    node::{
        Setup, Stores, build,
        command::{FetchCommand, Reply},
    },
    store::{PeerDb, SealMemory, SharedLedger},
};

/// How many interleavings are tried.
const SEEDS: u64 = 1_000;
/// Steps within which something happens to a node; an undisturbed scene has about as many.
const STEPS: u64 = 500;
const SECOND: Duration = Duration::from_secs(1);

/// What is the same for all seeds.
struct Script {
    spec: Arc<ChainSpec>,
    blocks: Vec<HashedBlock>,
}

impl Script {
    fn new() -> Self {
        let spec = Arc::new(ChainSpec::dev());
        let mut maker = BlockMaker::new(spec.clone());
        let block = |n| {
            let payment = maker.transfer(&SecretKey::well_known(n), SecretKey::well_known(8).address(), 1_000, 10);
            maker.next_block(vec![payment], SecretKey::well_known(9).address())
        };
        Self { blocks: (0..3).map(block).collect(), spec }
    }

    fn tip(&self) -> Hash {
        self.blocks.last().expect("three blocks").hash
    }
}

/// Two nodes of which the second dials the first.
struct Scene<'a> {
    script: &'a Script,
    scheduler: Scheduler,
    rng: Rng,
    disks: [SharedLedger; 2],
    nodes: [NodeIndex; 2],
    answers: Vec<Answer>,
}

fn address(node: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, u8::try_from(node).expect("two nodes") + 1], 4130))
}

fn start(script: &Script, scheduler: &mut Scheduler, disk: &SharedLedger, node: usize, rng: &mut Rng) -> NodeIndex {
    let setup = Setup {
        listen_port: address(node).port(),
        own_addresses: vec![address(node)],
        connect: if node == 1 { vec![address(0)] } else { Vec::new() },
        ..Setup::bare(script.spec.clone())
    };
    let stores = Stores {
        ledger: Box::new(disk.clone()),
        headers: Box::new(disk.clone()),
        snapshots: None,
        history: None,
        peers: Box::new(PeerDb::in_memory()),
        seals: script.spec.authorities.at(1).map(|_| -> Box<dyn SealStore> { Box::new(SealMemory::default()) }),
    };
    scheduler.add_node(Some(address(node)), build(&setup, stores, rng))
}

impl<'a> Scene<'a> {
    fn new(script: &'a Script, seed: u64) -> Self {
        let mut rng = Rng::from_number(seed).fork("scene");
        let mut scheduler = Scheduler::new(seed, script.spec.magic());
        let disks = [0, 1].map(|_| SharedLedger::in_memory(&script.spec).expect("a ledger in memory"));
        let nodes = [0, 1].map(|node| start(script, &mut scheduler, &disks[node], node, &mut rng));
        Self { script, scheduler, rng, disks, nodes, answers: Vec::new() }
    }

    /// Gives the first node all blocks, in an order that the seed draws.
    fn submit(&mut self) {
        let mut blocks: Vec<&HashedBlock> = self.script.blocks.iter().collect();
        self.rng.shuffle(&mut blocks);
        for block in blocks {
            let command = FetchCommand::SubmitBlock(block.bytes.clone());
            self.answers.push(self.scheduler.command(self.nodes[0], command));
        }
    }

    fn is_at_tip(&self, node: usize) -> bool {
        let tip = self.scheduler.status(self.nodes[node]).tip;
        tip.is_some_and(|tip| tip.hash == self.script.tip())
    }

    /// Ends a node in one way or the other and starts it again.
    fn interrupt(&mut self, node: usize, crash: bool) {
        assert_eq!(self.scheduler.stop_reason(self.nodes[node]), None);
        if crash {
            self.scheduler.crash(self.nodes[node]);
        } else {
            assert_eq!(self.scheduler.stop(self.nodes[node]), StopReason::Asked);
        }
        self.disks[node].rollback().expect("a transaction in memory can be dropped");
        let acknowledged = std::mem::take(&mut self.answers);
        if !crash && node == 0 {
            assert!(acknowledged.iter().all(|answer| answer.take().is_some()), "a stopping node answers everybody");
        }
        if node == 1 {
            self.answers = acknowledged;
        }
        self.nodes[node] = start(self.script, &mut self.scheduler, &self.disks[node], node, &mut self.rng);
        if node == 0 {
            self.submit();
        }
    }

    fn play(&mut self) {
        self.submit();
        let (at, node) = (self.rng.below(STEPS), usize::from(self.rng.chance(500_000)));
        let crash = self.rng.chance(500_000);
        self.scheduler.run_until(SECOND * 5, |scheduler| scheduler.steps() >= at);
        self.interrupt(node, crash);
        let mut waits = 0;
        while !(self.is_at_tip(0) && self.is_at_tip(1)) {
            waits += 1;
            assert!(waits < 200, "no agreement: {:?}", self.nodes.map(|node| self.scheduler.status(node)));
            // A block may have been refused because its parent was not there yet.
            self.scheduler.run_for(SECOND / 2);
            if waits % 20 == 0 {
                self.submit();
            }
        }
    }

    fn finish(mut self) {
        let halted = |node: &NodeIndex| self.scheduler.stop_reason(*node).is_some();
        assert!(!self.nodes.iter().any(halted));
        for node in [1, 0] {
            assert_eq!(self.scheduler.stop(self.nodes[node]), StopReason::Asked);
        }
        for answer in &self.answers {
            let first = answer.take();
            assert!(matches!(first, Some(Reply::Accepted(_) | Reply::Refused(_) | Reply::NotTaken(_))), "{first:?}");
            assert_eq!(answer.take(), None, "one answer each");
        }
        for disk in &self.disks {
            let tip = disk.tip().expect("a readable ledger");
            assert_eq!(tip.hash, self.script.tip());
        }
    }
}

#[test]
fn a_thousand_interleavings_with_a_stop_or_crash_in_the_middle_end_in_agreement() {
    let script = Script::new();
    let mut digests = std::collections::BTreeSet::new();
    for seed in 0..SEEDS {
        let mut scene = Scene::new(&script, seed);
        scene.play();
        digests.insert(scene.scheduler.digest());
        scene.finish();
    }
    assert_eq!(digests.len() as u64, SEEDS, "each seed is an interleaving of its own");
}

#[test]
fn a_scene_is_the_same_for_the_same_seed() {
    let script = Script::new();
    let run = || {
        let mut scene = Scene::new(&script, 3);
        scene.play();
        (scene.scheduler.digest(), scene.scheduler.steps())
    };
    assert_eq!(run(), run());
}
