//! A synced node says so, and only then: while a peer that it is connected to has more work for longer than the
//! protocol needs to find out, it must not.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    node::report::SyncState,
    sim::{
        checkers::{kept::Unreachable, state::Behind},
        net::End,
        world::World,
    },
};

/// How long a node may not know of a peer's better chain: an idle `GetSync`, its timeout, another peer's, and delay.
const PATIENCE: Duration = Duration::from_secs(100);

impl World {
    /// Compares each node that says synced with its honest peers.
    pub(in crate::sim) fn check_synced(&mut self) {
        let mut behind = BTreeMap::new();
        let conns =
            self.conns.iter().flatten().filter(|conn| conn.stands() && conn.ends.iter().all(|end| self.is_up_end(end)));
        for conn in conns {
            for side in [0, 1] {
                let (node, peer) = (conn.ends[side].node, conn.ends[1 - side].node);
                if self.lags(node, peer) {
                    let since = self.checkers.behind.0.get(&(node, peer)).copied().unwrap_or(self.now);
                    behind.insert((node, peer), since);
                }
            }
        }
        let late = behind.iter().find(|(_, since)| self.now.since(**since) > PATIENCE);
        if let Some(((node, peer), _)) = late {
            let what = format!("says synced for {PATIENCE:?} while its peer {peer} has more work");
            self.fail("synced", Some(*node), what);
        }
        self.checkers.behind = Behind(behind);
    }

    /// Whether the link of this end is that of a peer.
    pub(super) fn is_up_end(&self, end: &End) -> bool {
        self.nodes[end.node].life.as_ref().is_some_and(|life| life.endpoint.is_up(end.link))
    }

    fn lags(&self, node: usize, peer: usize) -> bool {
        let work = |at: usize| self.nodes[at].view.tip.as_ref().map(|tip| tip.work);
        let slow = |at: usize| self.nodes[at].slow.is_some();
        self.is_honest(node)
            && self.is_honest(peer)
            && self.nodes[node].view.state == SyncState::Synced
            && work(peer) > work(node)
            && !slow(node)
            && !slow(peer)
            && self.severed(node, peer).is_none()
            && !self.checkers.kept.is_too_deep(node)
            // The law of liveness does not look at nodes whose clocks are wrong.
            && self.why_unreachable(node, peer) != Some(Unreachable::TooDeep)
            // What a wrong clock refuses is another checker's matter: one peer alone may lie about the time.
            && !self.is_in_its_future(node, peer)
    }
}
