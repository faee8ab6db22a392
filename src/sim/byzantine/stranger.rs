//! Is no node at all: answers a dial with something else than a `Version`, or with nothing.

use crate::{
    base::{ids::LinkId, rng::Rng},
    sim::byzantine::trick::{Context, Trick},
    wire::{
        frame::Frame,
        message::{Kind, Message},
    },
};

/// The trick.
pub(super) struct Stranger {
    is_silent: bool,
}

impl Stranger {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self { is_silent: rng.chance(300_000) }
    }
}

impl Trick for Stranger {
    fn send(&mut self, link: LinkId, frame: Frame, context: &mut Context<'_>) -> Vec<Frame> {
        if self.is_silent || frame.kind != Kind::Version {
            return Vec::new();
        }
        let node = context.node;
        log::debug!(target: "tussock::sim", "node {node} answers a dial with garbage link={}", link.0);
        vec![Frame::new(&Message::Pong(context.rng.next_u64()))]
    }
}
