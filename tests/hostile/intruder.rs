//! Who has the chain file and any processor, and no authority's key: all that he can send to those who seal.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use tussock::{
    chain::{
        key::SecretKey,
        seal::{Certificate, SignedVote, Statement, Votes, proposal_hash},
        spec::ChainSpec,
        testkit::BlockMaker,
    },
    wire::message::Message,
};

use crate::support::{
    attack::{count, memory, record},
    peer::RawPeer,
    sealed_network::Network,
};

/// How long a link is tried.
const PATIENCE: Duration = Duration::from_secs(5);
/// Views for which the intruder signs. Those of the attack are among them.
const VIEWS: u64 = 500;

/// One link after the other to an authority, over which goes all that an authority says, signed by another key. Each ends as soon as
/// the node has had enough.
fn intrude(node: SocketAddr, spec: &Arc<ChainSpec>, ends: &AtomicBool, sent: &AtomicU64) {
    let (key, genesis) = (SecretKey::from_seed([77; 32]), spec.genesis_hash());
    let block = BlockMaker::new(Arc::clone(spec)).next_block(Vec::new(), key.address());
    let proposal =
        Message::Proposal { signature: key.sign(&proposal_hash(&genesis, &block.hash)), block: block.bytes.clone() };
    while !ends.load(Relaxed) {
        let Some(mut link) = RawPeer::try_handshaken(node, spec, PATIENCE) else { continue };
        for view in (1..VIEWS).cycle() {
            let statement = Statement::notarise(0, view, block.hash);
            let certificate = Certificate { statement, votes: Votes::default() };
            let vote = |statement| Message::Vote(SignedVote::sign(statement, (view % 4) as u8, 1, &key, &genesis));
            let told = [vote(statement), vote(Statement::skip(0, view)), Message::Certificate(Box::new(certificate))];
            told.iter().chain([&proposal]).for_each(|one| link.send(one));
            sent.fetch_add(4, Relaxed);
            if ends.load(Relaxed) || !link.skim() {
                break;
            }
        }
    }
}

/// Pays so often; returns the times until each payment is final, ascending.
fn pay(network: &Network, payments: usize) -> Vec<Duration> {
    let mut times: Vec<_> =
        (0..payments).map(|number| network.final_after(number % network.nodes.len(), 1).1).collect();
    times.sort_unstable();
    times
}

#[test]
fn who_has_the_chain_file_and_no_key_makes_no_block_and_slows_down_none() {
    let mut network = Network::up(4);
    let payments = count(3, 60);
    network.pay_finally(0, 1);
    let before = pay(&network, payments);
    let (ends, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let intruders: Vec<_> = (0..count(2, 4))
        .map(|number| {
            let (ends, sent, spec) = (Arc::clone(&ends), Arc::clone(&sent), Arc::clone(&network.spec));
            let node = network.nodes[number % 4].p2p();
            thread::spawn(move || intrude(node, &spec, &ends, &sent))
        })
        .collect();
    let beside = pay(&network, payments);
    ends.store(true, Relaxed);
    intruders.into_iter().for_each(|intruder| intruder.join().unwrap());
    let after = pay(&network, payments);

    let heights: Vec<u64> =
        network.nodes.iter().map(|node| node.status()["final"]["height"].as_u64().unwrap()).collect();
    let peak = network.nodes.iter().map(|node| memory(node.pid(), "VmHWM:")).max().unwrap_or(0);
    let told = |times: &[Duration]| format!("{:?}, at most {:?}", times[times.len() / 2], times[times.len() - 1]);
    record(&format!(
        "{} messages of a foreign key to four authorities | {payments} payments final after (median) {} before, {} beside, {} \
         afterwards; {:.1} MB at most",
        sent.load(Relaxed),
        told(&before),
        told(&beside),
        told(&after),
        peak as f64 / 1024.0,
    ));
    assert!(sent.load(Relaxed) > 0);
    assert_eq!(heights, [1 + 3 * payments as u64; 4], "each payment's block alone was made");
    for node in &mut network.nodes {
        assert!(node.alive(), "{}", node.log());
        assert_eq!(node.status()["sealing"]["lying"], 0, "no authority is taken for a liar");
    }
}
