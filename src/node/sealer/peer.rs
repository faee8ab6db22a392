//! What is known of a peer: which messages it has, so that it is not sent them again.

use crate::{
    base::{
        hash::{Domain, Hash},
        time::Time,
    },
    node::recent::Recent,
    wire::{frame::Frame, message::Kind},
};

use super::worth::Allowance;

/// Messages of a peer that are remembered.
const SHOWN: usize = 256;

/// Bytes of the next set's messages that are kept for each peer until that set begins: what 64 authorities say in one view.
/// Nobody has checked them; whoever misses more learns it from the next certificate.
pub(super) const EARLY_BYTES: usize = 32 * 1024;

/// What is known of a peer.
pub(super) struct Peer {
    /// What it has shown, or was sent.
    pub(super) shown: Recent,
    /// When it may hear again what it may have missed.
    pub(super) helped_until: Option<Time>,
    /// What it is still to be sent of what it may miss.
    pub(super) owed: Option<Owed>,
    /// Of what it was sent to catch up with, something may still wait on its link. It is sent no more of that meanwhile.
    pub(super) is_undrained: bool,
    /// What it has said of the next set.
    pub(super) early: Vec<Frame>,
    /// The highest view whose proposal it was sent once more.
    pub(super) again: u64,
    /// What it may still send in vain.
    pub(super) allowance: Allowance,
    /// Its link ends for a fault: what has come behind it is judged no more. Each message may cost a signature's check, and
    /// hundreds may be here before the link is gone.
    pub(super) is_faulty: bool,
}

/// What a peer is still to be sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    /// Certificates of views from this one on, then votes. 0: that of the last final block, too.
    pub(super) from: u64,
    /// When the next portion goes.
    pub(super) at: Time,
}

impl Peer {
    /// The next portion of what it is owed, unless it waits for the one before.
    pub(super) fn due(&self) -> Option<Owed> {
        self.owed.filter(|_| !self.is_undrained)
    }

    /// Whether one more message of the next set can be kept.
    pub(super) fn has_room_for_early(&self, frame: &Frame) -> bool {
        let kept: usize = self.early.iter().map(|frame| frame.body.len()).sum();
        kept + frame.body.len() <= EARLY_BYTES
    }
}

/// A message's name among those that a peer has shown. That of a proposal, which may be long, is from its signature: it has only
/// one header, and that only one body.
pub(super) fn name_of(frame: &Frame) -> Hash {
    if let (Kind::Proposal, Some(signature)) = (frame.kind, frame.body.get(..64)) {
        return Domain::FRAME.hash(signature);
    }
    Domain::FRAME.hash(&[&[frame.kind as u8][..], &frame.body].concat())
}

impl Peer {
    /// A new one. `news`: bytes of messages that this node has passed on or sent so far.
    pub(super) fn new(now: Time, news: u64) -> Self {
        let allowance = Allowance::new(now, news);
        Self {
            shown: Recent::new(SHOWN),
            helped_until: None,
            owed: None,
            is_undrained: false,
            early: Vec::new(),
            again: 0,
            allowance,
            is_faulty: false,
        }
    }
}
