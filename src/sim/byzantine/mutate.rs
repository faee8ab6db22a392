//! Sends bodies that are not those of their headers.

use crate::{
    base::{bytes::Bytes, ids::LinkId, limits::WORK_HEADER_BYTES},
    sim::byzantine::trick::{Context, Trick},
    wire::{
        frame::{Frame, checksum},
        message::Kind,
    },
};

/// The trick.
pub(super) struct Mutate;

impl Trick for Mutate {
    fn send(&mut self, _link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        if frame.kind != Kind::Block || frame.body.len() <= WORK_HEADER_BYTES + 8 || context.rng.chance(300_000) {
            return vec![frame];
        }
        let mut bytes = frame.body.to_vec();
        let at = usize::try_from(context.rng.between(WORK_HEADER_BYTES as u64, bytes.len() as u64 - 1))
            .unwrap_or(WORK_HEADER_BYTES);
        bytes[at] ^= 1 << context.rng.below(8);
        let body: Bytes = bytes.into();
        vec![Frame { kind: Kind::Block, checksum: checksum(&body), body }]
    }
}
