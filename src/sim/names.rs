//! The name server of a simulated network. It fails now and then.

use std::{net::SocketAddr, time::Duration};

use crate::{
    node::{Event, HostName, RoleId, notice::ToPeers},
    sim::{
        hosts::{Question, name_of},
        node::address,
        world::{Happening, World},
    },
};

/// Questions that stay without an answer while there are faults, parts per million.
const FAILURES_PPM: u64 = 300_000;
/// The longest that an answer takes, microseconds: longer than most attempts to connect.
const ANSWER_MAX: u64 = 8_000_000;

impl World {
    /// A node asks what a name stands for.
    pub(super) fn ask_for(&mut self, node: usize, name: HostName) {
        let Some(life) = self.nodes[node].life.as_ref().map(|life| life.number) else { return };
        let longest = if self.faults.calm { 10_000 } else { ANSWER_MAX };
        let takes = Duration::from_micros(self.net_rng.between(100, longest));
        self.at(self.now + takes, Happening::Resolved(Box::new(Question { node, life, name })));
    }

    /// The answer comes.
    pub(super) fn resolved(&mut self, question: Question) {
        let Question { node, life, name } = question;
        let fails = !self.faults.calm && self.net_rng.chance(FAILURES_PPM);
        let known = (0..self.nodes.len()).map(address).find(|address| name_of(*address).as_ref() == Some(&name));
        let result = match known.filter(|_| !fails) {
            // The first address is one at which nobody is.
            Some(address) => Ok(vec![SocketAddr::new([192, 0, 2, 1].into(), address.port()), address]),
            None => Err("the name server does not answer".to_owned()),
        };
        let Some(life) = self.nodes[node].life.as_mut().filter(|there| there.number == life) else { return };
        let waiting = life.tell(RoleId::Peers, Event::Notice(ToPeers::Resolved { name, result }.into()));
        self.check_queue(node, RoleId::Peers, waiting);
        self.run_node(node);
    }
}
