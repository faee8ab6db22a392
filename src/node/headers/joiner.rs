//! What is known of a join with a snapshot.

use std::time::Duration;

use crate::{
    base::{
        hash::Hash,
        limits::{JOIN_CLAIM_WAIT, JOIN_GATHER, JOIN_PEERS},
        time::Time,
    },
    chain::target::Work,
    node::headers::syncnode::{HeaderSource, HeaderSources, Standing},
};

/// The ledger has no coins yet.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    /// How far it has come, in words.
    pub(super) progress: String,
    /// The best header that the role `snapshot` was told of.
    pub(super) told: Option<Hash>,
    /// Since when there is a chain: all headers were here that the peers that were asked had.
    pub(super) since: Option<Time>,
    /// The ledger is forgetting headers.
    pub(super) rests: bool,
}

impl Joiner {
    /// Until when more peers are waited for before the chain of the best header, of this height and work, is taken for the one to
    /// join. Whoever is heard first could else decide which chain that is, with very little work.
    pub(super) fn waits_until(&self, height: u32, work: Work, peers: &HeaderSources) -> Option<Time> {
        let linked = || peers.iter().map(|(_, peer)| peer).filter(|peer| !peer.closing);
        // What peers claim costs them nothing, so that is waited for in bounds.
        let is_claimed = linked().any(|peer| peer.info.work > work && !has_told_all(peer));
        let wait = if is_claimed || height == 0 {
            JOIN_CLAIM_WAIT
        } else if linked().filter(|peer| counts(peer)).count() >= JOIN_PEERS {
            Duration::ZERO
        } else {
            JOIN_GATHER
        };
        self.since.map(|since| since + wait)
    }
}

/// Whether a peer has answered that it has no more than we know.
fn has_told_all(peer: &HeaderSource) -> bool {
    peer.standing == Standing::Done && peer.questions.since.is_none()
}

/// Whether a peer that has told all is one that we dialled, and has a chain: one that joins itself has none.
fn counts(peer: &HeaderSource) -> bool {
    has_told_all(peer) && !peer.info.direction.is_inbound() && peer.height > 0
}
