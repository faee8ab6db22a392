//! Sends bodies that are not those of their headers.

use crate::{
    base::{bytes::Bytes, ids::LinkId, limits::HEADER_BYTES},
    sim::liars::{Desk, Trick},
    wire::{
        frame::{Frame, checksum},
        message::Kind,
    },
};

/// The trick.
pub(super) struct Mutate;

impl Trick for Mutate {
    fn send(&mut self, _link: LinkId, frame: Frame, desk: &mut Desk<'_>) -> Vec<Frame> {
        if frame.kind != Kind::Block || frame.body.len() <= HEADER_BYTES + 8 || desk.rng.chance(300_000) {
            return vec![frame];
        }
        let mut bytes = frame.body.to_vec();
        let at = usize::try_from(desk.rng.between(HEADER_BYTES as u64, bytes.len() as u64 - 1)).unwrap_or(HEADER_BYTES);
        bytes[at] ^= 1 << desk.rng.below(8);
        let body: Bytes = bytes.into();
        vec![Frame { kind: Kind::Block, checksum: checksum(&body), body }]
    }
}
