//! No honest node does anything that another honest node holds against it.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use crate::{node::CloseReason, sim::world::World};

/// Points that nothing but a broken or hostile program can earn. Bad lines and slow hosts earn fewer.
const HOSTILE: u32 = 20;
/// How long the last fault may still have effects: a vanished host's links die of unanswered pings.
const CALM: Duration = Duration::from_secs(90);

impl World {
    /// Whether the last fault is too long ago to be to blame.
    fn is_calm(&self) -> bool {
        self.checkers.calm_at.is_some_and(|since| self.now.since(since) > CALM)
    }

    /// A node has closed a link to `peer`.
    pub(in crate::sim) fn blame(&mut self, node: usize, peer: usize, reason: &CloseReason) {
        let CloseReason::Fault(fault) = reason else { return };
        let blames = fault.points() >= HOSTILE || self.is_calm();
        if blames && self.is_honest(node) && self.is_honest(peer) {
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
