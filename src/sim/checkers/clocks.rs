//! A node whose clock refuses the best headers is not synced, and does not say so.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    base::{hash::Hash, limits::HEADERS_BEHIND, time::Time},
    chain::header::Header,
    node::report::SyncState,
    sim::{net::Phase, world::World},
};

/// How long a node may not know of the headers that its clock refuses: an idle `GetSync`, its timeout, and delay.
const PATIENCE: Duration = Duration::from_secs(60);

impl World {
    /// Looks for nodes that say synced though all their peers have more work, in blocks from the future of their clock.
    pub(in crate::sim) fn check_clocks(&mut self) {
        let mut refused: BTreeMap<usize, bool> = BTreeMap::new();
        for conn in self.conns.iter().flatten().filter(|conn| conn.stands()) {
            for side in [0, 1] {
                let (end, peer) = (&conn.ends[side], conn.ends[1 - side].node);
                let is_up = self.nodes[end.node].life.as_ref().is_some_and(|life| life.endpoint.is_up(end.link));
                if end.phase == Phase::Live && is_up {
                    *refused.entry(end.node).or_insert(true) &= self.refuses(end.node, peer);
                }
            }
        }
        let since = |node: usize| self.checkers.refusing.get(&node).copied().unwrap_or(self.now);
        let refusing: BTreeMap<usize, Time> =
            refused.into_iter().filter(|(_, all)| *all).map(|(node, _)| (node, since(node))).collect();
        let late = refusing.iter().find(|(_, since)| self.now.since(**since) > PATIENCE).map(|(node, _)| *node);
        self.checkers.refusing = refusing;
        if let Some(node) = late {
            let what = format!("says synced for {PATIENCE:?} while its clock refuses what all its peers have");
            self.fail("clocks", Some(node), what);
        }
    }

    /// Whether a node that says synced could have a peer's better chain, but for its clock.
    fn refuses(&self, node: usize, peer: usize) -> bool {
        let (there, view) = (&self.nodes[node], &self.nodes[peer].view);
        let (Some(own), Some(tip)) = (&there.view.tip, &view.tip) else { return false };
        self.is_honest(node)
            && self.is_honest(peer)
            && there.view.state == SyncState::Synced
            && tip.work > own.work
            && there.slow.is_none()
            && self.nodes[peer].slow.is_none()
            && self.severed(node, peer).is_none()
            && self.is_in_its_future(node, peer)
    }

    /// Whether a block of a peer's chain that a node does not have is too far ahead of the node's clock. Those on top of it
    /// may be from before: a block need only be later than the median of those below.
    pub(super) fn is_in_its_future(&self, node: usize, peer: usize) -> bool {
        let mut missing = self.chain_of(peer).take_while(|header| self.header(node, &header.hash()).is_none());
        missing.any(|header| header.time > self.latest_allowed(node))
    }

    /// Whether a node's clock refuses a block of its own chain: all its peers may have the same clock.
    pub(super) fn is_its_chain_from_its_future(&self, node: usize) -> bool {
        self.nodes[node].view.state == SyncState::Stalled
            && self
                .chain_of(node)
                .take(HEADERS_BEHIND as usize + 1)
                .any(|header| header.time > self.latest_allowed(node))
    }

    /// A node's chain, from its tip down.
    fn chain_of(&self, node: usize) -> impl Iterator<Item = Header> {
        let tip = self.nodes[node].view.tip.as_ref().and_then(|tip| self.header(node, &tip.hash));
        std::iter::successors(tip, move |above| self.header(node, &above.previous))
    }

    fn header(&self, node: usize, hash: &Hash) -> Option<Header> {
        self.nodes[node].disk.read(|ledger| ledger.header(hash)).ok().flatten().map(|row| row.header)
    }

    /// The latest time of a block that a node's clock allows.
    fn latest_allowed(&self, node: usize) -> u64 {
        let now = self.nodes[node].clock.read(self.now).unix.0;
        now.saturating_add(u64::from(self.spec.parameters.future_limit))
    }
}
