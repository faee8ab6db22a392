//! A join to which nothing comes: other peers than those that are linked may have a snapshot.
//!
//! Peers that lie about theirs may be all that is linked, and come back however often they are found out, if an operator named them.

use crate::{
    base::{ids::LinkId, time::Time},
    node::{
        Outbox,
        notice::ToPeers,
        snapshot::{Snapshot, joiner::Joiner},
    },
};

impl Snapshot {
    /// Has further peers looked for while none of those that are linked brings the join nearer to its end. Those that have given nothing
    /// since that was last said may make room for others.
    pub(super) fn look_elsewhere(&mut self, now: Time, out: &mut Outbox) {
        let right = self.joiner.as_ref().filter(|joiner| joiner.wants_pieces()).map(Joiner::right_buckets);
        let Some(lacks) = self.seeking.look(now, right) else { return };
        let before = std::mem::replace(&mut self.seeking.told, now);
        let gave = |at: Option<Time>| at.is_some_and(|at| at >= before);
        let idle = self.peers.iter().filter(|(_, peer)| !peer.closing && peer.since < before && !gave(peer.gave));
        let idle: Vec<LinkId> = idle.map(|(link, _)| *link).collect();
        out.tell(ToPeers::LacksSnapshot { lacks, idle });
    }
}
