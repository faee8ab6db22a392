//! No honest node does anything that another honest node holds against it.

use std::{collections::BTreeSet, net::IpAddr};

use crate::{node::CloseReason, sim::world::World};

/// Points that nothing but a broken or hostile program can earn. Bad lines and slow hosts earn fewer.
const HOSTILE: u32 = 20;

impl World {
    /// A node has closed a link to `peer`.
    pub(in crate::sim) fn blame(&mut self, node: usize, peer: usize, reason: &CloseReason) {
        if let CloseReason::Fault(fault) = reason
            && fault.points() >= HOSTILE
            && self.is_honest(node)
            && self.is_honest(peer)
        {
            self.fail("bans", Some(node), format!("blames honest node {peer}: {fault}"));
        }
    }

    /// A node keeps these addresses out.
    pub(in crate::sim) fn check_bans(&mut self, node: usize, ips: &BTreeSet<IpAddr>) {
        let honest = |other: &usize| self.is_honest(*other) && ips.contains(&self.nodes[*other].address.ip());
        if let Some(banned) = (0..self.nodes.len()).find(honest) {
            self.fail("bans", Some(node), format!("bans honest node {banned}"));
        }
    }
}
