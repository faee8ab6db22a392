//! Peers that claim the port at which an honest node listens.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::{
    base::hash::Hash,
    chain::{spec::ChainSpec, testkit::BlockMaker},
    wire::message::Message,
};

use crate::support::{
    TestNode,
    attack::{Watch, count},
    peer::{RawPeer, version},
};

/// How long an honest node's link may take: a dial or two.
const LIMIT: Duration = Duration::from_secs(5);

/// A peer that claims to listen at this port of its address.
fn claiming_port(node: SocketAddr, spec: &Arc<ChainSpec>, port: u16) -> RawPeer {
    let mut peer = RawPeer::connect(node, spec);
    let mut claims = version(spec, 0, Hash::ZERO, 0);
    claims.listen_port = port;
    peer.send(&Message::Version(claims));
    peer.finish_handshake();
    peer
}

/// A second link from one address with one port was refused as a duplicate, so that the first claim shut the node out.
#[test]
fn a_crowd_that_claims_an_honest_node_s_port_does_not_shut_it_out() {
    let spec = Arc::new(ChainSpec::local());
    let mut node = TestNode::start(&["--is-bootnode", "--max-outbound", "0"]);
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let honest = TestNode::start(&["--is-bootnode", "--max-outbound", "1"]);
    let (to, port) = (node.p2p().to_string(), honest.p2p().port());
    let (rounds, mut crowd, mut slowest) = (count(2, 20), Vec::new(), Duration::ZERO);
    for _ in 0..rounds {
        crowd.extend((0..count(3, 10)).map(|_| claiming_port(node.p2p(), &spec, port)));
        crowd.drain(..crowd.len().saturating_sub(40));
        let start = Instant::now();
        assert!(honest.cli(&["peers", "add", &to]).status.success());
        honest.wait(&["peers", "1"]);
        slowest = slowest.max(start.elapsed());
        honest.wait(&["height", &(honest.height() + 1).to_string()]);
        assert!(honest.cli(&["peers", "drop", &to]).status.success());
    }
    let (crowd, ms) = (crowd.len(), slowest.as_millis());
    let figure = format!("{rounds} of {rounds} dials beside {crowd} claims, the slowest took {ms} ms");
    watch.finish(&mut node, "squatted ports", &figure, "5 s");
    assert!(slowest < LIMIT, "{figure}\n{}", honest.log());
}
