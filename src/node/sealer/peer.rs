//! What is known of a peer: which messages it has, so that it is not sent them again.

use crate::{
    base::{
        hash::{Domain, Hash},
        time::Time,
    },
    node::recent::Recent,
    wire::{frame::Frame, message::Kind},
};

/// Messages of a peer that are remembered.
const SHOWN: usize = 256;

/// Messages of the next set that are kept for each peer until it begins; later ones are not. Votes of one view and the
/// certificates of a few: who misses more learns it from the next certificate.
pub(super) const EARLY: usize = 64;

/// What is known of a peer.
pub(super) struct Peer {
    /// What it has shown, or was sent.
    pub(super) shown: Recent,
    /// When it last heard what it may have missed.
    pub(super) helped: Option<Time>,
    /// What it has said of the next set.
    pub(super) early: Vec<Frame>,
    /// The highest view whose proposal it was sent once more.
    pub(super) again: u64,
}

/// A message's name among those that a peer has shown. That of a proposal, which may be long, is from its signature: it has only
/// one header, and that only one body.
pub(super) fn name_of(frame: &Frame) -> Hash {
    if let (Kind::Proposal, Some(signature)) = (frame.kind, frame.body.get(..64)) {
        return Domain::FRAME.hash(signature);
    }
    Domain::FRAME.hash(&[&[frame.kind as u8][..], &frame.body].concat())
}

impl Default for Peer {
    fn default() -> Self {
        Self { shown: Recent::new(SHOWN), helped: None, early: Vec::new(), again: 0 }
    }
}
