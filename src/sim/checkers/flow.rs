//! A node reads what its peers send, whatever its peers read: only its own inboxes, its memory for large frames, and a peer
//! that asks for too much may make it pause.

use std::time::Duration;

use crate::sim::{
    net::{Conn, Phase, Side, other},
    world::World,
};

/// How long bytes may lie unread without such a cause.
const PATIENCE: Duration = Duration::from_secs(5);

impl World {
    /// Looks for bytes that lie unread.
    pub(in crate::sim) fn check_flow(&mut self) {
        let sides = |conn: &Conn| [0, 1].into_iter().find(|side| self.leaves_unread(conn, *side));
        let found = self.conns.iter().flatten().find_map(|conn| Some((conn, sides(conn)?)));
        if let Some((conn, side)) = found {
            let (node, peer) = (conn.ends[side].node, conn.ends[other(side)].node);
            let what = format!("reads nothing of what {peer} sends: {} bytes lie unread", conn.ends[side].unread());
            self.fail("flow", Some(node), what);
        }
    }

    fn leaves_unread(&self, conn: &Conn, side: Side) -> bool {
        let end = &conn.ends[side];
        let there = &self.nodes[end.node];
        let Some(life) = there.life.as_ref().filter(|life| life.number == end.life) else { return false };
        let may_read = end.phase == Phase::Live && self.is_honest(end.node) && there.slow.is_none();
        let (link, sender) = (end.link, conn.ends[other(side)].node);
        let asks_too_much = life.endpoint.is_gated(link) && !self.is_honest(sender);
        let has_cause = asks_too_much || life.endpoint.sink().is_any_full() || life.endpoint.waits_for_lease(link);
        let waits = end.waits_since().is_some_and(|since| self.now.since(since) > PATIENCE);
        may_read && waits && life.endpoint.is_up(link) && !has_cause
    }
}
