//! No honest node does anything that another honest node holds against it.

use std::time::Duration;

use crate::{
    node::{CloseReason, notice::KeptOut},
    sim::world::World,
};

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

    /// A node keeps these hosts and nodes out.
    pub(in crate::sim) fn check_bans(&mut self, node: usize, kept: &KeptOut) {
        let is_banned = |other: &usize| {
            let other = &self.nodes[*other];
            kept.ips.contains(&other.address.ip()) || kept.nodes.contains(&other.setup.key.id())
        };
        let honest = |other: &usize| self.is_honest(*other) && is_banned(other);
        if let Some(banned) = (0..self.nodes.len()).find(honest) {
            self.fail("bans", Some(node), format!("bans honest node {banned}"));
        }
    }
}
