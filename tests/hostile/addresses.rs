//! Attacks on slots from one address, and from one network. On a test chain 127.0.0.0/16 is free of these limits; any other
//! /16 of 127.0.0.0/8 stands for a network of others.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use tussock::{
    base::limits,
    chain::{spec::ChainSpec, testkit::BlockMaker},
};

use crate::support::{
    TestNode,
    attack::{Watch, count, duration, rest},
    peer::RawPeer,
};

/// How long a dial may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Links that the attacker keeps trying to have.
const CROWD: usize = 120;

fn dial_from(source: Ipv4Addr, address: SocketAddr, spec: &Arc<ChainSpec>) -> Option<RawPeer> {
    RawPeer::try_connect_from(source, address, spec, PATIENCE)?.try_handshake(PATIENCE)
}

/// The attacker redials from one address, or from many of one /16; honest peers come one after the other, each from a
/// network of its own. Returns the most links that the attacker had, its dials, and how many honest dials succeeded.
fn attack(name: &str, limit: usize, source: impl Fn(usize) -> Ipv4Addr) {
    let mut node = TestNode::start(&["--is-bootnode"]);
    node.wait(&["synced"]);
    let spec = Arc::new(ChainSpec::local());
    let watch = Watch::start(&node, BlockMaker::new(spec.clone()));
    let address = node.p2p();
    let (begin, time) = (Instant::now(), duration(Duration::from_secs(4), Duration::from_secs(300)));
    let honest_dials = count(8, 100);
    let mut crowd: Vec<Option<RawPeer>> = (0..CROWD).map(|_| None).collect();
    let (mut most, mut dials, mut honest) = (0, 0, Vec::new());
    while begin.elapsed() < time || honest.len() < honest_dials {
        for (number, place) in crowd.iter_mut().enumerate() {
            if place.is_none() {
                *place = dial_from(source(number), address, &spec);
                dials += 1;
            }
            if honest.len() < honest_dials && begin.elapsed() >= time * honest.len() as u32 / honest_dials as u32 {
                let network = 10 + honest.len() as u8;
                honest.push(dial_from(Ipv4Addr::new(127, network, 1, 1), address, &spec).is_some());
            }
        }
        // Those that the node has closed.
        crowd.iter_mut().for_each(|place| drop(place.take_if(|peer| !peer.drain())));
        most = most.max(crowd.iter().flatten().count());
        rest(Duration::from_millis(20));
    }
    drop(crowd);
    let succeeded = honest.iter().filter(|came| **came).count();
    let figure = format!("{most} links at once in {dials} dials; {succeeded} of {honest_dials} honest dials");
    watch.finish(&mut node, name, &figure, &format!("{limit} links, all honest dials"));
    assert!(most <= limit && succeeded == honest_dials, "{name}: {figure}");
}

#[test]
fn one_address_gets_its_eight_slots_and_honest_peers_the_rest() {
    attack("one address dials without end", limits::MAX_INBOUND_PER_IP, |_| Ipv4Addr::new(127, 9, 9, 9));
}

#[test]
fn one_network_gets_its_sixteen_slots_and_honest_peers_the_rest() {
    let one_each = |number: usize| Ipv4Addr::new(127, 9, 1, number as u8 + 1);
    attack("120 addresses of one /16 dial without end", limits::MAX_INBOUND_PER_GROUP, one_each);
}
