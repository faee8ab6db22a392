//! What peers tell of their clocks: in their `Version`, and in each ping if their services say so.

use super::{
    clock::PeerClocks,
    steps::difference,
    syncnode::{HeaderSource, HeaderSources},
};
use crate::{
    base::{
        ids::LinkId,
        time::{Now, UnixTime},
    },
    node::PeerInfo,
};

impl HeaderSources {
    /// A peer's ping tells its clock.
    pub(super) fn take_clock(&mut self, now: Now, link: LinkId, clock: UnixTime) {
        if let Some(peer) = self.get_mut(link) {
            peer.clock = PeerInfo::offset(clock.0, now.unix).saturating_add(difference(now));
        }
    }

    /// The clocks of the peers that we chose, or of all if we chose none.
    pub(super) fn clocks(&self, now: Now) -> PeerClocks {
        let is_inbound = |peer: &HeaderSource| peer.info.direction.is_inbound();
        let are_chosen = self.iter().any(|(_, peer)| !is_inbound(peer));
        let counts = |peer: &HeaderSource| !(are_chosen && is_inbound(peer));
        let offset = |peer: &HeaderSource| (peer.clock.saturating_sub(difference(now)), peer.info.remote);
        let offsets = self.iter().filter(|(_, peer)| counts(peer)).map(|(_, peer)| offset(peer)).collect();
        PeerClocks { are_chosen, offsets }
    }
}
