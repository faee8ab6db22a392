//! Seven liars and one honest peer: branches of any kind that nobody delivers in whole.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tussock::{
    base::{hash::Hash, rng::Rng},
    chain::{
        block::HashedBlock,
        key::SecretKey,
        testkit::{self, BlockMaker},
    },
    wire::message::Message,
};

use super::delivery::{BLOCK_EVERY, Holder, LIMIT, Manner, Network, Spell};
use crate::support::{
    TestNode,
    attack::{duration, full, record, rest},
    peer::{PATIENCE, RawPeer},
};

/// Liars beside the honest peer.
const LIARS: u64 = 7;
/// How long a liar stays with one branch.
const STAYS: Duration = Duration::from_secs(8);
/// Share of the time that the node may be out of the state `synced`.
const SHARE: f64 = 0.05;

/// What the liars did.
#[derive(Default)]
struct Lies {
    branches: AtomicUsize,
    /// Bodies that they were asked for.
    asked: AtomicUsize,
}

/// The next block; one that is invalid has another digest than the coins.
fn next(maker: &mut BlockMaker, is_invalid: bool) -> HashedBlock {
    let (mut header, transactions) = maker.assemble(Vec::new(), SecretKey::well_known(9).address(), maker.next_time());
    if is_invalid {
        header.state_digest = Hash([9; 32]);
    }
    let block = testkit::seal(header, transactions);
    maker.connect(&block);
    block
}

/// Tells of one branch after the other on the honest tip, each up to a hundred blocks ahead, and delivers the first body,
/// or none.
fn lie(network: &Network, number: u64, lies: Arc<Lies>) {
    let mut rng = Rng::from_number(number);
    let (maker, honest) = (network.maker.clone(), network.honest.clone());
    let (address, spec) = (network.node.p2p(), network.spec.clone());
    network.run(move |ends| {
        while !ends() {
            let ahead = *rng.pick(&[1, 2, 5, 20, 99]).unwrap();
            let manner = *rng.pick(&[Manner::Absent, Manner::Silence, Manner::Unfit, Manner::Invalid]).unwrap();
            // The honest blocks first: they and the maker's tip must fit together.
            let (mut blocks, mut fork) = {
                let honest = honest.lock().unwrap();
                (honest.blocks.clone(), maker.lock().unwrap().fork())
            };
            let delivers = blocks.len() + usize::try_from(rng.below(2)).unwrap();
            let invalid = if manner == Manner::Invalid { delivers } else { usize::MAX };
            for _ in 0..ahead {
                let block = next(&mut fork, blocks.len() == invalid);
                blocks.push(block);
            }
            let height = u32::try_from(blocks.len()).unwrap();
            let liar = Holder { blocks, delivers, manner };
            lies.branches.fetch_add(1, SeqCst);
            let Some(mut peer) = RawPeer::try_claiming(address, &spec, height, 1 << 40) else { continue };
            let until = Instant::now() + STAYS;
            while Instant::now() < until && !ends() {
                match peer.read_within(Duration::from_millis(20)) {
                    None => {}
                    Some(None) => break,
                    Some(Some(message)) => {
                        lies.asked.fetch_add(usize::from(matches!(message, Message::GetBlock(_))), SeqCst);
                        liar.answer(message).iter().for_each(|answer| peer.send(answer));
                    }
                }
            }
            // The node has noticed, or it is time for another one.
            rest(Duration::from_millis(200));
        }
    });
}

#[test]
fn seven_liars_of_eight_neither_stop_a_node_nor_keep_it_behind() {
    let mut network = Network::new();
    let lies = Arc::new(Lies::default());
    (0..LIARS).for_each(|number| lie(&network, number, lies.clone()));
    let time = duration(Duration::from_secs(12), Duration::from_secs(300));
    let start = Instant::now();
    let (mut next, mut apart, mut behind) = (start, Spell::default(), Spell::default());
    let (mut looks, mut unsynced) = (0u32, 0u32);
    while start.elapsed() < time {
        if Instant::now() >= next {
            network.grow();
            next += BLOCK_EVERY;
        }
        let status = network.node.status();
        let height = status["height"].as_u64().unwrap();
        let is_apart = status["state"] != "synced";
        looks += 1;
        unsynced += u32::from(is_apart);
        apart.see(is_apart);
        behind.see(height + 1 < u64::from(network.height()));
        rest(Duration::from_millis(50));
    }
    let share = f64::from(unsynced) / f64::from(looks.max(1));
    let (branches, asked) = (lies.branches.load(SeqCst), lies.asked.load(SeqCst));
    let figure = format!(
        "{branches} branches, asked for {asked} bodies; not synced at {unsynced} of {looks} looks ({:.1} %), {:.1} s at a time; more than one block behind for {:.1} s",
        share * 100.0,
        apart.longest.as_secs_f64(),
        behind.longest.as_secs_f64()
    );
    record(&format!("seven of eight peers with false branches | {figure} | 2 s, 5 %, 2 s | | | |"));
    assert!(apart.longest < LIMIT && behind.longest < LIMIT, "{figure}\n{}", network.node.log());
    assert!(share <= SHARE || !full(), "{figure}");
    assert!(branches > LIARS as usize && asked > LIARS as usize, "{figure}");
    network.end();
}

/// A branch that has the most work was tried only after the one before it was set aside, two seconds each.
#[test]
fn a_newcomer_reaches_the_honest_tip_beside_seven_branches_that_nobody_delivers() {
    let mut network = Network::new();
    // A second node knows nothing yet; its liars are there first.
    let node = TestNode::start(&[]);
    let base = network.maker.lock().unwrap().fork();
    (0..20).for_each(|_| drop(network.grow()));
    let asked = Arc::new(AtomicUsize::new(0));
    for number in 0..LIARS {
        let mut blocks = network.honest.lock().unwrap().blocks[..1].to_vec();
        let mut fork = base.fork();
        let payee = SecretKey::well_known(u32::try_from(number).unwrap()).address();
        blocks.extend(fork.empty_blocks(40 + usize::try_from(number).unwrap(), payee));
        let liar = Holder { delivers: 0, manner: Manner::Silence, blocks };
        let height = u32::try_from(liar.blocks.len()).unwrap();
        let mut peer = RawPeer::claiming(node.p2p(), &network.spec, height, 1 << 40);
        let asked = asked.clone();
        network.run(move |ends| {
            while !ends() {
                match peer.read_within(Duration::from_millis(20)) {
                    None => {}
                    Some(None) => return,
                    Some(Some(message)) => {
                        asked.fetch_add(usize::from(matches!(message, Message::GetBlock(_))), SeqCst);
                        liar.answer(message).iter().for_each(|answer| peer.send(answer));
                    }
                }
            }
        });
    }
    let start = Instant::now();
    while asked.load(SeqCst) == 0 {
        assert!(start.elapsed() < PATIENCE, "{}", node.log());
        rest(Duration::from_millis(20));
    }
    // The honest peer comes last, with the least work.
    let address = network.node.p2p().to_string();
    assert!(node.cli(&["peers", "add", &address]).status.success());
    let (start, tip) = (Instant::now(), network.maker.lock().unwrap().hash());
    while node.tip() != tip {
        assert!(start.elapsed() < PATIENCE, "{}", node.log());
        rest(Duration::from_millis(20));
    }
    let took = start.elapsed();
    record(&format!("a newcomer among seven liars | the honest tip after {:.1} s | 5 s | | | |", took.as_secs_f64()));
    assert!(took < Duration::from_secs(5), "{took:?}\n{}", node.log());
    network.end();
}
