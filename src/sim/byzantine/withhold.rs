//! Mines and tells of its headers, but withholds the bodies: by silence, or by saying that it does not have them.

use crate::{
    base::{hash::Hash, ids::LinkId, rng::Rng},
    chain::header::Header,
    sim::byzantine::trick::{Context, Trick},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// The trick.
pub(super) struct Withhold {
    silent: bool,
}

impl Withhold {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self { silent: rng.chance(500_000) }
    }
}

impl Trick for Withhold {
    fn send(&mut self, _link: LinkId, frame: Frame, _desk: &mut Context<'_>) -> Vec<Frame> {
        let hash: Option<Hash> = match frame.kind {
            Kind::Block => Header::peek(&frame.body).map(|header| header.hash()),
            _ => return vec![frame],
        };
        match hash {
            Some(hash) if !self.silent => vec![Frame::new(&Message::Absent(hash))],
            _ => Vec::new(),
        }
    }

    fn mines(&self) -> bool {
        true
    }
}
