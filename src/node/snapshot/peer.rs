//! What is known of one peer.

use crate::{
    base::{
        hash::Hash,
        limits::{GET_SNAPSHOTS, NEWEST_INTERVAL, PIECE_TIMEOUT, PIECES_PER_PEER},
        time::Time,
    },
    node::{PeerInfo, rate_limit::RateLimit},
    wire::message::SERVICE_SNAPSHOT,
};

/// A piece that it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) block: Hash,
    pub(super) number: u32,
    pub(super) sent: Time,
    /// It takes long: others may be asked for it.
    pub(super) is_late: bool,
}

/// One peer.
#[derive(Debug)]
pub(super) struct Peer {
    /// Since when it is linked.
    pub(super) since: Time,
    /// This node dialled it, and it has a chain. Those that dial may all be one attacker's.
    pub(super) is_chosen: bool,
    /// It says that it has snapshots.
    pub(super) serves: bool,
    /// We have closed the link; it is just not gone yet.
    pub(super) closing: bool,
    /// `GetSnapshot`s that it may still send.
    pub(super) allowance: RateLimit,
    /// Since when our `GetSnapshot` is open.
    pub(super) asked: Option<Time>,
    /// The block that it names; zeros: any.
    pub(super) asked_for: Hash,
    /// A block whose snapshot it does not have.
    pub(super) lacks: Option<Hash>,
    /// When it was last asked for a manifest.
    pub(super) asked_at: Option<Time>,
    /// When it may be asked for a manifest.
    pub(super) again_at: Time,
    /// The manifest that it has: its id.
    pub(super) offers: Option<Hash>,
    /// A block of which it has a manifest with other leaves than the header above commits to, and the digest that this names.
    pub(super) contradicts: Option<(Hash, Hash)>,
    /// A manifest of which it did not have a piece: it does not offer that again.
    pub(super) denied: Option<Hash>,
    /// The height of its newest snapshot, where that is of no use.
    pub(super) newest: Option<u32>,
    /// When it was last asked for that, however new.
    pub(super) asked_newest: Option<Time>,
    /// It is to be asked for that.
    pub(super) tell_newest: bool,
    /// It has answered `GetSnapshot`.
    pub(super) has_answered: bool,
    pub(super) open: Vec<Request>,
    /// When it last gave a piece that was of use.
    pub(super) gave: Option<Time>,
}

impl Peer {
    pub(super) fn new(now: Time, info: &PeerInfo) -> Self {
        let (every, most) = GET_SNAPSHOTS;
        Self {
            since: now,
            is_chosen: !info.direction.is_inbound() && info.height > 0,
            serves: info.services & SERVICE_SNAPSHOT != 0,
            closing: false,
            allowance: RateLimit::new(now, most, most, every),
            asked: None,
            asked_for: Hash::ZERO,
            asked_at: None,
            lacks: None,
            again_at: now,
            offers: None,
            contradicts: None,
            denied: None,
            newest: None,
            asked_newest: None,
            tell_newest: false,
            has_answered: false,
            open: Vec::new(),
            gave: None,
        }
    }

    /// Whether it is to be asked for a manifest, once it is time: it may have the one of the plan, if there is a plan.
    pub(super) fn is_to_be_asked(&self, planned: Option<Hash>) -> bool {
        self.serves && !self.closing && self.asked.is_none() && (planned.is_none() || self.offers != planned)
    }

    /// It has none that is of use: what its newest is, is asked at once, and again after a while.
    pub(super) fn has_none(&mut self, now: Time) {
        let was_asked = self.asked_newest.is_some_and(|at| now < at + NEWEST_INTERVAL);
        if !was_asked {
            (self.tell_newest, self.again_at) = (true, now);
        }
    }

    /// Whether another piece may be asked for. A peer that is late owes enough.
    pub(super) fn has_room(&self) -> bool {
        self.open.len() < PIECES_PER_PEER && self.open.iter().all(|request| !request.is_late)
    }

    /// Takes the request for a piece off the list.
    pub(super) fn complete(&mut self, block: &Hash, number: u32) -> Option<Request> {
        let at = self.open.iter().position(|one| one.block == *block && one.number == number)?;
        Some(self.open.remove(at))
    }

    /// When the next of its requests is late.
    pub(super) fn next_late(&self) -> Option<Time> {
        self.open.iter().filter(|request| !request.is_late).map(|request| request.sent + PIECE_TIMEOUT).min()
    }
}
