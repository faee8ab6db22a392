//! What peers tell of their clocks, in their `Version`, and in each ping if their services say so, and what follows from it.

use super::{
    Headers,
    clock::{ClockFacts, ClockPeer, PeerClocks},
    steps::difference,
    syncnode::{HeaderSource, HeaderSources},
};
use crate::{
    base::{
        ids::LinkId,
        time::{Now, UnixTime},
    },
    chain::archive::StoreError,
    node::{Outbox, PeerInfo},
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
        let whose = |peer: &HeaderSource| ClockPeer { address: peer.info.remote, node: peer.info.node };
        let offset = |peer: &HeaderSource| (peer.clock.saturating_sub(difference(now)), whose(peer));
        let offsets = self.iter().filter(|(_, peer)| counts(peer)).map(|(_, peer)| offset(peer)).collect();
        PeerClocks { are_chosen, offsets }
    }
}

impl Headers {
    /// Compares the clock with what is known of time.
    pub(super) fn look_at_clock(&mut self, now: Now, out: &mut Outbox) -> Result<(), StoreError> {
        let Some(index) = self.index.as_ref().filter(|_| self.open) else { return Ok(()) };
        let facts = ClockFacts {
            prefix: self.spec.prefix,
            future_limit: u64::from(self.spec.parameters.future_limit),
            own: self.latest_time.look(index)?,
            refused: self.peers.refused(index.best().work),
            clocks: self.peers.clocks(now),
        };
        self.clock.look(now, facts, out);
        Ok(())
    }
}
